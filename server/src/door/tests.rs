//! Decisions whose callers go at any moment: the future of an answer is dropped after each number of polls.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use guardhouse::{AuthContext, Component, Host, HostLimits};
use guardhouse_tests::guest::{assemble, replaced};
use hyper::body::{Body, Frame};
use hyper::{HeaderMap, Request};
use serde_json::{Value, json};

use super::answer::Answer;
use super::exchange::Incoming;
use super::{Doors, Listener};
use crate::config::ServerConfig;
use crate::config::credentials::Credentials;
use crate::config::listener::Door;
use crate::observe::Observers;
use crate::observe::decision_log::{DecisionLog, Destination, LogLimits};
use crate::policy::Policy;
use crate::policy::folder::Folder;
use crate::snapshot::Snapshot;
use crate::tenant_name::TenantName;
use crate::tenants::Tenants;

const LONG: Duration = Duration::from_secs(60);

/// The check of the tenant `acme` runs for some ticks. Its lists are two, because the first one only monitors.
const POLICY: &str = r#"
version = 1
mode = "monitor"
always = ["slow"]

[checks.slow]
plugin = "slow.wasm"
limits = { deadline = "1h", cpu-time = "1h" }

[[rules]]
when = { action = "read" }
mode = "enforce"
check = { all = ["slow", { not = { not = "slow" } }] }

[[rules]]
when = { action = "write" }
mode = "enforce"
check = { not = "slow" }
"#;

/// The check of the tenant `other` never answers.
const ENDLESS: &str = r#"
version = 1

[checks.endless]
plugin = "endless.wasm"
limits = { deadline = "1h", cpu-time = "1h" }

[[rules]]
when = {}
check = "endless"
"#;

/// A request, and the decisions that it gets.
struct Asked {
    path: &'static str,
    body: Value,
    decisions: usize,
}

/// The requests of each route.
fn requests() -> Vec<Asked> {
    let context = |client: &str, action: &str| {
        let token = json!({ "client_id": client, "scopes": [] });
        json!({ "token": token, "component": { "kind": "tool", "name": "t" }, "action": action })
    };
    let item = |action: &str| json!({ "action": { "name": action } });
    let evaluation = |actions: &[&str], semantic: &str| {
        let items: Vec<Value> = actions.iter().map(|action| item(action)).collect();
        json!({
            "subject": { "type": "user", "id": "alice" },
            "action": { "name": "read" },
            "resource": { "type": "record", "id": "1" },
            "evaluations": items,
            "options": { "evaluations_semantic": semantic },
        })
    };
    let native = "/v1/tenants/acme/check";
    let batch = "/v1/tenants/acme/check:batch";
    let [one, several] = ["/tenants/acme/access/v1/evaluation", "/tenants/acme/access/v1/evaluations"];
    // Two callers, so that there are two groups.
    let contexts = json!({ "contexts": [context("a", "read"), context("b", "read"), context("a", "write")] });
    let asked = |path, body, decisions| Asked { path, body, decisions };
    vec![
        asked(native, context("a", "read"), 1),
        asked(native, context("a", "write"), 1),
        asked("/v1/tenants/acme/forward-auth/nginx", json!({}), 1),
        asked(batch, contexts, 3),
        asked(one, evaluation(&[], "execute_all"), 1),
        asked(several, evaluation(&["read", "write", "read"], "execute_all"), 3),
        asked(several, evaluation(&["read", "read", "write", "read"], "deny_on_first_deny"), 3),
        asked(several, evaluation(&["write", "write", "read", "read"], "permit_on_first_permit"), 3),
    ]
}

/// What happens beside a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// An endless evaluation of another tenant, with which the request shares the only turn.
    Loop,
    /// An endless evaluation that has the only place for an instance, and ends after some polls.
    FullHost,
}

/// The polls after which the evaluation that fills the host ends.
const POLLS_WHILE_FULL: usize = 4;

