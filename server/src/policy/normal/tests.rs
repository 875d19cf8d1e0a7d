//! Tests of normal forms.

use proptest::prelude::*;

use super::UriKind::{Resource, Route, Template};
use super::*;

#[test]
fn a_path_has_one_spelling() {
    for (path, normal) in [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a/", "/a/"),
        ("/A", "/A"),
        ("/%61", "/a"),
        ("/a%2db%7E", "/a-b~"),
        ("/%c3%a9", "/é"),
        ("/é", "/é"),
        ("/%20x%3A", "/ x:"),
        ("/%3f%23%25", "/%3F%23%25"),
        ("/%ff%C3", "/%FF%C3"),
        ("/todos/{todoId}", "/todos/{todoId}"),
        ("/todos/%7BtodoId%7d", "/todos/{todoId}"),
        ("/...", "/..."),
        ("/D.C./a%20", "/D.C./a "),
        ("/100%25", "/100%25"),
        ("/%E9t%E9", "/%E9t%E9"),
        ("/%e0%a4%85", "/अ"),
        ("/%F0%9F%98%80", "/😀"),
        ("/.well-known/x", "/.well-known/x"),
        ("/a@b:c+d", "/a@b:c+d"),
    ] {
        assert_eq!(route(path).as_deref(), Ok(normal), "{path}");
    }
}

#[test]
fn a_path_that_servers_read_differently_has_no_normal_form() {
    for path in [
        "",
        "a",
        "*",
        "/a/../b",
        "/..",
        "/a/.",
        "/./a",
        "//a",
        "/a//b",
        "/a//",
        "/a/%2e%2E/b",
        "/%2E",
        "/a%2fb",
        "/a%5cb",
        "/a\\b",
        "/a%00",
        "/a\u{0}b",
        "/a%0a",
        "/a%7f",
        "/a%C2%85",
        "/%",
        "/%a",
        "/%zz",
        "/%+1",
        "/a?b",
        "/a#b",
        "/a;b",
        "/a%3Bb",
        "/..;/a",
        "/%252e%252e",
        "/%25%32%65",
        "/a%2",
        "/\u{85}",
        "/..%20/a",
        "/. ./a",
        "/%20.%E2%80%83/a",
        "/%c0%ae%c0%ae/a",
        "/..%c0%af",
        "/%c1%9c",
        "/%e0%80%ae",
        "/%E0%9f%bf",
        "/%f0%80%80%ae",
        "/%f8%80%80%80%ae%f8%80%80%80%ae/a",
        "/..%fc%80%80%80%80%af",
        "/\u{ff0e}\u{ff0e}/a",
        "/%ef%bc%8f",
        "/\u{2025}/a",
        "/a%E2%84%80b",
        "/%u002e%u002e/a",
        "/%25u002e%25u002e/a",
    ] {
        assert!(route(path).is_err(), "{path:?}: {:?}", route(path));
    }
}

#[test]
fn a_uri_has_one_spelling() {
    for (text, normal) in [
        ("https://shop.example/orders/7", "https://shop.example/orders/7"),
        ("HTTPS://Shop.Example:443/orders/%37", "https://shop.example/orders/7"),
        ("http://a:80", "http://a/"),
        ("http://a:8080/", "http://a:8080/"),
        ("https://[::1]:443/", "https://[::1]/"),
        ("https://a:/", "https://a/"),
        ("https://a/b?c=%2f%41%c3%a9", "https://a/b?c=%2FAé"),
        ("x://a/b?c#d", "x://a/b?c#d"),
        ("https://192.0.2.1/", "https://192.0.2.1/"),
        ("https://1.example/", "https://1.example/"),
        ("https://0x7f.a/", "https://0x7f.a/"),
        ("https://[2001:DB8::1]:8443/", "https://[2001:db8::1]:8443/"),
        ("file://Server_1/x", "file://server_1/x"),
        ("https://a?b", "https://a/?b"),
        ("FILE:/etc/x", "file:///etc/x"),
        ("file://LOCALHOST/etc/x", "file:///etc/x"),
        ("resource://Config/x", "resource://Config/x"),
        ("postgres://Me@host/db", "postgres://Me@host/db"),
        ("urn:isbn:0451450523", "urn:isbn:0451450523"),
        ("data:text/plain;base64,QQ==", "data:text/plain;base64,QQ=="),
        ("weather://{City}/current{?units}", "weather://{City}/current{?units}"),
        ("s3://bucket/a;v=1", "s3://bucket/a;v=1"),
        ("x:/a/b/", "x:/a/b/"),
    ] {
        assert_eq!(uri(text, Resource).as_deref(), Ok(normal), "{text}");
    }
}

