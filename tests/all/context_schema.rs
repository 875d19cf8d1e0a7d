//! The published JSON Schema of a context accepts the same documents as the reader.

use guardhouse::AuthContext;
use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Value, json};

fn schema() -> Validator {
    let schema = AuthContext::json_schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Returns `true` if a document is accepted. The schema and the reader must agree.
fn accepted(schema: &Validator, document: &Value) -> bool {
    let by_schema = schema.is_valid(document);
    let read = AuthContext::from_slice(document.to_string().as_bytes());
    assert_eq!(by_schema, read.is_ok(), "schema: {by_schema}, reader: {read:?}, {document}");
    by_schema
}

/// A member that mostly has the right type.
fn member(good: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    let odd = prop_oneof![
        Just(Value::Null),
        Just(json!(0)),
        Just(json!(-1)),
        Just(json!(1.5)),
        Just(json!(true)),
        Just(json!("")),
        Just(json!("text")),
        Just(json!([])),
        Just(json!(["a", 1])),
        Just(json!({})),
        Just(json!({ "a": null })),
    ];
    prop_oneof![4 => Just(None), 30 => good.prop_map(Some), 1 => odd.prop_map(Some)].boxed()
}

fn text() -> BoxedStrategy<Value> {
    prop::sample::select(vec!["", "a", "b"]).prop_map(Value::from).boxed()
}

fn texts() -> BoxedStrategy<Value> {
    prop::collection::vec(text(), 0..3).prop_map(Value::from).boxed()
}

fn seconds() -> BoxedStrategy<Value> {
    any::<i64>().prop_map(Value::from).boxed()
}

fn anything() -> BoxedStrategy<Value> {
    prop_oneof![Just(json!({})), Just(json!({ "a": [1, null] })), Just(json!("a")), Just(Value::Null)].boxed()
}

fn an_object() -> BoxedStrategy<Value> {
    prop_oneof![Just(json!({})), Just(json!({ "a": [1, null] }))].boxed()
}

/// An object with optional members, and sometimes an unknown member.
fn object(members: Vec<(&'static str, BoxedStrategy<Option<Value>>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    (values, prop::bool::weighted(0.05))
        .prop_map(move |(values, has_unknown)| {
            let members = names.iter().zip(values);
            let mut object: serde_json::Map<_, _> =
                members.filter_map(|(name, value)| value.map(|value| ((*name).to_owned(), value))).collect();
            if has_unknown {
                object.insert("unknown".to_owned(), Value::Null);
            }
            object.into()
        })
        .boxed()
}

fn document() -> BoxedStrategy<Value> {
    let token = object(vec![
        ("client_id", text().prop_map(Some).boxed()),
        ("subject", member(text())),
        ("scopes", member(texts())),
        ("expires_at", member(seconds())),
        ("resource_indicator", member(text())),
        ("claims", member(an_object())),
        ("raw", member(text())),
    ]);
    let component = object(vec![
        ("kind", text().prop_map(Some).boxed()),
        ("name", member(text())),
        ("uri", member(text())),
        ("version", member(text())),
        ("tags", member(texts())),
        ("detail", member(an_object())),
    ]);
    object(vec![
        ("token", member(token)),
        ("component", component.prop_map(Some).boxed()),
        ("action", member(text())),
        ("now", member(seconds())),
        ("arguments", member(anything())),
        ("attributes", member(an_object())),
    ])
}

#[test]
fn the_schema_accepts_exactly_the_documents_that_the_reader_accepts() {
    let schema = schema();
    let config = Config { cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(7), ..Config::default() };
    let (mut good, mut bad) = (0, 0);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let counts = std::cell::RefCell::new((&mut good, &mut bad));
    runner
        .run(&document(), |document| {
            let (good, bad) = &mut *counts.borrow_mut();
            **(if accepted(&schema, &document) { good } else { bad }) += 1;
            Ok(())
        })
        .unwrap();
    // Without both kinds, the test proves nothing.
    assert!(good > 200 && bad > 200, "{good} good, {bad} bad");
}

#[test]
fn the_schema_has_the_bounds_of_a_time() {
    let schema = schema();
    let at = |now: &str| {
        let text = format!(r#"{{"component": {{"kind": "tool", "name": "t"}}, "now": {now}}}"#);
        accepted(&schema, &serde_json::from_str(&text).unwrap())
    };
    assert!(at("9223372036854775807"));
    assert!(at("-9223372036854775808"));
    assert!(!at("9223372036854775808"));
    assert!(!at("18446744073709551615"));
    assert!(!at("1.5"));
}

#[test]
fn a_time_with_a_fraction_of_zero_is_the_only_document_that_only_the_schema_accepts() {
    // In JSON Schema, 1.0 is an integer (2020-12, 6.1.1). The reader rejects it.
    let document = json!({ "component": { "kind": "tool", "name": "t" }, "now": 1.0 });
    assert!(schema().is_valid(&document));
    assert!(AuthContext::from_slice(document.to_string().as_bytes()).is_err());
}

#[test]
fn the_schema_describes_every_member() {
    let schema = AuthContext::json_schema();
    for pointer in ["/properties", "/$defs/AccessToken/properties", "/$defs/Component/properties"] {
        for (name, member) in schema.pointer(pointer).unwrap().as_object().unwrap() {
            assert!(member["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {member}");
        }
    }
}
