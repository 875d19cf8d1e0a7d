//! gRPC: calls of the door of Envoy, none of which fails, and the health of the server.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use guardhouse_server::activation::Activation;
use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::credentials::CredentialConfig;
use guardhouse_server::config::listener::Door;
use guardhouse_server::policy::Policy;
use guardhouse_server::serve::Stop;
use guardhouse_server::source::folders::{FolderOptions, Folders};
use guardhouse_tests::guest::assemble;
use prost::Message as _;

use crate::harness::check_request::{Attributes, CheckRequest, Http, Request};
use crate::harness::grpc::{CHECK, Called, DATA, Grpc, Raw, called, message, runtime};
use crate::harness::tls::Authority;
use crate::harness::{Daemon, decided_by, eventually, fixture};
use crate::server_hang_up::{endless, instances};

const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
const HEALTH_WATCH: &str = "/grpc.health.v1.Health/Watch";
const HOUR: Duration = Duration::from_secs(3_600);

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
}

/// A `HealthCheckRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
    #[prost(message, optional, tag = "2")]
    denied: Option<Denied>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Denied {
    #[prost(message, optional, tag = "1")]
    status: Option<Status>,
}

fn allows() -> Vec<(&'static str, Policy)> {
    vec![("acme", decided_by(&assemble(&fixture("allow")).unwrap()))]
}

/// A server that finds its policies in a folder, and has looked at all of them.
fn ready(change: impl FnOnce(&mut ServerConfig)) -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    add(
        &folder,
        "acme",
        "version = 1\n[[rules]]\nwhen = {}\ncheck = \"a\"\n[checks.a]\nplugin = \"builtin:require-auth\"\n",
    );
    let daemon = daemon(change);
    let source = Arc::new(Folders::new(folder.path(), FolderOptions::default()));
    let activation = Activation::new(daemon.tenants.clone(), source, Policy::read_within);
    daemon.spawn(activation.run(std::future::pending()));
    eventually("the server has started", || daemon.tenants.is_started());
    (daemon, folder)
}

/// Adds the policy of a tenant.
fn add(folder: &tempfile::TempDir, tenant: &str, policy: &str) {
    let tenant = folder.path().join(tenant);
    std::fs::create_dir(&tenant).unwrap();
    std::fs::write(tenant.join("policy.toml"), policy).unwrap();
}

fn daemon(change: impl FnOnce(&mut ServerConfig)) -> Daemon {
    Daemon::start_with(allows(), |config| {
        config.listeners[0].doors = [Door::Native, Door::ExtAuthz].into_iter().collect();
        change(config);
    })
}

/// Whether a call was answered with a denial, and no error.
fn is_denied(called: &Called) -> bool {
    let [message] = &called.messages[..] else { return false };
    let response = CheckResponse::decode(&**message).unwrap();
    let denied = response.denied.and_then(|denied| denied.status).is_some_and(|status| status.code == 403);
    let is_denied = denied && response.status.is_some_and(|status| status.code != 0);
    called.status == 200 && called.code.as_deref() == Some("0") && is_denied
}

#[test]
fn whatever_is_wrong_with_a_call_it_is_denied_and_does_not_fail() {
    let daemon = daemon(|config| {
        config.connections.body_bytes = 1 << 10;
        config.connections.body_time = Duration::from_millis(500);
    });
    let mut compressed = message(b"\x0a\x00");
    compressed[0] = 1;
    let bodies = [
        Vec::new(),
        vec![0],
        message(b""),
        message(b"\xff\xff\xff"),
        compressed,
        message(b"\x0a\x05a"),
        message(b"\x0a\x00")[..6].to_vec(),
        [message(b""), message(b"")].concat(),
        message(&[0; 2 << 10]),
        message(&vec![0x0a; 60 << 10]),
        vec![0, 0xff, 0xff, 0xff, 0xff],
    ];
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for body in bodies {
            let answer = client.call(CHECK, &[], body.clone()).await;
            assert!(is_denied(&answer), "{answer:?} to {:?}", &body[..body.len().min(20)]);
        }
        for headers in [
            &[("content-type", "application/json")][..],
            &[("content-type", "application/grpc-web")],
            &[("grpc-encoding", "gzip")],
            &[("grpc-timeout", "1n")],
            &[("grpc-timeout", "soon")],
            &[("authorization", "Bearer nobody-knows-this-token")],
        ] {
            let answer = client.call(CHECK, headers, message(b"")).await;
            assert!(is_denied(&answer), "{answer:?} with {headers:?}");
        }
        // A message of which a part never comes.
        let (answer, mut stream) = client.begin(CHECK, &[]).await;
        stream.send_data(message(b"abc")[..6].to_vec().into(), false).unwrap();
        assert!(is_denied(&called(answer).await));
    });
}

