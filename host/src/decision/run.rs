//! Runs of checks: the only place where outcomes become a decision.

use std::fmt::Display;
use std::time::{Duration, Instant};

use crate::decision::attempt::{OpenSession, ask, caught, report};
use crate::decision::auth_check::{AuthCheck, EvaluationRequest, MAX_DEADLINE};
use crate::decision::report::Report;
use crate::decision::{Decision, DecisionId, Denial, missing_scopes};
use crate::fault::Cause;
use crate::outcome::{CheckReport, Evaluation, Outcome};
use crate::request::AuthContext;

/// The options of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunOptions {
    /// The time for one decision, or for all decisions of a batch, if it is bounded beyond the deadlines of the checks.
    pub(super) deadline: Option<Duration>,
    pub(super) name_missing_scopes: bool,
}

/// Evaluates the checks for one request.
pub(super) async fn run<C: AuthCheck>(checks: &[C], context: &AuthContext, options: RunOptions) -> Report {
    let mut run = Run::new(context, options, Instant::now(), checks.len());
    for (index, check) in checks.iter().enumerate() {
        let evaluation = ask(check, run.request()).await;
        run.take(index, check, evaluation);
        if run.is_over {
            break;
        }
    }
    run.finish()
}

/// Evaluates each check for all requests that are not denied yet. The reports are equal to those of separate runs.
pub(super) async fn run_batch<C: AuthCheck>(
    checks: &[C],
    contexts: &[AuthContext],
    options: RunOptions,
) -> Vec<Report> {
    let start = Instant::now();
    let mut runs: Vec<Run<'_>> =
        contexts.iter().map(|context| Run::new(context, options, start, checks.len())).collect();
    for (index, check) in checks.iter().enumerate() {
        let mut session = OpenSession::new();
        for run in runs.iter_mut().filter(|run| !run.is_over) {
            let evaluation = session.evaluate(check, run.request()).await;
            run.take(index, check, evaluation);
        }
        session.end(check);
    }
    runs.into_iter().map(Run::finish).collect()
}

/// The state of one run, which ends with a decision.
struct Run<'a> {
    context: &'a AuthContext,
    name_missing_scopes: bool,
    start: Instant,
    /// The deadline of the decision, if it has one of its own.
    end: Option<Instant>,
    id: DecisionId,
    reports: Vec<CheckReport>,
    decided_by: Option<usize>,
    decision: Decision,
    missing_scopes: Vec<String>,
    /// Whether no further check is evaluated.
    is_over: bool,
}

impl<'a> Run<'a> {
    fn new(context: &'a AuthContext, options: RunOptions, start: Instant, checks: usize) -> Self {
        Self {
            context,
            name_missing_scopes: options.name_missing_scopes,
            start,
            end: options.deadline.map(|deadline| start + deadline),
            id: DecisionId::random(),
            reports: Vec::with_capacity(checks),
            decided_by: None,
            decision: Decision::Allow,
            missing_scopes: Vec::new(),
            is_over: false,
        }
    }

    fn request(&self) -> EvaluationRequest<'a> {
        EvaluationRequest {
            context: self.context,
            decision: self.id,
            name_missing_scopes: self.name_missing_scopes,
            end: self.end.unwrap_or_else(|| Instant::now() + MAX_DEADLINE),
            depth: 0,
        }
    }

    /// Takes the evaluation of one check. Afterwards the run [is over](Self::is_over), or continues with the next check.
    fn take<C: AuthCheck>(&mut self, index: usize, check: &C, evaluation: Evaluation) {
        // A check that panics in `names_missing_scopes` fails too.
        let (evaluation, can_name) = caught(|| check.names_missing_scopes())
            .map_or_else(|failed| (failed, false), |can_name| (evaluation, can_name));
        let mut report = report(check, evaluation);
        let named = std::mem::take(&mut report.evaluation.missing_scopes);
        report.evaluation.missing_scopes = missing_scopes::normalize(named, self.context);
        report.record(self.id);
        let Evaluation { outcome, missing_scopes, .. } = &report.evaluation;
        let continues = self.name_missing_scopes && *outcome == Outcome::Denied && can_name;
        if continues {
            self.missing_scopes.extend_from_slice(missing_scopes);
        }
        let allows = *outcome == Outcome::Allow;
        let message = match outcome {
            Outcome::DeniedWithMessage(error) => Some(error.message.clone()),
            Outcome::Allow | Outcome::Denied | Outcome::Failed(_) => None,
        };
        self.reports.push(report);
        if allows {
            return;
        }
        self.decision = Decision::Deny(Denial { message, ..Denial::new(self.id) });
        if continues {
            self.decided_by.get_or_insert(index);
            return;
        }
        self.decided_by = Some(index);
        self.missing_scopes.clear();
        self.is_over = true;
    }

    fn finish(mut self) -> Report {
        if let Decision::Deny(denial) = &mut self.decision {
            denial.missing_scopes = missing_scopes::normalize(self.missing_scopes, self.context);
        }
        let Self { id, decision, reports, decided_by, start, .. } = self;
        let report = Report { id, decision, checks: reports, decided_by, elapsed: start.elapsed() };
        report.record();
        report
    }
}

/// The denial of a request for which no check could be evaluated, because the thread for timers cannot be started.
pub(super) fn denied_unasked(error: &dyn Display) -> Report {
    let id = DecisionId::random();
    let (cause, detail) = (Cause::Host, error.to_string());
    tracing::warn!(target: "guardhouse", decision = %id, %cause, ?detail, "no check could be evaluated");
    let decision = Decision::Deny(Denial::new(id));
    let report = Report { id, decision, checks: Vec::new(), decided_by: None, elapsed: Duration::ZERO };
    report.record();
    report
}
