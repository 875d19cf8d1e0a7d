//! Evaluation: a request becomes the outcome of a check, with the usage of the evaluation.
//!
//! The steps of one evaluation, all within the deadline of the check and that of the decision:
//!
//! 0. The breaker of the check, and the budget of the tenant. An evaluation that either denies takes nothing from others.
//! 1. The part of the request that the plugin may read is selected: its documents if it imports them, the bearer secret
//!    only with the grant. A request over the check's cap fails here.
//! 2. Admission and an instance: that of the batch, a standby instance, or a new one. All limits of a new instance are
//!    armed before any of its code runs (`guest/store.rs`).
//! 3. `Instance::check` configures the instance if necessary, unseals the request and calls the exported `check`. The
//!    processor time is measured around this call.
//! 4. The usage and the output are read. Processor time is charged to the tenant after each turn (`guest/charged.rs`). The instance is dropped with its permits, unless a
//!    [`PluginSession`] keeps it for the next request of its batch.
//!
//! A fault in any step is an [`Outcome::Failed`], which denies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::breaker::circuit::{Circuit, Pass};
use crate::check::configured::Configured;
use crate::check::refill::start_refill;
use crate::check::standby::Taken;
use crate::decision::auth_check::{EvaluationFuture, EvaluationRequest, Session};
use crate::engine::fair_admission::FairPermit;
use crate::fault::{Cause, Fault};
use crate::grants::Grant;
use crate::guest::exceeded::{self, name_limit};
use crate::guest::request::GuestRequest;
use crate::instance::{CheckCall, Instance};
use crate::limits::Limits;
use crate::outcome::{Evaluation, Outcome, Usage};
use crate::tuning::DEADLINE_GRACE;

/// Evaluates a request in a fresh instance of the check, and drops the instance before it returns.
pub(super) async fn evaluate(check: &Arc<Configured>, request: EvaluationRequest<'_>) -> Evaluation {
    match begin(check) {
        Ok((pass, cpu_left)) => {
            let evaluation = evaluate_in(check, &mut None, request, cpu_left).await;
            end(check, pass, &evaluation.outcome);
            evaluation
        }
        Err(fault) => Outcome::Failed(fault).into(),
    }
}

/// Begins an evaluation, if neither the breaker of the check nor the budget of its tenant denies it. Returns the pass of
/// the breaker, and the processor time that the tenant has left; none without a bound.
fn begin(check: &Configured) -> Result<(Option<Pass<'_>>, Option<Duration>), Fault> {
    let pass = check.breaker.as_ref().map(Circuit::pass).transpose()?;
    Ok((pass, check.membership.tenant().take_evaluation()?))
}

fn end(check: &Configured, pass: Option<Pass<'_>>, outcome: &Outcome) {
    if let Some(pass) = pass {
        pass.end(outcome, &check.id);
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
        let (pass, cpu_left) = match begin(self.check) {
            Ok(begun) => begun,
            Err(fault) => return Outcome::Failed(fault).into(),
        };
        let mut evaluation = evaluate_in(self.check, &mut self.instance, request, cpu_left).await;
        if let Outcome::Failed(fault) = &evaluation.outcome {
            self.instance = None;
            // State that earlier requests left in the instance may be the reason, so the request is evaluated again in
            // a fresh instance; for the budget it is still one evaluation. A fault for lack of time, capacity or budget
            // is final: a second evaluation would get it twice.
            let is_final = matches!(
                fault.cause,
                Cause::Deadline | Cause::CpuTimeLimit | Cause::NoCapacity | Cause::QueueFull | Cause::OverBudget
            );
            if !is_fresh && !is_final {
                evaluation = evaluate_in(self.check, &mut None, request, cpu_left).await;
            }
        }
        end(self.check, pass, &evaluation.outcome);
        let is_exact = self.check.limits.fuel.is_none();
        self.instance = self.instance.take().filter(|instance| is_exact && instance.is_reusable());
        evaluation
    }
}

impl Session for PluginSession<'_> {
    fn evaluate<'a>(&'a mut self, request: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.evaluate_next(request))
    }
}

/// Evaluates a request in the instance of the slot `instance`; if the slot is empty, a new instance is put into it. The
/// tenant has `cpu_left` of processor time.
async fn evaluate_in(
    check: &Arc<Configured>,
    instance: &mut Option<Instance>,
    request: EvaluationRequest<'_>,
    cpu_left: Option<Duration>,
) -> Evaluation {
    let start = Instant::now();
    let tenant = check.membership.tenant();
    let end = request.end.min(start + check.limits.deadline);
    let asked = ask(check, instance, request, Times { start, end, cpu_left }).await;
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

/// Gets an instance, calls `check` in it, and leaves it in the slot. The error is a fault before the call.
async fn ask(
    check: &Arc<Configured>,
    slot: &mut Option<Instance>,
    request: EvaluationRequest<'_>,
    Times { start, end, cpu_left }: Times,
) -> Result<Evaluation, Fault> {
    let guest_request = guest_request(check, request)?;
    let budget = check.budget(end).with_cpu_time(cpu_left);
    // The instance is that of the batch, a standby instance, or a new one.
    let (instance, settings) = match slot.take() {
        Some(instance) => (instance.rebind(guest_request, &budget), None),
        None => {
            // The check's own admission comes first: evaluations that wait there hold no permit of the pool.
            let own = check.admission.admit(check.plugin.weight(), end).await?;
            let now = check.plugin.host().micros_since_start(start);
            match take_standby(check, now) {
                Some(instance) => (instance.rebind(guest_request, &budget).with_check_permit(own), None),
                None => {
                    let (linked, settings) = check.linked(now, end).await?;
                    let permit = admit(check, linked.weight, end).await?;
                    (check.instance(linked, guest_request, &budget, permit).with_check_permit(own), settings)
                }
            }
        }
    };
    let instance = slot.insert(instance);
    let limits = &check.limits;
    let call = CheckCall {
        context: request.context,
        settings,
        name_missing_scopes: request.name_missing_scopes,
        message_bytes: limits.message_bytes,
        end,
    };
    let fuel = limits.fuel.unwrap_or(u64::MAX);
    let answer = instance.check(&call).await.and_then(|(outcome, named)| {
        check.named_texts.check(&named, check.settings.as_deref())?;
        Ok((outcome, named))
    });
    let (outcome, missing_scopes) = answer.unwrap_or_else(|fault| (Outcome::Failed(fault), Vec::new()));
    let usage = Usage {
        elapsed: Duration::ZERO,
        cpu_time: instance.cpu_time(),
        fuel: fuel.saturating_sub(instance.fuel()),
        memory_bytes: instance.memory_bytes(),
    };
    let (logs, reads) = (instance.logs(), instance.take_reads());
    Ok(Evaluation { missing_scopes, usage, logs, reads, ..Evaluation::from(outcome) })
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
