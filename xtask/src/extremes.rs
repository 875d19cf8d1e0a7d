//! Large, unusual and empty requests for the hostile checks of tests/guests/.

use serde_json::{Value, json};

/// A file of cases for `guardhouse test`.
pub(crate) fn cases() -> Value {
    let scopes: Vec<String> = (0..10_000).map(|index| format!("s{index}")).collect();
    let one_missing = scopes.get(1..).unwrap_or_default();
    json!({ "cases": [
        case("ten thousand scopes are read", "allow", "scopes", token(&scopes)),
        case("a missing scope among ten thousand is noticed", "denied", "scopes", token(one_missing)),
        case("a claim of a megabyte is read", "allow", "claims", claim(1_000_000)),
        case("a missing character in a megabyte is noticed", "denied", "claims", claim(999_999)),
        echo("text is not limited to ASCII", "日本語|file:///ü/{x}|né,Ω,🙂|{\"ключ\":\"né 🙂\"}", json!({
            "token": { "client_id": "日本語" },
            "arguments": { "ключ": "né 🙂" },
        }), json!({ "uri": "file:///ü/{x}", "tags": ["né", "Ω", "🙂"] })),
        echo("empty text is read as empty", "|||{}", json!({
            "token": { "client_id": "", "scopes": [], "claims": {} },
            "arguments": {},
            "attributes": {},
        }), json!({ "uri": "", "tags": [] })),
        echo("optional fields may be absent", "c|-||-", json!({ "token": { "client_id": "c" } }), json!({})),
    ] })
}

fn token(scopes: &[String]) -> Value {
    json!({ "token": { "client_id": "c", "scopes": scopes } })
}

fn claim(length: usize) -> Value {
    json!({ "token": { "client_id": "c", "claims": { "blob": "x".repeat(length) } } })
}

/// A case for the hostile check, in which the name of the component selects what it tries.
fn case(name: &str, outcome: &str, behavior: &str, context: Value) -> Value {
    let component = json!({ "kind": "tool", "name": behavior });
    json!({ "name": name, "outcome": outcome, "context": merged(json!({ "component": component }), context) })
}

/// A case in which the check denies with a message that contains the request as it read it.
fn echo(name: &str, message: &str, context: Value, component: Value) -> Value {
    let component = merged(json!({ "kind": "tool", "name": "echo" }), component);
    let context = merged(json!({ "component": component }), context);
    json!({ "name": name, "outcome": "denied-with-message", "message": message, "context": context })
}

/// An object with the members of two.
fn merged(first: Value, second: Value) -> Value {
    let members = [first, second].into_iter().filter_map(|object| match object {
        Value::Object(members) => Some(members),
        _ => None,
    });
    members.flatten().collect::<serde_json::Map<_, _>>().into()
}
