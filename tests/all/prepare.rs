//! `prepare`: a component that keeps the state of its first call.

use std::time::Duration;

use guardhouse::{
    AuthContext, Cause, Component, Decision, Host, HostLimits, ImagePolicy, Limits, Plugin, PrepareError, prepare,
    run_auth_checks_blocking,
};
use guardhouse_tests::guest::{assemble, filled};
use serde_json::json;

use crate::harness::{Guest, fixture, nobody, small};

fn component(name: &str, blanks: &[(&str, &str)]) -> Vec<u8> {
    assemble(&filled(&fixture(name), blanks)).unwrap()
}

fn request() -> AuthContext {
    AuthContext::new(Component::tool("build")).with_attributes(json!({ "source": "é" }))
}

fn prepared(component: &[u8], limits: &Limits) -> Result<Vec<u8>, PrepareError> {
    let host = Host::builder().limits(small()).build().unwrap();
    prepare(&host, component, &request(), limits)
}

#[test]
fn instances_go_on_after_the_call() {
    // Allows its first call only.
    let counter = component("counter", &[]);
    let after = prepared(&counter, &Limits::default()).unwrap();
    let host = Host::builder().limits(small()).build().unwrap();
    for (component, decision) in [(&counter, true), (&after, false)] {
        let check = Guest::from_bytes("counter", component.clone()).on_host(&host).check();
        for _ in 0..2 {
            assert_eq!(run_auth_checks_blocking(std::slice::from_ref(&check), &nobody()) == Decision::Allow, decision);
        }
    }
    // The second call is its last answer.
    assert_eq!(prepared(&after, &Limits::default()), Err(PrepareError::Refused(String::new())));
    // An image of it is like every image.
    let imaged = Guest::from_bytes("counter", after.clone()).on_host(&host).image(ImagePolicy::Eager).check();
    assert!(matches!(run_auth_checks_blocking(&[imaged], &nobody()), Decision::Deny(_)));
    assert!(Plugin::load(&host, &after).unwrap().size() >= counter.len());
}

#[test]
fn the_component_reads_the_documents_and_its_message_is_the_error() {
    let blanks = |pointer: &'static str, length: &'static str| {
        let names = [("interface", "guardhouse:auth/request@0.1.0"), ("function", "attribute")];
        [names[0], names[1], ("pointer", pointer), ("length", length), ("times", "1")]
    };
    let reads = component("claim", &blanks("/source", "7"));
    assert_eq!(prepared(&reads, &Limits::default()), Err(PrepareError::Refused("\"é\"".into())));
    let finds_nothing = component("claim", &blanks("/nothing", "8"));
    assert!(prepared(&finds_nothing, &Limits::default()).is_ok());
}

#[test]
fn a_call_that_fails_says_why() {
    let limits = Limits { configure_cpu_time: Duration::from_millis(50), ..Limits::default() };
    let blanks = [
        ("interface", "guardhouse:auth/request@0.1.0"),
        ("function", "attribute"),
        ("pointer", "/source"),
        ("length", "7"),
        ("times", "1"),
    ];
    let few = Limits { context_bytes: 8, ..Limits::default() };
    for (component, limits, cause) in [
        (component("unreachable", &[]), &limits, Cause::Trap),
        (component("loop", &[]), &limits, Cause::CpuTimeLimit),
        (component("memory-trap", &[]), &limits, Cause::MemoryLimit),
        (component("claim", &blanks), &few, Cause::ContextLimit),
    ] {
        match prepared(&component, limits) {
            Err(PrepareError::Failed(fault)) => assert_eq!(fault.cause, cause, "{fault}"),
            other => panic!("{cause:?}: {other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_kept_is_an_error() {
    let impossible = |component: &[u8], limits: HostLimits| {
        let host = Host::builder().limits(limits).build().unwrap();
        match prepare(&host, component, &request(), &Limits::default()) {
            Err(PrepareError::Impossible(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let counter = component("counter", &[]);
    let found = impossible(&counter, HostLimits { image_bytes: 4, ..small() });
    assert!(found.contains("HostLimits::image_bytes"), "{found}");
    let found = impossible(&component("clock", &[]), small());
    assert!(found.contains("a clock, random numbers or a stream"), "{found}");
    assert!(!impossible(b"text", small()).is_empty());
}
