//! Tests of calls, as they arrive over HTTP/2.

use std::time::{Duration, Instant};

use bytes::Bytes;
use guardhouse::{AuthContext, Document, Host, HostLimits};
use guardhouse_tests::guest::assemble;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::wire::{
    Address, AttributeContext, CheckRequest, CheckResponse, HeaderMap, HeaderValue, HttpRequest, HttpResponse, Kind,
    Metadata, Peer, SocketAddress, Struct, Value,
};
use super::{memory, request, wire};
use crate::config::ServerConfig;
use crate::config::credentials::Credentials;
use crate::config::listener::{Door, DoorSet};
use crate::decided::DenialCause;
use crate::door::exchange::Incoming;
use crate::door::proxy::{self, Outcome};
use crate::door::{Doors, Listener};
use crate::observe::Observers;
use crate::policy::Policy;
use crate::policy::folder::Folder;
use crate::snapshot::Snapshot;
use crate::tenant_name::TenantName;
use crate::tenants::Tenants;

const POLICY: &str = r#"
version = 1
[checks.allow]
plugin = "allow.wasm"
[checks.trap]
plugin = "trap.wasm"
[checks.loop]
plugin = "loop.wasm"
limits = { cpu-time = "10min", deadline = "20ms" }
[checks.members]
plugin = "builtin:require-auth"

[[rules]]
when = { name = "/allow", uri = "https://shop.example/*" }
check = "allow"
[[rules]]
when = { name = "/trap" }
check = "trap"
[[rules]]
when = { name = "/loop" }
check = "loop"
[[rules]]
when = { name = "/members" }
check = "members"
"#;

struct World {
    doors: Doors,
    listener: Listener,
    runtime: Runtime,
}

/// What Envoy does with an answer.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    code: i32,
    status: i32,
    headers: Vec<(String, String)>,
    removed: Vec<String>,
    id: Option<String>,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let host = Host::builder().limits(HostLimits { instances: 4, ..HostLimits::default() }).build().unwrap();
        let tenants = Tenants::new(host.clone());
        let mut config = ServerConfig::read(
            b"version = 1\n[tenants.default]\ndeadline = \"60s\"\n[tenants.default.identity-headers]\nx-user = \"subject\"\n\
              [tenants.poor]\nbudget = { cpu-time-per-second = \"0s\" }\n",
            std::path::Path::new("/"),
        )
        .unwrap();
        for name in ["acme", "poor"] {
            let plugin = |text: &str| Bytes::from(assemble(text).unwrap());
            let files = [
                (Folder::POLICY.to_owned(), Bytes::from_static(POLICY.as_bytes())),
                ("allow.wasm".to_owned(), plugin(include_str!("../../../../tests/fixtures/allow.wat"))),
                ("trap.wasm".to_owned(), plugin(include_str!("../../../../tests/fixtures/unreachable.wat"))),
                ("loop.wasm".to_owned(), plugin(include_str!("../../../../tests/fixtures/loop.wat"))),
            ];
            let policy = Policy::read(&Folder::new(files.into())).unwrap().0;
            let name: TenantName = name.parse().unwrap();
            let snapshot = runtime.block_on(Snapshot::load(&host, &name, 1, policy)).unwrap();
            tenants.activate(&name, snapshot);
        }
        tenants.set_allowances(config.tenants.allowances());
        config.connections.body_time = Duration::from_secs(60);
        let doors = Doors::new(tenants, Observers::default(), &config, Credentials::default());
        let doors_of_listener = DoorSet::default().with(Door::ExtAuthz);
        let listener = Listener { doors: doors_of_listener, anonymous: true, tenant: None };
        Self { doors, listener, runtime }
    }

    /// The answer to the bytes of a body, which is always one message with the status 0.
    fn answer(&self, body: Vec<u8>) -> Told {
        let request =
            Request::post("/envoy.service.auth.v3.Authorization/Check").body(Full::new(Bytes::from(body))).unwrap();
        let (_sender, closing) = watch::channel(false);
        self.runtime.block_on(async {
            let answer = self.doors.answer_call(&self.listener, request, &(), closing).await;
            assert_eq!(answer.status(), 200);
            let body = answer.into_body().collect().await.unwrap();
            assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
            let bytes = body.to_bytes();
            told(&CheckResponse::decode(&bytes[5..]).unwrap())
        })
    }

    fn check(&self, tenant: &str, path: &str) -> Told {
        self.answer(framed(&call(tenant, path).encode_to_vec()))
    }
}