#[test]
fn a_template_has_variables_for_labels_of_its_host() {
    for (text, normal) in [
        ("https://{Host}/x", "https://{Host}/x"),
        ("HTTPS://{Shop}.Example.COM:443/a{?b}", "https://{Shop}.example.com/a{?b}"),
        ("https://{host}:{Port}/", "https://{host}:{Port}/"),
        ("https://a/b{#c}", "https://a/b{#c}"),
        ("https://A/b", "https://a/b"),
        ("file://{Host}/x", "file://{Host}/x"),
    ] {
        assert_eq!(uri(text, Template).as_deref(), Ok(normal), "{text}");
    }
    for text in [
        "https://{@example.com/secret/a",
        "https://{@EXAMPLE.com:443/secret/a",
        "https://{a}@example.com/",
        "https://{a@example.com}/",
        "https://{a",
        "https://a}/",
        "https://{}/",
        "https://{a}b/",
        "https://{a}{b}/",
        "https://{{a}}/",
        "https://{+a}/",
        "https://{a.b}/",
        "https://{é}/",
        "https://{%61}/",
        "https://{a}:{b/",
        "https://{a}.1/",
        "file://{a/x",
    ] {
        for kind in [Resource, Template, Route] {
            assert!(uri(text, kind).is_err(), "{text:?}: {:?}", uri(text, kind));
        }
    }
    for text in ["https://{Host}/x", "https://a:{Port}/x", "file://{Host}/x", "https://a/b{#c}"] {
        assert!(uri(text, Resource).is_err(), "{text:?}");
    }
}

#[test]
fn a_uri_that_can_be_read_in_two_ways_has_no_normal_form() {
    for text in [
        "",
        "a",
        "/a",
        ":a",
        "1x:a",
        "a b:c",
        "x:",
        "https:a",
        "https:/a",
        "https:///a",
        "https://",
        "file:a",
        "https://user@a/",
        "https://a:b/",
        "https://a:0/",
        "https://a:080/",
        "https://a:65536/",
        "https://a:b:80/",
        "https://a./",
        "https://a%2eb/",
        "https://bücher.example/",
        "https://a/../b",
        "https://a//b",
        "file:////a",
        "file:///../a",
        "urn:a/../b",
        "x:/a%2fb",
        "x://a/b\\c",
        "x:a\u{7f}",
        "x:..;/a",
        "https://:80/",
        "x:%",
        "https://a/b#c",
        "https://a/b?c#",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0X7F.0.0.1/",
        "https://0x/",
        "https://127.0.0.0x1/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://a.1/",
        "https://1.2.3.4.5/",
        "https://256.0.0.1/",
        "https://[0::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[2001:db8::01]/",
        "https://[::ffff:192.0.2.1]/",
        "https://[::ffff:c000:201]/",
        "https://[::1%25eth0]/",
        "https://[::1]a/",
        "https://[a]/",
        "https://[]/",
        "https://a]/",
        "https://a..b/",
        "https://.a/",
        "https://a b/",
        "https://a|b/",
        "file://%6cocalhost/x",
        "file://a%2fb/x",
        "file://c:/x",
        "file://a@b/x",
        "file://localhost./x",
        "file://127.1/x",
    ] {
        assert!(uri(text, Resource).is_err(), "{text:?}: {:?}", uri(text, Resource));
        // Only a fragment may be part of a template.
        assert!(text.contains('#') || uri(text, Template).is_err(), "{text:?}: {:?}", uri(text, Template));
    }
    for text in ["https://a/b?c", "https://a/b;c", "https://a/b%3bc"] {
        assert!(uri(text, Resource).is_ok() && uri(text, Route).is_err(), "{text}");
    }
}

const PARTS: &[&str] = &[
    "/", ".", "a", "A", "é", ";", ":", "@", "{", "{a}", "}", "[", "::", "]", "0x", "?", "#", "%", "%25", "%2e", "%41",
    "%c3", "%A9", "2", "\\",
];

/// Texts of the characters that have a meaning, and of escapes.
fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PARTS), 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_normal_form_is_its_own_normal_form(text in texts(), scheme in "(https|file|x|HTTP):(//|///|/|//[Aa]/|)") {
        if let Ok(normal) = route(&text) {
            prop_assert_eq!(route(&normal), Ok(Cow::Borrowed(&*normal)));
        }
        for kind in [Resource, Template, Route] {
            let text = format!("{scheme}{text}");
            if let Ok(normal) = uri(&text, kind) {
                prop_assert_eq!(uri(&normal, kind), Ok(Cow::Borrowed(&*normal)), "{}", text);
            }
        }
    }

    #[test]
    fn a_normal_path_has_no_part_that_servers_read_differently(text in texts()) {
        if let Ok(normal) = route(&format!("/{text}")) {
            prop_assert!(!normal.contains("//") && !normal.contains(['\\', ';', '?', '#']));
            let has_dots = normal.split('/').any(|segment| matches!(segment, "." | ".."));
            prop_assert!(!has_dots);
        }
    }
}
