//! Evaluation: a request becomes the outcome of a check, with the usage of the evaluation.
//!
//! The steps of one evaluation, all within the deadline of the check and that of the decision:
//!
//! 0. The breaker of the check, and the budget of the tenant. An evaluation that either denies takes nothing from others.
//! 1. The part of the request that the plugin may read is selected: its documents if it imports them, the bearer secret
//!    only with the grant. A request over the check's cap fails here.
//! 2. Admission, a turn (`guest/turn.rs`), and an instance: that of the batch, a standby instance, or a new one. All
//!    limits of a new instance are armed before any of its code runs (`guest/store.rs`).
//! 3. `Instance::check` configures the instance if necessary, unseals the request and calls the exported `check`.
//! 4. The usage and the output are read, and counted for the tenant. The instance is dropped with its permits, unless a
//!    [`PluginSession`] keeps it for the next request of its batch. The turn ends, and with it the processor time of the
//!    evaluation: from before the instance was made until after it was dropped.
//!
//! A fault in any step is an [`Outcome::Failed`], which denies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::configured::Configured;
use crate::check::entry::Entry;
use crate::check::queued::Queued;
use crate::check::refill::start_refill;
use crate::check::standby::Taken;
use crate::decision::auth_check::{EvaluationFuture, EvaluationRequest, Session};
use crate::engine::fair_admission::FairPermit;
use crate::fault::{Cause, Fault};
use crate::grants::Grant;
use crate::guest::exceeded::{self, name_limit};
use crate::guest::probe::{Moment, Probe, report};
use crate::guest::request::GuestRequest;
use crate::guest::store::Budget;
use crate::guest::turn::Turn;
use crate::instance::{CheckCall, Instance};
use crate::limits::Limits;
use crate::outcome::{Evaluation, Outcome, Usage};
use crate::tuning::DEADLINE_GRACE;

/// Evaluates a request in a fresh instance of the check, and drops the instance before it returns.
pub(super) async fn evaluate(check: &Arc<Configured>, request: EvaluationRequest<'_>, probe: Probe<'_>) -> Evaluation {
    match Entry::new(check) {
        Ok(entry) => {
            let evaluation = evaluate_in(check, None, request, entry.cpu_left, probe).await;
            entry.end(&check.id, &evaluation.outcome);
            evaluation
        }
        Err(fault) => Outcome::Failed(fault).into(),
    }
}

/// A plugin's check for the length of one batch. One instance serves the whole batch, with the limits of a fresh
/// instance for each request. The next request gets a new instance after a fault, and after a call to WASI, whose state
/// in the host belongs to one request. With a fuel limit, every request gets a new instance, because the fuel that a
/// reused one needs depends on the requests before.
pub(super) struct PluginSession<'a> {
    check: &'a Arc<Configured>,
    instance: Option<Instance>,
}

impl<'a> PluginSession<'a> {
    pub(super) fn new(check: &'a Arc<Configured>) -> Self {
        Self { check, instance: None }
    }

    async fn evaluate_next(&mut self, request: EvaluationRequest<'_>) -> Evaluation {
        let is_fresh = self.instance.is_none();
        let entry = match Entry::new(self.check) {
            Ok(entry) => entry,
            Err(fault) => return Outcome::Failed(fault).into(),
        };
        let mut evaluation = evaluate_in(self.check, Some(&mut self.instance), request, entry.cpu_left, None).await;
        if let Outcome::Failed(fault) = &evaluation.outcome
            && !is_fresh
            && !is_final(fault.cause)
        {
            // State that earlier requests left in the instance may be the reason, so the request is evaluated again in
            // a fresh instance; for the budget it is still one evaluation. A fault for lack of time, capacity or budget
            // is final: a second evaluation would get it twice.
            evaluation = evaluate_in(self.check, None, request, entry.cpu_left, None).await;
        }
        entry.end(&self.check.id, &evaluation.outcome);
        evaluation
    }
}

/// Whether a fault is for lack of time, capacity or budget.
fn is_final(cause: Cause) -> bool {
    let of_time = matches!(cause, Cause::Deadline | Cause::CpuTimeLimit);
    of_time || matches!(cause, Cause::NoCapacity | Cause::QueueFull | Cause::QueuedTooLong | Cause::OverBudget)
}