#[test]
fn a_call_without_a_credential_is_denied_and_does_not_fail() {
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "envoy-token-0123456789").unwrap();
    let credential = CredentialConfig {
        name: "envoy".to_owned(),
        token_file: Some(token_file),
        certificate: None,
        tenants: None,
        doors: [Door::ExtAuthz].into_iter().collect(),
    };
    let daemon = daemon(|config| config.credentials = vec![credential]);
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for headers in [
            &[][..],
            &[("authorization", "Bearer envoy-token-0123456788")],
            &[("guardhouse-credential", "envoy-token-0123456789")],
            &[("authorization", "Bearer envoy-token-0123456789"), ("authorization", "Bearer b")],
        ] {
            let answer = client.call(CHECK, headers, message(b"")).await;
            assert!(is_denied(&answer), "{answer:?} with {headers:?}");
        }
        // Health needs none.
        let answer = client.call(HEALTH_CHECK, &[], message(b"")).await;
        assert_eq!(answer.code.as_deref(), Some("0"));
    });
}

#[test]
fn a_call_for_which_there_is_no_memory_is_denied_and_does_not_fail() {
    let daemon = daemon(|config| {
        let limits = &mut config.connections;
        (limits.body_bytes, limits.all_bodies_bytes) = (64 << 10, 64 << 10);
        limits.document_bytes = 64 << 10;
    });
    runtime().block_on(async {
        let [first, second] = [Grpc::connect(daemon.address).await, Grpc::connect(daemon.address).await];
        let (answer, mut stream) = first.begin(CHECK, &[]).await;
        stream.send_data(message(&[0; 40 << 10])[..40 << 10].to_vec().into(), false).unwrap();
        let large = || second.call(CHECK, &[], message(&[0; 40 << 10]));
        // The first one has arrived when the second one finds no room; both are denied either way.
        for _ in 0..3 {
            assert!(is_denied(&large().await));
        }
        stream.send_data(vec![0; 100].into(), true).unwrap();
        assert!(is_denied(&called(answer).await));
    });
}

#[test]
fn only_calls_of_grpc_are_answered_over_http_2() {
    let daemon = daemon(|_| {});
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for path in ["/v1/tenants/acme/check", "/", "/readyz", "/envoy.service.auth.v3.Authorization/Checks"] {
            let headers = [("content-type", "application/json")];
            let answer = client.call(path, &headers, br#"{"component": {"kind": "tool", "name": "t"}}"#.into()).await;
            assert_eq!((answer.code.as_deref(), answer.messages.len()), (Some("12"), 0), "{path}");
        }
    });
    // Over HTTP/1.1 there is no gRPC.
    assert_eq!(daemon.ask("POST", CHECK, &[("Content-Type", "application/grpc")], "").status, 404);
    assert_eq!(daemon.post("/v1/tenants/acme/check", r#"{"component": {"kind": "tool", "name": "t"}}"#).status, 200);
}

/// A request of a user, as Envoy sends it.
fn asks() -> Vec<u8> {
    let text = str::to_owned;
    let (method, path, host, scheme) = (text("GET"), text("/"), text("shop.example"), text("https"));
    let http = Http { method, path, host, scheme, ..Http::default() };
    let attributes = Attributes { request: Some(Request { http: Some(http) }), ..Attributes::default() };
    message(&CheckRequest { attributes: Some(attributes) }.encode_to_vec())
}

/// A server that decides requests of one tenant, which does not end within an hour.
fn endless_daemon() -> Daemon {
    Daemon::start_with(vec![("acme", endless())], |config| {
        config.listeners[0].doors = [Door::ExtAuthz].into_iter().collect();
        config.listeners[0].tenant = Some("acme".parse().unwrap());
        config.tenants.default.deadline = guardhouse::MAX_DEADLINE;
    })
}

#[test]
fn the_evaluation_ends_when_its_call_is_withdrawn_or_its_connection_is_gone() {
    let daemon = endless_daemon();
    let runtime = runtime();
    for goes_as_a_whole in [false, true] {
        let (client, call) = runtime.block_on(async {
            let client = Grpc::connect(daemon.address).await;
            let (answer, mut stream) = client.begin(CHECK, &[]).await;
            stream.send_data(asks().into(), true).unwrap();
            (client, (answer, stream))
        });
        eventually("the request is decided", || instances(&daemon) == 1);
        if goes_as_a_whole {
            drop((client, call));
            eventually("the evaluation has ended", || instances(&daemon) == 0);
        } else {
            drop(call);
            eventually("the evaluation has ended", || instances(&daemon) == 0);
            assert_eq!(daemon.counts().open, 1, "the connection goes on");
            drop(client);
        }
        eventually("the connection is closed", || daemon.counts().open == 0);
    }
    // A client that is not there any more without a word, and one that has closed its side.
    for way in [Shutdown::Both, Shutdown::Write] {
        let mut raw = Raw::begin(daemon.address, &[]);
        raw.head(1, CHECK, false);
        raw.frame(DATA, 1, 1, &asks());
        eventually("the request is decided", || instances(&daemon) == 1);
        raw.0.shutdown(way).unwrap();
        eventually("the evaluation has ended", || instances(&daemon) == 0);
        drop(raw);
        eventually("the connection is closed", || daemon.counts().open == 0);
    }
}

#[test]
fn the_time_of_the_caller_bounds_the_decision() {
    let daemon = endless_daemon();
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for header in [("grpc-timeout", "50m"), ("x-envoy-expected-rq-timeout-ms", "50"), ("grpc-timeout", "1n")] {
            assert!(is_denied(&client.call(CHECK, &[header], asks()).await), "{header:?}");
        }
    });
}

