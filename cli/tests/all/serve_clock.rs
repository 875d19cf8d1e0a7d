//! A server whose wall clock jumps, which `cargo xtask prove clock` runs: libfaketime shows the server another time, and
//! leaves the clock alone that nobody sets.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use guardhouse_tests::guest::{assemble, replaced};
use serde_json::{Value, json};

use crate::harness::{LOOP, TRAP, folder, guardhouse};
use crate::serve::{Server, serve};

/// Allows if the request has a token.
const TOKEN: &str = include_str!("../../../tests/fixtures/token.wat");

/// Where Debian and Fedora have the library for programs with threads.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

const CONFIG: &str = r#"
version = 1
status = "status.sock"

[[listeners]]
address = "unix:FOLDER/doors.sock"
doors = ["native", "metrics"]

[drain]
notice = "0s"

[decision-log]
destination = "decisions.jsonl"

[tenants.default]
deadline = "1s"

[tenants.metered]
budget = { evaluations-per-second = 1, evaluation-burst = 5 }
"#;

const POLICY: &str = r#"
version = 1

[checks.unexpired]
plugin = "unexpired.wasm"

[checks.endless]
plugin = "endless.wasm"
limits = { deadline = "1h", cpu-time = "1h" }

[checks.broken]
plugin = "broken.wasm"
breaker = { faults = 2, first-pause = "1h", longest-pause = "1h" }

[[rules]]
when = { name = "good" }
unchecked = "allow"

[[rules]]
when = { name = "token" }
check = "unexpired"

[[rules]]
when = { name = "endless" }
check = "endless"

[[rules]]
when = { name = "broken" }
check = "broken"
"#;

/// The clock of the server, as what the real one is ahead or behind.
struct Clock(PathBuf);

impl Clock {
    fn set(&self, offset: i64) {
        // At once, because the server reads it all the time.
        let beside = self.0.with_extension("new");
        fs::write(&beside, format!("{offset:+}\n")).unwrap();
        fs::rename(beside, &self.0).unwrap();
    }
}