impl Drop for PluginSession<'_> {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.discard();
        }
    }
}

impl Session for PluginSession<'_> {
    fn evaluate<'a>(&'a mut self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.evaluate_next(request))
    }
}

/// Evaluates a request in the instance of a session, or in a new one, which the session keeps if it can be used again. The
/// tenant has `cpu_left` of processor time.
async fn evaluate_in(
    check: &Arc<Configured>,
    session: Option<&mut Option<Instance>>,
    request: EvaluationRequest<'_>,
    cpu_left: Option<Duration>,
    probe: Probe<'_>,
) -> Evaluation {
    let start = Instant::now();
    let tenant = check.membership.tenant();
    let end = request.end.min(start + check.limits.deadline);
    let asked = ask(check, session, request, Times { start, end, cpu_left }, probe).await;
    let mut evaluation = asked.unwrap_or_else(|fault| Outcome::Failed(fault).into());
    if let Outcome::Failed(fault) = evaluation.outcome {
        let fault = if is_stopped_by_budget(&fault, &check.limits, cpu_left) { over_budget(fault) } else { fault };
        if fault.cause == Cause::OverBudget {
            tenant.count_over_budget();
        }
        let times = limits_of_time(&check.limits, request.end.saturating_duration_since(start));
        evaluation.outcome = Outcome::Failed(name_limit(fault, &check.limits, check.plugin.host().limits(), times));
    }
    evaluation.usage.elapsed = start.elapsed();
    tenant.add_fuel(evaluation.usage.fuel);
    // This comes last, because this evaluation must not wait for work that makes only later ones faster.
    check.tier_up();
    evaluation
}

/// The times of one evaluation.
#[derive(Clone, Copy)]
struct Times {
    start: Instant,
    end: Instant,
    /// The processor time that the tenant has left; none without a bound.
    cpu_left: Option<Duration>,
}

/// Whether the evaluation was stopped because the tenant had less processor time left than the check may use.
fn is_stopped_by_budget(fault: &Fault, limits: &Limits, cpu_left: Option<Duration>) -> bool {
    fault.cause == Cause::CpuTimeLimit && cpu_left.is_some_and(|left| limits.cpu_time.is_none_or(|cap| left < cap))
}

fn over_budget(fault: Fault) -> Fault {
    let field = "`TenantBudget::cpu_time_per_second`";
    let detail = format!("used all processor time that the tenant had left ({field}): {}", fault.detail);
    Fault { cause: Cause::OverBudget, detail, ..fault }
}

/// The limits of time of an evaluation, of which the request leaves `left`. The deadline of the request is that of the
/// check, except for the time since the check was asked, or comes from the decision.
fn limits_of_time(limits: &Limits, left: Duration) -> exceeded::Times<'static> {
    let whole = Duration::from_millis(left.as_millis().try_into().unwrap_or(u64::MAX));
    let is_own = limits.deadline <= left.saturating_add(DEADLINE_GRACE);
    exceeded::Times {
        deadline: if is_own {
            ("`Limits::deadline`", limits.deadline)
        } else {
            ("the rest of the decision's deadline", whole)
        },
        cpu_time: ("`Limits::cpu_time`", limits.cpu_time),
    }
}

