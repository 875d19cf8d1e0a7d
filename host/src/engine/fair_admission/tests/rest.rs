//! The rest of tenants that use the threads for blocking work as long as they may.

use std::collections::BTreeMap;

use super::*;
use crate::engine::blocking_settings;

fn two_threads() -> Bench {
    Bench::of(blocking_settings("configuring", Resource::Configuring, 2))
}

/// Waits as blocking work does: without a clock.
fn wait<'a>(bench: &'a Bench, tenant: Option<&'a Tenant>) -> Wait<'a> {
    Box::pin(async move { Ok(bench.admission.admit_in_the_end(tenant, 1).await.unwrap()) })
}

/// The longest work of a tenant on a thread for blocking work.
const LONGEST: u64 = 60_000 * MILLISECOND;

/// Tenants that always want a unit, and use it for [`LONGEST`].
struct Greedy<'a> {
    waits: Vec<(&'a str, Wait<'a>)>,
    /// Those that have a unit, each with the end of its work.
    running: Vec<(u64, &'a str, FairPermit)>,
}

impl<'a> Greedy<'a> {
    /// Lets time pass until `end`, or until `is_over`: each of the tenants asks again when its work is done.
    fn run(
        &mut self,
        bench: &'a Bench,
        tenants: &'a BTreeMap<String, Tenant>,
        end: u64,
        mut is_over: impl FnMut() -> bool,
    ) {
        loop {
            let now = bench.now.load(Ordering::Relaxed);
            let begun = ready(bench, &mut self.waits);
            self.running.extend(begun.into_iter().map(|(name, permit)| (now + LONGEST, name, permit)));
            if is_over() {
                return;
            }
            let next = self.running.iter().map(|(end, ..)| *end).min().unwrap_or(end);
            if next > end {
                bench.pass(end.saturating_sub(now));
                return;
            }
            bench.pass(next.saturating_sub(now));
            let at = self.running.iter().position(|(end, ..)| *end == next).unwrap();
            let (_, name, permit) = self.running.remove(at);
            drop(permit);
            self.waits.push((name, wait(bench, tenants.get(name))));
        }
    }
}

#[test]
fn beside_tenants_whose_work_is_always_the_longest_another_waits_for_the_end_of_one() {
    for (greedy, most_waits) in [(1_u32, 0), (2, 1), (8, 10), (40, 60), (400, 100)] {
        let bench = two_threads();
        let names: Vec<String> = (0..greedy).map(|number| format!("greedy{number}")).collect();
        let tenants: BTreeMap<_, _> = names.iter().map(|name| (name.clone(), bench.tenant(name))).collect();
        let mut all = Greedy { waits: Vec::new(), running: Vec::new() };
        for name in tenants.keys() {
            all.waits.push((name, wait(&bench, tenants.get(name))));
        }
        // Each has used a thread once.
        let mut now = 1 + u64::from(greedy) * LONGEST;
        all.run(&bench, &tenants, now, || false);
        let good = bench.tenant("good");
        let mut waited = 0;
        for round in 0..100 {
            // It wants a little every few minutes, at another moment of their work each time.
            now = bench.now.load(Ordering::Relaxed) + 200_000 * MILLISECOND + round * 617 * MILLISECOND;
            all.run(&bench, &tenants, now, || false);
            let mut wait = wait(&bench, Some(&good));
            let mut permit = None;
            all.run(&bench, &tenants, now + LONGEST, || {
                if permit.is_none()
                    && let Poll::Ready(ready) = bench.poll(&mut wait)
                {
                    permit = Some(ready.unwrap());
                }
                permit.is_some()
            });
            let permit =
                permit.unwrap_or_else(|| panic!("beside {greedy}, it waits longer than for one end, round {round}"));
            waited += u32::from(bench.now.load(Ordering::Relaxed) > now);
            bench.pass(100 * MILLISECOND);
            drop(permit);
        }
        assert!(waited <= most_waits, "beside {greedy}, it waited {waited} times of 100");
    }
}

#[test]
fn a_tenant_that_uses_little_need_not_rest() {
    let bench = two_threads();
    let (good, other) = (bench.tenant("good"), bench.tenant("other"));
    let _other = bench.ask(Some(&other), 1).ok().unwrap();
    // Checks that took about ten seconds.
    for _ in 0..=100 {
        let permit = bench.ask(Some(&good), 1).ok().expect("it need not rest");
        bench.pass(100 * MILLISECOND);
        drop(permit);
    }
    let permit = bench.ask(Some(&good), 1).ok().expect("it has used what needs no rest");
    bench.pass(100 * MILLISECOND);
    drop(permit);
    assert!(bench.ask(Some(&good), 1).is_err());
    bench.pass(10_000 * MILLISECOND);
    assert!(bench.ask(Some(&good), 1).is_ok());
}
