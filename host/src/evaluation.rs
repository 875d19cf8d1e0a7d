//! How a check is evaluated: room, an instance, the question, and what it took.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::auth_check::{EvaluationFuture, EvaluationRequest, Session};
use crate::capabilities::Request;
use crate::check::Inner;
use crate::instance::{Instance, Question};
use crate::meter::metered;
use crate::outcome::{Cause, Evaluation, Fault, Outcome, Usage};
use crate::program::Program;
use crate::room::Place;
use crate::store::Terms;

/// Asks a fresh instance of `check`, and ends it.
pub(crate) async fn evaluate(check: &Arc<Inner>, inquiry: EvaluationRequest<'_>) -> Evaluation {
    let mut instance = None;
    evaluate_in(check, &mut instance, inquiry).await
}

/// A check of a plugin for the length of a batch. One instance serves it, bounded for each request as if it were
/// fresh; after a fault, or once it holds anything in the host, the next request gets another. With a limit of fuel
/// each gets its own, because what a request costs depends on those before it.
pub(crate) struct PluginSession<'a> {
    check: &'a Arc<Inner>,
    instance: Option<Instance>,
}

impl<'a> PluginSession<'a> {
    pub(crate) fn new(check: &'a Arc<Inner>) -> Self {
        Self { check, instance: None }
    }

    async fn answer(&mut self, inquiry: EvaluationRequest<'_>) -> Evaluation {
        let is_fresh = self.instance.is_none();
        let mut evaluation = evaluate_in(self.check, &mut self.instance, inquiry).await;
        if let Outcome::Failed(fault) = &evaluation.outcome {
            self.instance = None;
            // What other requests left behind may be why it failed: alone, it might not have. Time is not given twice.
            if !is_fresh && !matches!(fault.cause, Cause::Deadline | Cause::CpuTimeLimit | Cause::NoCapacity) {
                evaluation = evaluate(self.check, inquiry).await;
            }
        }
        let is_exact = self.check.limits.fuel.is_none();
        self.instance = self.instance.take().filter(|instance| is_exact && instance.can_turn());
        evaluation
    }
}

impl Session for PluginSession<'_> {
    fn evaluate<'a>(&'a mut self, inquiry: EvaluationRequest<'a>) -> EvaluationFuture<'a> {
        Box::pin(self.answer(inquiry))
    }
}

/// Asks the instance, or makes one to ask.
async fn evaluate_in(
    check: &Arc<Inner>,
    instance: &mut Option<Instance>,
    inquiry: EvaluationRequest<'_>,
) -> Evaluation {
    let start = Instant::now();
    let end = inquiry.end.min(start + check.limits.deadline);
    let asked = ask(check, instance, inquiry, start, end).await;
    let mut evaluation = asked.unwrap_or_else(|fault| Outcome::Failed(fault).into());
    evaluation.usage.elapsed = start.elapsed();
    check.membership.tenant.add_evaluation(&evaluation.usage);
    // What makes later answers faster must not make this one slower.
    check.improve();
    evaluation
}

async fn ask(
    check: &Arc<Inner>,
    place: &mut Option<Instance>,
    inquiry: EvaluationRequest<'_>,
    start: Instant,
    end: Instant,
) -> Result<Evaluation, Fault> {
    let Inner { plugin, limits, .. } = &**check;
    let request = request(check, inquiry)?;
    // What is left over of a batch, made ahead, or new.
    let (instance, settings) = match place.take() {
        Some(instance) => (instance.turned_to(request, end), None),
        None => {
            // Its own room first: those who wait there take no place from others.
            let own = check.room.enter(1, end).await?;
            match check.ahead.take(check, start) {
                Some(instance) => (instance.turned_to(request, end).serving(own), None),
                None => {
                    let (program, settings) = program(check, start, end).await?;
                    let shared = enter(check, program.weight, end).await?;
                    (instance(check, program, request, end, shared).serving(own), settings)
                }
            }
        }
    };
    let instance = place.insert(instance);
    let question = Question {
        context: inquiry.context,
        settings,
        name_missing_scopes: inquiry.name_missing_scopes,
        message_bytes: limits.message_bytes,
    };
    let fuel = limits.fuel.unwrap_or(u64::MAX);
    let (answer, cpu_time) = metered(pin!(instance.check(&question, plugin.can_wait().then_some(end)))).await;
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

/// Room in the pool. What is only made ahead gives way to a request that would have to wait.
async fn enter(check: &Inner, weight: u32, end: Instant) -> Result<Place, Fault> {
    let (host, pool) = (check.plugin.host(), check.plugin.pool());
    host.room(pool).enter_after(weight, end, || host.aheads(pool).all_leave()).await
}

/// What instances of the check are made of now, and the settings that they still need.
pub(crate) async fn program(
    check: &Arc<Inner>,
    now: Instant,
    end: Instant,
) -> Result<(Arc<Program>, Option<&String>), Fault> {
    match check.image.program(check.plugin.host().age(now)) {
        Some(program) => Ok((program, None)),
        None => Ok((check.plugin.program(end).await?, check.settings.as_ref())),
    }
}

/// An instance of which nothing has run, in its place of the pool.
pub(crate) fn instance(
    check: &Inner,
    program: Arc<Program>,
    request: Request,
    end: Instant,
    shared: Place,
) -> Instance {
    let terms = Terms::new(&check.limits, end).for_tenant(&check.membership.tenant);
    Instance::new(program, &terms, request).holding(shared)
}

/// What of the request the plugin may read.
fn request(check: &Inner, inquiry: EvaluationRequest<'_>) -> Result<Request, Fault> {
    let Inner { plugin, limits, grants, .. } = check;
    let mut request = Request::new(inquiry.context, check.seed(inquiry.decision), limits.context_bytes)?;
    if plugin.reads_request() {
        request = request.with_documents(inquiry.context);
    }
    if grants.raw_token {
        request = request.with_raw_token(inquiry.context);
    }
    Ok(request)
}
