//! The status of a server, as text.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use guardhouse_server::observe::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::text::{escaped, grouped};

/// The parts of a status that are printed. A server of another version may have more.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerStatus {
    version: String,
    pid: u32,
    uptime_s: u64,
    listeners: Vec<Listener>,
    health: Health,
    source: Source,
    decision_log: Option<DecisionLog>,
    pub(crate) tenants: Vec<Tenant>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    address: String,
    doors: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Health {
    state: String,
    tenants: u64,
    without_policy: u64,
    refused: u64,
    last_good: u64,
    not_durable: u64,
}

#[derive(Debug, Deserialize)]
struct Source {
    problem: Option<String>,
    problems: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
struct DecisionLog {
    written: u64,
    queue_full: u64,
    too_slow: u64,
    too_long: u64,
    cancelled: u64,
    is_failing: bool,
}

/// The status of one tenant.
#[derive(Debug, Deserialize)]
pub(crate) struct Tenant {
    tenant: String,
    wanted: Option<String>,
    active: Option<Active>,
    refused: Option<Refused>,
    checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
struct Active {
    policy: Policy,
    origin: String,
    durability: Durability,
    #[serde(default)]
    warnings: Vec<Problem>,
    since: u64,
}

#[derive(Debug, Deserialize)]
struct Policy {
    generation: u64,
    digest: String,
}

#[derive(Debug, Deserialize)]
struct Durability {
    state: String,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    digest: Option<String>,
    problems: Vec<Problem>,
    since: u64,
}

#[derive(Debug, Deserialize)]
struct Problem {
    file: String,
    #[serde(default)]
    position: Option<Position>,
    #[serde(default)]
    key: String,
    message: String,
    #[serde(default)]
    help: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Position {
    line: u64,
    column: u64,
}

#[derive(Debug, Deserialize)]
struct Check {
    name: String,
    plugin: String,
    start: Start,
    is_optimized: bool,
    is_resident: bool,
    /// The state of its breaker, as a word or as an object with the field `state`.
    #[serde(default)]
    breaker: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Start {
    mode: String,
    #[serde(default)]
    reason: Option<String>,
}

impl ServerStatus {
    /// Reads the JSON form.
    pub(crate) fn read(answer: &Value) -> Result<Self> {
        Ok(Self::deserialize(answer)?)
    }

    /// The state of the server, and the tenants with which something is wrong.
    pub(crate) fn summary(&self) -> String {
        let mut text = Text::default();
        let up = Duration::from_secs(self.uptime_s);
        text.line(0, &format!("guardhouse {}, process {}, up {up:?}: {}", self.version, self.pid, self.health.state));
        for Listener { address, doors } in &self.listeners {
            text.line(0, &format!("listener {address}: {}", doors.join(", ")));
        }
        if let Some(log) = &self.decision_log {
            let lost =
                [log.queue_full, log.too_slow, log.too_long, log.cancelled].into_iter().fold(0, u64::saturating_add);
            let failing = if log.is_failing { ", failing now" } else { "" };
            text.line(0, &format!("decision log: {} lines, {} lost{failing}", grouped(log.written), grouped(lost)));
        }
        let health = &self.health;
        let counts = [
            (health.without_policy, "without a policy"),
            (health.refused, "with a refused policy"),
            (health.last_good, "with a policy from the state folder"),
            (health.not_durable, "whose policy is not in the state folder"),
        ];
        let wrong =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!(", {} {what}", grouped(*count)));
        text.line(0, &format!("tenants: {}{}", grouped(health.tenants), wrong.collect::<String>()));
        if let Some(problem) = &self.source.problem {
            text.line(0, &format!("the source cannot be read: {problem}"));
        }
        self.source.problems.iter().for_each(|problem| text.problem(0, problem));
        self.tenants.iter().filter(|tenant| tenant.has_problem()).for_each(|tenant| tenant.write(&mut text, false));
        text.0
    }

