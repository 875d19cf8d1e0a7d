//! What [`export!`](crate::export) expands to. Not public API: it may change in any release.

use std::cell::OnceCell;
use std::thread::LocalKey;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{AuthContext, AuthorizationError, Check, StepUp, fault};

pub(crate) use check::wasi;
pub use check::{export_check, guardhouse};
pub use settings::export_settings;
pub use step_up::export_step_up;

/// One world for each export, so that a plugin exports only the interfaces that it implements.
macro_rules! world {
    ($(#[$doc:meta])* $name:ident { $($options:tt)* }) => {
        $(#[$doc])*
        #[allow(
            missing_docs,
            missing_debug_implementations,
            unreachable_pub,
            unsafe_code,
            clippy::all,
            reason = "generated"
        )]
        pub mod $name {
            wit_bindgen::generate!({
                path: "wit",
                pub_export_macro: true,
                additional_derives: [PartialEq, Eq],
                $($options)*
            });
        }
    };
}

world! {
    /// Every import, and the export that every plugin has.
    check {
        inline: "package guardhouse:sdk; world check {
            include guardhouse:auth/auth-check@0.1.0;
            include guardhouse:auth/with-raw-token@0.1.0;
        }",
        world: "guardhouse:sdk/check",
        export_macro_name: "export_check",
        generate_all,
    }
}

world! {
    settings {
        inline: "package guardhouse:sdk-settings; world settings { export guardhouse:auth/settings@0.1.0; }",
        export_macro_name: "export_settings",
        with: { "guardhouse:auth/types@0.1.0": crate::bindings::guardhouse::auth::types },
    }
}

world! {
    step_up {
        inline: "package guardhouse:sdk-step-up; world step-up { export guardhouse:auth/step-up@0.1.0; }",
        export_macro_name: "export_step_up",
        with: { "guardhouse:auth/types@0.1.0": crate::bindings::guardhouse::auth::types },
    }
}

/// Compiles if `P` can be exported as a check. It replaces the export on targets other than WebAssembly.
pub const fn check<P: check::exports::guardhouse::auth::check::Guest>() {}

/// Compiles if `P` can export its settings.
pub const fn settings<P: settings::exports::guardhouse::auth::settings::Guest>() {}

/// Compiles if `P` can export missing scopes.
pub const fn step_up<P: step_up::exports::guardhouse::auth::step_up::Guest>() {}

/// An exported check, with access to its value.
pub trait Plugin: Check + Sized {
    /// Runs `run` on the check of this instance.
    fn with<R>(run: impl FnOnce(&Self) -> R) -> R;
}

/// A check whose value is read from settings.
pub trait Configured: Plugin + DeserializeOwned + 'static {
    /// The schema of the settings, as JSON.
    fn schema() -> String;

    /// The slot in which `configure` stores the check.
    fn slot() -> &'static LocalKey<OnceCell<Self>>;
}

/// [`Plugin::with`] for a check without settings.
pub fn with_default<P: Plugin + Default, R>(run: impl FnOnce(&P) -> R) -> R {
    fault::report_panics();
    run(&P::default())
}

/// [`Plugin::with`] for a check with settings.
pub fn with_settings<P: Configured, R>(run: impl FnOnce(&P) -> R) -> R {
    P::slot().with(|slot| match slot.get() {
        Some(check) => run(check),
        None => fault::fault("the plugin was asked before it was configured"),
    })
}

/// The schema that is derived from a type.
pub fn derived_schema<T: JsonSchema>() -> String {
    schemars::schema_for!(T).as_value().to_string()
}

impl<P: Plugin> check::exports::guardhouse::auth::check::Guest for P {
    fn check(ctx: guardhouse::auth::types::AuthContext) -> Result<bool, AuthorizationError> {
        let ctx = AuthContext::from_host(ctx);
        P::with(|check| check.check(&ctx))
    }
}

impl<P: Configured> settings::exports::guardhouse::auth::settings::Guest for P {
    fn schema() -> String {
        fault::report_panics();
        <P as Configured>::schema()
    }

    fn configure(settings: String) -> Result<(), String> {
        fault::report_panics();
        let check: P = serde_json::from_str(&settings).map_err(|error| error.to_string())?;
        check.validate()?;
        P::slot().with(|slot| slot.set(check)).map_err(|_| "the plugin was configured before".to_owned())
    }
}

impl<P: Plugin + StepUp> step_up::exports::guardhouse::auth::step_up::Guest for P {
    fn missing_scopes(ctx: guardhouse::auth::types::AuthContext) -> Vec<String> {
        let ctx = AuthContext::from_host(ctx);
        P::with(|check| check.missing_scopes(&ctx))
    }
}
