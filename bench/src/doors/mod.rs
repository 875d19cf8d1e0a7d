//! The doors of the daemon: what each adds to a decision, beside a server that answers a constant, and beside a peer.

mod call;
mod grpc;
mod issuer;
mod servers;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use guardhouse::{Host, ImagePolicy};
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

use self::call::Call;
use self::issuer::Issuer;
pub(crate) use self::servers::{answer, answer_allowed, answer_grpc, start_daemon};
use self::servers::{cerbos_request, daemon, evaluation, ours, start_cerbos, start_envoy};
use crate::http::Request;
use crate::requests::{allows, builtin_plugin, check, real, two_scopes};
use crate::server::Server;
use crate::table::{Row, quantile};

/// The argument with which this program is a server that answers a constant.
pub(crate) const ANSWER: &str = "answer";

/// The argument with which this program is a server that decides with the library before it answers a constant.
pub(crate) const ANSWER_ALLOWED: &str = "answer-allowed";

/// The argument with which this program is a server that answers a constant over gRPC.
pub(crate) const ANSWER_GRPC: &str = "answer-grpc";

/// The connections of a measurement of throughput.
const CONNECTIONS: usize = 8;

/// The path of the requests that proxies ask about.
const ROUTE: &str = "/orders/7?expand=lines";

/// How long is measured: the rounds, and the time of one server in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) rounds: usize,
    pub(crate) slice: Duration,
}

/// A server that is measured.
struct Subject {
    name: &'static str,
    /// Those whose processor time counts.
    servers: Vec<usize>,
    address: SocketAddr,
    call: Call,
    /// The row with the processor time that this server's own is compared with.
    floor: &'static str,
    cpu: Vec<f64>,
    rate: Vec<f64>,
    latency: Vec<f64>,
}

impl Subject {
    fn new(name: &'static str, floor: &'static str, server: (usize, SocketAddr), call: Call) -> Self {
        let (server, address) = server;
        Self { name, servers: vec![server], address, call, floor, cpu: vec![], rate: vec![], latency: vec![] }
    }

    /// The rows of the server that answers a constant by the same protocol: processor time, throughput, latency.
    fn bare_rows(&self) -> [&'static str; 3] {
        match self.call {
            _ if self.name.starts_with("through_envoy") => {
                ["through_envoy_cpu", "through_envoy_throughput", "through_envoy_latency"]
            }
            Call::Grpc(_) => ["bare_grpc_cpu", "bare_grpc_throughput", "bare_grpc_latency"],
            _ => ["bare_cpu", "bare_throughput", "bare_latency"],
        }
    }
}

/// The programs of others, as far as they are here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Others<'a> {
    /// A peer.
    pub(crate) cerbos: Option<&'a Path>,
    /// A proxy that asks the daemon.
    pub(crate) envoy: Option<&'a Path>,
}

