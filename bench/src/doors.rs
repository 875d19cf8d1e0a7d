//! The doors of the daemon: what each adds to a decision, beside a server that answers a constant, and beside a peer.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use axum::http::StatusCode;
use guardhouse::{AuthContext, Host, ImagePolicy, run_auth_checks};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::{Client, Request};
use crate::requests::{allows, builtin_plugin, check, real, two_scopes};
use crate::server::{Server, free_address};
use crate::table::{Row, quantile};

/// The argument with which this program is a server that answers a constant.
pub(crate) const ANSWER: &str = "answer";

/// The argument with which this program is a server that decides with the library before it answers a constant.
pub(crate) const ANSWER_ALLOWED: &str = "answer-allowed";

/// The connections of a measurement of throughput.
const CONNECTIONS: usize = 8;

/// How long is measured: the rounds, and the time of one server in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) rounds: usize,
    pub(crate) slice: Duration,
}

/// A server that is measured.
struct Subject {
    name: &'static str,
    server: usize,
    request: Request,
    is_decision: bool,
    cpu: Vec<f64>,
    rate: Vec<f64>,
    latency: Vec<f64>,
}

impl Subject {
    fn new(name: &'static str, server: usize, request: Request) -> Self {
        Self {
            name,
            server,
            request,
            is_decision: name != "bare" && name != "embedded",
            cpu: vec![],
            rate: vec![],
            latency: vec![],
        }
    }
}

/// Measures the doors of the daemon that `guardhouse serve` is, and the peer `cerbos` if there is one.
pub(crate) fn run(guardhouse: &Path, cerbos: Option<&Path>, span: Span) -> Result<Vec<Row>> {
    let folder = TempDir::new()?;
    let mut servers = vec![ours(ANSWER)?, daemon(guardhouse, folder.path())?, ours(ANSWER_ALLOWED)?];
    let mut subjects = vec![
        Subject::new("bare", 0, Request::post("/", &serde_json::to_string(&real()?)?)),
        Subject::new("embedded", 2, Request::post("/", &serde_json::to_string(&real()?)?)),
        Subject::new("native", 1, Request::post("/v1/tenants/acme/check", &serde_json::to_string(&real()?)?)),
        Subject::new("authzen", 1, Request::post("/tenants/acme/access/v1/evaluation", &evaluation().to_string())),
    ];
    if let Some(program) = cerbos {
        subjects.push(Subject::new("cerbos", servers.len(), Request::post("/api/check/resources", &cerbos_request())));
        servers.push(start_cerbos(program, folder.path())?);
    }
    let mut library = Vec::new();
    for round in 0..=span.rounds {
        let decision = in_library(span.slice)?;
        if round > 0 {
            library.push(decision);
        }
        for subject in &mut subjects {
            let server = servers.get(subject.server).context("a server is missing")?;
            measure(subject, server, span.slice, round > 0)?;
        }
    }
    Ok(rows(&mut subjects, &mut library))
}

/// Measures one server. The first round is a warm-up, in which images are made and code is optimized.
fn measure(subject: &mut Subject, server: &Server, slice: Duration, counts: bool) -> Result<()> {
    let mut latency = Vec::new();
    let alone = ask_until(server.address, &subject.request, subject.is_decision, Instant::now() + slice, &mut latency);
    alone.with_context(|| subject.name)?;
    let (before, start) = (server.cpu_time()?, Instant::now());
    let end = start + slice;
    let (request, is_decision) = (&subject.request, subject.is_decision);
    let counts_of: Vec<Result<usize>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                scope.spawn(move || {
                    let mut times = Vec::new();
                    ask_until(server.address, request, is_decision, end, &mut times).map(|()| times.len())
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(Ok(0))).collect()
    });
    let mut requests = 0;
    for count in counts_of {
        requests += count.with_context(|| subject.name)?;
    }
    let (elapsed, cpu_time) = (start.elapsed(), server.cpu_time()? - before);
    if counts {
        let requests = f64::from(u32::try_from(requests)?);
        subject.cpu.push(cpu_time.as_secs_f64() * 1e6 / requests);
        subject.rate.push(requests / elapsed.as_secs_f64());
        subject.latency.append(&mut latency);
    }
    Ok(())
}