/// A server that is asked without a connection.
struct World {
    doors: Doors,
    tenants: Tenants,
    host: Host,
    log: DecisionLog,
    log_file: PathBuf,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(beside: Beside) -> Self {
        let instances = if beside == Beside::FullHost { 1 } else { 2 };
        let limits = HostLimits { instances, queue: 1, turns: Some(1), ..HostLimits::default() };
        let host = Host::builder().tick(Duration::from_micros(100)).limits(limits).build().unwrap();
        let tenants = Tenants::new(host.clone());
        let endless = include_str!("../../../tests/fixtures/loop.wat");
        let count = "(local $i i32) (loop $again (br_if $again (i32.lt_u \
                     (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300000)))) (i32.const 16)";
        let slow = replaced(endless, "(loop $for-ever (br $for-ever))\n      unreachable", count);
        for (tenant, text, name, plugin) in
            [("acme", POLICY, "slow.wasm", &*slow), ("other", ENDLESS, "endless.wasm", endless)]
        {
            let plugin = Bytes::from(assemble(plugin).unwrap());
            let files = [(Folder::POLICY.to_owned(), Bytes::from_static(text.as_bytes())), (name.to_owned(), plugin)];
            let policy = Policy::read(&Folder::new(files.into())).unwrap().0;
            let tenant: TenantName = tenant.parse().unwrap();
            let snapshot = Snapshot::load(&host, &tenant, 1, policy).await.unwrap();
            tenants.activate(&tenant, snapshot);
        }
        let folder = tempfile::tempdir().unwrap();
        let log_file = folder.path().join("decisions.jsonl");
        let log = DecisionLog::start(Destination::File(log_file.clone()), LogLimits::default()).unwrap();
        let mut config = ServerConfig::default();
        config.tenants.default.deadline = guardhouse::MAX_DEADLINE;
        let observers = Observers::with_log(log.clone());
        let doors = Doors::new(tenants.clone(), observers, &config, Credentials::default());
        Self { doors, tenants, host, log, log_file, _folder: folder }
    }

    /// Asks, and drops the answer if it is not ready after some polls.
    async fn ask(&self, asked: &Asked, beside: Beside, polls: usize) -> Option<Answer> {
        let context = AuthContext::new(Component::tool("t"));
        let mut held = (beside != Beside::Nothing).then(|| Box::pin(self.tenants.decide("other", &context, None)));
        if let Some(held) = &mut held {
            // It has its place, and its turn.
            assert!(poll_fn(|cx| Poll::Ready(held.as_mut().poll(cx).is_pending())).await);
        }
        let request = Request::post(asked.path)
            .header("content-type", "application/json")
            .header("x-request-id", polls.to_string())
            // What the door of proxies reads, and no other.
            .header("x-original-method", "read")
            .header("x-original-scheme", "https")
            .header("x-original-host", "shop.example")
            .header("x-original-uri", "/a")
            .body(Pieces::of(&asked.body))
            .unwrap();
        let doors = [Door::Native, Door::Authzen, Door::ForwardAuth].into_iter().collect();
        let listener = Listener { doors, anonymous: true, tenant: None };
        let mut answer = pin!(self.doors.answer(&listener, request, &()));
        let mut polled = 0;
        poll_fn(|cx| {
            if polled == polls {
                return Poll::Ready(None);
            }
            polled += 1;
            let answer = answer.as_mut().poll(cx).map(Some);
            if beside == Beside::FullHost && polled == POLLS_WHILE_FULL {
                held = None;
            }
            if let Some(held) = &mut held {
                assert!(held.as_mut().poll(cx).is_pending());
            }
            if answer.is_pending() && polled == polls { Poll::Ready(None) } else { answer }
        })
        .await
    }

