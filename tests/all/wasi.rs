//! The interfaces that a plugin can import: a WASI without access to anything, and imports that no host offers.

use guardhouse::{Cause, Host, ImagePolicy, LoadError, Outcome, StartMode};

use crate::harness::{Guest, nobody, somebody};

#[test]
fn exit_is_a_fault_with_any_status() {
    let fault = Guest::new("exit").fails_with(Cause::Exit);
    assert!(fault.detail.contains("code 0"), "{fault}");
    let fault = Guest::new("exit").fails_with_given(Cause::Exit, &somebody(&[]));
    assert!(fault.detail.contains("code 1"), "{fault}");
}

#[test]
fn a_plugin_has_no_environment_no_arguments_and_no_directories() {
    assert_eq!(Guest::new("environment").outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_plugin_is_denied_sockets() {
    assert_eq!(Guest::new("socket").outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_flood_of_handles_ends_at_the_limit() {
    for handles in [0, 1, 1_000] {
        Guest::new("handle-flood").limits(|limits| limits.handles = handles).fails_with(Cause::HandleLimit);
    }
}

/// The items of a plugin that imports an interface with these declarations.
fn import(name: &str, declarations: &str) -> String {
    format!("(import \"{name}\" (instance {declarations}))")
}

/// Imports of an interface that owns a resource, and of an interface whose declarations use it as `$resource`.
fn import_with_resource(name: &str, (owner, resource): (&str, &str), declarations: &str) -> String {
    let resource_type = "(type (sub resource))";
    let used = format!("(alias outer 1 $outer (type $alias)) (export \"{resource}\" (type $resource (eq $alias)))");
    format!(
        "(import \"{owner}\" (instance $owner (export \"{resource}\" {resource_type})))
         (alias export $owner \"{resource}\" (type $outer)) {}",
        import(name, &format!("{used} {declarations}"))
    )
}

/// Imports of the interface that makes one kind of socket.
fn import_of_sockets(kind: &str) -> String {
    let codes = "unknown access-denied not-supported invalid-argument out-of-memory timeout concurrency-conflict \
                 not-in-progress would-block invalid-state new-socket-limit address-not-bindable address-in-use \
                 remote-unreachable connection-refused connection-reset connection-aborted datagram-too-large \
                 name-unresolvable temporary-resolver-failure permanent-resolver-failure";
    let codes: String = codes.split_whitespace().map(|code| format!("\"{code}\" ")).collect();
    let declarations = format!(
        "(type $codes (enum {codes})) (export \"error-code\" (type $code (eq $codes)))
         (type $families (enum \"ipv4\" \"ipv6\")) (export \"ip-address-family\" (type $family (eq $families)))
         (export \"create-{kind}-socket\"
           (func (param \"address-family\" $family) (result (result (own $resource) (error $code)))))"
    );
    let owner = format!("wasi:sockets/{kind}@0.2.0");
    let name = format!("wasi:sockets/{kind}-create-socket@0.2.0");
    import_with_resource(&name, (&owner, &format!("{kind}-socket")), &declarations)
}

/// Each interface that the host offers, with the items of a plugin that imports a part of it: a function or a resource,
/// which the linker must have. An empty instance would not do, as wasmtime ignores an import that has no functions.
fn offered() -> Vec<(&'static str, String)> {
    const STREAMS: &str = "wasi:io/streams@0.2.0";
    const TERMINAL_INPUT: (&str, &str) = ("wasi:cli/terminal-input@0.2.0", "terminal-input");
    const TERMINAL_OUTPUT: (&str, &str) = ("wasi:cli/terminal-output@0.2.0", "terminal-output");
    let declared = [
        (
            "guardhouse:auth/request@0.1.0",
            r#"(export "claim" (func (param "pointer" string) (result (option string))))"#,
        ),
        ("guardhouse:auth/raw-token@0.1.0", r#"(export "get" (func (result (option string))))"#),
        (
            "wasi:logging/logging@0.1.0-draft",
            r#"(type $level' (enum "trace" "debug" "info" "warn" "error" "critical")) (export "level" (type $level (eq $level')))
               (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))"#,
        ),
        ("wasi:cli/environment@0.2.0", r#"(export "initial-cwd" (func (result (option string))))"#),
        ("wasi:cli/exit@0.2.0", r#"(export "exit" (func (param "status" (result))))"#),
        ("wasi:cli/terminal-input@0.2.0", r#"(export "terminal-input" (type (sub resource)))"#),
        ("wasi:cli/terminal-output@0.2.0", r#"(export "terminal-output" (type (sub resource)))"#),
        ("wasi:clocks/monotonic-clock@0.2.0", r#"(export "now" (func (result u64)))"#),
        (
            "wasi:clocks/wall-clock@0.2.0",
            r#"(type $time' (record (field "seconds" u64) (field "nanoseconds" u32))) (export "datetime" (type $time (eq $time')))
               (export "now" (func (result $time)))"#,
        ),
        ("wasi:filesystem/types@0.2.0", r#"(export "descriptor" (type (sub resource)))"#),
        ("wasi:io/error@0.2.0", r#"(export "error" (type (sub resource)))"#),
        ("wasi:io/poll@0.2.0", r#"(export "pollable" (type (sub resource)))"#),
        (STREAMS, r#"(export "input-stream" (type (sub resource)))"#),
        ("wasi:random/insecure@0.2.0", r#"(export "get-insecure-random-u64" (func (result u64)))"#),
        ("wasi:random/insecure-seed@0.2.0", r#"(export "insecure-seed" (func (result (tuple u64 u64))))"#),
        ("wasi:random/random@0.2.0", r#"(export "get-random-u64" (func (result u64)))"#),
        ("wasi:sockets/ip-name-lookup@0.2.0", r#"(export "resolve-address-stream" (type (sub resource)))"#),
        ("wasi:sockets/network@0.2.0", r#"(export "network" (type (sub resource)))"#),
        ("wasi:sockets/tcp@0.2.0", r#"(export "tcp-socket" (type (sub resource)))"#),
        ("wasi:sockets/udp@0.2.0", r#"(export "udp-socket" (type (sub resource)))"#),
    ];
    let with_resource = [
        ("wasi:cli/stdin@0.2.0", (STREAMS, "input-stream"), r#"(export "get-stdin" (func (result (own $resource))))"#),
        (
            "wasi:cli/stdout@0.2.0",
            (STREAMS, "output-stream"),
            r#"(export "get-stdout" (func (result (own $resource))))"#,
        ),
        (
            "wasi:cli/stderr@0.2.0",
            (STREAMS, "output-stream"),
            r#"(export "get-stderr" (func (result (own $resource))))"#,
        ),
        (
            "wasi:cli/terminal-stdin@0.2.0",
            TERMINAL_INPUT,
            r#"(export "get-terminal-stdin" (func (result (option (own $resource)))))"#,
        ),
        (
            "wasi:cli/terminal-stdout@0.2.0",
            TERMINAL_OUTPUT,
            r#"(export "get-terminal-stdout" (func (result (option (own $resource)))))"#,
        ),
        (
            "wasi:cli/terminal-stderr@0.2.0",
            TERMINAL_OUTPUT,
            r#"(export "get-terminal-stderr" (func (result (option (own $resource)))))"#,
        ),
        (
            "wasi:filesystem/preopens@0.2.0",
            ("wasi:filesystem/types@0.2.0", "descriptor"),
            r#"(export "get-directories" (func (result (list (tuple (own $resource) string)))))"#,
        ),
        (
            "wasi:sockets/instance-network@0.2.0",
            ("wasi:sockets/network@0.2.0", "network"),
            r#"(export "instance-network" (func (result (own $resource))))"#,
        ),
    ];
    let mut offered = vec![
        // Every fixture imports it.
        ("guardhouse:auth/types@0.1.0", String::new()),
        ("wasi:sockets/tcp-create-socket@0.2.0", import_of_sockets("tcp")),
        ("wasi:sockets/udp-create-socket@0.2.0", import_of_sockets("udp")),
    ];
    offered.extend(declared.map(|(name, declarations)| (name, import(name, declarations))));
    offered
        .extend(with_resource.map(|(name, resource, function)| (name, import_with_resource(name, resource, function))));
    offered
}

#[test]
fn a_plugin_that_imports_any_offered_interface_loads() {
    let offered = offered();
    assert_eq!(offered.len(), 31);
    for (name, items) in offered {
        assert!(Host::offers(name), "{name}");
        let result = Guest::with("allow", &[("items", &items)]).load();
        assert!(result.is_ok(), "{name}: {result:?}");
    }
}

#[test]
fn wasi_is_offered_in_every_release_of_0_2() {
    for (name, items) in offered().into_iter().filter(|(name, _)| name.ends_with("@0.2.0")) {
        for version in ["@0.2.1", "@0.2.10", "@0.2.99", "@0.2.3+build.1"] {
            // Only this import: one that it takes a resource from stays as it is.
            let (name, items) =
                (name.replace("@0.2.0", version), items.replace(name, &name.replace("@0.2.0", version)));
            assert!(Host::offers(&name), "{name}");
            let result = Guest::with("allow", &[("items", &items)]).load();
            assert!(result.is_ok(), "{name}: {result:?}");
        }
    }
}

#[test]
fn other_versions_of_wasi_are_not_offered_and_the_error_says_what_to_rebuild_with() {
    for (name, items) in offered().into_iter().filter(|(name, _)| name.ends_with("@0.2.0")) {
        for version in [
            "@0.2.0-rc-2023-11-10",
            "@0.2.0-rc-2023-12-05",
            "@0.2.1-draft",
            "@0.2.0-0",
            "@0.2.3-rc.1+build",
            "@0.1.0",
            "@0.20.0",
            "@0.3.0",
            "@0.3.0-rc-2025-09-16",
            "@1.0.0",
            "@2.0.2",
            "",
        ] {
            let (other, items) =
                (name.replace("@0.2.0", version), items.replace(name, &name.replace("@0.2.0", version)));
            assert!(!Host::offers(&other), "{other}");
            let error = Guest::with("allow", &[("items", &items)]).load().unwrap_err();
            let LoadError::UnknownImports { imports, .. } = &error else { panic!("{other}: {error}") };
            assert_eq!(*imports, [other]);
            assert!(error.to_string().ends_with("(rebuild it with tools that use a release of WASI 0.2)"), "{error}");
        }
    }
    // These are not versions, so no component has them.
    for version in [
        "0.2",
        "0.2.",
        "0.2.x",
        "0.2.00",
        "0.2.01",
        "0.2.0 ",
        " 0.2.0",
        "0.2.-1",
        "0.2.0-",
        "0.2.+b",
        "v0.2.0",
        "0.2.+1",
        "0.2.0+",
        "0.2.18446744073709551616",
    ] {
        assert!(!Host::offers(&format!("wasi:cli/environment@{version}")), "{version}");
    }
}

#[test]
fn an_interface_of_types_only_may_be_imported_under_any_name() {
    const TYPES: &str = r#"
        (type $color' (enum "red" "blue")) (export "color" (type $color (eq $color')))
        (type $flags' (flags "a" "b")) (export "rights" (type (eq $flags')))
        (type $point' (record (field "x" u32) (field "color" $color))) (export "point" (type $point (eq $point')))
        (type $shape' (variant (case "none") (case "at" $point))) (export "shape" (type (eq $shape')))
        (type $names' (list string)) (export "names" (type (eq $names')))"#;
    for name in [
        "acme:common/types@1.0.0",
        "acme:common/types",
        "wasi:http/types@0.2.0",
        "wasi:cli/environment@0.2.0-rc-2023-11-10",
        "wasi:io/error@0.3.0",
        "guardhouse:auth/request@0.1.1",
        "guardhouse:auth/types@9.0.0",
    ] {
        for declarations in [TYPES, ""] {
            let guest = Guest::with("allow", &[("items", &import(name, declarations))]);
            assert!(guest.load().is_ok(), "{name}: {:?}", guest.load());
            assert_eq!(guest.outcome(&nobody()), Outcome::Allow, "{name}");
            // An image is linked again.
            let blanks = [("items", &*import(name, declarations)), ("check", "(i32.const 16)")];
            let check = Guest::with("configured", &blanks).image(ImagePolicy::Eager).check();
            assert_eq!(check.start_mode(), StartMode::Image, "{name}");
        }
    }
}

#[test]
fn a_type_may_be_imported_without_an_interface() {
    let items = r#"(type $color (enum "red" "blue")) (import "color" (type (eq $color)))"#;
    let guest = Guest::with("allow", &[("items", items)]);
    assert!(guest.load().is_ok(), "{:?}", guest.load());
    assert_eq!(guest.outcome(&nobody()), Outcome::Allow);
}

#[test]
fn types_do_not_hide_what_an_interface_asks_for() {
    let types = r#"(type $color' (enum "red")) (export "color" (type $color (eq $color')))"#;
    for asked in [
        r#"(export "f" (func))"#,
        r#"(export "paint" (func (param "color" $color)))"#,
        r#"(export "file" (type (sub resource)))"#,
        r#"(export "inner" (instance (export "f" (func))))"#,
        r#"(export "inner" (instance (export "file" (type (sub resource)))))"#,
        r#"(export "inner" (component))"#,
        r#"(export "inner" (core module))"#,
    ] {
        let items = import("acme:common/types@1.0.0", &format!("{types} {asked}"));
        let error = Guest::with("allow", &[("items", &items)]).load().unwrap_err();
        let LoadError::UnknownImports { imports, .. } = &error else { panic!("{asked}: {error}") };
        assert_eq!(*imports, ["acme:common/types@1.0.0"]);
        assert!(error.to_string().ends_with("`acme:common/types@1.0.0`"), "{error}");
    }
    for item in [
        r#"(import "acme:common/run@1.0.0" (func))"#,
        r#"(import "file" (type (sub resource)))"#,
        r#"(import "run" (func))"#,
    ] {
        let error = Guest::with("allow", &[("items", item)]).load().unwrap_err();
        assert!(matches!(error, LoadError::UnknownImports { .. }), "{item}: {error}");
    }
}

#[test]
fn interfaces_with_almost_the_name_of_an_offered_interface_are_unknown() {
    for (name, _) in offered() {
        let (interface, version) = name.split_once('@').unwrap();
        let (package, interface) = interface.split_once('/').unwrap();
        for other in [
            format!("{package}/{interface}"),
            format!("{package}/{interface}@0.3.0"),
            format!("{package}/{interface}-x@{version}"),
            format!("{package}-x/{interface}@{version}"),
            format!("x-{package}/{interface}@{version}"),
        ] {
            assert!(!Host::offers(&other), "{other}");
            match Guest::with("allow", &[("items", &import(&other, "(export \"f\" (func))"))]).load() {
                Err(LoadError::UnknownImports { imports, .. }) => assert_eq!(imports, [other]),
                result => panic!("{other}: {result:?}"),
            }
        }
    }
}

#[test]
fn unknown_imports_are_named() {
    let imports = [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:keyvalue/store@0.2.0-draft",
        "guardhouse:auth/no-such-interface@0.1.0",
        "wasi:cli/stdout@0.3.0",
        "wasi:cli/no-such-interface@0.2.0",
        "acme:secrets/vault",
    ];
    let items: String = imports.iter().map(|name| import(name, "(export \"f\" (func))")).collect();
    let result = Guest::with("allow", &[("items", &items)]).load();
    let Err(LoadError::UnknownImports { imports: named, .. }) = result else { panic!("{result:?}") };
    assert_eq!(named, imports);
}

#[test]
fn an_import_of_another_type_than_the_offered_one_does_not_load() {
    for (name, function) in [
        ("wasi:cli/environment@0.2.0", "\"get-environment\" (func (result u32))"),
        ("guardhouse:auth/request@0.1.0", "\"claim\" (func (param \"pointer\" u32))"),
    ] {
        let items = import(name, &format!("(export {function})"));
        let result = Guest::with("allow", &[("items", &items)]).load();
        assert!(matches!(result, Err(LoadError::WrongImport(_))), "{name}: {result:?}");
    }
}
