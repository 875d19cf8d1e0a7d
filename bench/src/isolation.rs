//! The daemon with hostile tenants: the latency of a good tenant beside them, and the time of refusals in a crowd.
//!
//! `cargo xtask prove isolation` runs it. It fails if a bound is missed or a good request is denied.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use guardhouse_tests::guest::{assemble, filled};
use tempfile::TempDir;
use thread_priority::{
    NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue,
    ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};

use crate::doors::start_daemon;
use crate::http::{Client, Request};
use crate::requests::real;
use crate::server::Server;
use crate::table::quantile;

/// The argument with which this program proves isolation.
pub(crate) const ISOLATION: &str = "isolation";

/// The tick of the daemon.
const TICK: Duration = Duration::from_micros(200);
/// The good tenant is asked this often, on one connection: less than its fair share beside all others.
const PERIOD: Duration = Duration::from_millis(5);
/// The requests of each measurement.
const REQUESTS: u32 = 2_000;
/// The requests before a measurement. They are not faster, or the tenant would use more than its fair share.
const WARM_UP: u32 = 200;
/// The connections of each hostile tenant.
const CONNECTIONS: usize = 4;
/// The hostile tenants of the measurements.
const CROWDS: [usize; 4] = [0, 1, 4, 40];

/// The check of a hostile tenant.
struct Attack {
    name: &'static str,
    /// The text of its plugin; a built-in one if there is none.
    plugin: Option<&'static str>,
}

const ATTACKS: [Attack; 6] = [
    Attack { name: "loops", plugin: Some(include_str!("../../tests/fixtures/loop.wat")) },
    Attack { name: "takes all memory", plugin: Some(include_str!("../../tests/fixtures/memory-trap.wat")) },
    Attack { name: "writes all memory", plugin: Some(include_str!("../../tests/fixtures/dirty.wat")) },
    Attack { name: "traps", plugin: Some(include_str!("../../tests/fixtures/unreachable.wat")) },
    Attack { name: "floods", plugin: None },
    Attack { name: "is new each second", plugin: Some(include_str!("../../tests/fixtures/allow.wat")) },
];

/// The latencies of the good tenant in milliseconds, and what became of the others' requests.
struct Measured {
    hostile: usize,
    p50: f64,
    p99: f64,
    worst: f64,
    denied: usize,
    answered: u64,
}

pub(crate) fn run(guardhouse: &Path) -> Result<()> {
    let folder = TempDir::new()?;
    let policies = folder.path().join("policies");
    write_policy(&policies.join("acme"), GOOD_CHECK)?;
    for number in 0..CROWDS.into_iter().max().unwrap_or_default() {
        write_hostile(&policies.join(format!("hostile-{number}")), attack(number), 0)?;
    }
    write_slow(&policies.join("slow"))?;
    let server = start_daemon(guardhouse, folder.path(), &["native", "authzen"], "")?;
    println!("| hostile tenants | p50 ms | p99 ms | worst ms | denied | of the hostile answered | resident MiB |");
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    let mut all = Vec::new();
    for hostile in CROWDS {
        let measured = measure(&server, &policies, hostile)?;
        let Measured { p50, p99, worst, denied, answered, .. } = measured;
        let resident = server.resident_bytes()? >> 20;
        println!("| {hostile} | {p50:.3} | {p99:.3} | {worst:.3} | {denied} | {answered} | {resident} |");
        all.push(measured);
    }
    let crowd = crowd(server.address)?;
    println!("\n300 requests at once to a check of 2 ms: {crowd}");
    let reloads = reload(&server, &policies)?;
    println!("a minute with a new policy each second: {reloads}");
    judge(&all)
}

/// Whether the good tenant has what it was promised.
fn judge(all: &[Measured]) -> Result<()> {
    let alone = all.first().map_or(0.0, |measured| measured.p99);
    let bound = (3.0 * alone).max(alone + 3.0 * TICK.as_secs_f64() * 1e3);
    println!("\nthe bound of the good tenant's p99 is {bound:.3} ms");
    for Measured { hostile, p99, denied, .. } in all {
        ensure!(*denied == 0, "beside {hostile} hostile tenants, {denied} good requests were denied");
        ensure!(*p99 <= bound, "beside {hostile} hostile tenants, the p99 is {p99:.3} ms");
    }
    Ok(())
}

