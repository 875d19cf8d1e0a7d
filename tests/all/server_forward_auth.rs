//! The door of proxies that ask with a request of their own: nginx, Caddy, Traefik, and Envoy over HTTP.

use std::path::Path;

use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::listener::{Door, DoorSet};
use guardhouse_server::policy::Policy;
use guardhouse_tests::guest::assemble;
use serde_json::json;

use crate::harness::issuer::Issuer;
use crate::harness::{Daemon, Guest, Reply, eventually, fixture, policy, reads};

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
[checks.attributes]
plugin = "attributes.wasm"
[checks.member]
plugin = "builtin:require-auth"
[checks.payer]
plugin = "builtin:require-scopes"
settings = { scopes = ["pay", "approve"] }

[[rules]]
when = { kind = "route", name = "/allow", uri = ["https://shop.example/*"] }
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
when = { name = "/attributes" }
check = "attributes"
[[rules]]
when = { name = "/member" }
check = "member"
[[rules]]
when = { name = "/pay" }
check = "payer"
[[rules]]
when = { name = "/monitored" }
check = "deny"
mode = "monitor"
"#;

/// The dialects by their routes.
const DIALECTS: [&str; 4] = ["nginx", "caddy", "traefik", "envoy"];

/// What a proxy is asked for.
const SECRET: &str = "proxy-token-0123456789";