fn told(response: &CheckResponse) -> Told {
    let value = |option: &wire::HeaderValueOption| {
        assert_eq!(option.append_action, 2, "what the end user sent is overwritten");
        let header = option.header.clone().unwrap();
        (header.key, header.value)
    };
    let metadata = response.dynamic_metadata.as_ref().and_then(|metadata| metadata.fields.get("decision_id"));
    let id = metadata.map(|value| match &value.kind {
        Some(Kind::String(id)) => id.clone(),
        other => panic!("{other:?}"),
    });
    let code = response.status.as_ref().unwrap().code;
    match response.http_response.as_ref().unwrap() {
        HttpResponse::Denied(denied) => Told {
            code,
            status: denied.status.as_ref().unwrap().code,
            headers: denied.headers.iter().map(value).collect(),
            removed: Vec::new(),
            id,
        },
        HttpResponse::Ok(ok) => Told {
            code,
            status: 200,
            headers: ok.headers.iter().map(value).collect(),
            removed: ok.headers_to_remove.clone(),
            id,
        },
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

fn call(tenant: &str, path: &str) -> CheckRequest {
    let http = HttpRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        host: "shop.example".to_owned(),
        scheme: "https".to_owned(),
        ..HttpRequest::default()
    };
    let context_extensions = [("tenant".to_owned(), tenant.to_owned()), ("policy".to_owned(), "p".to_owned())].into();
    let request = Some(wire::Request { http: Some(http) });
    CheckRequest { attributes: Some(AttributeContext { request, context_extensions, ..AttributeContext::default() }) }
}

fn http(call: &mut CheckRequest) -> &mut HttpRequest {
    call.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap()
}

fn context(call: &CheckRequest) -> Result<AuthContext, DenialCause> {
    let request = request::request(call.attributes.as_ref().unwrap());
    let passed = ["accept", "x-bad"].map(hyper::header::HeaderName::from_static);
    request.and_then(|request| request.context(&passed)).map_err(|invalid| invalid.cause)
}

#[test]
fn each_outcome_is_an_answer_that_envoy_understands() {
    let world = World::new();
    let allowed = world.check("acme", "/allow?a=b");
    assert_eq!((allowed.code, allowed.status, &*allowed.removed), (0, 200, &["x-user".to_owned()][..]));
    assert!(allowed.headers.is_empty() && allowed.id.unwrap().len() == 32);
    for (tenant, path, status) in [
        ("acme", "/trap", 403),
        ("acme", "/loop", 403),
        ("acme", "/members", 403),
        ("acme", "/none", 403),
        ("acme", "//allow", 403),
        ("acme", "/allow#", 403),
        ("acme", "", 403),
        ("poor", "/allow", 429),
        ("unknown", "/allow", 403),
        ("", "/allow", 403),
    ] {
        let denied = world.check(tenant, path);
        assert_eq!((denied.code, denied.status), (7, status), "{tenant} {path}");
        let id = denied.id.unwrap();
        let headers = [("cache-control", "no-store"), ("guardhouse-decision-id", &*id)];
        assert_eq!(denied.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())), "{tenant} {path}");
    }
}

#[test]
fn what_cannot_be_read_is_denied() {
    let world = World::new();
    let good = call("acme", "/allow").encode_to_vec();
    let compressed = [&[1], &framed(&good)[1..]].concat();
    for body in [
        vec![],
        vec![0],
        framed(b""),
        framed(b"\xff"),
        compressed,
        framed(&good)[..9].to_vec(),
        framed(&good).repeat(2),
    ] {
        assert_eq!((world.answer(body.clone()).code, world.answer(body).status), (7, 403));
    }
    assert_eq!(world.answer(framed(&vec![0; 2 << 20])).status, 403);
}

