//! A plugin of linked libraries is the same plugin when these are one module.

use guardhouse::{AuthContext, AuthorizationError, Cause, ImagePolicy, Outcome, StartMode};
use guardhouse_authoring::merge;
use guardhouse_tests::guest;
use serde_json::{Value, json};
use wasmparser::{Parser, Payload};

use crate::harness::{Guest, fixture, somebody};

fn linked() -> Vec<u8> {
    linked_and("nop")
}

/// It does something to its table before it allows.
fn linked_and(late: &str) -> Vec<u8> {
    guest::assemble(&fixture("linked").replace("(@late)", late)).unwrap()
}

fn modules(component: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(component).map(Result::unwrap);
    payloads.filter(|payload| matches!(payload, Payload::ModuleSection { .. })).count()
}

fn claiming(claims: Value) -> AuthContext {
    let mut context = somebody(&[]);
    context.token.as_mut().unwrap().claims = claims.into();
    context
}

fn guest(bytes: Vec<u8>, policy: ImagePolicy) -> Guest {
    let mut guest = Guest::from_bytes("linked", bytes).settings(json!({"a": 1}));
    guest.config.image = policy;
    guest
}

#[test]
fn libraries_become_one_module_beside_the_one_that_fills_in_the_host() {
    let linked = linked();
    let merged = merge(&linked).unwrap();
    assert_eq!((modules(&linked), modules(&merged)), (5, 2));
    assert_eq!(merge(&merged).unwrap(), merged, "nothing is left to merge");
}

#[test]
fn a_merged_plugin_answers_as_before() {
    let merged = merge(&linked()).unwrap();
    for policy in [ImagePolicy::Never, ImagePolicy::Eager] {
        for bytes in [linked(), merged.clone()] {
            let guest = guest(bytes, policy);
            assert_eq!(guest.outcome(&claiming(json!({"word": "12345"}))), Outcome::Allow);
            let denied = Outcome::DeniedWithMessage(AuthorizationError::new("\"no\""));
            assert_eq!(guest.outcome(&claiming(json!({"word": "no"}))), denied);
            let fault = guest.is_masked_for(Cause::Trap, &claiming(json!({})));
            assert!(fault.backtrace.as_ref().unwrap().contains("reads-the-word"), "{fault:?}");
        }
    }
    assert_eq!(guest(merged, ImagePolicy::Eager).check().start_mode(), StartMode::Image);
}

#[test]
fn segments_that_libraries_copy_themselves_are_still_their_own() {
    // On one line: the fixture's comment has it too.
    let late = "(table.init $late (i32.const 6) (i32.const 0) (i32.const 1)) (elem.drop $late) \
        (if (i32.ne (call_indirect (type $ready) (i32.const 6)) (i32.const 2048)) (then unreachable))";
    for bytes in [linked_and(late), merge(&linked_and(late)).unwrap()] {
        let guest = guest(bytes, ImagePolicy::Never);
        assert_eq!(guest.outcome(&claiming(json!({"word": "12345"}))), Outcome::Allow);
    }
}

#[test]
fn a_merged_plugin_knows_its_table_before_it_runs() {
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
    let known = [1, 4, 7, 0].map(|place| format!("I32Const {{ value: {place} }}"));
    assert_eq!(offsets, known);
}

#[test]
fn what_is_not_linked_stays_as_it_is() {
    for name in ["allow", "step-up", "stderr-then-trap"] {
        let bytes = guest::assemble(&fixture(name)).unwrap();
        assert_eq!(merge(&bytes).unwrap(), bytes, "{name}");
    }
    for name in guardhouse::builtin::NAMES {
        let bytes = guardhouse::builtin::bytes(name).unwrap();
        assert_eq!(merge(bytes).unwrap(), bytes, "{name}");
    }
    assert!(merge(b"no component").is_err());
}
