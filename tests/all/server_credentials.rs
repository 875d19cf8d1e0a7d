//! Credentials: who may ask about which tenant, at which door.

use guardhouse_server::config::credentials::{CredentialConfig, Credentials};
use guardhouse_server::config::listener::{Door, DoorSet};
use guardhouse_tests::guest::assemble;

use crate::harness::{Daemon, fixture, policy};

const ONE_CHECK: &str = "version = 1\n[checks.only]\nplugin = \"only.wasm\"\n[[rules]]\nwhen = {}\ncheck = \"only\"\n";
const CONTEXT: &str = r#"{"component": {"kind": "tool", "name": "t"}}"#;
const EVALUATION: &str =
    r#"{"subject": {"type": "u", "id": "a"}, "action": {"name": "r"}, "resource": {"type": "t", "id": "1"}}"#;

/// A credential for these tenants and doors, whose tokens stand in a file.
fn credential(
    folder: &tempfile::TempDir,
    name: &str,
    tokens: &str,
    tenants: &[&str],
    doors: &[Door],
) -> CredentialConfig {
    let token_file = folder.path().join(name);
    std::fs::write(&token_file, tokens).unwrap();
    let tenants = (!tenants.is_empty()).then(|| tenants.iter().map(|tenant| (*tenant).to_owned()).collect());
    let doors: DoorSet = doors.iter().copied().collect();
    CredentialConfig { name: name.to_owned(), token_file, tenants, doors }
}

#[test]
fn each_route_asks_for_the_credential_of_its_tenant_and_door() {
    let folder = tempfile::tempdir().unwrap();
    let both = [Door::Native, Door::Authzen];
    let credentials = vec![
        credential(&folder, "acme", "acme-token-0123456789\nacme-next-0123456789\n", &["acme"], &both),
        credential(&folder, "native", "native-token-0123456789", &[], &[Door::Native]),
        credential(&folder, "other", "other-token-0123456789", &["other"], &both),
    ];
    let allow = policy(ONE_CHECK, &[("only.wasm", &assemble(&fixture("allow")).unwrap())]);
    let daemon = Daemon::start_with(vec![("acme", allow)], |config| config.credentials = credentials);
    let routes = [
        ("/v1/tenants/acme/check", CONTEXT.to_owned(), true),
        ("/v1/tenants/acme/check:batch", format!("{{\"contexts\": [{CONTEXT}]}}"), true),
        ("/tenants/acme/access/v1/evaluation", EVALUATION.to_owned(), false),
        ("/tenants/acme/access/v1/evaluations", EVALUATION.to_owned(), false),
    ];
    let status = |path: &str, headers: &[(&str, &str)], body: &str| {
        let answer = daemon.ask("POST", path, headers, body);
        assert_eq!(answer.header("www-authenticate"), (answer.status == 401).then_some("Bearer"));
        answer.status
    };
    for (path, body, is_native) in &routes {
        for (headers, expected) in [
            (&[][..], 401),
            (&[("Authorization", "Bearer acme-token-0123456789")], 200),
            (&[("Authorization", "bearer acme-next-0123456789")], 200),
            (&[("Authorization", "Bearer acme-token-0123456788")], 401),
            (&[("Authorization", "Bearer acme-token-012345678")], 401),
            (&[("Authorization", "Bearer ")], 401),
            (&[("Authorization", "Basic acme-token-0123456789")], 401),
            (&[("Authorization", "acme-token-0123456789")], 401),
            (&[("Authorization", "Bearer acme-token-0123456789"), ("Authorization", "Bearer x")], 401),
            (&[("Authorization", "Bearer other-token-0123456789")], 403),
            (&[("Authorization", "Bearer native-token-0123456789")], if *is_native { 200 } else { 403 }),
            // No header names a tenant.
            (&[("Authorization", "Bearer other-token-0123456789"), ("X-Tenant", "other")], 403),
        ] {
            assert_eq!(status(path, headers, body), expected, "{path} {headers:?}");
        }
        let unknown = path.replace("acme", "unknown");
        let acme = [("Authorization", "Bearer acme-token-0123456789")];
        assert_eq!(status(&unknown, &acme, body), 403, "whether a tenant exists does not matter");
        assert_eq!(status(&path.replace("acme", "other"), &acme, body), 403);
    }
    for path in ["/openapi.json", "/.well-known/authzen-configuration/tenants/acme"] {
        let answer = daemon.ask("GET", path, &[], "");
        assert!([200, 404].contains(&answer.status), "{path}");
    }
}

#[test]
fn a_request_without_a_credential_is_refused_before_its_body_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = vec![credential(&folder, "a", "acme-token-0123456789", &[], &[Door::Native])];
    let daemon = Daemon::start_with(Vec::new(), |config| config.credentials = credentials);
    let mut client = daemon.connect();
    client
        .send("POST /v1/tenants/acme/check HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n");
    assert_eq!(client.reply().status, 401);
}

#[test]
fn a_file_with_an_error_has_no_token_and_the_error_does_not_repeat_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, tokens) in [("short", "0123456789"), ("space", "0123456789 0123456789"), ("empty", "\n\n")] {
        let config = credential(&folder, name, tokens, &[], &[Door::Native]);
        let (credentials, errors) = Credentials::read(&[config]);
        let authorization = format!("Bearer {}", tokens.trim());
        assert!(credentials.check(Some(authorization.as_bytes()), Door::Native, "acme").is_err(), "{name}");
        let [(_, error)] = &errors[..] else { panic!("{name}: {errors:?}") };
        assert!(!error.to_string().contains("0123456789"), "{error}");
        assert!(!credentials.is_empty(), "everybody could ask");
    }
    let missing = CredentialConfig {
        token_file: folder.path().join("missing"),
        ..credential(&folder, "a", "", &[], &[Door::Native])
    };
    assert_eq!(Credentials::read(&[missing]).1.len(), 1);
}