fn measure(server: &Server, policies: &Path, hostile: usize) -> Result<Measured> {
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let samples = std::thread::scope(|scope| {
        for number in 0..hostile {
            for _ in 0..CONNECTIONS {
                let (is_over, answered) = (&is_over, &answered);
                scope.spawn(move || attack_until(server.address, number, is_over, answered));
            }
        }
        if hostile > 0 {
            scope.spawn(|| renew(policies, hostile, &is_over));
        }
        let samples = ask_paced(server.address);
        is_over.store(true, Ordering::Relaxed);
        samples
    })?;
    let denied = samples.iter().filter(|(_, is_allowed)| !is_allowed).count();
    let mut times: Vec<f64> = samples.into_iter().map(|(time, _)| time).collect();
    Ok(Measured {
        hostile,
        p50: quantile(&mut times, 0.5),
        p99: quantile(&mut times, 0.99),
        worst: quantile(&mut times, 1.0),
        denied,
        answered: answered.into_inner(),
    })
}

/// Gives the good tenant a new policy each second for a minute, while it is asked all the time.
fn reload(server: &Server, policies: &Path) -> Result<String> {
    let is_over = AtomicBool::new(false);
    let samples = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            for round in 0..60 {
                std::thread::sleep(Duration::from_secs(1));
                let spare = format!("[checks.spare-{round}]\nplugin = \"builtin:require-auth\"\n");
                write_policy(&policies.join("acme"), &format!("{GOOD_CHECK}{spare}"))?;
            }
            is_over.store(true, Ordering::Relaxed);
            anyhow::Ok(())
        });
        let mut samples = Vec::new();
        while !is_over.load(Ordering::Relaxed) && !renewing.is_finished() {
            samples.extend(ask_paced(server.address)?);
        }
        let renewed = renewing.join().unwrap_or_else(|_| anyhow::bail!("the thread that renews panicked"));
        renewed.map(|()| samples)
    })?;
    let denied = samples.iter().filter(|(_, is_allowed)| !is_allowed).count();
    let mut times: Vec<f64> = samples.iter().map(|(time, _)| *time).collect();
    ensure!(denied == 0, "{denied} of {} requests were denied during reloads", samples.len());
    Ok(format!("{} requests, none denied, p99 {:.3} ms", samples.len(), quantile(&mut times, 0.99)))
}

/// Asks the good tenant at fixed times, on a thread of its own.
fn ask_paced(address: SocketAddr) -> Result<Vec<(f64, bool)>> {
    let asked = std::thread::spawn(move || ask_before_everything(address)).join();
    asked.unwrap_or_else(|_| anyhow::bail!("the thread that asks panicked"))
}

fn ask_before_everything(address: SocketAddr) -> Result<Vec<(f64, bool)>> {
    let request = Request::post("/v1/tenants/acme/check", &serde_json::to_string(&real()?)?);
    let mut client = Client::connect(address)?;
    before_everything();
    let start = Instant::now();
    let asked: Result<Vec<_>> = (0..WARM_UP + REQUESTS)
        .map(|number| {
            let due = start + PERIOD * number;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            // The sleep of this thread may end late, which is not the daemon's time.
            let asked = Instant::now();
            let answer = client.ask(&request)?;
            Ok((asked.elapsed().as_secs_f64() * 1e3, answer.allows()))
        })
        .collect();
    Ok(asked?.split_off(usize::try_from(WARM_UP)?))
}

/// Lets this thread run before all others, if the system permits it: the time for which a client waits for a processor is
/// not the daemon's.
fn before_everything() {
    if let Ok(second) = ThreadPriorityValue::try_from(2) {
        let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
        let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(second), policy);
    }
}

/// Lets this thread run only where nothing else wants to.
fn behind_everything() {
    let policy = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let _ = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, policy);
}