    /// Everything that is known of the tenants.
    pub(crate) fn details(&self) -> String {
        let mut text = Text::default();
        self.tenants.iter().for_each(|tenant| tenant.write(&mut text, true));
        text.0
    }
}

impl Tenant {
    fn has_problem(&self) -> bool {
        let is_wrong = |active: &Active| active.origin != "source" || active.durability.state == "failed";
        self.refused.is_some()
            || self.active.as_ref().is_none_or(is_wrong)
            || self.checks.iter().any(|check| check.breaker_state().is_some_and(|state| state != "closed"))
    }

    fn write(&self, text: &mut Text, with_checks: bool) {
        text.line(0, &format!("tenant {}", self.tenant));
        if with_checks {
            text.line(1, &format!("wanted: {}", self.wanted.as_deref().unwrap_or("nothing that can be read")));
        }
        match &self.active {
            None => text.line(1, "active: none, so every request is denied"),
            Some(active) => active.write(text, with_checks),
        }
        if let Some(refused) = &self.refused {
            let digest = refused.digest.as_deref().unwrap_or("a policy that cannot be read");
            text.line(1, &format!("refused: {digest}, since {}", time(refused.since)));
            refused.problems.iter().for_each(|problem| text.problem(2, problem));
        }
        for check in &self.checks {
            if with_checks || check.breaker_state().is_some_and(|state| state != "closed") {
                check.write(text);
            }
        }
    }
}

impl Active {
    fn write(&self, text: &mut Text, with_warnings: bool) {
        let Policy { generation, digest } = &self.policy;
        let origin = if self.origin == "source" { "" } else { ", from the state folder" };
        text.line(1, &format!("active: {digest}, generation {generation}, since {}{origin}", time(self.since)));
        match (&*self.durability.state, &self.durability.reason) {
            ("failed", reason) => {
                let reason = reason.as_deref().unwrap_or("unknown");
                text.line(2, &format!("not in the state folder: {reason}"));
            }
            ("not-kept", _) if with_warnings => text.line(2, "not in the state folder"),
            _ => {}
        }
        if with_warnings {
            self.warnings.iter().for_each(|problem| text.problem(2, problem));
        }
    }
}

impl Check {
    fn breaker_state(&self) -> Option<&str> {
        let breaker = self.breaker.as_ref()?;
        breaker.as_str().or_else(|| breaker.get("state")?.as_str())
    }

    fn write(&self, text: &mut Text) {
        let code = match (self.is_resident, self.is_optimized) {
            (false, _) => "code not in memory",
            (true, false) => "baseline code",
            (true, true) => "optimized code",
        };
        let start = match (&*self.start.mode, &self.start.reason) {
            ("image", _) => "starts from an image".to_owned(),
            (_, Some(reason)) => format!("configures itself: {reason}"),
            (mode, None) => mode.to_owned(),
        };
        let breaker = self.breaker_state().map(|state| format!(", breaker {state}")).unwrap_or_default();
        text.line(1, &format!("check {}: {code}, {start}{breaker}", self.name));
        text.line(2, &self.plugin);
    }
}

/// Lines, in which names and messages of others are escaped.
#[derive(Debug, Default)]
struct Text(String);

impl Text {
    fn line(&mut self, level: usize, line: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{:1$}{2}", "", level * 2, escaped(line));
    }

    fn problem(&mut self, level: usize, problem: &Problem) {
        let Problem { file, position, key, message, help } = problem;
        let position = position.as_ref().map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
        let key = if key.is_empty() { String::new() } else { format!("{key}: ") };
        self.line(level, &format!("{file}{position}: {key}{message}"));
        if let Some(help) = help {
            self.line(level + 1, &format!("help: {help}"));
        }
    }
}

/// A time in seconds since the Unix epoch.
fn time(seconds: u64) -> String {
    let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    time.map(|time| Timestamp::from(time).to_string()).unwrap_or_default()
}