#[test]
fn calls_that_are_being_decided_are_answered_when_the_server_ends() {
    let daemon = Daemon::start_with(vec![("acme", endless())], |config| {
        config.listeners[0].doors = [Door::ExtAuthz].into_iter().collect();
        config.listeners[0].tenant = Some("acme".parse().unwrap());
        config.tenants.default.deadline = Duration::from_millis(500);
        config.drain.time = HOUR;
    });
    let runtime = runtime();
    let (client, answers) = runtime.block_on(async {
        let client = Grpc::connect(daemon.address).await;
        let mut answers = Vec::new();
        for _ in 0..3 {
            let (answer, mut stream) = client.begin(CHECK, &[]).await;
            stream.send_data(asks().into(), true).unwrap();
            answers.push(answer);
        }
        (client, answers)
    });
    eventually("all are decided", || instances(&daemon) == 3);
    let stopping = daemon.stop(Stop::Now);
    runtime.block_on(async {
        for answer in answers {
            assert!(is_denied(&called(answer).await));
        }
    });
    stopping.wait();
    drop(client);
}

#[test]
fn a_certificate_is_a_credential_over_grpc_too() {
    let folder = tempfile::tempdir().unwrap();
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let credential = |name: &str, tenant: &str| CredentialConfig {
        name: name.to_owned(),
        token_file: None,
        certificate: Some(format!("spiffe://shop.example/{name}").parse().unwrap()),
        tenants: Some(vec![tenant.to_owned()]),
        doors: [Door::ExtAuthz].into_iter().collect(),
    };
    let daemon = Daemon::start_with(allows(), |config| {
        let listener = &mut config.listeners[0];
        listener.doors = [Door::ExtAuthz].into_iter().collect();
        listener.tenant = Some("acme".parse().unwrap());
        listener.tls = Some(servers.server(folder.path(), Some((&clients, false))));
        config.credentials = vec![credential("envoy", "acme"), credential("other", "other")];
    });
    runtime().block_on(async {
        for (name, is_allowed) in
            [(Some("envoy"), true), (Some("other"), false), (Some("nobody"), false), (None, false)]
        {
            let signed = name.map(|name| clients.sign(&[&format!("spiffe://shop.example/{name}")]));
            let client = Grpc::connect_secured(daemon.address, servers.client(signed.as_ref())).await;
            let answer = client.call(CHECK, &[], asks()).await;
            assert_eq!(is_denied(&answer), !is_allowed, "{name:?}: {answer:?}");
            assert_eq!((answer.status, answer.code.as_deref()), (200, Some("0")));
        }
    });
}

fn service(name: &str) -> Vec<u8> {
    message(&Service { name: name.to_owned() }.encode_to_vec())
}

/// The status in a `HealthCheckResponse`.
fn status(message: &[u8]) -> i32 {
    Status::decode(message).unwrap().code
}

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;
const SERVICE_UNKNOWN: i32 = 3;