#[test]
fn a_message_that_takes_much_memory_is_denied_before_it_is_read() {
    let world = World::new();
    let of = |kind| Value { kind: Some(kind) };
    let object = |value: Value| Struct { fields: [(String::new(), value)].into() };
    let empty = of(Kind::List(wire::ListValue { values: Vec::new() }));
    let small = of(Kind::Struct(object(empty.clone())));
    let deep = (0..20).fold(empty.clone(), |inner, _| of(Kind::Struct(object(inner))));
    let with = |values: Vec<Value>| {
        let mut call = call("acme", "/allow");
        let filter_metadata = [("ns".to_owned(), object(of(Kind::List(wire::ListValue { values }))))].into();
        call.attributes.as_mut().unwrap().metadata_context = Some(Metadata { filter_metadata });
        call
    };
    for (values, denied) in [(vec![empty; 200_000], true), (vec![small; 50_000], true), (vec![deep; 10], false)] {
        let call = with(values);
        let message = call.encode_to_vec();
        assert!(message.len() < 1 << 20, "{}", message.len());
        let metadata = call.attributes.unwrap().metadata_context.unwrap();
        let memory = memory::memory_of(&message);
        assert!(memory >= 3 * in_memory(&metadata), "{memory}");
        assert_eq!(world.answer(framed(&message)).status == 403, denied, "{memory}");
    }
    let mut ordinary = call("acme", "/allow");
    http(&mut ordinary).headers = (0..30).map(|number| (format!("x-header-{number}"), "a".repeat(50))).collect();
    let memory = memory::memory_of(&ordinary.encode_to_vec());
    assert!(memory < 24_000, "{memory}");
}

/// What metadata takes when it is decoded, at least, in bytes: each map has a node for eleven members.
fn in_memory(metadata: &Metadata) -> usize {
    fn of_struct(value: &Struct) -> usize {
        let node = 11 * (size_of::<String>() + size_of::<Value>());
        let nodes = if value.fields.is_empty() { 0 } else { node };
        nodes + value.fields.values().map(of_value).sum::<usize>()
    }
    fn of_value(value: &Value) -> usize {
        match &value.kind {
            Some(Kind::Struct(value)) => of_struct(value),
            Some(Kind::List(list)) => list.values.iter().map(|item| size_of::<Value>() + of_value(item)).sum(),
            _ => 0,
        }
    }
    metadata.filter_metadata.values().map(of_struct).sum()
}

#[test]
fn the_time_of_a_decision_begins_when_the_proxy_asks() {
    let world = World::new();
    let call = call("acme", "/allow");
    let decided = |received| {
        let incoming =
            Incoming { door: Door::ExtAuthz, tenant: "acme", headers: &hyper::HeaderMap::new(), peer: &(), received };
        let request = request::request(call.attributes.as_ref().unwrap());
        world.runtime.block_on(proxy::decide(&world.doors, &incoming, request, None)).unwrap()
    };
    assert!(matches!(decided(Instant::now()), Outcome::Allowed(_)));
    // The tenant has 60 s for a decision.
    let Outcome::Denied(late) = decided(Instant::now().checked_sub(Duration::from_secs(61)).unwrap()) else {
        panic!("a decision that is too late allows")
    };
    assert_eq!((late.status, late.challenge, late.message), (hyper::StatusCode::FORBIDDEN, None, None));
}

#[test]
fn the_tenant_is_that_of_the_route_or_else_of_the_listener() {
    let mut world = World::new();
    let mut unnamed = call("acme", "/allow");
    unnamed.attributes.as_mut().unwrap().context_extensions.remove("tenant");
    let unnamed = framed(&unnamed.encode_to_vec());
    assert_eq!(world.answer(unnamed.clone()).code, 7);
    world.listener.tenant = Some("acme".parse().unwrap());
    assert_eq!(world.answer(unnamed).code, 0);
    assert_eq!(world.check("poor", "/allow").status, 429);
    assert_eq!(world.check("", "/allow").code, 7, "an empty name is a name");
}

