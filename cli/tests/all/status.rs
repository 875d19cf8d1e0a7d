//! `guardhouse status`, of a server in this process.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guardhouse::{Host, HostLimits};
use guardhouse_server::activation::Activation;
use guardhouse_server::observe::Observers;
use guardhouse_server::observe::decision_log::{DecisionLog, Destination, LogLimits};
use guardhouse_server::observe::health::{Health, ReadyRule};
use guardhouse_server::observe::status::socket::StatusSocket;
use guardhouse_server::observe::status::{ListenerStatus, StatusSource};
use guardhouse_server::policy::Policy;
use guardhouse_server::source::folders::{FolderOptions, Folders};
use guardhouse_server::tenants::Tenants;
use tokio::runtime::Runtime;

use crate::harness::{Run, folder, guardhouse};

const GOOD: &str = r#"
version = 1
[checks.login]
plugin = "builtin:require-auth"
[[rules]]
when = {}
check = "login"
"#;

/// A server with these policies, whose status can be asked for.
struct Server {
    folder: tempfile::TempDir,
    _runtime: Runtime,
}

impl Server {
    fn start(policies: &[(&str, &str)]) -> Self {
        let folder = folder();
        for (tenant, policy) in policies {
            let of_tenant = folder.path().join("policies").join(tenant);
            fs::create_dir_all(&of_tenant).unwrap();
            fs::write(of_tenant.join("policy.toml"), policy).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let host = Host::builder().limits(HostLimits { instances: 4, ..HostLimits::default() }).build().unwrap();
        let tenants = Tenants::new(host);
        let options = FolderOptions { settle: Duration::ZERO, ..FolderOptions::default() };
        let log = DecisionLog::start(Destination::File(folder.path().join("log")), LogLimits::default()).unwrap();
        let source = StatusSource {
            tenants: tenants.clone(),
            observers: Observers::with_log(log),
            health: Health::new(tenants.clone(), ReadyRule::default()),
            listeners: vec![ListenerStatus { address: "127.0.0.1:8180".to_owned(), doors: vec!["native", "authzen"] }],
            started: SystemTime::now(),
            since: Instant::now(),
        };
        let _guard = runtime.enter();
        let policies = Arc::new(Folders::new(folder.path().join("policies"), options));
        runtime.spawn(Activation::new(tenants.clone(), policies, Policy::read_within).run(std::future::pending()));
        runtime.spawn(StatusSocket::bind(&folder.path().join("status.sock")).unwrap().serve(source));
        drop(_guard);
        let start = Instant::now();
        while !tenants.readiness().is_started {
            assert!(start.elapsed() < Duration::from_secs(120), "not started");
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { folder, _runtime: runtime }
    }

    fn status(&self, arguments: &[&str]) -> Run {
        let socket = self.folder.path().join("status.sock");
        guardhouse(&[&["status", "--socket", socket.to_str().unwrap()], arguments].concat())
    }
}

fn has(run: &Run, line: &str) {
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.stdout.lines().any(|found| found.contains(line)), "`{line}` is not in\n{}", run.stdout);
}

#[test]
fn the_status_says_what_is_active_refused_and_why() {
    let broken = GOOD.replace("[[rules]]", "[[rules]]\nmatch = {}");
    let server = Server::start(&[("acme", GOOD), ("beta", &broken), ("gamma", GOOD)]);
    let summary = server.status(&[]);
    has(&summary, ": degraded");
    has(&summary, "listener 127.0.0.1:8180: native, authzen");
    has(&summary, "tenants: 3, 1 without a policy, 1 with a refused policy");
    has(&summary, "decision log: 0 lines, 0 lost");
    has(&summary, "tenant beta");
    has(&summary, "policy.toml:6:1: rules[0].match: ");
    assert!(!summary.stdout.contains("acme"), "{summary:?}");

    let acme = server.status(&["acme"]);
    has(&acme, "generation 1, since 2");
    has(&acme, "check login: optimized code, configures itself: ");
    let beta = server.status(&["beta"]);
    has(&beta, "active: none, so every request is denied");
    has(&beta, "refused: sha256:");

    let json = server.status(&["--json"]).json();
    assert_eq!(json["tenants"].as_array().unwrap().len(), 3);
    assert_eq!(json["health"]["without_policy"], 1);
    assert_eq!(json["tenants"][1]["refused"]["problems"][0]["position"]["line"], 6);
    assert_eq!(json["tenants"][0]["wanted"], json["tenants"][0]["active"]["policy"]["digest"]);
    assert_eq!(server.status(&["--json", "gamma"]).json()["tenants"][0]["tenant"], "gamma");
}

#[test]
fn a_tenant_that_does_not_exist_and_a_server_that_does_not_run_are_failures() {
    let server = Server::start(&[("acme", GOOD)]);
    has(&server.status(&[]), ": serving");
    server.status(&["nobody"]).assert_failed("the tenant `nobody` does not exist");
    server.status(&["../acme"]).assert_failed("does not exist");
    let socket = server.folder.path().join("other.sock");
    guardhouse(&["status", "--socket", socket.to_str().unwrap()]).assert_failed("cannot connect");
}

#[test]
fn a_server_that_answers_something_else_is_a_failure() {
    for (answer, error) in [
        ("", "the answer is not a status"),
        ("{}", "the answer is not a status"),
        (r#"{"tenants":[]}"#, "has another version"),
        (r#"{"error":"no"}"#, "the server refuses to answer: no"),
        (r#"{"tenants":"#, "the answer is not a status"),
    ] {
        let folder = folder();
        let socket = folder.path().join("status.sock");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            std::io::read_to_string(&stream).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let run = guardhouse(&["status", "--socket", path(&socket)]);
        answering.join().unwrap();
        run.assert_failed(error);
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
