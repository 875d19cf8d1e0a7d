//! `guardhouse context`: requests as people have them become contexts and cases.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Run, file, folder, guardhouse, guardhouse_reading, in_folder};

const CALL: &str = r#"{"jsonrpc": "2.0", "id": 7, "method": "tools/call",
    "params": {"name": "transfer", "arguments": {"amount": 250}, "_meta": {"progressToken": 1}}}"#;

const QUESTION: &str = r#"{"attributes": {"request": {"http": {"method": "GET", "host": "Shop.example", "scheme": "https",
    "path": "/orders/%37?a=b", "headers": {"accept": "text/html", "authorization": "Bearer TOKEN"}}},
    "contextExtensions": {"tenant": "shop", "policy": "orders"}, "new_field": 1}}"#;

/// The claims `{"azp":"web","sub":"alice","scope":"pay sign","exp":4102444800}`.
const JWT: &str = "eyJhbGciOiJub25lIn0.\
    eyJhenAiOiJ3ZWIiLCJzdWIiOiJhbGljZSIsInNjb3BlIjoicGF5IHNpZ24iLCJleHAiOjQxMDI0NDQ4MDB9.c2VjcmV0";

const NOT_VERIFIED: &str = "note: the token was not verified";

/// The context that the command prints, which `check` must be able to read.
#[track_caller]
fn context(run: &Run) -> Value {
    assert_eq!(run.exit, 0, "{run:?}");
    let decided =
        guardhouse_reading(run.stdout.as_bytes(), &["check", "--plugin", "builtin:require-auth", "--context", "@-"]);
    let context: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(decided.exit, if context["token"].is_object() { 0 } else { 2 }, "{decided:?}");
    context
}

