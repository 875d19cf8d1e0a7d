//! The door of Envoy: the outcomes of calls, over gRPC.

use std::collections::BTreeMap;
use std::path::Path;

use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::listener::{Door, DoorSet};
use guardhouse_server::policy::Policy;
use guardhouse_tests::guest::assemble;
use prost::Message as _;
use serde_json::json;

use crate::harness::check_request::{Attributes, CheckRequest, Http, Request};
use crate::harness::grpc::{CHECK, Grpc, message, runtime};
use crate::harness::issuer::Issuer;
use crate::harness::{Daemon, Guest, decided_by, eventually, fixture, policy};

const POLICY: &str = r#"
version = 1
[checks.allow]
plugin = "allow.wasm"
[checks.deny]
plugin = "deny.wasm"
[checks.message]
plugin = "message.wasm"
[checks.trap]
plugin = "trap.wasm"
[checks.loop]
plugin = "loop.wasm"
limits = { cpu-time = "10min", deadline = "50ms" }
[checks.payer]
plugin = "builtin:require-scopes"
settings = { scopes = ["pay"] }

[[rules]]
when = { name = "/allow" }
check = "allow"
[[rules]]
when = { name = "/deny" }
check = "deny"
[[rules]]
when = { name = "/message" }
check = "message"
[[rules]]
when = { name = "/trap" }
check = "trap"
[[rules]]
when = { name = "/loop" }
check = "loop"
[[rules]]
when = { name = "/pay" }
check = "payer"
"#;

