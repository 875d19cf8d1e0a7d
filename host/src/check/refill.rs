//! The refill of standby instances, on the threads that the host has for it.

use std::sync::Arc;
use std::time::Instant;

use crate::check::configured::Configured;
use crate::decision::DecisionId;
use crate::engine::admission::Permit;
use crate::fault::Fault;
use crate::guest::request::GuestRequest;
use crate::instance::Instance;
use crate::util::block_on::block_on;
use crate::util::lru::Evict;
use crate::util::panic::catch;

/// Queues the making of standby instances until there are enough: one for each job, so that tenants take turns however
/// long each takes.
pub(super) fn start_refill(check: &Arc<Configured>) {
    let [refilled, refused] = [(); 2].map(|()| Arc::downgrade(check));
    let run = move || {
        let Some(check) = refilled.upgrade() else { return };
        // A panic ends the refill, and a later evaluation starts another one.
        if matches!(catch(|| add_one(&check)), Ok(true)) {
            start_refill(&check);
        } else {
            check.standby.end_refill();
        }
    };
    let refuse = move || {
        if let Some(check) = refused.upgrade() {
            check.standby.end_refill();
        }
    };
    check.plugin.host().refilling().add(Some(check.membership.tenant()), run, refuse);
}

/// Makes one standby instance. Returns whether another one is wanted.
fn add_one(check: &Arc<Configured>) -> bool {
    if !check.uses_standby() || check.standby.is_full() || check.membership.tenant().is_out_of_budget() {
        return false;
    }
    // A failure is not reported here: the next request makes its own instance, and reports the fault.
    let made = block_on(make_one(check)).map_err(Fault::host).flatten();
    let Ok(Some((instance, permit))) = made else { return false };
    let (host, pool) = (check.plugin.host(), check.plugin.pool());
    if check.standby.push(instance, permit) == 1 {
        host.toolchain().engines.standby(pool).add(&check.standby);
    }
    // A request may have started waiting, or an image may have been made, before this instance was pushed, and so could not
    // evict it. Check again.
    if host.admission(pool).has_waiters() || !check.uses_standby() {
        check.standby.evict();
        return false;
    }
    true
}

/// Makes a configured instance, with its permit of the standby admission. Returns `None` if no permit is free, or if
/// the instance cannot be kept for a later request.
async fn make_one(check: &Configured) -> Result<Option<(Instance, Permit)>, Fault> {
    let now = Instant::now();
    let end = now + check.limits.configure_deadline;
    let (host, pool) = (check.plugin.host(), check.plugin.pool());
    let (linked, settings) = check.linked(host.micros_since_start(now), end).await?;
    let Some(standby) = host.toolchain().engines.standby_admission(pool).try_admit(linked.weight) else {
        return Ok(None);
    };
    let Some(permit) = host.admission(pool).try_standby(linked.weight) else { return Ok(None) };
    let request = GuestRequest::none(check.seed(DecisionId::random()));
    let mut turn = check.turn();
    turn.take(end).await?;
    let mut instance = check.instance(linked, request, &check.budget(end).for_configuring(), permit);
    let configured = instance.configure(&mut turn, settings, end).await?;
    // An instance that called WASI cannot be kept: its state in the host would stay, and random numbers belong to one
    // decision.
    Ok((configured.is_ok() && instance.is_reusable()).then_some((instance, standby)))
}