/// Sends requests to a hostile tenant as fast as they are answered, behind everything else on this machine.
fn attack_until(address: SocketAddr, number: usize, is_over: &AtomicBool, answered: &AtomicU64) {
    behind_everything();
    let path = format!("/v1/tenants/hostile-{number}/check");
    let request = Request::post(
        &path,
        r#"{"component": {"kind": "tool", "name": "a"}, "token": {"client_id": "a", "scopes": []}}"#,
    );
    while !is_over.load(Ordering::Relaxed) {
        let Ok(mut client) = Client::connect(address) else { continue };
        while !is_over.load(Ordering::Relaxed) && client.ask(&request).is_ok() {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Gives the tenants that are new each second another plugin, which must be compiled.
fn renew(policies: &Path, hostile: usize, is_over: &AtomicBool) {
    let mut round = 1;
    while !is_over.load(Ordering::Relaxed) {
        for number in 0..hostile {
            if attack(number).name == "is new each second" {
                let _ = write_hostile(&policies.join(format!("hostile-{number}")), attack(number), round);
            }
        }
        round += 1;
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn attack(number: usize) -> &'static Attack {
    ATTACKS.iter().cycle().nth(number).unwrap_or(&ATTACKS[0])
}

/// The check of the good tenant.
const GOOD_CHECK: &str =
    "[checks.it]\nplugin = \"builtin:require-scopes\"\nsettings = { scopes = [\"read\", \"scope-17\"] }\n";

fn write_hostile(folder: &Path, attack: &Attack, round: u32) -> Result<()> {
    let Some(text) = attack.plugin else {
        return write_policy(folder, "[checks.it]\nplugin = \"builtin:require-auth\"\n");
    };
    fs::create_dir_all(folder)?;
    let bytes = if attack.name == "is new each second" { renewed(text, folder, round)? } else { assemble(text)? };
    write_whole(&folder.join("hostile.wasm"), &bytes)?;
    write_policy(folder, "[checks.it]\nplugin = \"hostile.wasm\"\n")
}

/// A plugin that takes long to compile, and is another one for each tenant and round.
fn renewed(text: &str, folder: &Path, round: u32) -> Result<Vec<u8>> {
    // Assembling takes longer than compiling, at the expense of the daemon.
    static BOMB: Mutex<Option<Vec<u8>>> = Mutex::new(None);
    let mut bomb_bytes = BOMB.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = match &*bomb_bytes {
        Some(bytes) => bytes,
        None => bomb_bytes.insert(assemble(&filled(text, &[("fields", &bomb()), ("items", "")]))?),
    };
    let mark = format!("{round} {}", folder.display());
    // A custom section without a name: its content.
    let section = [&[0, u8::try_from(mark.len() + 1)?, 0], mark.as_bytes()].concat();
    Ok([bytes.as_slice(), &section].concat())
}

/// Functions that take long to compile.
fn bomb() -> String {
    let mut functions = String::new();
    for number in 0..1_500 {
        let _ = write!(functions, "(func (param i32) (result i32) (local i32 i32 i32) ");
        for step in 0..40 {
            let _ =
                write!(functions, "(local.set 1 (i32.mul (i32.add (local.get 1) (local.get 0)) (i32.const {step}))) ");
        }
        let _ = write!(functions, "(i32.add (local.get 1) (i32.const {number})))");
    }
    functions
}

/// A check that takes about two milliseconds.
fn write_slow(folder: &Path) -> Result<()> {
    let text = include_str!("../../tests/fixtures/allow.wat");
    let work = "(func $work (local i32) (loop $again
        (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if $again (i32.lt_u (local.get 0) (i32.const 2000000)))))";
    let text = filled(text, &[("fields", work), ("items", "")]);
    let text = text.replace("(i32.const 16))) ;; ok(true)", "(call $work) (i32.const 16)))");
    fs::create_dir_all(folder)?;
    write_whole(&folder.join("slow.wasm"), &assemble(&text)?)?;
    write_policy(folder, "[checks.it]\nplugin = \"slow.wasm\"\n")
}

fn write_policy(folder: &Path, check: &str) -> Result<()> {
    fs::create_dir_all(folder)?;
    let policy = format!("version = 1\n\n{check}\n[[rules]]\nname = \"all\"\nwhen = {{}}\ncheck = \"it\"\n");
    write_whole(&folder.join("policy.toml"), policy.as_bytes())
}

/// Writes a file that no reader sees half of.
fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, content)?;
    Ok(fs::rename(temporary, path)?)
}

/// Sends 300 requests at once, each on a connection of its own, and tells when the answers came.
fn crowd(address: SocketAddr) -> Result<String> {
    let body = r#"{"component": {"kind": "tool", "name": "a"}}"#;
    let request = Request::post("/v1/tenants/slow/check", body);
    let mut alone = Client::connect(address)?;
    let mut once: Vec<f64> = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        ensure!(alone.ask(&request)?.allows(), "the slow check does not allow");
        once.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let mut clients = (0..300).map(|_| Client::connect(address)).collect::<Result<Vec<_>>>()?;
    let barrier = Barrier::new(clients.len());
    let ask = |client: &mut Client| {
        barrier.wait();
        let start = Instant::now();
        client.ask(&request).map(|answer| (start.elapsed(), answer.allows()))
    };
    let answers = std::thread::scope(|scope| {
        let asking: Vec<_> = clients.iter_mut().map(|client| scope.spawn(|| ask(client))).collect();
        asking.into_iter().filter_map(|asked| asked.join().ok()).collect::<Result<Vec<_>>>()
    })?;
    let times = |allowed: bool| -> Vec<f64> {
        answers.iter().filter(|(_, allows)| *allows == allowed).map(|(time, _)| time.as_secs_f64() * 1e3).collect()
    };
    let (mut allowed, mut refused) = (times(true), times(false));
    let refusals = quantile(&mut refused, 1.0);
    Ok(format!(
        "one alone takes {:.2} ms; {} allowed, the last after {:.1} ms; {} refused, the last after {refusals:.1} ms",
        quantile(&mut once, 0.5),
        allowed.len(),
        quantile(&mut allowed, 1.0),
        refused.len(),
    ))
}
