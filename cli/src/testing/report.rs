//! What a test found.

use guardhouse::Digest;
use serde::Serialize;

use crate::cases::{Accepted, Answer, Difference};

/// The report of one run of `guardhouse test`. Its JSON form is described by [`schema`](super::schema).
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The version of this format.
    version: u32,
    /// The numbers of all targets together.
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// The targets that were not tested, because of an error.
    pub(crate) not_tested: usize,
    pub(crate) targets: Vec<Tested>,
}

/// The numbers of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// The cases that no filter selects, which were not run.
    pub(crate) filtered_out: usize,
}

/// What was found for one project or plugin.
#[derive(Debug, Serialize)]
pub(crate) struct Tested {
    /// The name of the project, or the plugin as it was written on the command line.
    pub(crate) name: String,
    /// The file of cases.
    pub(crate) file: String,
    /// What was tested. Absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) component: Option<Component>,
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// The reason why nothing was tested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) cases: Vec<TestedCase>,
    /// The cases whose expectations were changed.
    pub(crate) accepted: Vec<Accepted>,
}

/// A component that was tested.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Component {
    /// The path of the file, or `builtin:NAME`.
    pub(crate) path: String,
    /// `development` or `release`. Absent for a plugin that was not built from a project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build: Option<&'static str>,
    /// `baseline` or `optimizing`.
    pub(crate) compiler: &'static str,
    pub(crate) digest: Digest,
}

/// A case that was run.
#[derive(Debug, Serialize)]
pub(crate) struct TestedCase {
    pub(crate) name: String,
    /// The line of the file in which the case begins.
    pub(crate) line: usize,
    pub(crate) passed: bool,
    pub(crate) elapsed_us: u64,
    #[serde(flatten)]
    pub(crate) answer: Answer,
    /// What was not as expected.
    pub(crate) differences: Vec<Difference>,
    /// The explanation of a failing case, as `check --explain --json` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) explanation: Option<serde_json::Value>,
    /// The explanation of a failing case as text.
    #[serde(skip)]
    pub(crate) explanation_text: String,
    /// The place of the case in the file.
    #[serde(skip)]
    pub(crate) index: usize,
}

impl Counts {
    /// Counts the cases of a target.
    pub(crate) fn of(cases: &[TestedCase], filtered_out: usize) -> Self {
        let passed = cases.iter().filter(|case| case.passed).count();
        Self { passed, failed: cases.len() - passed, filtered_out }
    }
}

impl Report {
    /// The report of all targets.
    pub(crate) fn new(targets: Vec<Tested>) -> Self {
        let sum = |count: fn(&Counts) -> usize| targets.iter().map(|tested| count(&tested.counts)).sum();
        let counts = Counts {
            passed: sum(|counts| counts.passed),
            failed: sum(|counts| counts.failed),
            filtered_out: sum(|counts| counts.filtered_out),
        };
        let not_tested = targets.iter().filter(|tested| tested.error.is_some()).count();
        Self { version: 1, counts, not_tested, targets }
    }

    /// Whether every failing case passes after its expectations were changed, if any fails.
    pub(crate) fn passes(&self) -> bool {
        self.targets.iter().all(|tested| tested.error.is_none() && tested.still_failing() == 0)
    }
}

impl Tested {
    /// The number of cases that fail, and still do after some were accepted.
    pub(crate) fn still_failing(&self) -> usize {
        let is_accepted = |case: &&TestedCase| {
            let has_other = case.differences.iter().any(|difference| difference.member == "logs");
            !has_other && self.accepted.iter().any(|accepted| accepted.name == case.name)
        };
        self.counts.failed - self.cases.iter().filter(|case| !case.passed).filter(is_accepted).count()
    }
}
