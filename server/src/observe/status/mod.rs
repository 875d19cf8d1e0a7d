//! Status: everything that the operator may know of a server, over a Unix socket.

pub mod client;
pub mod socket;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};

use crate::observe::Observers;
use crate::observe::decision_log::LogCounts;
use crate::observe::health::{Health, HealthReport};
use crate::observe::timestamp::Timestamp;
use crate::tenants::Tenants;
use crate::tenants::status::{Readiness, TenantStatus};

/// What a status is made of. A clone is shallow, except for the listeners.
#[derive(Debug, Clone)]
pub struct StatusSource {
    /// The tenants.
    pub tenants: Tenants,
    /// The observers.
    pub observers: Observers,
    /// The health.
    pub health: Health,
    /// The listeners.
    pub listeners: Vec<ListenerStatus>,
    /// The start of the server.
    pub started: SystemTime,
    /// Its start on the clock that nobody sets, by which its age is counted.
    pub since: Instant,
}

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerStatus {
    /// Its address, with the port that was chosen for port 0.
    pub address: String,
    /// The words of the doors behind it.
    pub doors: Vec<&'static str>,
}

/// A question for the status of a server, which is one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusRequest {
    /// The only tenant that the answer shall have; none for all tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// The status of a server.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ServerStatus {
    /// The version of the server.
    pub version: &'static str,
    /// The id of its process.
    pub pid: u32,
    /// The start of the server.
    pub started: Timestamp,
    /// The whole seconds since the start.
    pub uptime_s: u64,
    /// The listeners.
    pub listeners: Vec<ListenerStatus>,
    /// The health, as `/readyz` has it.
    pub health: HealthReport,
    /// Problems of the source of the policies.
    pub source: SourceStatus,
    /// The counts of the decision log, if there is one.
    pub decision_log: Option<LogCounts>,
    /// The tenants that were asked for, ordered by name. Empty if the one that was asked for does not exist.
    pub tenants: Vec<TenantStatus>,
}

/// The problems of the source of the policies.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SourceStatus {
    /// Why it cannot be read as a whole.
    pub problem: Option<String>,
    /// Problems that belong to no tenant.
    pub problems: Vec<crate::problem::Problem>,
}

impl StatusSource {
    /// The status now.
    #[must_use]
    pub fn status(&self, request: &StatusRequest) -> ServerStatus {
        let tenants = match &request.tenant {
            None => self.tenants.status(),
            Some(tenant) => self.tenants.status_of(tenant).into_iter().collect(),
        };
        let Readiness { source_problem, problems, .. } = self.tenants.readiness();
        ServerStatus {
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            started: self.started.into(),
            uptime_s: self.since.elapsed().as_secs(),
            listeners: self.listeners.clone(),
            health: self.health.report(),
            source: SourceStatus { problem: source_problem, problems },
            decision_log: self.observers.log().map(|log| log.counts()),
            tenants,
        }
    }
}

/// The time within which a question must arrive.
const REQUEST_TIME: Duration = Duration::from_secs(2);

/// The time within which an answer must be taken.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// The longest question, in bytes, with its line end.
const MAX_REQUEST_BYTES: usize = 1 << 10;

/// The longest answer that a client reads, in bytes.
const MAX_ANSWER_BYTES: u64 = 256 << 20;

/// The path of the socket if no other is configured: `/run/guardhouse/status.sock` for root and for a service of systemd
/// with that runtime folder, `$XDG_RUNTIME_DIR/guardhouse-status.sock` for other users, and none without that folder.
#[must_use]
pub fn default_path() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = variable("RUNTIME_DIRECTORY") {
        return Some(folder.join("status.sock"));
    }
    if rustix::process::geteuid().is_root() {
        return Some("/run/guardhouse/status.sock".into());
    }
    Some(variable("XDG_RUNTIME_DIR")?.join("guardhouse-status.sock"))
}
