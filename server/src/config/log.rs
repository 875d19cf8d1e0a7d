//! The section `[decision-log]`: where decisions are written down.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::field::Fields;
use crate::observe::MIN_LINE_BYTES;
use crate::observe::decision_log::{DecisionLog, Destination, LogLimits, WhenFull};
use crate::policy::document::Node;
use crate::policy::findings::Findings;

/// The keys of the section.
pub(super) const LOG_KEYS: &[&str] = &["destination", "when-full", "wait", "queue-bytes", "line-bytes"];

/// The settings of the decision log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogConfig {
    /// Where the lines go. Default: standard output.
    pub destination: LogDestination,
    /// The limits.
    pub limits: LogLimits,
}

/// Where the lines of the decision log go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogDestination {
    /// Nowhere: no decision is written down.
    Off,
    /// Standard output.
    #[default]
    Stdout,
    /// A file, which is opened again at SIGHUP.
    File(PathBuf),
}

impl LogConfig {
    /// Starts the log, if there is one.
    ///
    /// # Errors
    /// The error of [`DecisionLog::start`].
    pub fn start(&self) -> io::Result<Option<DecisionLog>> {
        let destination = match &self.destination {
            LogDestination::Off => return Ok(None),
            LogDestination::Stdout => Destination::Stdout,
            LogDestination::File(path) => Destination::File(path.clone()),
        };
        DecisionLog::start(destination, self.limits).map(Some)
    }
}

/// The longest wait of a decision for its line.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The wait, if `when-full` is `wait`.
const WAIT: Duration = Duration::from_millis(100);

pub(super) fn read_log(node: &Node<'_>, folder: &Path, log: &mut LogConfig, findings: &mut Findings<'_>) {
    let Some(table) = node.table(LOG_KEYS, findings) else { return };
    let mut fields = Fields { table, findings };
    log.destination = match fields.text("destination") {
        None | Some(("stdout", _)) => LogDestination::Stdout,
        Some(("off", _)) => LogDestination::Off,
        Some(_) => fields.path("destination", folder).map_or(LogDestination::Stdout, LogDestination::File),
    };
    let mut wait = WAIT;
    fields.duration("wait", Duration::from_millis(1)..=MAX_WAIT, &mut wait);
    match fields.text("when-full") {
        None | Some(("drop", _)) => {}
        Some(("wait", _)) => log.limits.when_full = WhenFull::Wait(wait),
        Some((word, node)) => fields.findings.unknown(&node.place, "the word", word, ["drop", "wait"]),
    }
    fields.size("queue-bytes", 4 * MIN_LINE_BYTES..=1 << 30, &mut log.limits.queue_bytes);
    let most = log.limits.queue_bytes / 4;
    log.limits.line_bytes = log.limits.line_bytes.min(most);
    fields.size("line-bytes", MIN_LINE_BYTES..=most, &mut log.limits.line_bytes);
}