    /// The lines of the decision log with the id of a request.
    fn lines(&self, request_id: usize) -> Vec<Value> {
        assert!(self.log.flush(LONG));
        let text = std::fs::read_to_string(&self.log_file).unwrap();
        let request_id = json!(request_id.to_string());
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["request_id"] == request_id).collect()
    }

    /// Asserts that nothing is held for a request that has gone.
    fn is_at_rest(&self, when: &str) {
        let turns = self.host.turn_usage();
        assert_eq!((turns.free, turns.waiting), (1, 0), "{when}");
        for usage in self.host.tenant_usage() {
            assert_eq!((usage.instances, usage.memory_bytes), (0, 0), "{when}");
        }
        assert_eq!(self.doors.bodies().held(), 0, "{when}");
    }

    /// The decisions that were counted.
    fn counted(&self) -> usize {
        let text = self.doors.observers().metrics_text();
        let samples = text.lines().filter(|line| line.starts_with("guardhouse_decisions_total{"));
        samples.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
    }
}

#[tokio::test]
async fn work_for_a_tenant_is_charged_also_if_its_caller_goes() {
    let world = World::new(Beside::Nothing).await;
    let used = || world.host.tenant_usage().iter().map(|usage| usage.cpu_time).sum::<Duration>();
    let headers = HeaderMap::new();
    let received = Instant::now();
    let incoming = Incoming { door: Door::ForwardAuth, tenant: "acme", headers: &headers, peer: &(), received };
    let took = Duration::from_millis(5);
    for polls in [1, 2] {
        let before = used();
        let mut work = Box::pin(world.doors.charged(&incoming, async {
            std::thread::sleep(took);
            tokio::task::yield_now().await;
        }));
        for _ in 0..polls {
            poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_pending())).await;
        }
        drop(work);
        assert!(used() - before >= took, "after {polls} polls");
    }
}

/// A body in three pieces, before each of which its reader waits.
struct Pieces {
    left: VecDeque<Bytes>,
    is_due: bool,
}

impl Pieces {
    fn of(document: &Value) -> Self {
        let bytes = Bytes::from(document.to_string());
        let third = bytes.len() / 3;
        let left = [bytes.slice(..third), bytes.slice(third..2 * third), bytes.slice(2 * third..)].into();
        Self { left, is_due: false }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.is_due = !self.is_due;
        if self.is_due {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(self.left.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

fn dropped_after_any_number_of_polls(beside: Beside) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        for asked in requests() {
            let world = World::new(beside).await;
            let mut polls = 0;
            loop {
                let answer = world.ask(&asked, beside, polls).await;
                let when = format!("{} beside {beside:?}, dropped after {polls} polls", asked.path);
                world.is_at_rest(&when);
                let lines = world.lines(polls);
                if let Some(answer) = answer {
                    assert_eq!((answer.status().as_u16(), lines.len()), (200, asked.decisions), "{when}");
                    break;
                }
                assert!(lines.is_empty(), "{when}: {lines:?}");
                assert_eq!(world.counted(), 0, "{when}");
                polls += 1;
            }
            // The body alone waits four times.
            assert!(polls > 5, "{polls} polls");
            assert_eq!(world.counted(), asked.decisions);
            // What every one of them had is free for the next one.
            let answer = world.ask(&asked, Beside::Nothing, usize::MAX).await.unwrap();
            assert_eq!(answer.status(), 200);
            println!("{}, beside {beside:?}: dropped after 0 to {} polls", asked.path, polls - 1);
        }
    });
}

#[test]
fn a_decision_alone_is_dropped_after_any_number_of_polls_without_a_trace() {
    dropped_after_any_number_of_polls(Beside::Nothing);
}

#[test]
fn a_decision_that_shares_its_turn_is_dropped_after_any_number_of_polls_without_a_trace() {
    dropped_after_any_number_of_polls(Beside::Loop);
}

#[test]
fn a_decision_that_waits_for_a_place_is_dropped_after_any_number_of_polls_without_a_trace() {
    dropped_after_any_number_of_polls(Beside::FullHost);
}