fn acme() -> Policy {
    let plugin = |name: &str| assemble(&fixture(name)).unwrap();
    let files = [
        ("allow.wasm", plugin("allow")),
        ("deny.wasm", plugin("deny")),
        ("message.wasm", Guest::with("message", &[("message", "\"not today\""), ("length", "9")]).bytes().to_vec()),
        ("trap.wasm", plugin("unreachable")),
        ("loop.wasm", plugin("loop")),
        ("attributes.wasm", reads("attribute", "", 1).bytes().to_vec()),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    policy(POLICY, &files)
}

/// A server with the door, and with more settings.
fn daemon(settings: &str) -> Daemon {
    let text = format!("version = 1\n{settings}\n[tenants.default]\ndeadline = \"60s\"\n");
    let read = ServerConfig::read(text.as_bytes(), Path::new("/")).unwrap();
    let allowances = read.tenants.allowances();
    let daemon = Daemon::start_with(vec![("acme", acme()), ("poor", acme())], |config| {
        config.listeners[0].doors = DoorSet::default().with(Door::ForwardAuth);
        config.issuers = read.issuers;
        config.tenants = read.tenants;
        config.credentials = read.credentials;
    });
    daemon.tenants.set_allowances(allowances);
    daemon
}

/// The path and the headers of a request about `GET https://shop.example` and a path.
fn question(dialect: &str, tenant: &str, path: &str) -> (String, Vec<(&'static str, String)>) {
    let route = format!("/v1/tenants/{tenant}/forward-auth/{dialect}");
    let named = |names: [&'static str; 4]| {
        let values = ["GET", "https", "shop.example", path];
        names.into_iter().zip(values.map(str::to_owned)).collect::<Vec<_>>()
    };
    match dialect {
        "nginx" => (route, named(["X-Original-Method", "X-Original-Scheme", "X-Original-Host", "X-Original-URI"])),
        "envoy" => (format!("{route}{path}"), vec![("X-Forwarded-Proto", "https".to_owned())]),
        _ => (route, named(["X-Forwarded-Method", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Uri"])),
    }
}

/// The answer about a path, with more headers.
fn ask(daemon: &Daemon, dialect: &str, tenant: &str, path: &str, more: &[(&'static str, &str)]) -> Reply {
    let (route, mut headers) = question(dialect, tenant, path);
    if dialect == "envoy" {
        headers.push(("Host", "shop.example".to_owned()));
    }
    headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    send(daemon, "GET", &route, &headers)
}

fn send(daemon: &Daemon, method: &str, route: &str, headers: &[(&str, String)]) -> Reply {
    let mut text = format!("{method} {route} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text += "Host: pdp.example\r\n";
    }
    headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
    let mut client = daemon.connect();
    client.send(text + "\r\n");
    let reply = client.reply();
    assert!(reply.status < 500, "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
    reply
}

/// The decisions that the metrics count with a cause.
fn count(daemon: &Daemon, metric: &str) -> u64 {
    let mut client = crate::harness::Client::connect(daemon.operator);
    client.request("GET", "/metrics", &[], "");
    let reply = client.reply();
    let line = reply.text().lines().find_map(|line| line.strip_prefix(metric).map(str::to_owned));
    line.map_or(0, |number| number.trim().parse().unwrap())
}

fn denials(daemon: &Daemon, cause: &str) -> u64 {
    count(daemon, &format!("guardhouse_decisions_total{{door=\"forward-auth\",decision=\"deny\",cause=\"{cause}\"}}"))
}

#[test]
fn every_outcome_has_its_answer_in_every_dialect() {
    let issuer = Issuer::new();
    let settings = format!(
        "{}\n[tenants.acme]\nissuers = [\"id\"]\nresource-metadata = \"https://shop.example/metadata\"\n\
         deadline = \"60s\"\n[tenants.acme.identity-headers]\nx-user = \"subject\"\nx-roles = \"/roles\"\n\
         [tenants.poor]\nbudget = {{ cpu-time-per-second = \"0s\" }}\n",
        issuer.section()
    );
    let daemon = daemon(&settings);
    let alice = issuer.bearer(&json!({ "sub": "alice", "client_id": "web", "roles": ["a", "b"] }));
    let expired = issuer.bearer(&json!({ "sub": "alice", "client_id": "web", "exp": 0 }));
    let other = issuer.bearer(&json!({ "sub": "alice", "client_id": "web", "aud": "https://other.example" }));
    let metadata = "resource_metadata=\"https://shop.example/metadata\"";
    let scope = "error=\"insufficient_scope\", scope=\"approve pay\"";
    for dialect in DIALECTS {
        let budget = if dialect == "nginx" { 403 } else { 429 };
        // The tenant, the path, the token, the status, the body, and the challenge.
        let cases = [
            ("acme", "/allow", Some(&alice), 200, "", None),
            ("acme", "/allow?x=1", None, 200, "", None),
            ("acme", "/member", Some(&alice), 200, "", None),
            ("acme", "/monitored", Some(&alice), 200, "", None),
            ("acme", "/deny", Some(&alice), 403, "", None),
            ("acme", "/message", Some(&alice), 403, "not today", None),
            ("acme", "/trap", Some(&alice), 403, "", None),
            ("acme", "/loop", Some(&alice), 403, "", None),
            ("acme", "/none", Some(&alice), 403, "", None),
            ("acme", "/allow/../allow", Some(&alice), 403, "", None),
            ("acme", "//allow", None, 403, "", None),
            ("acme", "/deny", None, 401, "", Some(format!("Bearer {metadata}"))),
            ("acme", "/member", None, 401, "", Some(format!("Bearer {metadata}"))),
            ("acme", "/allow", Some(&expired), 401, "", Some(format!("Bearer error=\"invalid_token\", {metadata}"))),
            ("acme", "/monitored", Some(&other), 401, "", Some(format!("Bearer error=\"invalid_token\", {metadata}"))),
            ("acme", "/pay", Some(&alice), 403, "", Some(format!("Bearer {scope}, {metadata}"))),
            ("acme", "/pay", None, 401, "", Some(format!("Bearer {metadata}"))),
            ("poor", "/allow", Some(&alice), budget, "", None),
            ("unknown", "/allow", Some(&alice), 403, "", None),
            ("%61cme", "/allow", Some(&alice), 403, "", None),
            ("", "/allow", Some(&alice), 403, "", None),
        ];
        for (tenant, path, token, status, body, challenge) in cases {
            let token: Vec<_> = token.map(|token| ("Authorization", &**token)).into_iter().collect();
            let reply = ask(&daemon, dialect, tenant, path, &token);
            let what = format!("{dialect} {tenant} {path} {reply:?}");
            assert_eq!((reply.status, reply.text()), (status, body), "{what}");
            assert_eq!(reply.header("www-authenticate"), challenge.as_deref(), "{what}");
            let id = reply.header("guardhouse-decision-id").unwrap();
            assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{what}");
            let user = (status == 200).then_some(if token.is_empty() { "" } else { "alice" });
            assert_eq!(reply.header("x-user"), user, "{what}");
            assert_eq!(reply.header("x-roles"), user.map(|user| if user.is_empty() { "" } else { "a,b" }), "{what}");
            assert_eq!(reply.header("content-type").is_some(), !body.is_empty(), "{what}");
        }
    }
    for (cause, expected) in [("invalid-token", 8), ("not-normal", 8), ("unknown-tenant", 12), ("no-rule", 4)] {
        assert_eq!(denials(&daemon, cause), expected, "{cause}");
    }
    assert_eq!(count(&daemon, "guardhouse_check_faults_total{cause=\"over-budget\"}"), 4);
    assert_eq!(count(&daemon, "guardhouse_check_faults_total{cause=\"deadline\"}"), 4);
    assert_eq!(count(&daemon, "guardhouse_http_answers_total{door=\"forward-auth\",status=\"5xx\"}"), 0);
}

#[test]
fn a_full_queue_is_a_silent_denial() {
    let text = "version = 1\n[tenants.default]\nbudget = { instances = 1, queue = 0 }\ndeadline = \"60s\"\n";
    let settings = ServerConfig::read(text.as_bytes(), Path::new("/")).unwrap().tenants;
    for dialect in DIALECTS {
        let endless = Daemon::start_with(vec![("full", endless())], |config| {
            config.listeners[0].doors = DoorSet::default().with(Door::ForwardAuth);
            config.tenants = settings.clone();
        });
        endless.tenants.set_allowances(settings.allowances());
        let mut first = endless.connect();
        let (route, headers) = question(dialect, "full", "/a");
        let mut text = format!("GET {route} HTTP/1.1\r\nHost: shop.example\r\n");
        headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        first.send(text + "\r\n");
        let full = "guardhouse_check_faults_total{cause=\"queue-full\"}";
        let usage = || endless.tenants.host().tenant("full").usage();
        eventually("the only place is taken", || usage().instances == 1);
        let reply = ask(&endless, dialect, "full", "/a", &[]);
        assert_eq!((reply.status, reply.text()), (403, ""), "{dialect}");
        assert!(reply.header("guardhouse-decision-id").is_some());
        assert_eq!(count(&endless, full), 1, "{dialect}");
    }
}

/// A policy whose check never answers.
fn endless() -> Policy {
    let text = "version = 1\n[checks.loop]\nplugin = \"loop.wasm\"\nlimits = { cpu-time = \"1h\", deadline = \"1h\" }\n\
                [[rules]]\nwhen = {}\ncheck = \"loop\"\n";
    policy(text, &[("loop.wasm", &assemble(&fixture("loop")).unwrap())])
}

#[test]
fn only_the_headers_of_the_dialect_describe_the_request() {
    let daemon = daemon("[tenants.acme.identity-headers]\nx-user = \"subject\"\n");
    let forged = [
        ("X-Original-URI", "/allow"),
        ("X-Original-Method", "GET"),
        ("X-Original-Host", "shop.example"),
        ("X-Original-Scheme", "https"),
        ("X-Forwarded-Uri", "/allow"),
        ("X-Forwarded-Method", "GET"),
        ("X-Forwarded-Host", "shop.example"),
        ("X-Forwarded-Path", "/allow"),
        ("X-Rewrite-URL", "/allow"),
        ("X-Envoy-Original-Path", "/allow"),
        ("X-User", "root"),
        ("X-Tenant", "poor"),
        ("Guardhouse-Tenant", "poor"),
        ("Guardhouse-Deadline-Ms", "0"),
        ("X-Request-ID", "\u{7f}"),
        ("traceparent", "x"),
    ];
    for dialect in DIALECTS {
        let (_, own) = question(dialect, "acme", "/deny");
        let is_own = |name: &str| own.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let forged: Vec<_> = forged.into_iter().filter(|(name, _)| !is_own(name) && *name != "X-Request-ID").collect();
        let denied = ask(&daemon, dialect, "acme", "/deny", &forged);
        assert_eq!((denied.status, denied.header("x-user")), (403, None), "{dialect}");
        let allowed = ask(&daemon, dialect, "acme", "/allow", &forged);
        assert_eq!((allowed.status, allowed.header("x-user")), (200, Some("")), "{dialect}");
        // Without what the dialect needs, the others do not stand in.
        let route = format!("/v1/tenants/acme/forward-auth/{dialect}");
        let all: Vec<_> = forged.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        assert_eq!(send(&daemon, "GET", &route, &all).status, 403, "{dialect}");
        // A header that is there twice may be read in two ways.
        for (name, value) in &own {
            let reply = ask(&daemon, dialect, "acme", "/allow", &[(name, value)]);
            assert_eq!(reply.status, 403, "{dialect} {name}");
            assert!(reply.header("guardhouse-decision-id").is_some());
        }
    }
    assert_eq!(denials(&daemon, "invalid-request"), 3 + 13);
}

#[test]
fn every_method_is_answered_and_a_body_changes_nothing() {
    let daemon = daemon("");
    for dialect in DIALECTS {
        let (route, mut headers) = question(dialect, "acme", "/allow");
        headers.push(("Host", "shop.example".to_owned()));
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PURGE"] {
            assert_eq!(send(&daemon, method, &route, &headers).status, 200, "{dialect} {method}");
        }
        let mut text = format!("POST {route} HTTP/1.1\r\nContent-Length: 100000\r\n");
        headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        let mut client = daemon.connect();
        client.send(text + "\r\n" + &"x".repeat(100_000));
        let reply = client.reply();
        assert_eq!((reply.status, reply.header("connection")), (200, Some("close")), "{dialect}");
    }
}

#[test]
fn a_check_sees_the_request_and_not_the_question() {
    let daemon = daemon("[tenants.acme]\nheaders = [\"accept\", \"x-bad\"]\ndeadline = \"60s\"\n");
    for dialect in DIALECTS {
        let more = [
            ("Accept", "text/html"),
            ("Accept", "text/plain"),
            ("Cookie", "secret"),
            ("X-Original-Address", "192.0.2.1"),
            ("X-Forwarded-For", "198.51.100.9, 2001:db8::7"),
        ];
        let reply = ask(&daemon, dialect, "acme", "/%61ttributes?a=%2f?b", &more);
        assert_eq!(reply.status, 403, "{reply:?}");
        let peer = match dialect {
            "nginx" => json!({ "address": "192.0.2.1" }),
            "envoy" => json!({}),
            _ => json!({ "address": "2001:db8::7" }),
        };
        let http = json!({
            "method": "GET", "scheme": "https", "host": "shop.example", "path": "/%61ttributes", "query": "a=%2f?b",
            "headers": { "accept": "text/html,text/plain" },
        });
        assert_eq!(reply.json(), json!({ "http": http, "peer": peer }), "{dialect}");
    }
}

#[test]
fn a_proxy_needs_a_credential_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), SECRET).unwrap();
    let daemon = daemon(&format!(
        "[[credentials]]\nname = \"proxy\"\ntoken-file = \"{}/token\"\ntenants = [\"acme\"]\ndoors = [\"forward-auth\"]\n",
        folder.path().display()
    ));
    let bearer = format!("Bearer {SECRET}");
    for dialect in DIALECTS {
        let status = |tenant: &str, headers: &[(&'static str, &str)]| {
            let reply = ask(&daemon, dialect, tenant, "/allow", headers);
            assert_eq!((reply.text(), reply.header("www-authenticate")), ("", None));
            reply.status
        };
        assert_eq!(status("acme", &[("Guardhouse-Credential", SECRET)]), 200, "{dialect}");
        for headers in [
            &[][..],
            &[("Authorization", &*bearer)],
            &[("Guardhouse-Credential", "x")],
            &[("Guardhouse-Credential", SECRET), ("Guardhouse-Credential", SECRET)],
        ] {
            assert_eq!(status("acme", headers), 403, "{dialect} {headers:?}");
        }
        assert_eq!(status("poor", &[("Guardhouse-Credential", SECRET)]), 403, "{dialect}");
    }
}
