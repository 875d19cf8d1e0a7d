//! Records: the line of one decision in the decision log.

use std::borrow::Cow;

use guardhouse::{Cause, CheckReport, Decision, DecisionId, Denial, Digest, LogLine};
use serde::Serialize;
use serde_json::Value;

use crate::decided::{Decided, DenialCause};
use crate::log_rules::{LogPart, LogRules};
use crate::observe::decision_log::line::line;
use crate::observe::exchange::Exchange;
use crate::observe::redaction::{MASKED, Redacted, redact};
use crate::observe::timestamp::Timestamp;
use crate::observe::trace_parent::{SpanId, TraceId, TraceParent};
use crate::tenant_name::TenantName;

/// The maximum number of checks in a record.
const MAX_CHECKS: usize = 64;

/// The maximum length of a name in a record, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The line of one decision.
#[derive(Serialize)]
struct Record<'a> {
    time: Timestamp,
    id: DecisionId,
    door: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<&'a TenantName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Cow<'a, str>>,
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<DenialCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_deny: Option<DenialCause>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Cause>,
    elapsed_us: u64,
    cpu_time_us: u64,
    fuel: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Trace>,
    checks: Vec<CheckRecord<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    checks_left_out: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    missing_scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    /// Whether something that the rules include has no room in the line.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    too_large: bool,
}

/// The place of a decision in the trace of its caller.
#[derive(Serialize)]
struct Trace {
    id: TraceId,
    parent: SpanId,
    span: SpanId,
}

/// One evaluated check that is not composed.
#[derive(Serialize)]
struct CheckRecord<'a> {
    id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Digest>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<Cause>,
    elapsed_us: u64,
    cpu_time_us: u64,
    fuel: u64,
    memory_bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    output: Vec<LogLine>,
}

/// The line of a decision, of at most `max_bytes`. What has no room is left out: the context first, then the checks.
/// None if not even the rest has room, which takes less than
/// [`MIN_LINE_BYTES`](crate::observe::MIN_LINE_BYTES).
pub(super) fn decision_line(
    exchange: &Exchange<'_>,
    decided: &Decided,
    rules: &LogRules,
    max_bytes: usize,
) -> Option<Vec<u8>> {
    let mut record = Record::new(exchange, decided, rules, max_bytes);
    if let Some(line) = line(&record, max_bytes) {
        return Some(line);
    }
    record.too_large = true;
    record.context = None;
    if let Some(line) = line(&record, max_bytes) {
        return Some(line);
    }
    record.message = None;
    record.missing_scopes = &[];
    record.checks_left_out += std::mem::take(&mut record.checks).len();
    line(&record, max_bytes)
}

impl<'a> Record<'a> {
    fn new(exchange: &Exchange<'a>, decided: &'a Decided, rules: &LogRules, max_bytes: usize) -> Self {
        let report = decided.report.as_ref();
        let decisive = report.and_then(|report| report.checks.get(report.decided_by?));
        let secret = exchange.context.token.as_ref().and_then(|token| token.raw.as_ref()).map(|raw| raw.expose());
        let texts = Texts { secret: secret.filter(|secret| !secret.is_empty()) };
        let (context, too_large) = match redact(exchange.context, rules, max_bytes) {
            Redacted::Nothing => (None, false),
            Redacted::Context(context) => (Some(context), false),
            Redacted::TooLarge => (None, true),
        };
        let evaluated = report.map_or(&[][..], |report| &report.checks);
        let (leaves, checks_left_out) = leaves(evaluated);
        let denial = denial(decided).filter(|_| rules.includes(LogPart::Message));
        let usage = |of: fn(&CheckReport) -> u64| evaluated.iter().map(of).fold(0, u64::saturating_add);
        let parent = exchange.trace_parent.and_then(|value| value.parse::<TraceParent>().ok());
        Self {
            time: Timestamp::now(),
            id: decided.id,
            door: exchange.door,
            tenant: decided.tenant.as_ref(),
            generation: decided.policy.map(|policy| policy.generation),
            policy: decided.policy.map(|policy| policy.digest),
            rule: decided.rule.as_deref().map(clipped),
            decision: decided.decision.kind(),
            cause: decided.cause,
            reason: decided.reason.as_deref().map(|reason| texts.safe(reason)),
            would_deny: decided.would_deny.as_ref().map(|(_, cause)| *cause),
            check: decisive.map(|check| clipped(&check.id)),
            fault: decisive.and_then(|check| check.evaluation.outcome.fault()).map(|fault| fault.cause),
            elapsed_us: microseconds(decided.elapsed),
            cpu_time_us: usage(|check| microseconds(check.evaluation.usage.cpu_time)),
            fuel: usage(|check| check.evaluation.usage.fuel),
            request_id: exchange.request_id.map(|id| texts.safe(id)),
            trace: parent.map(|parent| Trace { id: parent.trace(), parent: parent.parent(), span: SpanId::random() }),
            checks: leaves.into_iter().map(|check| CheckRecord::new(check, rules, &texts)).collect(),
            checks_left_out,
            message: denial.and_then(|denial| denial.message.as_deref()).map(|message| texts.masked(message)),
            missing_scopes: denial.map_or(&[], |denial| &denial.missing_scopes),
            context,
            too_large,
        }
    }
}

