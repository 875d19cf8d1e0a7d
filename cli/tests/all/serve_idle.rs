//! A server with as many idle connections as it takes, and one caller that asks. `cargo xtask prove idle` runs it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::folder;
use crate::serve::{Server, serve};

const POLICY: &str = r#"
version = 1

[checks.readers]
plugin = "builtin:require-scopes"
settings = { scopes = ["read"] }

[[rules]]
when = {}
check = "readers"
"#;

/// So long that all connections are open before the first one is closed.
const IDLE: Duration = Duration::from_secs(60);

/// The connections that are made before the server is asked whether it has taken them.
const AT_ONCE: u64 = 500;

/// The connections over the maximum.
const OVER: u64 = 200;

fn body() -> &'static str {
    r#"{"token":{"client_id":"c","scopes":["read"]},"component":{"kind":"tool","name":"t"}}"#
}

/// A caller that asks on one connection.
struct Caller(BufReader<TcpStream>);

impl Caller {
    fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(BufReader::new(stream))
    }

    /// The body of an answer with the status 200.
    fn ask(&mut self, head: &str, body: &str) -> String {
        let head = format!("{head} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length:");
        self.0.get_ref().write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).unwrap();
        let mut length = 0;
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200 "), "{line:?}");
        while line != "\r\n" {
            line.clear();
            self.0.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }

    fn is_allowed(&mut self) -> bool {
        self.ask("POST /v1/tenants/acme/check", body()).starts_with(r#"{"decision":"allow""#)
    }

    /// The time of each of many decisions, all of which must allow, in order.
    fn times(&mut self) -> Vec<Duration> {
        let mut times: Vec<Duration> = (0..2_000)
            .map(|_| {
                let start = Instant::now();
                assert!(self.is_allowed());
                start.elapsed()
            })
            .collect();
        times.sort_unstable();
        times
    }
}

