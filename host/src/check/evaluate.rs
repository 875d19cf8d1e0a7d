//! Evaluation: admission, an instance, the call of `check`, and the usage of all that.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::check::configured::Configured;
use crate::check::refill::start_refill;
use crate::check::standby::Taken;
use crate::decision::auth_check::{EvaluationFuture, EvaluationRequest, Session};
use crate::engine::admission::Permit;
use crate::guest::cpu_time::metered;
use crate::guest::request::GuestRequest;
use crate::instance::{CheckCall, Instance};
use crate::outcome::{Cause, Evaluation, Fault, Outcome, Usage};

/// Evaluates a request in a fresh instance of the check, and drops the instance.
pub(super) async fn evaluate(check: &Arc<Configured>, request: EvaluationRequest<'_>) -> Evaluation {
    let mut instance = None;
    evaluate_in(check, &mut instance, request).await
}

/// A check of a plugin for the length of a batch. One instance serves the whole batch, with the limits of a fresh one for
/// each request. After a fault, or once the instance holds anything in the host, the next request gets a new one. With a
/// fuel limit, every request gets a new one, because its fuel depends on the requests before it.
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
        let mut evaluation = evaluate_in(self.check, &mut self.instance, request).await;
        if let Outcome::Failed(fault) = &evaluation.outcome {
            self.instance = None;
            // State that other requests left behind may be the reason: a fresh instance might not fail. Time is not
            // granted twice.
            if !is_fresh && !matches!(fault.cause, Cause::Deadline | Cause::CpuTimeLimit | Cause::NoCapacity) {
                evaluation = evaluate(self.check, request).await;
            }
        }
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

/// Evaluates a request in the given instance, or in a new one, which is left there.
async fn evaluate_in(
    check: &Arc<Configured>,
    instance: &mut Option<Instance>,
    request: EvaluationRequest<'_>,
) -> Evaluation {
    let start = Instant::now();
    let end = request.end.min(start + check.limits.deadline);
    let asked = ask(check, instance, request, start, end).await;
    let mut evaluation = asked.unwrap_or_else(|fault| Outcome::Failed(fault).into());
    evaluation.usage.elapsed = start.elapsed();
    check.membership.tenant().add_evaluation(&evaluation.usage);
    // After the evaluation, so that it makes only later ones faster and not this one slower.
    check.tier_up();
    evaluation
}

async fn ask(
    check: &Arc<Configured>,
    slot: &mut Option<Instance>,
    request: EvaluationRequest<'_>,
    start: Instant,
    end: Instant,
) -> Result<Evaluation, Fault> {
    let guest_request = guest_request(check, request)?;
    // The instance is that of the batch, a standby instance, or a new one.
    let (instance, settings) = match slot.take() {
        Some(instance) => (instance.rebind(guest_request, end), None),
        None => {
            // The check's own admission comes first: evaluations that wait there hold no permit of the pool.
            let own = check.admission.admit(1, end).await?;
            match take_standby(check, start) {
                Some(instance) => (instance.rebind(guest_request, end).with_check_permit(own), None),
                None => {
                    let (linked, settings) = check.linked(start, end).await?;
                    let permit = admit(check, linked.weight, end).await?;
                    (check.instance(linked, guest_request, end, permit).with_check_permit(own), settings)
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
    let (answer, cpu_time) = metered(pin!(instance.check(&call))).await;
    let (outcome, missing_scopes) = answer.unwrap_or_else(|fault| (Outcome::Failed(fault), Vec::new()));
    Ok(Evaluation {
        outcome,
        missing_scopes,
        usage: Usage {
            elapsed: Duration::ZERO,
            cpu_time,
            fuel: fuel.saturating_sub(instance.fuel()),
            memory_bytes: instance.memory_bytes(),
        },
        logs: instance.logs(),
    })
}

/// Takes a standby instance, and starts to make the next one while it serves.
fn take_standby(check: &Arc<Configured>, now: Instant) -> Option<Instance> {
    let Taken { instance, start_refill: is_wanted } = check.standby.take(check.plugin.host().micros_since_start(now));
    if is_wanted {
        start_refill(check);
    }
    instance
}

/// Waits for a permit of the pool. Standby instances are evicted for a request that would have to wait.
async fn admit(check: &Configured, weight: u32, end: Instant) -> Result<Permit, Fault> {
    let (host, pool) = (check.plugin.host(), check.plugin.pool());
    let evict = || host.toolchain().engines.standby(pool).evict_all();
    host.admission(pool).admit_evicting(weight, end, evict).await
}

/// The part of the request that the plugin may read.
fn guest_request(check: &Configured, request: EvaluationRequest<'_>) -> Result<GuestRequest, Fault> {
    let Configured { plugin, limits, grants, .. } = check;
    let mut guest = GuestRequest::new(request.context, check.seed(request.decision), limits.context_bytes)?;
    if plugin.reads_request() {
        guest = guest.with_documents(request.context);
    }
    if grants.raw_token {
        guest = guest.with_raw_token(request.context);
    }
    Ok(guest)
}
