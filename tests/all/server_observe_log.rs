//! The lines of the decision log: what they say, and what they keep to themselves.

use std::io::Read;
use std::time::Duration;

use guardhouse::{
    AccessToken, AuthCheck, AuthContext, AuthorizationError, Check, CheckConfig, Component, Document, Json, Outcome,
    RawToken, native,
};
use guardhouse_server::decided::{Decided, DenialCause};
use guardhouse_server::log_rules::{LogPart, LogRules};
use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits};
use guardhouse_server::observe::{Exchange, Observers};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::decided::{allowed, block_on, by_check, exchange, unknown_tenant};
use crate::harness::{Guest, builtin, nobody, settings};

/// The line that is written for a decision, with its line end.
fn written(exchange: &Exchange<'_>, decided: &Decided, limits: LogLimits) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = DecisionLog::start(Destination::File(file.path().to_owned()), limits).unwrap();
    block_on(Observers::with_log(log.clone()).decided(exchange, decided));
    assert_eq!(log.shutdown(Duration::from_secs(60)), 0);
    let mut text = String::new();
    file.reopen().unwrap().read_to_string(&mut text).unwrap();
    text
}

fn line(exchange: &Exchange<'_>, decided: &Decided) -> Value {
    let text = written(exchange, decided, LogLimits::default());
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A request that has a different secret in every field, and the bearer secret in many.
fn secrets() -> AuthContext {
    let token = AccessToken::new("secret-client", ["secret-scope"])
        .with_subject("secret-subject")
        .with_resource_indicator("secret-indicator")
        .with_expires_at(4_242_424_242)
        .with_claims(json!({ "secret-claim": ["secret-value", "x secret-raw y"], "secret-raw": "secret-beside" }))
        .with_raw(RawToken::new("secret-raw"));
    let component = Component::new("secret-kind", "secret-name")
        .with_uri("secret://uri")
        .with_version("secret-version")
        .with_tags(["secret-tag"])
        .with_detail(json!({ "title": "secret-detail" }));
    let headers =
        json!({ "x-team": "secret-header", "Authorization": "Bearer secret-header-token", "cookie": "secret-cookie" });
    AuthContext::new(component)
        .with_token(token)
        .with_action("secret-action")
        .with_arguments(json!({ "to": "secret-argument" }))
        .with_attributes(json!({ "http": { "headers": headers } }))
}

fn denial() -> impl AuthCheck {
    native::from_fn("a check", |_: &AuthContext| Err::<bool, _>(AuthorizationError::new("secret-message")))
}

fn fault() -> impl AuthCheck {
    native::from_fn("a check", |_: &AuthContext| Outcome::native_fault("secret-fault"))
}

/// The secrets in the lines of a denial and of a fault, under these rules.
fn told(rules: &LogRules) -> Vec<String> {
    let context = secrets();
    let denied = by_check("acme", denial(), &context, rules.clone());
    let failed = by_check("acme", fault(), &context, rules.clone());
    let limits = LogLimits::default();
    let text = written(&exchange(&context), &denied, limits) + &written(&exchange(&context), &failed, limits);
    let mut told: Vec<String> = text
        .match_indices("secret")
        .map(|(at, _)| text[at..].chars().take_while(|c| c.is_ascii_alphabetic() || "-:/".contains(*c)).collect())
        .chain(text.contains("4242424242").then(|| "expiry".to_owned()))
        .collect();
    told.sort();
    told.dedup();
    told
}

#[test]
fn without_rules_nothing_of_the_request_is_in_a_line() {
    assert_eq!(told(&LogRules::default()), [] as [&str; 0]);
}

#[test]
fn each_part_that_a_tenant_includes_tells_its_own_fields_only() {
    let table: [(LogPart, &[&str]); 9] = [
        (LogPart::Action, &["secret-action"]),
        (LogPart::Component, &["secret-kind", "secret-name", "secret-tag", "secret-version", "secret://uri"]),
        (LogPart::Detail, &["secret-detail"]),
        (LogPart::Token, &["expiry", "secret-client", "secret-indicator", "secret-scope", "secret-subject"]),
        (LogPart::Claims, &["secret-claim", "secret-value"]),
        (LogPart::Arguments, &["secret-argument"]),
        (LogPart::Attributes, &["secret-header"]),
        (LogPart::Message, &["secret-message"]),
        (LogPart::Output, &["secret-fault"]),
    ];
    assert_eq!(table.map(|(part, _)| part), LogPart::ALL);
    for (part, expected) in table {
        assert_eq!(told(&LogRules { include: vec![part], ..LogRules::default() }), expected, "{part:?}");
    }
}

#[test]
fn no_rule_tells_the_bearer_secret() {
    let told = told(&LogRules::everything());
    let hidden = ["secret-raw", "secret-beside", "secret-header-token", "secret-cookie"];
    assert!(told.iter().all(|secret| !hidden.contains(&secret.as_str())), "{told:?}");

    // A plugin with the grant `raw-token` puts the secret into its message and its output.
    let context = secrets();
    let echo = native::from_fn("a check", |context: &AuthContext| {
        let raw = context.token.as_ref().unwrap().raw.as_ref().unwrap().expose().to_owned();
        Err::<bool, _>(AuthorizationError::new(format!("your token is {raw}")))
    });
    let decided = by_check("acme", echo, &context, LogRules::everything());
    let mut exchange = exchange(&context);
    exchange.request_id = Some("id of secret-raw");
    let text = written(&exchange, &decided, LogLimits::default());
    assert!(!text.contains("secret-raw"), "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!([&line["message"], &line["request_id"]], ["[masked]", "[masked]"]);
}

#[test]
fn rules_mask_and_drop_what_they_point_to() {
    let rules: LogRules = serde_json::from_value(json!({
        "include": ["claims", "arguments"],
        "mask": ["/token/claims/email", "/arguments/users/*/name", "/arguments/list/1", "/arguments/none/a"],
        "drop": ["/token/claims/a~1b", "/arguments/users/*/age", "/arguments/list/0", "/arguments/all/*"],
    }))
    .unwrap();
    let claims = json!({ "email": { "value": "a" }, "a/b": 1, "c": 2 });
    let arguments = json!({
        "users": [{ "name": "a", "age": 1 }, { "name": "b" }, "c"], "list": ["x", "y", "z"], "all": { "d": 1, "e": 2 },
    });
    let context = nobody().with_token(AccessToken::new("c", [""; 0]).with_claims(claims)).with_arguments(arguments);
    let decided = by_check("acme", native::from_fn("allow", |_| true), &context, rules);
    let line = line(&exchange(&context), &decided);
    assert_eq!(line["context"]["token"], json!({ "claims": { "email": "[masked]", "c": 2 } }));
    let expected = json!({
        "users": [{ "name": "[masked]" }, { "name": "[masked]" }, "c"], "list": [null, "[masked]", "z"], "all": {},
    });
    assert_eq!(line["context"]["arguments"], expected);
}

#[test]
fn rules_that_are_not_rules_do_not_load() {
    let too_many = vec!["/a"; LogRules::MAX_POINTERS + 1];
    for rules in [
        json!({ "include": ["everything"] }),
        json!({ "mask": [""] }),
        json!({ "mask": too_many }),
        json!({ "drop": too_many }),
        json!({ "drop": ["token"] }),
        json!({ "hash": [] }),
    ] {
        assert!(serde_json::from_value::<LogRules>(rules.clone()).is_err(), "{rules}");
    }
}

#[test]
fn a_line_has_the_ids_the_digests_the_outcome_and_the_times() {
    let config = CheckConfig { id: Some("closed".to_owned()), ..settings(json!({ "scopes": ["pay"] })) };
    let check = Check::new(builtin("require-scopes"), config).unwrap();
    let context = nobody();
    let mut decided = by_check("acme", check, &context, LogRules::default());
    let mut exchange = exchange(&context);
    exchange.request_id = Some("r-1");
    exchange.trace_parent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let line = line(&exchange, &decided);
    let report = decided.report.take().unwrap();
    let checked = &report.checks[0];
    assert_eq!(line["id"], decided.id.to_string());
    assert_eq!(line["door"], "native");
    assert_eq!(line["tenant"], "acme");
    assert_eq!(line["rule"], "a rule");
    assert_eq!(line["decision"], "deny");
    assert_eq!(line["cause"], "check");
    assert_eq!(line["check"], "closed");
    assert_eq!(line["request_id"], "r-1");
    assert_eq!(line["elapsed_us"], u64::try_from(decided.elapsed.as_micros()).unwrap());
    assert_eq!(line["fuel"], checked.evaluation.usage.fuel);
    assert_eq!(line["trace"]["id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(line["trace"]["parent"], "00f067aa0ba902b7");
    let span = line["trace"]["span"].as_str().unwrap();
    assert!(span.len() == 16 && span != "00f067aa0ba902b7", "{span}");
    assert_eq!(line["checks"][0]["plugin"], checked.identity.plugin.unwrap().to_string());
    assert_eq!(line["checks"][0]["settings"], checked.identity.settings.unwrap().to_string());
    assert_eq!(line["checks"][0]["outcome"], "denied");
    let time = line["time"].as_str().unwrap();
    assert!(time.len() == 27 && time.ends_with('Z'), "{time}");
}

#[test]
fn a_line_says_why_a_request_was_denied_without_a_check_and_what_would_have_been() {
    let context = nobody();
    let unknown = line(&exchange(&context), &unknown_tenant(&context));
    assert_eq!([&unknown["decision"], &unknown["cause"]], ["deny", "unknown-tenant"]);
    assert_eq!([unknown.get("tenant"), unknown.get("trace"), unknown.get("would_deny")], [None; 3]);

    let mut monitored = allowed("acme", &context);
    monitored.would_deny = Some((guardhouse::Denial::new(monitored.id), DenialCause::NoRule));
    let monitored = line(&exchange(&context), &monitored);
    assert_eq!([&monitored["decision"], &monitored["would_deny"]], ["allow", "no-rule"]);
    assert_eq!(monitored.get("cause"), None);
}

#[test]
fn a_fault_is_in_the_line_with_its_cause() {
    let context = nobody();
    let check = Guest::new("loop").limits(|limits| limits.fuel = Some(1_000)).check();
    let line = line(&exchange(&context), &by_check("acme", check, &context, LogRules::default()));
    assert_eq!(
        [&line["fault"], &line["checks"][0]["fault"], &line["checks"][0]["outcome"]],
        ["out-of-fuel", "out-of-fuel", "failed"]
    );
}

#[test]
fn a_context_without_room_is_left_out_and_the_line_stays_bounded() {
    let limits = LogLimits { line_bytes: 8 << 10, ..LogLimits::default() };
    let context = nobody().with_arguments(json!({ "text": "a".repeat(9 << 10) }));
    let decided = by_check("acme", denial(), &context, LogRules::everything());
    let text = written(&exchange(&context), &decided, limits);
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!([line.get("context"), line.get("too_large")], [None, Some(&Value::Bool(true))]);
    assert_eq!([&line["message"], &line["check"]], ["secret-message", "a check"]);
}

#[test]
fn the_longest_names_have_room_in_the_shortest_line() {
    let limits = LogLimits { line_bytes: guardhouse_server::observe::MIN_LINE_BYTES, ..LogLimits::default() };
    let longest = "\u{1}".repeat(10_000);
    let context = nobody();
    let check = native::from_fn(longest.clone(), |_: &AuthContext| {
        Err::<bool, _>(AuthorizationError::new("\u{1}".repeat(10_000)))
    });
    let mut decided = by_check(&"a".repeat(64), check, &context, LogRules::everything());
    decided.rule = Some(longest.as_str().into());
    let exchange = Exchange { request_id: Some(&longest), ..exchange(&context) };
    let text = written(&exchange, &decided, limits);
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!([&line["decision"], &line["checks_left_out"]], [&json!("deny"), &json!(1)]);
    assert!(text.len() <= limits.line_bytes && line.get("message").is_none(), "{text}");
}

#[test]
fn a_decision_can_be_replayed_from_its_line() {
    let roles = Check::new(builtin("require-scopes"), settings(json!({ "scopes": ["pay"] }))).unwrap();
    let token =
        |scopes: &[&str]| AccessToken::new("alice-laptop", scopes.iter().copied()).with_claims(json!({ "a": 0.1 }));
    let rich = secrets();
    let mut unread = nobody().with_token(token(&["pay"]));
    unread = unread.with_unread(Document::Argument, br#"{"amount": 18446744073709551615, "ratio": 1e-7}"#.to_vec());
    for context in [nobody(), nobody().with_token(token(&["pay"])), nobody().with_token(token(&["read"])), unread, rich]
    {
        let decided = by_check("acme", roles.clone(), &context, LogRules::everything());
        let line = line(&exchange(&context), &decided);
        // As `guardhouse check --context` reads it.
        let replayed = AuthContext::from_slice(line["context"].to_string().as_bytes()).unwrap();
        assert_eq!(replayed.document(Document::Argument), context.document(Document::Argument));
        assert_eq!(replayed.now, context.now);
        let again = by_check("acme", roles.clone(), &replayed, LogRules::default());
        assert_eq!(again.decision.is_allow(), decided.decision.is_allow());
        let inputs = |decided: &Decided| decided.report.as_ref().unwrap().checks[0].evaluation.usage.fuel;
        assert_eq!(inputs(&again), inputs(&decided));
    }
}

#[test]
fn a_document_that_cannot_be_read_is_left_out() {
    let context =
        nobody().with_unread(Document::Argument, b"{".to_vec()).with_unreadable(Document::Attribute, "unknown");
    let line = line(&exchange(&context), &by_check("acme", denial(), &context, LogRules::everything()));
    assert_eq!([line["context"].get("arguments"), line["context"].get("attributes")], [None; 2]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the request, its line is one line of JSON, and does not move a terminal's cursor.
    #[test]
    fn any_request_is_one_line(texts in prop::array::uniform8(any::<String>()), raw in any::<String>()) {
        let [kind, name, action, subject, claim, argument, request_id, rule] = texts;
        let token = AccessToken::new("c", [""; 0])
            .with_subject(subject)
            .with_claims(json!({ claim.clone(): claim }))
            .with_raw(RawToken::new(raw));
        let context = AuthContext::new(Component::new(kind, name))
            .with_action(action)
            .with_token(token)
            .with_arguments(Json::from(json!([argument])));
        let mut decided = by_check("acme", denial(), &context, LogRules::everything());
        decided.rule = Some(rule.as_str().into());
        let exchange = Exchange { request_id: Some(&request_id), trace_parent: Some(&request_id), ..exchange(&context) };
        let text = written(&exchange, &decided, LogLimits::default());
        let body = text.strip_suffix('\n').unwrap();
        prop_assert!(!body.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{body:?}");
        prop_assert_eq!(&serde_json::from_str::<Value>(body).unwrap()["decision"], "deny");
    }
}
