//! A WASI with nothing behind it, and imports that no host offers.

use guardhouse::{Cause, LoadError, Outcome};

use crate::harness::{Guest, fixture, nobody, somebody};

#[test]
fn exit_is_a_fault_whatever_its_code() {
    let fault = Guest::new("exit").is_masked_for(Cause::Exit, &nobody());
    assert!(fault.detail.contains("code 0"), "{fault}");
    let fault = Guest::new("exit").is_masked_for(Cause::Exit, &somebody(&[]));
    assert!(fault.detail.contains("code 1"), "{fault}");
}

#[test]
fn there_is_no_environment_no_argument_and_no_directory() {
    assert_eq!(Guest::new("environment").outcome(&nobody()), Outcome::Allow);
}

#[test]
fn sockets_are_denied() {
    assert_eq!(Guest::new("socket").outcome(&nobody()), Outcome::Allow);
}

#[test]
fn a_flood_of_handles_ends_at_the_limit() {
    for handles in [0, 1, 1_000] {
        Guest::new("handle-flood").limits(|limits| limits.handles = handles).is_masked(Cause::HandleLimit);
    }
}

#[test]
fn imports_that_no_host_offers_are_named() {
    let imports = [
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:keyvalue/store@0.2.0-draft",
        "guardhouse:auth/no-such-interface@0.1.0",
        "wasi:cli/stdout@0.3.0",
        "wasi:cli/no-such-interface@0.2.0",
        "acme:secrets/vault",
    ];
    let text: String =
        imports.iter().map(|import| format!("(import \"{import}\" (instance (export \"f\" (func))))")).collect();
    let text = fixture("allow").replace("(core module $plugin", &format!("{text} (core module $plugin"));
    let result = Guest::from_text("unknown imports", &text).load();
    let Err(LoadError::UnknownImports { imports: named }) = result else { panic!("{result:?}") };
    assert_eq!(named, imports);
}

#[test]
fn an_import_of_another_type_than_the_host_offers_does_not_load() {
    for (import, ty) in [
        ("wasi:cli/environment@0.2.0", "(func (result u32))"),
        ("guardhouse:auth/request@0.1.0", "(func (param \"pointer\" u32))"),
    ] {
        let function = if import.contains("request") { "claim" } else { "get-environment" };
        let text = fixture("allow").replace(
            "(core module $plugin",
            &format!("(import \"{import}\" (instance (export \"{function}\" {ty}))) (core module $plugin"),
        );
        let result = Guest::from_text(import, &text).load();
        assert!(matches!(result, Err(LoadError::WrongImport(_))), "{import}: {result:?}");
    }
}