#[test]
fn health_is_told_for_each_service() {
    let (daemon, _folder) = ready(|_| {});
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        for name in ["", "envoy.service.auth.v3.Authorization"] {
            let answer = client.call(HEALTH_CHECK, &[], service(name)).await;
            let statuses: Vec<i32> = answer.messages.iter().map(|message| status(message)).collect();
            assert_eq!((answer.code.as_deref(), &statuses[..]), (Some("0"), &[SERVING][..]), "{name}");
            let mut watching = client.watch(HEALTH_WATCH, service(name)).await;
            assert_eq!(status(&watching.next().await.unwrap()), SERVING);
        }
        let answer = client.call(HEALTH_CHECK, &[], service("other")).await;
        assert_eq!((answer.code.as_deref(), answer.messages.len()), (Some("5"), 0));
        let mut watching = client.watch(HEALTH_WATCH, service("other")).await;
        assert_eq!(status(&watching.next().await.unwrap()), SERVICE_UNKNOWN);
        for body in [message(b"\xff"), vec![0, 0], message(&[0; 2 << 10])] {
            for path in [HEALTH_CHECK, HEALTH_WATCH] {
                assert_eq!(client.call(path, &[], body.clone()).await.code.as_deref(), Some("3"));
            }
        }
    });
}

#[test]
fn a_server_without_policies_does_not_serve() {
    let (daemon, folder) = ready(|_| {});
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        let mut watching = client.watch(HEALTH_WATCH, service("")).await;
        assert_eq!(status(&watching.next().await.unwrap()), SERVING);
        add(&folder, "first", "broken");
        add(&folder, "second", "broken");
        assert_eq!(status(&watching.next().await.unwrap()), NOT_SERVING);
        let answer = client.call(HEALTH_CHECK, &[], service("")).await;
        assert_eq!(status(&answer.messages[0]), NOT_SERVING);
    });
}

#[test]
fn watchers_are_told_of_the_end_and_do_not_delay_it() {
    for how in [Stop::Drain, Stop::Now] {
        let (daemon, _folder) = ready(|config| {
            config.drain.notice = if how == Stop::Drain { Duration::from_secs(1) } else { HOUR };
            config.drain.time = HOUR;
        });
        let runtime = runtime();
        let (client, mut watching) = runtime.block_on(async {
            let client = Grpc::connect(daemon.address).await;
            let mut watching = client.watch(HEALTH_WATCH, service("")).await;
            assert_eq!(status(&watching.next().await.unwrap()), SERVING);
            (client, watching)
        });
        let stopping = daemon.stop(how);
        runtime.block_on(async {
            assert_eq!(status(&watching.next().await.unwrap()), NOT_SERVING);
            if how == Stop::Drain {
                let answer = client.call(HEALTH_CHECK, &[], service("")).await;
                assert_eq!(status(&answer.messages[0]), NOT_SERVING);
                assert!(is_denied(&client.call(CHECK, &[], message(b"")).await), "calls are answered meanwhile");
            }
            assert_eq!(watching.next().await, None);
            assert_eq!(watching.trailers().await.unwrap()["grpc-status"], "14");
        });
        stopping.wait();
    }
}

#[test]
fn a_watcher_more_than_there_may_be_is_refused_and_calls_are_not() {
    let (daemon, _folder) = ready(|_| {});
    runtime().block_on(async {
        let client = Grpc::connect(daemon.address).await;
        let mut watching = Vec::new();
        for _ in 0..64 {
            let mut one = client.watch(HEALTH_WATCH, service("")).await;
            assert_eq!(status(&one.next().await.unwrap()), SERVING);
            watching.push(one);
        }
        let elsewhere = Grpc::connect_from("127.0.0.2".parse().unwrap(), daemon.address).await;
        let mut one = elsewhere.watch(HEALTH_WATCH, service("")).await;
        assert_eq!(status(&one.next().await.unwrap()), SERVING);
        watching.push(one);
        let other = Grpc::connect(daemon.address).await;
        assert_eq!(other.call(HEALTH_WATCH, &[], service("")).await.code.as_deref(), Some("8"));
        assert_eq!(other.call(HEALTH_CHECK, &[], service("")).await.code.as_deref(), Some("0"));
        assert!(is_denied(&client.call(CHECK, &[], message(b"")).await));
        drop(watching);
        drop((client, elsewhere));
    });
    eventually("their places are free again", || {
        runtime().block_on(async {
            let client = Grpc::connect(daemon.address).await;
            let mut watching = client.watch(HEALTH_WATCH, service("")).await;
            watching.next().await.is_some_and(|message| status(&message) == SERVING)
        })
    });
}
