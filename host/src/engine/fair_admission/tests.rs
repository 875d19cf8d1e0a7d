//! Tests on a virtual clock: nothing sleeps, and every order is asserted exactly.

mod rest;

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::runtime::{Builder, Runtime};

use super::*;
use crate::engine::COMPILER_REST;
use crate::tenant::TenantBudget;
use crate::tenant::registry::Tenants;

const FOREVER: Duration = Duration::from_secs(3_600);
const MILLISECOND: u64 = 1_000_000;
const COMPILERS: Rules = Rules::OneEach { rest: COMPILER_REST };

/// A resource with a clock that only the test moves.
struct Bench {
    admission: FairAdmission,
    now: Arc<AtomicU64>,
    tenants: Tenants,
    runtime: Runtime,
}

type Wait<'a> = Pin<Box<dyn Future<Output = Result<FairPermit, Fault>> + 'a>>;

impl Bench {
    fn new(units: u32, queue: usize, rules: Rules) -> Self {
        let (resource, credit, debt) = (Resource::SmallInstances, Duration::ZERO, Duration::from_millis(100));
        Self::of(Settings { what: "instance", resource, units, queue, rules, credit, debt })
    }

    fn of(settings: Settings) -> Self {
        let now = Arc::new(AtomicU64::new(1));
        let clock = Arc::clone(&now);
        Self {
            admission: FairAdmission::with_clock(settings, move || clock.load(Ordering::Relaxed)),
            now,
            tenants: Tenants::with_default_turns(1_000),
            runtime: Builder::new_current_thread().enable_time().build().unwrap(),
        }
    }

    /// A pool, a quarter of which is headroom.
    fn pool(units: u32, queue: usize) -> Self {
        Self::new(units, queue, Rules::Instances { headroom: units / 4 })
    }

    fn tenant(&self, name: &str) -> Tenant {
        self.tenants.get(Some(name.to_owned()))
    }