struct World {
    folder: tempfile::TempDir,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let folder = folder();
        let root = folder.path();
        fs::write(root.join("guardhouse.toml"), CONFIG.replace("FOLDER", root.to_str().unwrap())).unwrap();
        // The time of expiry is an option at 40 in the record, and `now` is at 128.
        let is_unexpired = "(i32.and (i32.load8_u offset=40 (local.get $context)) \
                            (i64.gt_s (i64.load offset=48 (local.get $context)) (i64.load offset=128 (local.get $context))))";
        let unexpired = replaced(TOKEN, "(i32.load8_u (local.get $context))", is_unexpired);
        for tenant in ["acme", "metered"] {
            let of_tenant = root.join("policies").join(tenant);
            fs::create_dir_all(&of_tenant).unwrap();
            for (name, plugin) in [("unexpired", &*unexpired), ("endless", LOOP), ("broken", TRAP)] {
                fs::write(of_tenant.join(format!("{name}.wasm")), assemble(plugin).unwrap()).unwrap();
            }
            fs::write(of_tenant.join("policy.toml"), POLICY).unwrap();
        }
        let clock = Clock(root.join("clock"));
        Self { folder, clock }
    }

    fn command(&self) -> Command {
        let library = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let library = library.unwrap_or_else(|| panic!("libfaketime is not installed"));
        let mut command = serve(self.folder.path());
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.clock.0).env("FAKETIME_NO_CACHE", "1");
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        // Files keep their real times, so that those of policies are in the future of a clock that was set back.
        command.env("NO_FAKE_STAT", "1");
        command
    }

    /// Sends a request, and returns what reads its answer.
    fn send(&self, head: &str, body: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.folder.path().join("doors.sock")).unwrap();
        let head = format!("{head} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}", body.len());
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        stream
    }

    fn ask(&self, tenant: &str, name: &str, expires_at: Option<i64>) -> UnixStream {
        let token = json!({ "client_id": "c", "scopes": [], "expires_at": expires_at });
        let context = json!({ "token": token, "component": { "kind": "tool", "name": name } });
        self.send(&format!("POST /v1/tenants/{tenant}/check"), &context.to_string())
    }

    fn allows(&self, tenant: &str, name: &str, expires_at: Option<i64>) -> bool {
        answer(self.ask(tenant, name, expires_at))
    }

    fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !holds(self) {
            assert!(Instant::now() < end, "not true after a minute: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.path().join("decisions.jsonl")).unwrap();
        // The last line may be written just now.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn last_fault(&self, check: &str) -> String {
        let log = self.log();
        let line = log.iter().rfind(|line| line["check"] == check).unwrap();
        line["fault"].as_str().unwrap_or_default().to_owned()
    }

    /// The value of a metric.
    fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        self.send("GET /metrics", "").read_to_string(&mut text).unwrap();
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

/// Whether an answer is an allow. Anything but a decision fails the test.
fn answer(mut stream: UnixStream) -> bool {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let body: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    match body["decision"].as_str() {
        Some("allow") => true,
        Some("deny") => false,
        _ => panic!("no decision: {answer}"),
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// The seconds since the Unix epoch of a time such as `2026-11-26T17:05:00.000125Z`.
fn seconds(time: &str) -> i64 {
    assert_eq!((time.len(), &time[10..11], &time[19..20], &time[26..]), (27, "T", ".", "Z"), "{time}");
    let number = |at: std::ops::Range<usize>| time[at].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    assert!((1..=12).contains(&month) && (1..=31).contains(&day), "{time}");
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    days * 86_400 + number(11..13) * 3_600 + number(14..16) * 60 + number(17..19)
}

const DAY: i64 = 86_400;
const YEAR: i64 = 365 * DAY;

#[test]
#[ignore = "needs libfaketime: cargo xtask prove clock"]
fn a_clock_that_jumps_moves_expiry_and_times_and_neither_deadlines_nor_budgets_nor_breakers() {
    let world = World::new();
    world.clock.set(0);
    let start = Instant::now();
    let server = Server::start(&mut world.command(), 1);
    world.until("the policies are active", |world| {
        world.allows("acme", "good", None) && world.allows("metered", "good", None)
    });
    // The breaker opens, for an hour.
    for fault in ["trap", "trap", "breaker-open"] {
        assert!(!world.allows("acme", "broken", None));
        world.until("the fault is logged", |world| world.last_fault("broken") == fault);
    }
    // The budget is spent.
    let valid = Some(i64::MAX);
    let mut metered = 0_u64;
    while world.allows("metered", "token", valid) {
        metered += 1;
    }
    assert!(metered >= 5, "{metered}");

    let to_1970 = 1_000 - now();
    for (index, offset) in [0, 400 * DAY, -20 * YEAR, 1_000 * YEAR, to_1970, 3_600, 0].into_iter().enumerate() {
        // The clock jumps while a request is decided. Its deadline neither comes nor goes with that.
        let sent = Instant::now();
        let endless = world.ask("acme", "endless", None);
        world.clock.set(offset);
        assert!(!answer(endless));
        assert!(sent.elapsed() >= Duration::from_secs(1), "the deadline came early: {:?}", sent.elapsed());
        world.until("the deadline is logged", |world| world.last_fault("endless") == "deadline");

        let shown = now() + offset;
        assert!(world.allows("acme", "token", Some(shown + 100)), "{offset}");
        assert!(!world.allows("acme", "token", Some(shown - 100)), "{offset}");
        assert!(!world.allows("acme", "token", None), "{offset}");
        assert!(!world.allows("acme", "broken", None), "{offset}");
        world.until("the breaker is still open", |world| world.last_fault("broken") == "breaker-open");
        for _ in 0..20 {
            metered += u64::from(world.allows("metered", "token", valid));
        }
        let most = 5 + start.elapsed().as_secs() + 1;
        assert!(metered <= most, "{offset}: {metered} evaluations where {most} are possible");

        // Policies are found, although their files are from another time.
        let tenant = format!("t{index}");
        let of_tenant = world.folder.path().join("policies").join(&tenant);
        fs::create_dir_all(&of_tenant).unwrap();
        fs::write(of_tenant.join("policy.toml"), "version = 1\n[[rules]]\nwhen = {}\nunchecked = \"allow\"\n").unwrap();
        world.until("the new policy is active", |world| world.allows(&tenant, "t", None));

        let close = |found: i64| (found - (now() + offset)).abs() < 60;
        world.until("the line has the time", |world| {
            close(seconds(world.log().last().unwrap()["time"].as_str().unwrap()))
        });
        let activation = world.metric("guardhouse_last_activation_timestamp_seconds");
        assert!((activation - (now() + offset) as f64).abs() < 60.0, "{offset}: {activation}");
        let socket = world.folder.path().join("status.sock");
        let status = guardhouse(&["status", "--json", "--socket", socket.to_str().unwrap()]).json();
        assert!(status["uptime_s"].as_u64().unwrap() <= start.elapsed().as_secs(), "{status}");
        println!("clock {offset:+} s: {}", world.log().last().unwrap()["time"]);
    }
    let allowed = metered;
    world.until("the budget fills again", |world| world.allows("metered", "token", valid));
    let errors = server.stop();
    assert!(!errors.contains("panicked"), "{errors}");
    println!("{} decisions in {:?}, {allowed} of the metered tenant", world.log().len(), start.elapsed());

    // A restart with a clock that has not been set, and without policies.
    world.clock.set(to_1970);
    fs::rename(world.folder.path().join("policies"), world.folder.path().join("away")).unwrap();
    let server = Server::start(&mut world.command(), 1);
    world.until("the last good policy is active", |world| world.allows("acme", "good", None));
    assert!(!world.allows("acme", "token", Some(0)));
    assert!(world.allows("acme", "token", Some(100_000)));
    let errors = server.stop();
    assert!(!errors.contains("panicked"), "{errors}");
}
