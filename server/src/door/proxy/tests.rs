//! Tests of requests: the paths that proxies send, and what becomes of everything else.

use std::net::IpAddr;

use guardhouse::{AuthContext, Document};
use hyper::header::HeaderName;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::decided::DenialCause;
use crate::policy::selector::Target;

fn request(target: &[u8]) -> ProxyRequest<'_> {
    ProxyRequest { method: b"GET", scheme: Some(b"https"), host: b"shop.example", target, ..ProxyRequest::default() }
}

/// The normal form of the path of a request; none if it is denied.
fn normal(target: &[u8]) -> Option<String> {
    let context = request(target).context(&[]);
    let context = match context {
        Ok(context) => context,
        Err(invalid) => {
            assert_eq!(invalid.cause, DenialCause::NotNormal, "{}", target.escape_ascii());
            return None;
        }
    };
    let path = target.split(|byte| *byte == b'?').next().unwrap();
    assert_eq!(
        context.attributes["http"]["path"].as_str().unwrap().as_bytes(),
        path,
        "the check sees the path as it is"
    );
    let target = Target::of(&context).ok()?;
    let component = &target.context().component;
    assert_eq!(component.uri.as_deref(), Some(&*format!("https://shop.example{}", component.name)));
    Some(component.name.clone())
}

#[test]
fn every_odd_path_is_denied_or_has_the_normal_form_of_the_table() {
    let table = include_str!("../../../../tests/proxies/paths.txt");
    let (mut expected, mut paths, mut denied) = ("", 0, 0);
    for line in table.lines() {
        if let Some(form) = line.strip_prefix("#: ") {
            expected = form;
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line}");
        let expected = match expected {
            "denied" => None,
            "itself" => Some(line),
            form => Some(form),
        };
        assert_eq!(normal(line.as_bytes()).as_deref(), expected, "{line}");
        paths += 1;
        denied += u32::from(expected.is_none());
    }
    assert!(paths >= 250 && denied >= 150, "{paths} paths, {denied} denied");
}

#[test]
fn a_path_of_other_bytes_is_denied() {
    for target in
        [&b""[..], b"#", b"/\0", b"/\t", b"/a\r\nb", b"/\x7f", b"/\xff", b"/\xc3", b"/\xc0\xae", b"/a?\xff", b"/a?\0"]
    {
        assert_eq!(normal(target), None, "{}", target.escape_ascii());
    }
    assert_eq!(normal("/\u{85}".as_bytes()), None);
    assert_eq!(normal("/é?é".as_bytes()).as_deref(), Some("/é"));
    assert_eq!(normal(&[b'/'; 5_000]), None);
    assert_eq!(normal(&[b"/", &[b'a'; 5_000][..]].concat()), None);
}

#[test]
fn a_request_becomes_a_context() {
    let request = ProxyRequest {
        method: b"GET",
        scheme: Some(b"https"),
        host: b"Shop.example:8443",
        target: b"/orders/%37?expand=lines?x",
        headers: vec![
            ("accept", b"text/html"),
            ("cookie", b"secret"),
            ("Accept", b"application/json"),
            ("x-bad", b"a"),
            ("x-bad", b"\xff"),
        ],
        client: Client {
            address: Some("::ffff:192.0.2.7".parse::<IpAddr>().unwrap()),
            port: Some(50_412),
            principal: Some("spiffe://shop.example/web"),
            certificate: Some("PEM".into()),
        },
        body: Body::Whole(b"{}"),
        more: json!({ "context": { "policy": "orders" } }).as_object().unwrap().clone(),
        unreadable: Vec::new(),
    };
    let passed = ["accept", "x-bad", "x-absent"].map(HeaderName::from_static);
    let context = request.context(&passed).unwrap().at(0);
    let expected: AuthContext = json!({
        "component": {
            "kind": "route", "name": "/orders/%37", "uri": "https://Shop.example:8443/orders/%37",
        },
        "action": "GET",
        "now": 0,
        "attributes": {
            "http": {
                "method": "GET", "scheme": "https", "host": "shop.example:8443", "path": "/orders/%37",
                "query": "expand=lines?x", "headers": { "accept": "text/html,application/json" }, "body": "{}",
            },
            "peer": {
                "address": "192.0.2.7", "port": 50_412, "principal": "spiffe://shop.example/web",
                "certificate": { "pem": "PEM" },
            },
            "context": { "policy": "orders" },
        },
    })
    .to_string()
    .parse()
    .unwrap();
    let reason = "a line of the header is not UTF-8";
    assert_eq!(context, expected.with_unreadable_part(Document::Attribute, "/http/headers/x-bad", reason));
    let target = Target::of(&context).unwrap();
    assert_eq!(target.context().component.uri.as_deref(), Some("https://shop.example:8443/orders/7"));
}

