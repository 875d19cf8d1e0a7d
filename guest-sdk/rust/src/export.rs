/// Makes the crate a plugin with the given type as its check.
///
/// | | the type also implements |
/// |---|---|
/// | `export!(T)` | [`Default`] |
/// | `export!(T with settings)` | [`Deserialize`](serde::Deserialize) and [`JsonSchema`](schemars::JsonSchema) |
/// | `export!(T with settings("../schema.json"))` | [`Deserialize`](serde::Deserialize) |
/// | `export!(T with step_up)` | [`Default`] and [`StepUp`](crate::StepUp) |
/// | `export!(T with settings, step_up)` | as with settings, and [`StepUp`](crate::StepUp) |
///
/// The plugin exports only the named interfaces.
///
/// With a file, whose path is relative as in [`include_str!`], the schema is not derived at run time,
/// which makes the plugin 30 to 60 KB smaller. A test compares the file with the derived schema:
/// [`testing::assert_schema`](crate::testing::assert_schema).
///
/// On targets other than WebAssembly the macro only checks that the type implements the traits, so
/// that a plugin's unit tests run natively.
#[macro_export]
macro_rules! export {
    ($check:ident) => {
        $crate::__plugin!($check);
        $crate::__export!($check export_check check);
    };
    ($check:ident with settings $(($schema:literal))?) => {
        $crate::__plugin!($check settings $(($schema))?);
        $crate::__export!($check export_check check);
        $crate::__export!($check export_settings settings);
    };
    ($check:ident with step_up) => {
        $crate::__plugin!($check);
        $crate::__export!($check export_check check);
        $crate::__export!($check export_step_up step_up);
    };
    ($check:ident with settings $(($schema:literal))?, step_up) => {
        $crate::__plugin!($check settings $(($schema))?);
        $crate::__export!($check export_check check);
        $crate::__export!($check export_settings settings);
        $crate::__export!($check export_step_up step_up);
    };
}

/// Implements access to the check of an instance.
#[doc(hidden)]
#[macro_export]
macro_rules! __plugin {
    ($check:ident) => {
        impl $crate::bindings::Plugin for $check {
            fn with<R>(run: impl FnOnce(&Self) -> R) -> R {
                $crate::bindings::with_default(run)
            }
        }
    };
    ($check:ident settings $(($schema:literal))?) => {
        const _: () = {
            ::std::thread_local! {
                static CHECK: ::core::cell::OnceCell<$check> = const { ::core::cell::OnceCell::new() };
            }

            impl $crate::bindings::Plugin for $check {
                fn with<R>(run: impl FnOnce(&Self) -> R) -> R {
                    $crate::bindings::with_settings(run)
                }
            }

            impl $crate::bindings::Configured for $check {
                fn schema() -> ::std::string::String {
                    $crate::__schema!($($schema)?)
                }

                fn slot() -> &'static ::std::thread::LocalKey<::core::cell::OnceCell<Self>> {
                    &CHECK
                }
            }
        };
    };
}

/// The schema of the settings: from a file, or derived from the type.
#[doc(hidden)]
#[macro_export]
macro_rules! __schema {
    () => {
        $crate::bindings::derived_schema::<Self>()
    };
    ($file:literal) => {
        ::core::include_str!($file).to_owned()
    };
}

/// Exports one interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($check:ident $export:ident $module:ident) => {
        #[cfg(target_family = "wasm")]
        $crate::bindings::$export!($check with_types_in $crate::bindings::$module);
        #[cfg(not(target_family = "wasm"))]
        const _: () = $crate::bindings::$module::<$check>();
    };
}