impl<'a> CheckRecord<'a> {
    fn new(check: &'a CheckReport, rules: &LogRules, texts: &Texts<'_>) -> Self {
        let usage = &check.evaluation.usage;
        let fault = check.evaluation.outcome.fault();
        let includes_output = rules.includes(LogPart::Output);
        let output = if includes_output { check.last_lines().0 } else { Vec::new() };
        Self {
            id: clipped(&check.id),
            plugin: check.identity.plugin,
            settings: check.identity.settings,
            outcome: check.evaluation.outcome.kind(),
            fault: fault.map(|fault| fault.cause),
            elapsed_us: microseconds(usage.elapsed),
            cpu_time_us: microseconds(usage.cpu_time),
            fuel: usage.fuel,
            memory_bytes: usage.memory_bytes,
            detail: fault.filter(|_| includes_output).map(|fault| texts.masked(&fault.detail)),
            output: output.into_iter().filter(|line| !texts.has_secret(&line.text)).collect(),
        }
    }
}

/// Texts from outside, from which the bearer secret of the request is kept away.
struct Texts<'a> {
    secret: Option<&'a str>,
}

impl Texts<'_> {
    fn has_secret(&self, text: &str) -> bool {
        self.secret.is_some_and(|secret| text.contains(secret))
    }

    fn masked<'t>(&self, text: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(if self.has_secret(text) { MASKED } else { text })
    }

    fn safe<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.has_secret(text) { Cow::Borrowed(MASKED) } else { clipped(text) }
    }
}

/// The denial for the caller, or the one that the mode `monitor` turned into an allow.
fn denial(decided: &Decided) -> Option<&Denial> {
    match &decided.decision {
        Decision::Deny(denial) => Some(denial),
        Decision::Allow => decided.would_deny.as_ref().map(|(denial, _)| denial),
    }
}

/// The first checks that are not composed, in the order of their evaluation, and the number of all others.
pub(super) fn leaves(checks: &[CheckReport]) -> (Vec<&CheckReport>, usize) {
    let (mut leaves, mut left_out) = (Vec::with_capacity(checks.len()), 0_usize);
    let mut open: Vec<&CheckReport> = checks.iter().rev().collect();
    while let Some(check) = open.pop() {
        match &*check.evaluation.members {
            [] if leaves.len() < MAX_CHECKS => leaves.push(check),
            [] => left_out = left_out.saturating_add(1),
            members => open.extend(members.iter().rev()),
        }
    }
    (leaves, left_out)
}

/// The beginning of a name, with `…` where it was cut.
fn clipped(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_NAME_BYTES {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("{}…", name.get(..name.floor_char_boundary(MAX_NAME_BYTES)).unwrap_or_default()))
}

/// Whole microseconds.
pub(super) fn microseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