/// Gets an instance, calls `check` in it, and drops it if the session does not keep it. The error is a fault before the
/// call.
async fn ask(
    check: &Arc<Configured>,
    mut session: Option<&mut Option<Instance>>,
    request: EvaluationRequest<'_>,
    Times { start, end, cpu_left }: Times,
    probe: Probe<'_>,
) -> Result<Evaluation, Fault> {
    let guest_request = guest_request(check, request)?;
    let queued = Queued::new(check, start, end);
    // It comes before the instance, which is dropped in the turn.
    let mut turn =
        Turn::of_evaluation(check.membership.tenant(), &check.turn_cost, check.plugin.host().toolchain().tick);
    let budget = check.budget(end).with_cpu_time(cpu_left);
    let (mut instance, settings) =
        instance(check, session.as_deref_mut(), guest_request, &budget, queued, &mut turn).await?;
    let limits = &check.limits;
    let call = CheckCall {
        context: request.context,
        settings,
        name_missing_scopes: request.name_missing_scopes,
        message_bytes: limits.message_bytes,
        end,
        probe,
    };
    let fuel = limits.fuel.unwrap_or(u64::MAX);
    report(probe, Moment::Made);
    let answer = instance.check(&mut turn, &call).await;
    report(probe, Moment::Answered);
    let answer = answer.and_then(|(outcome, named)| {
        check.named_texts.check(&named, check.settings.as_deref())?;
        Ok((outcome, named))
    });
    let (outcome, missing_scopes) = answer.unwrap_or_else(|fault| (Outcome::Failed(fault), Vec::new()));
    let (fuel, memory_bytes) = (fuel.saturating_sub(instance.fuel()), instance.memory_bytes());
    let (logs, reads) = (instance.logs(), instance.take_reads());
    let is_reusable = !matches!(outcome, Outcome::Failed(_)) && limits.fuel.is_none() && instance.is_reusable();
    report(probe, Moment::Read);
    match session.filter(|_| is_reusable) {
        Some(session) => *session = Some(instance),
        None => drop(instance),
    }
    report(probe, Moment::Dropped);
    let usage = Usage { elapsed: Duration::ZERO, cpu_time: turn.end(), fuel, memory_bytes };
    Ok(Evaluation { missing_scopes, usage, logs, reads, ..Evaluation::from(outcome) })
}

/// Gets an instance and a turn to run it in: the instance of the session, a standby instance, or a new one. Returns it
/// with the settings that it must be configured with.
async fn instance<'c>(
    check: &'c Arc<Configured>,
    session: Option<&mut Option<Instance>>,
    request: GuestRequest,
    budget: &Budget<'_>,
    mut queued: Queued<'_>,
    turn: &mut Turn<'_>,
) -> Result<(Instance, Option<&'c String>), Fault> {
    if let Some(session) = session.filter(|session| session.is_some()) {
        queued.turn(turn).await?;
        if let Some(instance) = session.take() {
            return Ok((instance.rebind(request, budget), None));
        }
    }
    // The check's own admission comes first: evaluations that wait there hold no permit of the pool.
    let own = queued.wait(check.admission.admit(check.plugin.weight(), queued.until())).await?;
    let now = check.plugin.host().micros_since_start(queued.start);
    if check.uses_standby() {
        // An instance is taken only by an evaluation that can use it.
        queued.turn(turn).await?;
        if let Some(instance) = take_standby(check, now) {
            return Ok((instance.rebind(request, budget).with_check_permit(own), None));
        }
        turn.give_back();
    }
    let (linked, settings) = queued.not_counting(check.linked(now, queued.end)).await?;
    let permit = queued.wait(admit(check, linked.weight, queued.until())).await?;
    queued.turn(turn).await?;
    Ok((check.instance(linked, request, budget, permit).with_check_permit(own), settings))
}

/// Takes a standby instance if one is ready, and starts to make the next one at the same time.
fn take_standby(check: &Arc<Configured>, now: u64) -> Option<Instance> {
    let Taken { instance, wants_refill } = check.standby.take(now);
    if wants_refill {
        start_refill(check);
    }
    // If the tenant has as many instances as it may, the request waits for another one of them to end.
    instance.and_then(|mut instance| instance.pass_to(check.membership.tenant()).then_some(instance))
}

/// Waits for a permit of the pool. If none is free, the standby instances of the pool are evicted before the wait.
async fn admit(check: &Configured, weight: u32, end: Instant) -> Result<FairPermit, Fault> {
    let (host, pool) = (check.plugin.host(), check.plugin.pool());
    let evict = || host.toolchain().engines.standby(pool).evict_all();
    host.admission(pool).admit_evicting(Some(check.membership.tenant()), weight, end, evict).await
}

/// The part of the request that the plugin may read.
fn guest_request(check: &Configured, request: EvaluationRequest<'_>) -> Result<GuestRequest, Fault> {
    let Configured { plugin, limits, grants, .. } = check;
    let mut guest = GuestRequest::new(request.context, check.seed(request.decision), limits.context_bytes)?;
    if !plugin.documents().is_empty() {
        guest = guest.with_documents(request.context);
    }
    if grants.has(Grant::RawToken) {
        guest = guest.with_raw_token(request.context);
    }
    Ok(guest)
}