/// The value of the first sample whose line begins so.
fn metric(operator: &str, sample: &str) -> u64 {
    let text = Caller::connect(operator).ask("GET /metrics", "");
    let line = text.lines().find(|line| line.starts_with(sample));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

fn count(callers: &[Caller]) -> u64 {
    callers.len().try_into().unwrap()
}

/// The resident memory of the server, in bytes.
fn resident(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1_024
}

/// The address of a listener with a door.
fn address(server: &Server, door: &str) -> String {
    let found = server.lines().iter().filter_map(|line| line.strip_prefix("note: listening on "));
    let found = found.filter_map(|line| line.split_once(' ')).find(|(_, doors)| doors.contains(door));
    found.unwrap().0.to_owned()
}

fn prove(maximum: u64, has_asked: bool) {
    let limit = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
    assert!(limit.is_none_or(|limit| limit > maximum + OVER + 100), "`ulimit -Hn` is too small: {limit:?}");

    let folder = folder();
    fs::create_dir_all(folder.path().join("policies/acme")).unwrap();
    fs::write(folder.path().join("policies/acme/policy.toml"), POLICY).unwrap();
    let mut config = "version = 1\nstatus = \"off\"\n".to_owned();
    for doors in [r#""native""#, r#""health", "metrics""#] {
        config += &format!("[[listeners]]\naddress = \"127.0.0.1:0\"\ndoors = [{doors}]\n");
    }
    let idle = IDLE.as_secs();
    config += &format!("[connections]\nmaximum = {maximum}\nidle-time = \"{idle}s\"\n");
    config += "[drain]\nnotice = \"0s\"\n[decision-log]\ndestination = \"off\"\n";
    fs::write(folder.path().join("guardhouse.toml"), config).unwrap();
    let server = Server::start(&mut serve(folder.path()), 2);
    let (decisions, operator) = (address(&server, "native"), address(&server, "health"));

    let mut good = Caller::connect(&decisions);
    while !good.is_allowed() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let alone = good.times();
    let before = resident(&server);

    let open = format!("guardhouse_connections{{listener=\"{decisions}\"}}");
    let fill = || {
        let start = Instant::now();
        let mut callers = Vec::new();
        while metric(&operator, &open) < maximum {
            // No more at once than wait to be taken, or the kernel delays them by a second.
            for _ in 0..(maximum - 1 - count(&callers)).min(AT_ONCE) {
                let mut caller = Caller::connect(&decisions);
                assert!(!has_asked || caller.is_allowed());
                callers.push(caller);
            }
            while metric(&operator, &open) < count(&callers) + 1 {
                assert!(start.elapsed() < IDLE, "{} of {maximum} are open", metric(&operator, &open));
            }
        }
        callers
    };
    let start = Instant::now();
    let mut silent = fill();
    let opened = start.elapsed();
    let full = resident(&server);
    let each = (full - before) / (maximum - 1);
    let beside = good.times();

    // What is over the maximum is closed without an answer, and counted.
    let refusing = Instant::now();
    for _ in 0..OVER {
        let mut refused = TcpStream::connect(&decisions).unwrap();
        refused.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        assert_eq!(refused.read(&mut [0; 16]).unwrap_or(0), 0);
    }
    let refusing = refusing.elapsed() / u32::try_from(OVER).unwrap();
    let refused = format!("guardhouse_connections_refused_total{{listener=\"{decisions}\",reason=\"too-many\"}}");
    assert_eq!(metric(&operator, &refused), OVER);
    assert_eq!(Caller::connect(&operator).ask("GET /healthz", ""), "ok\n");
    assert_eq!(metric(&operator, &open), maximum);
    assert!(start.elapsed() < IDLE, "the machine is too slow for this proof: {:?}", start.elapsed());

    // The good caller asks on while the idle ones are closed.
    let mut asked = 0;
    while metric(&operator, &open) > 1 {
        assert!(good.is_allowed());
        asked += 1;
        assert!(start.elapsed() < IDLE * 4, "{} are open", metric(&operator, &open));
        std::thread::sleep(Duration::from_millis(2));
    }
    let closed = start.elapsed();
    assert!(closed >= IDLE, "closed early: {closed:?}");
    for caller in &mut silent {
        assert_eq!(caller.0.read(&mut [0; 16]).unwrap_or(0), 0);
    }
    drop(silent);
    // There is room again, and the memory of the old connections is used for new ones.
    let after = resident(&server);
    let again = fill();
    let full_again = resident(&server);
    // Not all of it: what is free is scattered. After many times as many, it stays at one and a half times as much.
    assert!(full_again - before < (full - before) * 7 / 4, "{full} bytes, and {full_again} the second time");
    drop(again);
    println!(
        "{maximum} connections ({}): opened in {opened:?}; {each} bytes each; resident {} MiB before, {} MiB with them, {} MiB \
         after them, {} MiB with as many again; a decision alone p50 {:?}, p99 {:?}, beside them p50 {:?}, p99 {:?}; {OVER} more refused, each in {refusing:?}; all \
         closed {closed:?} after the first was opened, and {asked} decisions meanwhile",
        if has_asked { "each after one request" } else { "silent" },
        before >> 20,
        full >> 20,
        after >> 20,
        full_again >> 20,
        alone[1_000],
        alone[1_980],
        beside[1_000],
        beside[1_980],
    );
    let errors = server.stop();
    assert!(!errors.contains("panicked") && !errors.contains("cannot take a connection"), "{errors}");
}

#[test]
#[ignore = "takes a minute: cargo xtask prove idle"]
fn the_default_number_of_silent_connections_hinders_nobody_and_is_closed_in_time() {
    prove(10_000, false);
}

#[test]
#[ignore = "takes a minute: cargo xtask prove idle"]
fn the_default_number_of_connections_that_asked_once_hinders_nobody_and_is_closed_in_time() {
    prove(10_000, true);
}

#[test]
#[ignore = "takes a minute: cargo xtask prove idle"]
fn a_raised_number_of_silent_connections_hinders_nobody_and_is_closed_in_time() {
    prove(15_000, false);
}
