//! Batches of a server: only requests of one caller and one rule share an instance.

use std::time::Duration;

use guardhouse::{AccessToken, AuthContext, Cause, Component, Outcome};
use guardhouse_server::decided::{Decided, DenialCause};
use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::harness::policies::{Policies, Server};
use crate::harness::{fixture, host, nobody};

fn of(client: &str) -> AuthContext {
    nobody().with_token(AccessToken::new(client, ["read"]))
}

fn subject(name: &str) -> AuthContext {
    of("the enforcement point").with_attributes(json!({ "subject": { "type": "user", "id": name } }))
}

/// A server with a check that allows only the first request of each instance.
async fn counting(policies: &Policies) -> Server {
    policies.of_fixture("acme", "counter");
    policies.serve(host()).await
}

fn allowed(all: &[Decided]) -> Vec<bool> {
    all.iter().map(|decided| decided.decision.is_allow()).collect()
}

#[tokio::test]
async fn requests_of_different_callers_never_share_an_instance() {
    let policies = Policies::new();
    let server = counting(&policies).await;
    let decide = async |contexts: &[AuthContext]| {
        let all = server.tenants.decide_batch("acme", contexts, None).await;
        let ids: Vec<_> = all.iter().map(|decided| decided.policy.unwrap().generation).collect();
        assert_eq!(ids, vec![1; contexts.len()]);
        allowed(&all)
    };
    // Those of one caller share one, which the check notices; so the order is kept too.
    assert_eq!(decide(&[of("alice"), of("alice"), of("alice")]).await, [true, false, false]);
    assert_eq!(decide(&[of("alice"), of("bob"), of("alice"), of("bob")]).await, [true, true, false, false]);
    assert_eq!(decide(&[subject("alice"), subject("bob"), subject("alice")]).await, [true, true, false]);
    let peer = |address: &str| nobody().with_attributes(json!({ "peer": { "address": address } }));
    assert_eq!(
        decide(&[peer("192.0.2.1"), peer("192.0.2.2"), nobody(), peer("192.0.2.1")]).await,
        [true, true, true, false]
    );
    assert!(decide(&[]).await.is_empty());
}

#[tokio::test]
async fn requests_of_different_rules_never_share_an_instance() {
    let policies = Policies::new();
    policies.write("acme/check.wasm", assemble(&fixture("counter")).unwrap());
    let policy = "version = 1\n[checks.a]\nplugin = \"check.wasm\"\n\
                  [[rules]]\nname = \"tools\"\nwhen = { kind = \"tool\" }\ncheck = \"a\"\n\
                  [[rules]]\nname = \"prompts\"\nwhen = { kind = \"prompt\" }\ncheck = \"a\"\n";
    policies.write("acme/policy.toml", policy);
    let server = policies.serve(host()).await;
    let of = |kind: &str| AuthContext::new(Component::new(kind, "n"));
    let contexts = [of("tool"), of("prompt"), of("resource"), of("tool"), of("")];
    let all = server.tenants.decide_batch("acme", &contexts, None).await;
    assert_eq!(allowed(&all), [true, true, false, false, false]);
    let rules: Vec<_> = all.iter().map(|decided| decided.rule.as_deref()).collect();
    assert_eq!(rules, [Some("tools"), Some("prompts"), None, Some("tools"), None]);
    let causes: Vec<_> = all.iter().map(|decided| decided.cause).collect();
    use DenialCause::{Check, NoRule, NotNormal};
    assert_eq!(causes, [None, None, Some(NoRule), Some(Check), Some(NotNormal)]);
}

#[tokio::test]
async fn a_fault_denies_only_its_own_request() {
    let policies = Policies::new();
    policies.of_fixture("acme", "token");
    policies.write(
        "acme/policy.toml",
        "version = 1\n[checks.a]\nplugin = \"check.wasm\"\nlimits = { context-bytes = \"1KiB\" }\n\
         [[rules]]\nname = \"all\"\nwhen = {}\ncheck = \"a\"\n",
    );
    let server = policies.serve(host()).await;
    let large = AuthContext::new(Component::tool("n".repeat(2_000))).with_token(AccessToken::new("a", ["read"]));
    let all = server.tenants.decide_batch("acme", &[of("a"), large, of("a")], None).await;
    assert_eq!(allowed(&all), [true, false, true]);
    let outcome = |decided: &Decided| decided.report.as_ref().unwrap().checks[0].evaluation.outcome.kind();
    assert_eq!(all.iter().map(outcome).collect::<Vec<_>>(), ["allow", "failed", "allow"]);
}

#[tokio::test]
async fn a_batch_has_one_deadline_and_what_is_late_is_denied() {
    let policies = Policies::new();
    policies.of_fixture("acme", "loop");
    policies.write(
        "acme/policy.toml",
        "version = 1\n[checks.a]\nplugin = \"check.wasm\"\nlimits = { cpu-time = \"none\" }\n\
         [[rules]]\nname = \"all\"\nwhen = {}\ncheck = \"a\"\n",
    );
    let server = policies.serve(host()).await;
    let contexts: Vec<_> = (0..20).map(|index| of(&format!("client-{}", index % 10))).collect();
    let all = server.tenants.decide_batch("acme", &contexts, Some(Duration::from_millis(50))).await;
    assert_eq!(all.len(), 20);
    for decided in &all {
        assert!(!decided.decision.is_allow());
        let outcome = &decided.report.as_ref().unwrap().checks[0].evaluation.outcome;
        assert!(matches!(outcome, Outcome::Failed(fault) if fault.cause == Cause::Deadline), "{outcome:?}");
    }
}