/// Asks one after the other until `end`, and adds the times in microseconds.
fn ask_until(
    address: SocketAddr,
    request: &Request,
    is_decision: bool,
    end: Instant,
    times: &mut Vec<f64>,
) -> Result<()> {
    let mut client = Client::connect(address)?;
    while Instant::now() < end {
        let start = Instant::now();
        let answer = client.ask(request)?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
        ensure!(answer.status == 200 && (!is_decision || answer.allows()), "not an allow: {answer:?}");
    }
    Ok(())
}

/// The processor time of the same decision in the library, in microseconds.
fn in_library(slice: Duration) -> Result<f64> {
    let check = check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let context = real()?;
    let end = Instant::now() + slice;
    let (mut count, before) = (0_u32, thread_time());
    while Instant::now() < end {
        allows(&check, &context);
        count += 1;
    }
    Ok((thread_time() - before).as_secs_f64() * 1e6 / f64::from(count))
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

fn rows(subjects: &mut [Subject], library: &mut [f64]) -> Vec<Row> {
    let decision = quantile(library, 0.5);
    let mut rows = vec![Row::new("library_cpu", "µs", decision)];
    let mut bare = None;
    for subject in subjects {
        let cpu = quantile(&mut subject.cpu, 0.5);
        let of_bare = *bare.get_or_insert(cpu);
        let name = |what: &str| format!("{}_{what}", subject.name);
        rows.push(Row::new(name("cpu"), "µs", cpu).against("bare_cpu"));
        let floor = if subject.is_decision { "embedded_added_cpu" } else { "library_cpu" };
        rows.push(Row::new(name("added_cpu"), "µs", cpu - of_bare).against(floor));
        rows.push(Row::new(name("throughput"), "1/s", quantile(&mut subject.rate, 0.5)).against("bare_throughput"));
        let latency = std::mem::take(&mut subject.latency);
        rows.push(Row::of_samples(name("latency"), latency, Some("bare_latency")));
    }
    rows
}

/// This program, as one of its servers.
fn ours(kind: &str) -> Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    Server::start(command.arg(kind).arg(address.to_string()), address, &Request::get("/"))
}

/// Serves a constant until the process is killed.
pub(crate) fn answer(address: &str) -> Result<()> {
    serve(address, axum::routing::post(|| async { constant() }))
}

/// Serves a constant for requests that the library allows, until the process is killed.
pub(crate) fn answer_allowed(address: &str) -> Result<()> {
    let check = check(&builtin_plugin(&Host::new()?, "require-scopes")?, two_scopes(), ImagePolicy::Eager)?;
    let check = Arc::new(check);
    let decide = move |body: axum::body::Bytes| {
        let check = Arc::clone(&check);
        async move {
            let context = AuthContext::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
            let decision = run_auth_checks(&[&*check], &context).await;
            if decision.is_allow() { Ok(constant()) } else { Err(StatusCode::FORBIDDEN) }
        }
    };
    serve(address, axum::routing::post(decide))
}

fn constant() -> impl axum::response::IntoResponse {
    ([("content-type", "application/json")], r#"{"decision":"allow"}"#)
}

fn serve(address: &str, post: axum::routing::MethodRouter) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let router = axum::Router::new().route("/", post.get(|| async { "ready" }));
        let listener = tokio::net::TcpListener::bind(address).await?;
        Ok(axum::serve(listener, router).await?)
    })
}

