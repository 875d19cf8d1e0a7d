//! The bounds of a policy: the author of one tenant's policy must not be able to slow down another tenant.

use std::time::Duration;

use guardhouse::Limits;

/// `policy.toml`, in bytes.
pub const POLICY_BYTES: usize = 256 << 10;

/// The nesting of tables, lists and dotted keys in `policy.toml`.
pub const NESTING: usize = 64;

/// The checks of a policy.
pub const CHECKS: usize = 256;

/// The rules of a policy.
pub const RULES: usize = 1_000;

/// The checks that one expression names, and the groups inside it: `always`, or the `check` of one rule.
pub const MEMBERS: usize = 64;

/// The members of all expressions of a policy together.
pub const ALL_MEMBERS: usize = 4_000;

/// The nesting of groups in one expression.
pub const GROUP_NESTING: usize = guardhouse::compose::MAX_DEPTH;

/// One pattern, in bytes.
pub const PATTERN_BYTES: usize = 256;

/// The patterns of one part of a rule, for example of its `name`.
pub const PATTERNS: usize = 64;

/// All patterns of a policy together, in bytes.
pub const ALL_PATTERN_BYTES: usize = 64 << 10;

/// The name of a check or of a rule, in bytes.
pub const NAME_BYTES: usize = 64;

/// The data files of one check.
pub const DATA_FILES: usize = 16;

/// The data files and the files of settings of all checks of a policy together, in bytes, each counted as often as it is
/// named. All settings of one check have the limit `settings-bytes` of that check.
pub const ALL_DATA_BYTES: usize = 16 << 20;

/// The steps of finding the rule of one request: one for each pattern, and one for each place in a text that a wildcard is
/// tried at. A request that takes more is denied. These are a few milliseconds, and most requests take a thousandth.
pub const MATCH_STEPS: usize = 500_000;

/// The steps of finding rules that can never match. Behind them, no more are found.
pub const COVERAGE_STEPS: usize = 5_000_000;

/// The problems of one file that are listed. Behind them, only their number is.
pub const PROBLEMS: usize = 100;

/// `component.kind` and `action` of a request, in bytes. A longer one has no normal form.
pub const WORD_BYTES: usize = 256;

/// `component.name` of a request, in bytes.
pub const COMPONENT_NAME_BYTES: usize = 4 << 10;

/// `component.uri` of a request, in bytes.
pub const URI_BYTES: usize = 4 << 10;

/// All of `component.tags` of a request together, in bytes.
pub const TAG_BYTES: usize = 4 << 10;

/// `cases.toml`, in bytes.
pub const CASES_BYTES: usize = 4 << 20;

/// The cases of a policy.
pub const CASES: usize = 1_000;

/// The files of a policy's folder.
pub const FILES: usize = 1_024;

/// The entries of a policy's folder that are looked at, with those that are ignored.
pub const ENTRIES: usize = 4_096;

/// The folders inside each other, with the policy's own.
pub const FOLDER_NESTING: usize = 4;

/// The path of a file in the folder, in bytes.
pub const PATH_BYTES: usize = 512;

/// One file of the folder, in bytes: that of the default [`HostLimits::plugin_bytes`](guardhouse::HostLimits).
pub const FILE_BYTES: usize = 32 << 20;

/// All files of the folder together, in bytes.
pub const FOLDER_BYTES: usize = 64 << 20;

/// The largest limits that a policy may set, of those that nothing else bounds, unless the operator has
/// [others](crate::policy::caps). The deadline of the tenant bounds
/// `deadline` and `cpu-time`; the limits of the host bound `memory`, `table-elements` and `core-instances`, and the budget
/// of the tenant bounds `instances`. With `fuel`, a policy can only ask for less.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        configure_deadline: Duration::from_secs(60),
        configure_cpu_time: Duration::from_secs(10),
        queue: 4_096,
        standby: Some(16),
        handles: 10_000,
        context_bytes: 16 << 20,
        message_bytes: 256 << 10,
        log_bytes: 256 << 10,
        host_call_bytes: 1 << 20,
        settings_bytes: 4 << 20,
        ..Limits::default()
    }
}

/// The name of a case, in bytes.
pub const CASE_NAME_BYTES: usize = 200;

/// The wall-clock time of one case.
pub const CASE_TIME: Duration = Duration::from_secs(10);

/// The wall-clock time of all cases of a policy together. Those behind it are not run, which is a problem.
pub const ALL_CASES_TIME: Duration = Duration::from_secs(60);