fn acme() -> Policy {
    let plugin = |name: &str| assemble(&fixture(name)).unwrap();
    let text = Guest::with("message", &[("message", "\"not today\""), ("length", "9")]).bytes().to_vec();
    let files = [
        ("allow.wasm", plugin("allow")),
        ("deny.wasm", plugin("deny")),
        ("message.wasm", text),
        ("trap.wasm", plugin("unreachable")),
        ("loop.wasm", plugin("loop")),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    policy(POLICY, &files)
}

/// The parts of a `CheckResponse` that decide what Envoy does.
#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Code>,
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, optional, tag = "3")]
    ok: Option<Allowed>,
    #[prost(message, optional, tag = "5")]
    error: Option<Denied>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Code {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<Code>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Allowed {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
    #[prost(string, repeated, tag = "5")]
    headers_to_remove: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HeaderOption {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
    #[prost(int32, tag = "3")]
    append_action: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Header {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// What Envoy does with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    code: i32,
    status: i32,
    headers: BTreeMap<String, String>,
    removed: Vec<String>,
    body: String,
}

fn daemon(settings: &str, policies: Vec<(&str, Policy)>) -> Daemon {
    let text = format!("version = 1\n{settings}\n[tenants.default]\ndeadline = \"60s\"\n");
    let read = ServerConfig::read(text.as_bytes(), Path::new("/")).unwrap();
    let allowances = read.tenants.allowances();
    let daemon = Daemon::start_with(policies, |config| {
        config.listeners[0].doors = DoorSet::default().with(Door::ExtAuthz);
        config.issuers = read.issuers;
        config.tenants = read.tenants;
        config.credentials = read.credentials;
    });
    daemon.tenants.set_allowances(allowances);
    daemon
}

fn call(tenant: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| text.to_owned();
    let http = Http {
        method: text("GET"),
        headers: headers.iter().map(|(name, value)| (text(name), text(value))).collect(),
        path: text(path),
        host: text("shop.example"),
        scheme: text("https"),
    };
    let request = Some(Request { http: Some(http) });
    let context_extensions = [(text("tenant"), text(tenant))].into();
    message(&CheckRequest { attributes: Some(Attributes { request, context_extensions }) }.encode_to_vec())
}

/// The answer to a call, which has no error, and is either a denial or an allow.
async fn told(client: &Grpc, metadata: &[(&str, &str)], body: Vec<u8>) -> Told {
    let called = client.call(CHECK, metadata, body).await;
    assert_eq!((called.status, called.code.as_deref(), called.messages.len()), (200, Some("0"), 1), "{called:?}");
    let CheckResponse { status, denied, ok, error } = CheckResponse::decode(&*called.messages[0]).unwrap();
    let code = status.unwrap().code;
    assert_eq!((denied.is_some(), ok.is_some(), error), (code != 0, code == 0, None));
    let of = |headers: Vec<HeaderOption>| {
        let header = |option: HeaderOption| {
            assert_eq!(option.append_action, 2);
            option.header.map(|header| (header.key, header.value)).unwrap()
        };
        headers.into_iter().map(header).collect()
    };
    match (denied, ok) {
        (Some(denied), _) => Told {
            code,
            status: denied.status.unwrap().code,
            headers: of(denied.headers),
            removed: Vec::new(),
            body: denied.body,
        },
        (None, ok) => {
            let ok = ok.unwrap();
            Told { code, status: 200, headers: of(ok.headers), removed: ok.headers_to_remove, body: String::new() }
        }
    }
}

#[test]
fn every_outcome_is_a_message_that_envoy_understands() {
    let issuer = Issuer::new();
    let settings = format!(
        "{}\n[tenants.acme]\nissuers = [\"id\"]\ndeadline = \"60s\"\n\
         [tenants.acme.identity-headers]\nx-user = \"subject\"\nx-mail = \"/email\"\n\
         [tenants.poor]\nbudget = {{ cpu-time-per-second = \"0s\" }}\n",
        issuer.section()
    );
    let daemon = daemon(&settings, vec![("acme", acme()), ("poor", acme())]);
    let alice = issuer.bearer(&json!({ "sub": "alice", "client_id": "web" }));
    let expired = issuer.bearer(&json!({ "sub": "alice", "client_id": "web", "exp": 0 }));
    let scope = "Bearer error=\"insufficient_scope\", scope=\"pay\"";
    // The tenant, the path, the token, the code, the status, the body, and the challenge.
    let cases = [
        ("acme", "/allow", Some(&alice), 0, 200, "", None),
        ("acme", "/allow", None, 0, 200, "", None),
        ("acme", "/deny", Some(&alice), 7, 403, "", None),
        ("acme", "/message", Some(&alice), 7, 403, "not today", None),
        ("acme", "/trap", Some(&alice), 7, 403, "", None),
        ("acme", "/loop", Some(&alice), 7, 403, "", None),
        ("acme", "/none", Some(&alice), 7, 403, "", None),
        ("acme", "/allow/", Some(&alice), 7, 403, "", None),
        ("acme", "/x/../allow", Some(&alice), 7, 403, "", None),
        ("acme", "/pay", Some(&alice), 7, 403, "", Some(scope)),
        ("acme", "/deny", None, 16, 401, "", Some("Bearer")),
        ("acme", "/allow", Some(&expired), 16, 401, "", Some("Bearer error=\"invalid_token\"")),
        ("poor", "/allow", None, 7, 429, "", None),
        ("unknown", "/allow", Some(&alice), 7, 403, "", None),
    ];
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for (tenant, path, token, code, status, body, challenge) in cases {
            let mut headers = vec![("x-user", "root"), ("x-mail", "root@shop.example"), ("x-tenant", "poor")];
            headers.extend(token.map(|token| ("authorization", &**token)));
            let told = told(&client, &[], call(tenant, path, &headers)).await;
            let what = format!("{tenant} {path} {told:?}");
            assert_eq!((told.code, told.status, &*told.body), (code, status, body), "{what}");
            let header = |name: &str| told.headers.get(name).map(String::as_str);
            assert_eq!(header("www-authenticate"), challenge, "{what}");
            assert_eq!(header("guardhouse-decision-id").is_some(), code != 0, "{what}");
            let has_user = code == 0 && token.is_some();
            assert_eq!(header("x-user"), has_user.then_some("alice"), "{what}");
            let removed: &[&str] = match (code, has_user) {
                (0, true) => &["x-mail"],
                (0, false) => &["x-user", "x-mail"],
                _ => &[],
            };
            assert_eq!(told.removed, removed, "{what}");
        }
    });
}

#[test]
fn a_full_queue_is_a_silent_denial() {
    let text = "version = 1\n[checks.loop]\nplugin = \"loop.wasm\"\nlimits = { cpu-time = \"1h\", deadline = \"1h\" }\n\
                [[rules]]\nwhen = {}\ncheck = \"loop\"\n";
    let endless = policy(text, &[("loop.wasm", &assemble(&fixture("loop")).unwrap())]);
    let daemon = daemon("[tenants.full]\nbudget = { instances = 1, queue = 0 }\n", vec![("full", endless)]);
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        let (_answer, mut stream) = client.begin(CHECK, &[]).await;
        stream.send_data(call("full", "/", &[]).into(), true).unwrap();
        let host = daemon.tenants.host().clone();
        tokio::task::spawn_blocking(move || {
            eventually("the only place is taken", || host.tenant("full").usage().instances == 1);
        })
        .await
        .unwrap();
        let told = told(&client, &[], call("full", "/", &[])).await;
        assert_eq!((told.code, told.status, &*told.body), (7, 403, ""));
        assert!(told.headers.contains_key("guardhouse-decision-id"));
    });
}

#[test]
fn a_call_is_of_a_tenant_of_its_credential() {
    let folder = tempfile::tempdir().unwrap();
    let token = "envoy-token-0123456789";
    std::fs::write(folder.path().join("token"), token).unwrap();
    let settings = format!(
        "[[credentials]]\nname = \"envoy\"\ntoken-file = \"{}/token\"\ntenants = [\"acme\"]\ndoors = [\"ext-authz\"]\n",
        folder.path().display()
    );
    let allow = || decided_by(&assemble(&fixture("allow")).unwrap());
    let daemon = daemon(&settings, vec![("acme", allow()), ("other", allow())]);
    let bearer = format!("Bearer {token}");
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for (tenant, metadata, code) in [
            ("acme", &[("authorization", &*bearer)][..], 0),
            ("other", &[("authorization", &*bearer)], 7),
            ("unknown", &[("authorization", &*bearer)], 7),
            ("acme", &[], 7),
            ("acme", &[("guardhouse-credential", token)], 7),
        ] {
            // What the end user sends is no credential of the proxy.
            let end_user = [("authorization", &*bearer), ("guardhouse-credential", token)];
            let told = told(&client, metadata, call(tenant, "/", &end_user)).await;
            assert_eq!(told.code, code, "{tenant} {metadata:?}");
        }
    });
}
