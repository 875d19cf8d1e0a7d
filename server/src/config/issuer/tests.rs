//! Tests of reading `[[issuers]]`.

use std::path::Path;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use serde_json::Value;

use super::{IssuerSource, is_safe};
use crate::config::ServerConfig;
use crate::tenant_name::TenantName;

const FOLDER: &str = "/etc/guardhouse";

const WHOLE: &str = r#"
version = 1

[[issuers]]
name = "id"
issuer = "https://id.example"
audiences = ["a", "b"]
jwks-url = "https://id.example/keys"
algorithms = ["PS256", "EdDSA"]
ca-file = "tls/id.pem"
leeway = "1min"
client-id = ["/cid"]
subject = ["/sub", "/a~1b/0"]
scopes = ["/permissions"]
refresh = "10s"
outage = "24h"
types = ["JWT"]

[[issuers]]
name = "file"
issuer = "https://file.example"
audiences = ["a"]
jwks-file = "keys.json"

[[issuers]]
name = "asked"
issuer = "https://asked.example"
introspection = { url = "http://127.0.0.1:8080/i?x=1", client-id = "pdp", client-secret-file = "secrets/id", cache = "0s" }

[tenants.default]
issuers = ["id"]
resource-metadata = "https://shop.example/.well-known/oauth-protected-resource"

[tenants.acme]
issuers = ["file", "asked"]

[tenants.closed]
issuers = []
"#;

fn read(text: &str) -> ServerConfig {
    ServerConfig::read(text.as_bytes(), Path::new(FOLDER)).unwrap()
}

fn errors(text: &str) -> Vec<String> {
    let problems = ServerConfig::read(text.as_bytes(), Path::new(FOLDER)).unwrap_err();
    problems.iter().map(|problem| problem.to_string().replacen("guardhouse.toml:", "", 1)).collect()
}

#[test]
fn issuers_are_read_as_they_are_written() {
    let config = read(WHOLE);
    let [id, file, asked] = &config.issuers[..] else { panic!("{:?}", config.issuers) };
    assert_eq!((id.name.as_str(), id.issuer.as_str()), ("id", "https://id.example"));
    assert_eq!(id.source, IssuerSource::JwksUrl("https://id.example/keys".parse().unwrap()));
    assert_eq!((&id.audiences[..], &id.types[..]), (&["a".to_owned(), "b".to_owned()][..], &["JWT".to_owned()][..]));
    assert_eq!(id.algorithms, [Algorithm::PS256, Algorithm::EdDSA]);
    assert_eq!(id.ca_file.as_deref(), Some(Path::new("/etc/guardhouse/tls/id.pem")));
    let times = [id.leeway, id.refresh, id.outage].map(|time| time.as_secs());
    assert_eq!(times, [60, 10, 86_400]);
    assert_eq!((id.client_id.join(" "), id.subject.join(" ")), ("/cid".to_owned(), "/sub /a~1b/0".to_owned()));
    assert_eq!(id.scopes, ["/permissions"]);
    assert_eq!(file.source, IssuerSource::JwksFile("/etc/guardhouse/keys.json".into()));
    assert_eq!(file.algorithms, [Algorithm::RS256, Algorithm::ES256]);
    let IssuerSource::Introspection(introspection) = &asked.source else { panic!("{asked:?}") };
    assert_eq!((introspection.client_id.as_str(), introspection.cache), ("pdp", Duration::ZERO));
    assert_eq!(introspection.client_secret_file, Path::new("/etc/guardhouse/secrets/id"));
    let issuers = |tenant: &str| config.tenants.of(tenant).issuers.join(" ");
    assert_eq!(["acme", "closed", "third"].map(issuers), ["file asked", "", "id"]);
    let metadata = "https://shop.example/.well-known/oauth-protected-resource";
    assert_eq!(
        config.tenants.tenants[&"acme".parse::<TenantName>().unwrap()].resource_metadata.as_deref(),
        Some(metadata)
    );
    let json = serde_json::to_value(toml::from_str::<toml::Table>(WHOLE).unwrap()).unwrap();
    jsonschema::validator_for(&ServerConfig::json_schema()).unwrap().validate(&json).unwrap();
}