#[test]
fn a_message_of_mcp_and_a_token_become_a_context_that_check_takes() {
    let token = file("context-token.txt", format!("Bearer {JWT}\n").as_bytes());
    let run = guardhouse_reading(
        CALL.as_bytes(),
        &["context", "from-mcp", "--token-file", &token, "--now", "7", "--component", r#"{"tags": ["payments"]}"#],
    );
    assert!(run.stderr.starts_with(NOT_VERIFIED) && run.stderr.contains("for tests only"), "{run:?}");
    assert!(!run.stdout.contains(JWT) && !run.stderr.contains(JWT), "{run:?}");
    let expected = json!({
        "token": {
            "client_id": "web", "subject": "alice", "scopes": ["pay", "sign"], "expires_at": 4_102_444_800_u64,
            "claims": { "azp": "web", "sub": "alice", "scope": "pay sign", "exp": 4_102_444_800_u64 },
        },
        "component": { "kind": "tool", "name": "transfer", "tags": ["payments"] },
        "action": "tools/call",
        "now": 7,
        "arguments": { "amount": 250 },
        "attributes": { "mcp": { "meta": { "progressToken": 1 } } },
    });
    assert_eq!(context(&run), expected);
}

#[test]
fn the_secret_of_a_token_is_printed_only_on_request() {
    let run = |options: &[&str]| guardhouse_reading(JWT.as_bytes(), &[&["context", "from-jwt"], options].concat());
    let plain = run(&[]);
    assert_eq!(context(&plain)["component"], json!({ "kind": "tool", "name": "example" }));
    assert!(!plain.stdout.contains(JWT) && plain.stderr.contains("the component is an example"), "{plain:?}");
    let asked = run(&["--raw-token", "--component", r#"{"kind": "prompt", "name": "greet"}"#]);
    assert_eq!(context(&asked)["token"]["raw"], JWT);
    assert_eq!(context(&asked)["component"]["kind"], "prompt");
}

#[test]
fn a_question_of_envoy_becomes_the_context_of_a_server() {
    let question = file("context-question.json", QUESTION.replace("TOKEN", JWT).as_bytes());
    let run = guardhouse(&["context", "from-envoy", &question, "--header", "accept"]);
    let found = context(&run);
    assert_eq!(found["component"]["uri"], "https://shop.example/orders/7");
    assert_eq!(found["attributes"]["http"]["headers"], json!({ "accept": "text/html" }));
    assert_eq!(found["attributes"]["context"], json!({ "policy": "orders" }));
    assert_eq!(found["token"]["client_id"], "web");
    assert!(run.stderr.contains(NOT_VERIFIED) && run.stderr.contains("`attributes.new_field`"), "{run:?}");
    let run = guardhouse(&["context", "from-envoy", &question, "--no-token"]);
    assert_eq!(context(&run).get("token"), None);
    assert_eq!(context(&run)["attributes"]["http"].get("headers"), Some(&json!({})));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let wrong = file("context-wrong.json", br#"{"method": "tools/call", "params": {}}"#);
    let large = file("context-large.json", &vec![b' '; (1 << 20) + 1]);
    let runs: [(&[&str], &str); 9] = [
        (&["from-mcp", &wrong], "context-wrong.json`: `params.name` is not a string"),
        (&["from-mcp", &large], "context-large.json`: over the cap of 1048576 bytes"),
        (&["from-mcp", "no-such.json"], "cannot read `no-such.json`"),
        (&["from-envoy", &wrong], "the call has no attributes"),
        (&["from-jwt", &wrong], "cannot read the token: the token is not a JWT"),
        (&["from-mcp", &wrong, "--case", "a", "--outcome", "denied-with-message"], "needs `--message`"),
        (&["from-mcp", &wrong, "--case", "a", "--message", "no"], "needs `--outcome denied-with-message`"),
        (&["from-mcp", &wrong, "--case", ""], "the name of the case is empty"),
        (&["from-mcp"], "cannot read standard input"),
    ];
    for (arguments, error) in runs {
        guardhouse(&[&["context"], arguments].concat()).assert_failed(error);
    }
    let list = br#"{"method": "tools/list"}"#;
    guardhouse_reading(list, &["context", "from-mcp"]).assert_failed("does not say the name of the component");
    let named = guardhouse_reading(list, &["context", "from-mcp", "--component", r#"{"name": "search"}"#]);
    assert_eq!(context(&named)["component"], json!({ "kind": "tool", "name": "search" }));
    let bad = guardhouse_reading(list, &["context", "from-mcp", "--component", r#"{"nme": "search"}"#]);
    bad.assert_failed("unknown field `nme`");
}

#[test]
fn a_case_is_printed_or_added_to_a_file_and_passes() {
    let folder = folder();
    let path = folder.path().join("cases.json");
    let text = r#"{
  "cases": [
    {"name": "first", "context": {"component": {"kind": "tool", "name": "a"}}, "outcome": "denied"}
  ]
}
"#;
    fs::write(&path, text).unwrap();
    fs::write(folder.path().join("call.json"), CALL).unwrap();
    let arguments = ["context", "from-mcp", "call.json", "--now", "0", "--case"];
    let printed = in_folder(folder.path(), &[&arguments[..], &["second \u{1b}"]].concat());
    let case: Value = serde_json::from_str(&printed.stdout).unwrap();
    assert_eq!((&case["name"], &case["outcome"]), (&json!("second \u{1b}"), &json!("denied")), "{printed:?}");
    assert!(!printed.stdout.contains('\u{1b}'));
    let add = [&arguments[..], &["second", "--append", "cases.json"]].concat();
    let added = in_folder(folder.path(), &add);
    assert_eq!((added.exit, added.stdout.as_str()), (0, "added the case `second` to `cases.json`\n"), "{added:?}");
    let found = fs::read_to_string(&path).unwrap();
    assert!(found.starts_with(text.trim_end().trim_end_matches('}').trim_end().trim_end_matches(']').trim_end()));
    assert!(found.ends_with("\n      \"outcome\": \"denied\"\n    }\n  ]\n}\n"), "{found}");
    let tested =
        in_folder(folder.path(), &["test", "builtin:require-auth", "--cases", "cases.json", "--deadline", "60s"]);
    assert_eq!(tested.exit, 0, "{tested:?}");

    in_folder(folder.path(), &add).assert_failed("a case with the name `second` is there already");
    fs::write(folder.path().join("other.json"), "{}").unwrap();
    for file in ["other.json", "no-such.json"] {
        let run = in_folder(folder.path(), &[&arguments[..], &["third", "--append", file]].concat());
        run.assert_failed(&format!("cannot read the cases in `{file}`"));
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), found);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no draft is left");
}
