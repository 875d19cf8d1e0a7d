//! Merging the libraries of a linked plugin into one module does not change its answers.

use guardhouse::{AuthorizationError, Cause, ImagePolicy, Outcome, StartMode};
use guardhouse_authoring::merge;
use serde_json::json;
use wasmparser::{Parser, Payload};

use crate::harness::{Guest, claiming};

fn linked() -> Vec<u8> {
    Guest::new("linked").bytes().to_vec()
}

/// A plugin that runs some code before it allows.
fn linked_with(late: &str) -> Vec<u8> {
    Guest::with("linked", &[("late", late)]).bytes().to_vec()
}

fn modules(component: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
    payloads.filter(|payload| matches!(payload, Payload::ModuleSection { .. })).count()
}

fn guest(bytes: Vec<u8>, policy: ImagePolicy) -> Guest {
    Guest::from_bytes("linked", bytes).settings(json!({"a": 1})).image(policy)
}

#[test]
fn libraries_become_one_module_beside_the_module_that_fills_in_functions_of_the_host() {
    let linked = linked();
    let merged = merge(&linked).unwrap();
    assert_eq!((modules(&linked), modules(&merged)), (5, 2));
    assert_eq!(merge(&merged).unwrap(), merged, "nothing is left to merge");
}

#[test]
fn a_merged_plugin_has_the_answers_and_backtraces_of_the_linked_plugin() {
    let merged = merge(&linked()).unwrap();
    for policy in [ImagePolicy::Never, ImagePolicy::Eager] {
        for bytes in [linked(), merged.clone()] {
            let guest = guest(bytes, policy);
            assert_eq!(guest.outcome(&claiming(json!({"word": "12345"}))), Outcome::Allow);
            let denied = Outcome::DeniedWithMessage(AuthorizationError::new("\"no\""));
            assert_eq!(guest.outcome(&claiming(json!({"word": "no"}))), denied);
            let fault = guest.fails_with_given(Cause::Trap, &claiming(json!({})));
            assert!(fault.backtrace.as_ref().unwrap().contains("reads-the-word"), "{fault:?}");
        }
    }
    assert_eq!(guest(merged, ImagePolicy::Eager).check().start_mode(), StartMode::Image);
}

#[test]
fn a_merged_library_can_still_copy_and_drop_its_own_segments() {
    let late = "(table.init $late (i32.const 6) (i32.const 0) (i32.const 1)) (elem.drop $late)
        (if (i32.ne (call_indirect (type $ready) (i32.const 6)) (i32.const 2048)) (then unreachable))";
    for bytes in [linked_with(late), merge(&linked_with(late)).unwrap()] {
        let guest = guest(bytes, ImagePolicy::Never);
        assert_eq!(guest.outcome(&claiming(json!({"word": "12345"}))), Outcome::Allow);
    }
}

#[test]
fn the_elements_of_a_merged_plugin_have_constant_offsets() {
    let merged = merge(&linked()).unwrap();
    let mut offsets = Vec::new();
    for payload in Parser::new(0).parse_all(&merged) {
        let Payload::ElementSection(section) = payload.unwrap() else { continue };
        for segment in section {
            if let wasmparser::ElementKind::Active { offset_expr, .. } = segment.unwrap().kind {
                offsets.push(format!("{:?}", offset_expr.get_operators_reader().read().unwrap()));
            }
        }
    }
    assert_eq!(offsets, [1, 4, 7, 0].map(|offset| format!("I32Const {{ value: {offset} }}")));
}

#[test]
fn a_plugin_without_linked_libraries_is_not_changed() {
    for name in ["allow", "token", "stderr-then-trap"] {
        let guest = Guest::new(name);
        assert_eq!(merge(guest.bytes()).unwrap(), guest.bytes(), "{name}");
    }
    for guardhouse::builtin::Builtin { name, bytes, .. } in guardhouse::builtin::ALL {
        assert_eq!(merge(bytes).unwrap(), *bytes, "{name}");
    }
    assert!(merge(b"not a component").is_err());
}