#[test]
fn every_problem_of_an_issuer_is_found_with_its_place() {
    let text = r#"version = 1
[[issuers]]
name = "i d"
issuer = ""
audiences = []
jwks-url = "http://id.example/keys"
algorithms = ["HS256", "none", "ES255"]
leeway = "61s"
client-id = ["sub"]
scopes = ["/a~2"]
refresh = "9s"
outage = "25h"
[[issuers]]
issuers = "x"
[[issuers]]
name = "two"
issuer = "https://two.example"
audiences = ["a"]
jwks-url = "https://two.example"
jwks-file = "two.json"
[[issuers]]
name = "asked"
issuer = "https://two.example"
introspection = { url = "ftp://x", cache = "61s" }
[tenants.default]
issuers = ["twos"]
resource-metadata = "https://shop.example/\""
[tenants.acme]
issuers = ["two", "asked"]
"#;
    let expected = [
        "3:8: issuers[0].name: the name of an issuer has from 1 to 64 visible ASCII characters",
        "4:10: issuers[0].issuer: it is empty",
        "5:13: issuers[0].audiences: the list is empty",
        "6:12: issuers[0].jwks-url: it is not a URL of an issuer\n  help: write a URL with `https`",
        "7:15: issuers[0].algorithms[0]: the algorithm `HS256` does not exist\n  help: write `",
        "7:24: issuers[0].algorithms[1]: the algorithm `none` does not exist\n  help: write one of `RS256`",
        "7:32: issuers[0].algorithms[2]: the algorithm `ES255` does not exist\n  help: write `ES256`",
        "8:10: issuers[0].leeway: the value must be from `0s` to `1min`",
        "9:14: issuers[0].client-id[0]: it is not a JSON pointer to a claim",
        "10:11: issuers[0].scopes[0]: it is not a JSON pointer to a claim",
        "11:11: issuers[0].refresh: the value must be from `10s` to ",
        "12:10: issuers[0].outage: the value must be from `0s` to ",
        "13:1: issuers[1]: the issuer has no keys",
        "13:1: issuers[1]: `audiences` is missing",
        "13:1: issuers[1]: `name` is missing",
        "13:1: issuers[1]: `issuer` is missing",
        "14:1: issuers[1].issuers: the key `issuers` does not exist\n  help: write `issuer`",
        "15:1: issuers[2]: the issuer has its keys from several places",
        "24:17: issuers[3].introspection: `client-id` is missing",
        "24:17: issuers[3].introspection: `client-secret-file` is missing",
        "24:25: issuers[3].introspection.url: it is not a URL of an issuer",
        "24:44: issuers[3].introspection.cache: the value must be from `0s` to `1min`",
        "26:12: tenants.default.issuers[0]: the issuer `twos` does not exist\n  help: write `two`",
        "27:21: tenants.default.resource-metadata: it is not a URL of metadata",
    ];
    let errors = errors(text);
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "expected {expected:?}, found {error:?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
}

#[test]
fn names_are_unique_and_a_tenant_has_one_issuer_for_each_claim() {
    let issuer = |name: &str, iss: &str| {
        format!("[[issuers]]\nname = \"{name}\"\nissuer = \"{iss}\"\naudiences = [\"a\"]\njwks-file = \"k\"\n")
    };
    let twice = format!("version = 1\n{}{}", issuer("a", "https://a.example"), issuer("a", "https://b.example"));
    assert!(errors(&twice)[0].contains("two issuers have the same name"));
    let same = format!("version = 1\n{}{}", issuer("a", "https://a.example"), issuer("b", "https://a.example"));
    read(&format!("{same}[tenants.x]\nissuers = [\"a\"]\n[tenants.y]\nissuers = [\"b\"]\n"));
    for list in ["\"a\", \"b\"", "\"a\", \"a\""] {
        let found = errors(&format!("{same}[tenants.x]\nissuers = [{list}]\n"));
        assert!(found[0].contains("tenants.x.issuers[1]: another issuer of the tenant"), "{found:?}");
    }
    // An issuer that cannot be read is known all the same.
    let found = errors("version = 1\n[[issuers]]\nname = \"a\"\nissuer = 1\n[tenants.x]\nissuers = [\"a\"]\n");
    assert!(!found.iter().any(|error| error.contains("tenants.x")), "{found:?}");
}

#[test]
fn only_this_machine_is_asked_without_tls() {
    for (url, is_allowed) in [
        ("https://id.example/keys", true),
        ("https://id.example:8443", true),
        ("http://127.0.0.1:8080/keys", true),
        ("http://127.8.9.1/keys", true),
        ("http://[::1]:8080/keys", true),
        ("http://localhost/keys", false),
        ("http://id.example/keys", false),
        ("http://127.0.0.1.id.example/keys", false),
        ("http://127.0.0.1@id.example/keys", false),
        ("https://user:secret@id.example/keys", false),
        ("ftp://127.0.0.1/keys", false),
        ("/keys", false),
        ("id.example", false),
    ] {
        assert_eq!(is_safe(&url.parse().unwrap()), is_allowed, "{url}");
    }
}

#[test]
fn the_schema_has_the_words_of_the_algorithms() {
    let schema = ServerConfig::json_schema();
    let words = schema.pointer("/properties/issuers/items/properties/algorithms/items/enum").unwrap();
    let words: Vec<&str> = words.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!words.is_empty() && words.iter().all(|word| word.parse::<Algorithm>().is_ok() && !word.starts_with("HS")));
}
