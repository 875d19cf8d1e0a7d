//! Credentials: who may ask about which tenant, at which door.

use std::io::Write;
use std::sync::{Arc, Mutex};

use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::credentials::{CredentialConfig, Credentials, Presented};
use guardhouse_server::config::listener::{Address, Door, DoorSet};
use guardhouse_server::serve::Stop;
use guardhouse_server::serve::daemon;
use guardhouse_server::serve::inherited::Inherited;
use guardhouse_tests::guest::assemble;
use rustix::process::{Signal, getpid, kill_process};

use crate::harness::{Client, Daemon, decided_by, eventually, fixture, host};
use crate::isolated::survives;

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
    CredentialConfig { name: name.to_owned(), token_file: Some(token_file), certificate: None, tenants, doors }
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
    let allow = decided_by(&assemble(&fixture("allow")).unwrap());
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
        let presented = Presented { token: Some(tokens.trim().as_bytes()), certificate: None };
        assert_eq!(credentials.find(presented), None, "{name}");
        let [(_, error)] = &errors[..] else { panic!("{name}: {errors:?}") };
        assert!(!error.to_string().contains("0123456789"), "{error}");
        assert!(!credentials.is_empty(), "everybody could ask");
    }
    let missing = CredentialConfig {
        token_file: Some(folder.path().join("missing")),
        ..credential(&folder, "a", "", &[], &[Door::Native])
    };
    assert_eq!(Credentials::read(&[missing]).1.len(), 1);
}

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn count(&self, text: &str) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches(text).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_reload_takes_the_credentials_away_from_a_listener_that_is_open() {
    survives("server_credentials::reloads");
}

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn reloads() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).init();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    std::fs::create_dir(folder.path().join("policies")).unwrap();
    write("old", "old-token-0123456789");
    write("new", "new-token-0123456789");
    let file = |listener: &str, credentials: &str| {
        format!("version = 1\nstatus = \"off\"\n[[listeners]]\n{listener}\ndoors = [\"native\"]\n{credentials}")
    };
    let credential = |name: &str| format!("[[credentials]]\nname = \"{name}\"\ntoken-file = \"{name}\"\n");
    let reached = "address = \"0.0.0.0:0\"";
    let path = folder.path().join(ServerConfig::FILE);
    let first = file(reached, &credential("old"));
    write(ServerConfig::FILE, &first);
    let mut config = ServerConfig::read(first.as_bytes(), folder.path()).unwrap();
    config.decision_log.destination = guardhouse_server::config::log::LogDestination::Off;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut inherited = Inherited::default();
    let opened = daemon::Daemon::open(config, Some(path), host().clone(), &mut inherited);
    let daemon = runtime.block_on(opened).unwrap();
    let Some(Address::Tcp(address)) = daemon.listeners().map(|listener| listener.address.clone()).next() else {
        panic!("not a TCP listener")
    };
    runtime.spawn(daemon.run(std::future::pending::<Stop>()));
    let status = |token: &str| {
        let mut client = Client::connect(([127, 0, 0, 1], address.port()).into());
        let authorization = format!("Bearer {token}-token-0123456789");
        let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("Authorization", &authorization)] };
        client.request("POST", "/v1/tenants/acme/check", headers, CONTEXT);
        client.reply().status
    };
    let statuses = || ["", "old", "new"].map(status);
    assert_eq!(statuses(), [401, 200, 401]);
    // A handler of its own, so that no signal ends this process.
    let _guard = runtime.enter();
    let _handler = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).unwrap();
    let hang_up = || kill_process(getpid(), Signal::HUP).unwrap();
    eventually("the server handles the signal", || {
        hang_up();
        log.count("were reloaded") > 0
    });
    let reload = |text: &str, event: &str| {
        let before = log.count(event);
        write(ServerConfig::FILE, text);
        hang_up();
        eventually(event, || log.count(event) > before);
    };
    for text in [
        file("address = \"127.0.0.1:8180\"", ""),
        file("address = \"0.0.0.0:8180\"\nanonymous = true", ""),
        "version = 1\n".to_owned(),
    ] {
        reload(&text, "there are no credentials any more");
        assert_eq!(statuses(), [401, 200, 401], "{text}");
    }
    reload(&file(reached, &credential("new")), "were reloaded");
    eventually("the new credential is used", || statuses() == [401, 401, 200]);
}