#[test]
fn what_is_not_known_is_absent_and_what_is_no_text_cannot_be_read() {
    let unknown = ProxyRequest { method: b"PUT", host: b"a", target: b"/", ..ProxyRequest::default() };
    let context = unknown.context(&[]).unwrap();
    assert_eq!(context.component.uri, None);
    let http = json!({ "method": "PUT", "host": "a", "path": "/", "query": "", "headers": {} });
    assert_eq!(*context.attributes, json!({ "http": http, "peer": {} }));
    for body in [Body::Partial, Body::Whole(b"\xff")] {
        let context = ProxyRequest { body, ..request(b"/") }.context(&[]).unwrap();
        assert!(context.document(Document::Attribute).is_err());
        assert_eq!(context.attributes.pointer("/http/body"), None);
    }
    // A line that hides the others from a check would still reach the server behind the proxy.
    let headers = vec![("x-role", &b"admin"[..]), ("x-role", b"\xff")];
    let context = ProxyRequest { headers, ..request(b"/") }.context(&[HeaderName::from_static("x-role")]).unwrap();
    assert!(context.document(Document::Attribute).is_err());
}

#[test]
fn a_request_that_says_too_little_is_invalid() {
    let cause = |request: ProxyRequest<'_>| request.context(&[]).map(drop).map_err(|invalid| invalid.cause);
    for method in [&b""[..], b"G T", b"GET\r\n", b"\xff", b"G\xc3\xa9T"] {
        assert_eq!(cause(ProxyRequest { method, ..request(b"/") }), Err(DenialCause::InvalidRequest));
    }
    for scheme in [&b""[..], b"HTTPS", b"file", b"\xff"] {
        assert_eq!(cause(ProxyRequest { scheme: Some(scheme), ..request(b"/") }), Err(DenialCause::InvalidRequest));
    }
    for host in [&b"a/b"[..], b"a@b", b"a?b", b"a#b", b"a\\b", b"a%41", b"a b", b"\xff", "é".as_bytes()] {
        assert_eq!(
            cause(ProxyRequest { host, ..request(b"/") }),
            Err(DenialCause::NotNormal),
            "{}",
            host.escape_ascii()
        );
    }
    for host in [&b""[..], b"a:0", b"a:b", b"127.1", b"a.", b"[::1", b".a"] {
        let context = ProxyRequest { host, ..request(b"/") }.context(&[]).unwrap();
        assert!(Target::of(&context).is_err(), "{}", host.escape_ascii());
    }
    let lines = vec![("a", &b"b"[..]); 1_001];
    assert_eq!(cause(ProxyRequest { headers: lines, ..request(b"/") }), Err(DenialCause::InvalidRequest));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_path_that_is_not_denied_is_of_the_host_it_was_sent_to(
        target in proptest::collection::vec(any::<u8>(), 0..12),
        pieces in proptest::collection::vec(
            proptest::sample::select(&["/", ".", "%2e", "%2f", "%25", "\\", ";", "?", "#", "@", ":", "a", "%c0", "%ae"][..]), 0..8,
        ),
        host in "[a-z/@?#%:.]{0,6}",
    ) {
        for target in [target, pieces.concat().into_bytes()] {
            if let Some(name) = normal(&target) {
                prop_assert!(name.starts_with('/') && !name.contains("//") && !name.contains(['\\', ';', '?', '#']));
                prop_assert!(!name.split('/').any(|segment| matches!(segment, "." | "..")));
            }
            let request = ProxyRequest { host: host.as_bytes(), ..request(&target) };
            if let Ok(context) = request.context(&[])
                && let Ok(target) = Target::of(&context)
            {
                let component = &target.context().component;
                let uri = component.uri.as_deref().unwrap();
                let authority = uri.strip_prefix("https://").and_then(|rest| rest.strip_suffix(&*component.name)).unwrap();
                prop_assert!(host.starts_with(authority), "{} {}", host, uri);
            }
        }
    }
}