/// Measures the doors of the daemon that `guardhouse serve` is, and the programs of others.
pub(crate) fn run(guardhouse: &Path, others: Others<'_>, span: Span) -> Result<Vec<Row>> {
    let folder = TempDir::new()?;
    let issuer = Issuer::new(folder.path())?;
    let mut servers =
        vec![ours(ANSWER)?, daemon(guardhouse, folder.path())?, ours(ANSWER_ALLOWED)?, ours(ANSWER_GRPC)?];
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let [bare, daemon, embedded, bare_grpc] = &*addresses else { anyhow::bail!("a server is missing") };
    let context = serde_json::to_string(&real()?)?;
    let post = |path: &str| Request::post(path, &context);
    let evaluation = Request::post("/tenants/acme/access/v1/evaluation", &evaluation().to_string());
    let message = || Call::Grpc(grpc::check_request("acme", ROUTE, &issuer.token));
    let proxied = |dialect: &str| Call::Status(issuer.request(dialect, ROUTE));
    let mut subjects = vec![
        Subject::new("bare", "library_cpu", (0, *bare), Call::Constant(post("/"))),
        Subject::new("bare_grpc", "library_cpu", (3, *bare_grpc), message()),
        Subject::new("embedded", "library_cpu", (2, *embedded), Call::Constant(post("/"))),
        Subject::new("native", "embedded_added_cpu", (1, *daemon), Call::Decision(post("/v1/tenants/acme/check"))),
        Subject::new("authzen", "embedded_added_cpu", (1, *daemon), Call::Decision(evaluation)),
        Subject::new("nginx", "embedded_added_cpu", (1, *daemon), proxied("nginx")),
        Subject::new("caddy", "embedded_added_cpu", (1, *daemon), proxied("caddy")),
        Subject::new("envoy_http", "embedded_added_cpu", (1, *daemon), proxied("envoy")),
        Subject::new("ext_authz", "embedded_added_cpu", (1, *daemon), message()),
    ];
    if let Some(program) = others.envoy {
        let request = || Call::Status(issuer.request("", "/"));
        for (name, floor, pdp) in [
            ("through_envoy", "bare_cpu", None),
            ("through_envoy_with_ext_authz", "ext_authz_added_cpu", Some(*daemon)),
        ] {
            let envoy = start_envoy(program, &folder.path().join(name), *bare, pdp, &issuer.request("", "/"))?;
            let mut subject = Subject::new(name, floor, (servers.len(), envoy.address), request());
            subject.servers.extend(pdp.map(|_| 1));
            subjects.push(subject);
            servers.push(envoy);
        }
    }
    if let Some(program) = others.cerbos {
        let cerbos = start_cerbos(program, folder.path())?;
        let call = Call::Decision(Request::post("/api/check/resources", &cerbos_request()));
        subjects.push(Subject::new("cerbos", "embedded_added_cpu", (servers.len(), cerbos.address), call));
        servers.push(cerbos);
    }
    let mut library = Vec::new();
    for round in 0..=span.rounds {
        let decision = in_library(span.slice)?;
        if round > 0 {
            library.push(decision);
        }
        for subject in &mut subjects {
            measure(subject, &servers, span.slice, round > 0)?;
        }
    }
    Ok(rows(&mut subjects, &mut library))
}

/// Measures one server. The first round is a warm-up, in which images are made and code is optimized.
fn measure(subject: &mut Subject, servers: &[Server], slice: Duration, counts: bool) -> Result<()> {
    let alone = ask_until(&subject.call, subject.address, Instant::now() + slice);
    let mut latency = alone.with_context(|| subject.name)?;
    let cpu_time = |subject: &Subject| -> Result<Duration> {
        let of = |index: &usize| servers.get(*index).context("a server is missing")?.cpu_time();
        subject.servers.iter().map(of).sum()
    };
    let (before, start) = (cpu_time(subject)?, Instant::now());
    let end = start + slice;
    let (call, address) = (&subject.call, subject.address);
    let counts_of: Vec<Result<usize>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS)
            .map(|_| scope.spawn(move || ask_until(call, address, end).map(|times| times.len())))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(Ok(0))).collect()
    });
    let mut requests = 0;
    for count in counts_of {
        requests += count.with_context(|| subject.name)?;
    }
    let (elapsed, cpu_time) = (start.elapsed(), cpu_time(subject)? - before);
    if counts {
        let requests = f64::from(u32::try_from(requests)?);
        subject.cpu.push(cpu_time.as_secs_f64() * 1e6 / requests);
        subject.rate.push(requests / elapsed.as_secs_f64());
        subject.latency.append(&mut latency);
    }
    Ok(())
}

/// Asks one after the other until `end`, and returns the times in microseconds.
fn ask_until(call: &Call, address: SocketAddr, end: Instant) -> Result<Vec<f64>> {
    let mut ask = call.connect(address)?;
    let mut times = Vec::new();
    while Instant::now() < end {
        let start = Instant::now();
        ask()?;
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
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
    let mut of_bare = HashMap::new();
    for subject in subjects {
        let cpu = quantile(&mut subject.cpu, 0.5);
        let name = |what: &str| format!("{}_{what}", subject.name);
        let [bare_cpu, bare_throughput, bare_latency] = subject.bare_rows();
        let of_bare = *of_bare.entry(bare_cpu).or_insert(cpu);
        rows.push(Row::new(name("cpu"), "µs", cpu).against(bare_cpu));
        rows.push(Row::new(name("added_cpu"), "µs", cpu - of_bare).against(subject.floor));
        let rate = quantile(&mut subject.rate, 0.5);
        rows.push(Row::new(name("throughput"), "1/s", rate).against(bare_throughput));
        let latency = std::mem::take(&mut subject.latency);
        rows.push(Row::of_samples(name("latency"), latency, Some(bare_latency.into())));
    }
    rows
}