#[test]
fn every_attribute_has_its_place() {
    let text = |text: &str| Value { kind: Some(Kind::String(text.to_owned())) };
    let of = |name: &str, value: Value| Metadata {
        filter_metadata: [("ns".to_owned(), Struct { fields: [(name.to_owned(), value)].into() })].into(),
    };
    let mut call = call("acme", "/%61?b?c");
    let http = http(&mut call);
    http.headers = [("accept", "text/html"), ("cookie", "secret"), (":path", "/x")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    http.body = "{}".to_owned();
    let attributes = call.attributes.as_mut().unwrap();
    attributes.source = Some(Peer {
        address: Some(Address {
            socket_address: Some(SocketAddress { address: "192.0.2.7".to_owned(), port_value: 50_412 }),
        }),
        principal: "spiffe://shop.example/web".to_owned(),
        certificate: "-----BEGIN%20CERTIFICATE-----%0AMII%2b%0A".to_owned(),
    });
    attributes.metadata_context = Some(of("user", text("alice")));
    attributes.route_metadata_context = Some(of("n", Value { kind: Some(Kind::Number(5.0)) }));
    let context = context(&call).unwrap();
    assert_eq!((&*context.component.kind, &*context.component.name), ("route", "/%61"));
    let expected = json!({
        "http": {
            "method": "GET", "scheme": "https", "host": "shop.example", "path": "/%61", "query": "b?c",
            "headers": { "accept": "text/html" }, "body": "{}",
        },
        "peer": {
            "address": "192.0.2.7", "port": 50_412, "principal": "spiffe://shop.example/web",
            "certificate": { "pem": "-----BEGIN CERTIFICATE-----\nMII+\n" },
        },
        "context": { "policy": "p" },
        "envoy": { "metadata": { "ns": { "user": "alice" } }, "route_metadata": { "ns": { "n": 5 } } },
    });
    assert_eq!(*context.attributes, expected);
}

#[test]
fn the_lines_of_raw_headers_are_joined_and_others_are_absent() {
    let mut call = call("acme", "/");
    let line = |key: &str, value: &str, raw: &[u8]| HeaderValue {
        key: key.to_owned(),
        value: value.to_owned(),
        raw_value: raw.to_vec(),
    };
    http(&mut call).headers = [("accept".to_owned(), "forged".to_owned())].into();
    http(&mut call).header_map = Some(HeaderMap {
        headers: vec![
            line("Accept", "", b"a"),
            line("accept", "b", b""),
            line("x-bad", "", b"\xff"),
            line("x-bad", "", b"good"),
            line("x-envoy-auth-partial-body", "", b"false"),
            line("x-envoy-auth-partial-body", "", b"true"),
        ],
    });
    http(&mut call).raw_body = b"begin".to_vec();
    let context = context(&call).unwrap();
    assert_eq!(context.attributes["http"]["headers"], json!({ "accept": "a,b" }));
    assert_eq!(context.attributes.pointer("/http/body"), None);
    assert!(context.document(Document::Attribute).is_err(), "only the beginning of the body arrived");
}

#[test]
fn what_contradicts_itself_is_denied_and_what_json_lacks_cannot_be_read() {
    let mut fragment = call("acme", "/");
    http(&mut fragment).fragment = "x".to_owned();
    assert_eq!(context(&fragment), Err(DenialCause::NotNormal));
    let mut query = call("acme", "/");
    http(&mut query).query = "x".to_owned();
    assert_eq!(context(&query), Err(DenialCause::InvalidRequest));
    let mut bare = call("acme", "/");
    bare.attributes.as_mut().unwrap().request = None;
    assert_eq!(context(&bare), Err(DenialCause::InvalidRequest));
    let mut certificate = call("acme", "/");
    certificate.attributes.as_mut().unwrap().source = Some(Peer { certificate: "a%2".to_owned(), ..Peer::default() });
    assert_eq!(context(&certificate).unwrap().attributes["peer"], json!({}));
    let mut number = call("acme", "/");
    let value = Value { kind: Some(Kind::Number(f64::NAN)) };
    let filter_metadata = [("ns".to_owned(), Struct { fields: [("n".to_owned(), value)].into() })].into();
    number.attributes.as_mut().unwrap().metadata_context = Some(Metadata { filter_metadata });
    assert!(context(&number).unwrap().document(Document::Attribute).is_err());
}

/// Messages: any bytes, and good ones of which a byte is changed, or the end is cut off. No policy allows any of them.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = proptest::collection::vec(any::<u8>(), 0..64);
    let paths = proptest::sample::select(&["/trap", "/none", "/members", "//allow", "/allow#x", "/loopx"][..]);
    let changed =
        (paths, any::<proptest::sample::Index>(), any::<u8>(), any::<bool>()).prop_map(|(path, at, byte, cut)| {
            let mut bytes = call("acme", path).encode_to_vec();
            let at = at.index(bytes.len());
            if cut {
                bytes.truncate(at)
            } else {
                bytes[at] = byte
            }
            bytes
        });
    prop_oneof![any_bytes, changed]
}

#[test]
fn no_message_is_allowed_that_no_policy_allows() {
    let world = World::new();
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(message in messages(), is_framed in any::<bool>())| {
        let told = world.answer(if is_framed { framed(&message) } else { message });
        prop_assert_eq!((told.code, told.status), (7, 403));
    });
}