/// A daemon with one tenant, `acme`, which needs two scopes.
fn daemon(guardhouse: &Path, folder: &Path) -> Result<Server> {
    let policies = folder.join("policies");
    fs::create_dir_all(policies.join("acme"))?;
    let settings = r#"{ scopes = ["read", "scope-17"] }"#;
    let check = format!("[checks.scopes]\nplugin = \"builtin:require-scopes\"\nsettings = {settings}\n");
    // AuthZEN has no token, and so no scopes.
    let tag = r#"settings = { tag = "secret", scopes = ["read"] }"#;
    let untagged = format!("[checks.untagged]\nplugin = \"builtin:restrict-tag\"\n{tag}\n");
    let rule = |name: &str, when: &str, check: &str| {
        format!("[[rules]]\nname = \"{name}\"\nwhen = {{ {when} }}\ncheck = \"{check}\"\n")
    };
    let rules = rule("authzen", "action = \"evaluate\"", "untagged") + &rule("native", "", "scopes");
    fs::write(policies.join("acme/policy.toml"), format!("version = 1\n\n{check}\n{untagged}\n{rules}"))?;
    start_daemon(guardhouse, folder, "")
}

/// A daemon with the tenants of the folder `policies` of `folder`.
pub(crate) fn start_daemon(guardhouse: &Path, folder: &Path, settings: &str) -> Result<Server> {
    let (address, operations) = (free_address()?, free_address()?);
    let doors = format!("[[listeners]]\naddress = \"{address}\"\ndoors = [\"native\", \"authzen\"]\n");
    let health = format!("[[listeners]]\naddress = \"{operations}\"\ndoors = [\"health\", \"metrics\"]\n");
    fs::write(folder.join("guardhouse.toml"), format!("version = 1\n{settings}\n{doors}\n{health}"))?;
    let mut command = Command::new(guardhouse);
    command.arg("serve").current_dir(folder);
    let decision = Request::post("/v1/tenants/acme/check", r#"{"component": {"kind": "tool", "name": "ready"}}"#);
    let mut server = Server::start(&mut command, operations, &Request::get("/readyz"))?;
    server.address = address;
    ensure!(Client::connect(address)?.ask(&decision)?.status == 200, "the daemon does not decide");
    Ok(server)
}

/// A request of about the same size.
fn evaluation() -> Value {
    json!({
        "subject": { "type": "user", "id": "00u1234567890", "properties": { "groups": vec!["engineering-team"; 20] } },
        "action": { "name": "evaluate" },
        "resource": { "type": "tool", "id": "search", "properties": { "tags": ["a", "b", "c"] } },
        "context": { "address": "192.0.2.7" },
    })
}

/// The peer, with a policy that needs the same two scopes.
fn start_cerbos(program: &Path, folder: &Path) -> Result<Server> {
    let folder: PathBuf = folder.join("cerbos");
    fs::create_dir_all(folder.join("policies"))?;
    let (http, grpc) = (free_address()?, free_address()?);
    let expression = r#"hasIntersection(["read"], P.attr.scopes) && hasIntersection(["scope-17"], P.attr.scopes)"#;
    let policy = json!({
        "apiVersion": "api.cerbos.dev/v1",
        "resourcePolicy": { "version": "default", "resource": "tool", "rules": [{
            "actions": ["call"], "effect": "EFFECT_ALLOW", "roles": ["user"],
            "condition": { "match": { "expr": expression } },
        }] },
    });
    fs::write(folder.join("policies/tool.json"), policy.to_string())?;
    let config = json!({
        "server": { "httpListenAddr": http.to_string(), "grpcListenAddr": grpc.to_string() },
        "storage": { "driver": "disk", "disk": { "directory": folder.join("policies") } },
        "telemetry": { "disabled": true },
        "audit": { "enabled": false },
    });
    let file = folder.join("config.json");
    fs::write(&file, config.to_string())?;
    let mut command = Command::new(program);
    command.arg("server").arg(format!("--config={}", file.display())).arg("--log-level=error");
    command.stderr(std::process::Stdio::null());
    Server::start(&mut command, http, &Request::post("/api/check/resources", &cerbos_request()))
}

fn cerbos_request() -> String {
    let context = real().map(|context| context.token.map(|token| token.scopes)).unwrap_or_default();
    json!({
        "requestId": "1",
        "principal": { "id": "00u1234567890", "roles": ["user"], "attr": { "scopes": context } },
        "resources": [{ "actions": ["call"], "resource": { "kind": "tool", "id": "search" } }],
    })
    .to_string()
}