    fn pass(&self, nanoseconds: u64) {
        self.now.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn wait<'a>(&'a self, tenant: Option<&'a Tenant>, units: u32) -> Wait<'a> {
        Box::pin(self.admission.admit(tenant, units, Instant::now() + FOREVER))
    }

    fn poll(&self, wait: &mut Wait<'_>) -> Poll<Result<FairPermit, Fault>> {
        let _entered = self.runtime.enter();
        wait.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Asks, and returns the permit or the wait.
    fn ask<'a>(&'a self, tenant: Option<&'a Tenant>, units: u32) -> Result<FairPermit, Wait<'a>> {
        let mut wait = self.wait(tenant, units);
        match self.poll(&mut wait) {
            Poll::Ready(permit) => Ok(permit.unwrap()),
            Poll::Pending => Err(wait),
        }
    }

    /// Asks for one unit at a time until one must wait. Returns the permits; the last wait is given up.
    fn take_all(&self, tenant: Option<&Tenant>) -> Vec<FairPermit> {
        std::iter::from_fn(|| self.ask(tenant, 1).ok()).collect()
    }

    fn used(&self) -> u32 {
        lock(&self.admission.0.state).used
    }

    fn is_idle(&self) -> bool {
        self.used() == 0 && !self.admission.has_waiters()
    }
}

/// The positions of the waits that are over.
fn ready<'a>(bench: &Bench, waits: &mut Vec<(&'a str, Wait<'_>)>) -> Vec<(&'a str, FairPermit)> {
    let mut served = Vec::new();
    let mut at = 0;
    while let Some((name, wait)) = waits.get_mut(at) {
        match bench.poll(wait) {
            Poll::Ready(permit) => {
                served.push((*name, permit.unwrap()));
                drop(waits.remove(at));
            }
            Poll::Pending => at += 1,
        }
    }
    served
}

#[test]
fn a_tenant_gets_a_quarter_and_leaves_the_headroom_to_first_instances() {
    let bench = Bench::pool(16, 100);
    let tenants = ["a", "b", "c", "d", "e", "f", "g", "h"].map(|name| bench.tenant(name));
    let held: Vec<usize> = {
        let permits: Vec<_> = tenants.iter().map(|tenant| bench.take_all(Some(tenant))).collect();
        assert_eq!(bench.used(), 16);
        permits.iter().map(Vec::len).collect()
    };
    // Three have their quarter, which is all that further instances may take; the others have their first.
    assert_eq!(held, [4, 4, 4, 1, 1, 1, 1, 0]);
    assert!(bench.is_idle());
}

#[test]
fn work_without_a_tenant_uses_the_whole_pool() {
    let bench = Bench::pool(16, 100);
    let permits = bench.take_all(None);
    assert_eq!(permits.len(), 16);
    let no_name = bench.tenants.get(None);
    drop(permits);
    assert_eq!(bench.take_all(Some(&no_name)).len(), 16);
    assert!(bench.is_idle());
}

#[test]
fn a_budget_changes_the_share_of_a_tenant_and_one_instance_is_always_possible() {
    let bench = Bench::pool(16, 100);
    let tenant = bench.tenant("a");
    let instances = |instances| TenantBudget { instances: NonZeroU32::new(instances), ..TenantBudget::default() };
    for (most, held) in [(1, 1), (3, 3), (12, 12), (1_000, 12)] {
        tenant.set_budget(instances(most)).unwrap();
        assert_eq!(bench.take_all(Some(&tenant)).len(), held, "{most}");
    }
    tenant.set_budget(instances(1)).unwrap();
    let wide = bench.ask(Some(&tenant), 8).ok();
    assert_eq!((wide.is_some(), bench.used()), (true, 8));
    assert!(bench.ask(Some(&tenant), 1).is_err());
}

#[test]
fn the_tenant_that_used_the_least_is_next() {
    let bench = Bench::pool(1, 100);
    let (greedy, good) = (bench.tenant("greedy"), bench.tenant("good"));
    let running = bench.ask(Some(&greedy), 1).ok().unwrap();
    let mut waits = Vec::new();
    for (name, tenant) in [("greedy", &greedy), ("greedy", &greedy), ("greedy", &greedy), ("good", &good)] {
        waits.push((name, bench.ask(Some(tenant), 1).err().unwrap()));
    }
    bench.pass(200 * MILLISECOND);
    drop(running);
    // A tenant that just came waits for one instance of one tenant, and not for the queue.
    let mut order = Vec::new();
    for milliseconds in [1, 200, 200, 200] {
        let mut served = ready(&bench, &mut waits);
        assert_eq!(served.len(), 1);
        order.extend(served.iter().map(|(name, _)| *name));
        bench.pass(milliseconds * MILLISECOND);
        served.clear();
    }
    assert_eq!(order, ["good", "greedy", "greedy", "greedy"]);
    assert!(bench.is_idle());
}

#[test]
fn two_tenants_that_always_wait_get_equal_parts_whatever_their_instances_cost() {
    let bench = Bench::pool(1, 100);
    let tenants = [bench.tenant("long"), bench.tenant("short")];
    let costs = [50 * MILLISECOND, MILLISECOND];
    let names = ["0", "1"];
    let mut used = [0_u64; 2];
    let mut waits = Vec::new();
    let mut running = vec![("0", bench.ask(Some(&tenants[0]), 1).ok().unwrap())];
    for _ in 0..10_000 {
        for (name, tenant) in names.iter().zip(&tenants) {
            while waits.iter().filter(|(found, _)| found == name).count() < 2 {
                waits.push((*name, bench.ask(Some(tenant), 1).err().unwrap()));
            }
        }
        let (name, permit) = running.pop().unwrap();
        let at: usize = name.parse().unwrap();
        bench.pass(costs[at]);
        used[at] += costs[at];
        drop(permit);
        running = ready(&bench, &mut waits);
        assert_eq!(running.len(), 1);
        // One unit, so the bound is twice the largest cost of each.
        assert!(used[0].abs_diff(used[1]) <= 2 * (costs[0] + costs[1]), "{used:?}");
    }
    drop((running, waits));
    assert!(bench.is_idle());
}

#[test]
fn a_wide_request_at_the_top_waits_with_a_reservation() {
    let bench = Bench::pool(8, 100);
    let (narrow, wide, other) = (bench.tenant("narrow"), bench.tenant("wide"), bench.tenant("other"));
    let first = bench.ask(Some(&narrow), 1).ok().unwrap();
    let mut waits = vec![("wide", bench.ask(Some(&wide), 8).err().unwrap())];
    // Seven are free, and none of them is given to those that came later.
    waits.push(("narrow", bench.ask(Some(&narrow), 1).err().unwrap()));
    waits.push(("other", bench.ask(Some(&other), 1).err().unwrap()));
    assert!(ready(&bench, &mut waits).is_empty());
    bench.pass(MILLISECOND);
    drop(first);
    let served = ready(&bench, &mut waits);
    assert_eq!(served.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["wide"]);
    bench.pass(MILLISECOND);
    drop(served);
    let served = ready(&bench, &mut waits);
    assert_eq!(served.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["narrow", "other"]);
}

#[test]
fn a_wide_request_that_is_given_up_stops_nobody() {
    let bench = Bench::pool(8, 100);
    let (narrow, wide, other) = (bench.tenant("narrow"), bench.tenant("wide"), bench.tenant("other"));
    let _first = bench.ask(Some(&narrow), 1).ok().unwrap();
    let wide = bench.ask(Some(&wide), 8).err().unwrap();
    let mut waits = vec![("other", bench.ask(Some(&other), 1).err().unwrap())];
    drop(wide);
    assert_eq!(ready(&bench, &mut waits).len(), 1);
}

#[test]
fn a_tenant_at_its_share_stops_nobody_and_hoards_no_credit() {
    let bench = Bench::pool(16, 1_000);
    let (blocked, other, third) = (bench.tenant("blocked"), bench.tenant("other"), bench.tenant("third"));
    let mut held = bench.take_all(Some(&blocked));
    assert_eq!(held.len(), 4);
    let mut waits = vec![("blocked", bench.ask(Some(&blocked), 1).err().unwrap())];
    // Others come and go for a long time, past the one that waits.
    for tenant in [&other, &third] {
        for _ in 0..100 {
            let permits = bench.take_all(Some(tenant));
            assert_eq!(permits.len(), 4);
            bench.pass(10 * MILLISECOND);
        }
    }
    assert!(ready(&bench, &mut waits).is_empty());
    drop(held.pop());
    assert_eq!(ready(&bench, &mut waits).len(), 1);
    let share = |tenant: &Tenant| bench.admission.0.share(Some(tenant)).0;
    let (tag, now) = (share(&blocked).lane.tag(), share(&third).lane.tag());
    assert!(now.wrapping_sub(tag) <= 4 * 10 * MILLISECOND + 1, "it may be behind by what the last one holds");
}

#[test]
fn a_full_queue_loses_the_newest_of_the_tenant_with_the_most() {
    let bench = Bench::pool(1, 4);
    let (greedy, good) = (bench.tenant("greedy"), bench.tenant("good"));
    let _running = bench.ask(Some(&greedy), 1).ok().unwrap();
    let mut waits: Vec<_> = (0..4).map(|_| bench.ask(Some(&greedy), 1).err().unwrap()).collect();
    let good_wait = bench.ask(Some(&good), 1).err().unwrap();
    let results: Vec<_> = waits.iter_mut().map(|wait| bench.poll(wait)).collect();
    assert!(results[..3].iter().all(Poll::is_pending));
    let Poll::Ready(Err(fault)) = &results[3] else { panic!("{results:?}") };
    assert_eq!(fault.cause, Cause::QueueFull);
    assert!(fault.detail.contains("this tenant has the most"), "{fault}");
    // The greedy tenant only loses its own.
    assert!(bench.poll(&mut bench.wait(Some(&greedy), 1)).is_ready());
    drop((waits, good_wait));
    assert!(!bench.admission.has_waiters());
}

#[test]
fn who_waits_too_long_leaves_at_once() {
    let bench = Bench::pool(1, 100);
    let tenant = bench.tenant("a");
    let running = bench.ask(None, 1).ok().unwrap();
    let mut late = Box::pin(bench.admission.admit(Some(&tenant), 1, Instant::now())) as Wait<'_>;
    let Err(fault) = bench.runtime.block_on(&mut late) else { panic!("admitted") };
    assert_eq!(fault.cause, Cause::NoCapacity);
    assert!(!bench.admission.has_waiters());
    drop(running);
    assert!(bench.is_idle());
}

#[test]
fn a_permit_for_somebody_who_has_gone_passes_on() {
    let bench = Bench::pool(1, 100);
    let (first, second) = (bench.tenant("first"), bench.tenant("second"));
    let running = bench.ask(None, 1).ok().unwrap();
    let gone = bench.ask(Some(&first), 1).err().unwrap();
    let mut waits = vec![("second", bench.ask(Some(&second), 1).err().unwrap())];
    bench.pass(MILLISECOND);
    drop(running);
    // It was given the unit, and never looked.
    assert!(ready(&bench, &mut waits).is_empty());
    drop(gone);
    assert_eq!(ready(&bench, &mut waits).len(), 1);
    assert!(bench.is_idle());
}

#[test]
fn a_standby_instance_counts_for_the_tenant_that_it_serves() {
    let bench = Bench::pool(16, 100);
    let tenant = bench.tenant("a");
    let mut standby: Vec<_> = (0..6).map(|_| bench.admission.try_standby(1).unwrap()).collect();
    assert_eq!(standby.iter_mut().filter_map(|permit| permit.pass_to(&tenant).then_some(())).count(), 4);
    assert!(bench.ask(Some(&tenant), 1).is_err());
    drop(standby);
    assert!(bench.is_idle());
    // None is made while somebody waits.
    let all = bench.take_all(None);
    let wait = bench.ask(None, 1).err();
    drop(all);
    assert!(bench.admission.has_waiters() || bench.used() == 1);
    drop(wait);
    assert!(bench.admission.try_standby(16).is_some());
}

#[test]
fn a_tenant_compiles_one_at_a_time_and_leaves_the_last_compiler_to_the_rested() {
    let bench = Bench::new(2, 100, COMPILERS);
    let (busy, other, rested) = (bench.tenant("busy"), bench.tenant("other"), bench.tenant("rested"));
    let first = bench.ask(Some(&busy), 1).ok().unwrap();
    let mut waits = vec![("busy", bench.ask(Some(&busy), 1).err().unwrap())];
    // One compiler is free, and `busy` does not get it; a tenant that compiled nothing does.
    let second = bench.ask(Some(&other), 1).ok().unwrap();
    waits.push(("other", bench.ask(Some(&other), 1).err().unwrap()));
    bench.pass(MILLISECOND);
    drop(first);
    assert!(ready(&bench, &mut waits).is_empty(), "both compiled just now, and one compiler is left");
    let third = bench.ask(Some(&rested), 1).ok().expect("it compiled nothing");
    bench.pass(MILLISECOND);
    drop(second);
    assert!(ready(&bench, &mut waits).is_empty());
    bench.pass(1);
    drop(third);
    // Both are free: one of them is served, and the other waits for its pause.
    let served = ready(&bench, &mut waits);
    assert_eq!(served.len(), 1);
    bench.pass(60_000 * MILLISECOND);
    bench.admission.0.grant_again();
    assert_eq!(ready(&bench, &mut waits).len(), 1);
}

#[test]
fn one_compiler_is_shared_without_a_pause() {
    let bench = Bench::new(1, 100, COMPILERS);
    let tenant = bench.tenant("a");
    for _ in 0..3 {
        assert!(bench.ask(Some(&tenant), 1).is_ok());
    }
    // Work without a tenant uses all of them.
    let bench = Bench::new(3, 100, COMPILERS);
    assert_eq!(bench.take_all(None).len(), 3);
}

#[test]
fn many_threads_leave_nothing_behind() {
    let bench = Bench::pool(8, 64);
    let tenants: Vec<Tenant> = (0..6).map(|number| bench.tenant(&number.to_string())).collect();
    let admission = &bench.admission;
    let most = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_u32 {
            let (tenants, most) = (&tenants, &most);
            scope.spawn(move || {
                let runtime = Builder::new_current_thread().enable_time().build().unwrap();
                for turn in 0..500_u32 {
                    let number = usize::try_from(thread.wrapping_mul(7).wrapping_add(turn) % 7).unwrap();
                    let units = 1 + (turn * 5 + thread) % 8;
                    // A sixth of them gives up at once.
                    let end = Instant::now() + if turn % 6 == 0 { Duration::ZERO } else { FOREVER };
                    let admitted = runtime.block_on(admission.admit(tenants.get(number), units, end));
                    most.fetch_max(lock(&admission.0.state).used.into(), Ordering::Relaxed);
                    drop(admitted);
                }
            });
        }
    });
    assert!(bench.is_idle());
    assert!(most.load(Ordering::Relaxed) <= 8);
    let held: Vec<u32> = tenants.iter().map(|tenant| admission.0.share(Some(tenant)).0.held()).collect();
    assert_eq!(held, [0; 6]);
}
