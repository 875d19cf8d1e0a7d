//! The queue of activations: at most one job of a tenant waits, the newest, and at most one runs.
//!
//! The tenant is next whose jobs took the least time (start-time fair queuing, as `guardhouse` shares a host). A tenant that
//! was idle begins close to the one that was served last, and a little before it.
//!
//! Tenants whose jobs take long also leave jobs to the others: after a job, a tenant rests for [`REST_TIMES`] as long, but not
//! for the first [`FREE`]. A quarter of the jobs is for tenants that have rested.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use guardhouse::Digest;

use crate::tenant_name::TenantName;

/// The rest of a tenant by the time of its jobs: a tenant that uses a job for more than a hundredth of the time has none of
/// those that are reserved.
const REST_TIMES: u32 = 100;

/// The time of jobs that needs no rest, and with which a tenant that was idle comes before those that were not. Arbitrary:
/// most policies are loaded in less.
const FREE: Duration = Duration::from_secs(10);

/// The rest that is not taken.
const UNRESTED: Duration = FREE.saturating_mul(REST_TIMES);

/// The longest rest, and the time for which a tenant may have been served before others when it becomes active again: more
/// is forgiven.
const LONGEST_REST: Duration = Duration::from_secs(3_600);

/// One of this many jobs is for tenants that have rested.
const RESERVED_DIVISOR: usize = 4;

/// The work to be done for one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// Activate the policy of this digest.
    Activate(Digest),
    /// Activate the last good policy, because the source has none that can be.
    Restore,
    /// Remove the last good policy.
    Forget,
}

/// The jobs that wait, and those that run. A time is that since any fixed moment.
#[derive(Debug)]
pub(super) struct Queue {
    /// The number of jobs that may run at the same time.
    parallel: usize,
    waiting: HashMap<TenantName, Waiting>,
    /// The tenants whose jobs wait and do not run, the next one first.
    order: BTreeMap<Key, TenantName>,
    /// The tenants whose jobs run, each with the begin of its job.
    running: HashMap<TenantName, Duration>,
    uses: HashMap<TenantName, Use>,
    /// The number of `uses` from which old ones are forgotten.
    forget_at: usize,
    /// The largest tag that was served.
    time: Duration,
    last_ticket: u64,
}

#[derive(Debug)]
struct Waiting {
    job: Job,
    ticket: u64,
}

/// The place of a tenant in the order: by tag, then by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    tag: Duration,
    ticket: u64,
}

/// The use that a tenant has made of jobs.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    /// The time of its jobs. The tenant that waits with the least is next.
    tag: Duration,
    /// The end of its rest, if no time needed none: it rests until [`UNRESTED`] before.
    rest: Duration,
}

impl Queue {
    /// An empty queue, for at least one job at a time.
    pub(super) fn new(parallel: usize) -> Self {
        Self {
            parallel: parallel.max(1),
            waiting: HashMap::new(),
            order: BTreeMap::new(),
            running: HashMap::new(),
            uses: HashMap::new(),
            forget_at: 0,
            time: Duration::ZERO,
            last_ticket: 0,
        }
    }

    /// Adds a job. It replaces one of the same tenant that waits, in its place. But a policy that waits to be forgotten is
    /// not restored: its tenant was removed.
    pub(super) fn push(&mut self, tenant: TenantName, job: Job) {
        if let Some(waiting) = self.waiting.get_mut(&tenant) {
            if job != Job::Restore || waiting.job != Job::Forget {
                waiting.job = job;
            }
            return;
        }
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        self.waiting.insert(tenant.clone(), Waiting { job, ticket });
        if !self.running.contains_key(&tenant) {
            self.wait(tenant, ticket);
        }
    }

    /// Puts a tenant into the order.
    fn wait(&mut self, tenant: TenantName, ticket: u64) {
        let least = self.time.saturating_sub(FREE);
        let tag = self.uses.get(&tenant).map_or(least, |found| found.tag);
        let tag = tag.clamp(least, self.time.saturating_add(LONGEST_REST));
        self.order.insert(Key { tag, ticket }, tenant);
    }

    /// Takes the job that is next, of a tenant of which none is running, if one more may run.
    pub(super) fn pop(&mut self, now: Duration) -> Option<(TenantName, Job)> {
        let key = self.next(now)?;
        let tenant = self.order.remove(&key)?;
        let Waiting { job, .. } = self.waiting.remove(&tenant)?;
        self.time = self.time.max(key.tag);
        self.uses.entry(tenant.clone()).or_default().tag = key.tag;
        self.running.insert(tenant.clone(), now);
        Some((tenant, job))
    }

    fn next(&self, now: Duration) -> Option<Key> {
        let free = self.parallel.saturating_sub(self.running.len());
        if free == 0 {
            return None;
        }
        let reserved = if self.parallel > 1 { (self.parallel / RESERVED_DIVISOR).max(1) } else { 0 };
        // If only those that are reserved are free, somebody has another one, whose end gives it to a tenant that rests.
        let may_run = |tenant: &TenantName| free > reserved || !self.rests(tenant, now);
        self.order.iter().find(|(_, tenant)| may_run(tenant)).map(|(key, _)| *key)
    }

    fn rests(&self, tenant: &TenantName, now: Duration) -> bool {
        self.uses.get(tenant).is_some_and(|found| found.rest > now.saturating_add(UNRESTED))
    }

    /// Ends the job of a tenant, which rests.
    pub(super) fn done(&mut self, tenant: &TenantName, now: Duration) {
        let Some(begin) = self.running.remove(tenant) else { return };
        let took = now.saturating_sub(begin);
        let found = self.uses.entry(tenant.clone()).or_default();
        found.tag = found.tag.saturating_add(took);
        let rest = found.rest.max(now).saturating_add(took.saturating_mul(REST_TIMES));
        found.rest = rest.min(now.saturating_add(UNRESTED).saturating_add(LONGEST_REST));
        if let Some(Waiting { ticket, .. }) = self.waiting.get(tenant) {
            self.wait(tenant.clone(), *ticket);
        }
        self.forget(now);
    }

    /// Forgets uses that lie so far back that nothing is left of their rest.
    fn forget(&mut self, now: Duration) {
        if self.uses.len() < self.forget_at {
            return;
        }
        self.uses.retain(|tenant, found| found.rest > now || self.running.contains_key(tenant));
        self.forget_at = 2 * self.uses.len() + 64;
    }

    /// The number of jobs that wait or run.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.running.len()
    }

    /// Whether no job waits or runs.
    pub(super) fn is_idle(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;
    /// The longest job.
    const LONGEST: Duration = Duration::from_secs(600);

    fn name(name: &str) -> TenantName {
        name.parse().unwrap()
    }

    #[test]
    fn what_waits_to_be_forgotten_is_not_restored() {
        let tenant: TenantName = "a".parse().unwrap();
        let activate = Job::Activate(Digest::of("1"));
        for (jobs, expected) in [
            (&[Job::Forget, Job::Restore][..], Job::Forget),
            (&[Job::Restore, Job::Forget], Job::Forget),
            (&[Job::Forget, Job::Restore, activate], activate),
            (&[activate, Job::Restore], Job::Restore),
        ] {
            let mut queue = Queue::new(8);
            for job in jobs {
                queue.push(tenant.clone(), *job);
            }
            assert_eq!(queue.pop(NOW), Some((tenant.clone(), expected)), "{jobs:?}");
            assert_eq!(queue.pop(NOW), None);
        }
    }

    #[test]
    fn the_newest_job_of_a_tenant_waits_until_its_last_one_is_done() {
        let [a, b]: [TenantName; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let [one, two, three] = ["1", "2", "3"].map(|text| Job::Activate(Digest::of(text)));
        let mut queue = Queue::new(8);
        for (tenant, job) in [(&a, one), (&b, one), (&a, two)] {
            queue.push(tenant.clone(), job);
        }
        assert_eq!(queue.pop(NOW), Some((a.clone(), two)));
        queue.push(a.clone(), one);
        queue.push(a.clone(), three);
        assert_eq!(queue.pop(NOW), Some((b.clone(), one)));
        assert_eq!(queue.pop(NOW), None, "both are running");
        queue.done(&a, NOW);
        assert_eq!(queue.pop(NOW), Some((a.clone(), three)));
        queue.done(&a, NOW);
        queue.done(&b, NOW);
        assert!(queue.is_idle());
    }

    /// Lets time pass until `end`, or until the job of `until` begins. Each greedy tenant always wants a job, which is the
    /// longest; the job of any other ends at once. Returns the time.
    fn run(
        queue: &mut Queue,
        greedy: &[TenantName],
        mut now: Duration,
        end: Duration,
        until: Option<&TenantName>,
    ) -> Duration {
        loop {
            greedy.iter().for_each(|tenant| queue.push(tenant.clone(), Job::Restore));
            while let Some((tenant, _)) = queue.pop(now) {
                if !greedy.contains(&tenant) {
                    queue.done(&tenant, now);
                }
                if Some(&tenant) == until {
                    return now;
                }
            }
            let next = queue.running.values().map(|begin| *begin + LONGEST).min().unwrap_or(end);
            if next > end {
                return end;
            }
            now = next;
            let over = queue.running.iter().filter(|(_, begin)| **begin + LONGEST <= now);
            let over: Vec<TenantName> = over.map(|(tenant, _)| tenant.clone()).collect();
            over.iter().for_each(|tenant| queue.done(tenant, now));
        }
    }

    #[test]
    fn beside_tenants_whose_jobs_are_always_the_longest_another_waits_for_the_end_of_one() {
        // While they are few, it waits for none.
        for (greedy, most_waits) in [(1, 0), (8, 10), (40, 60), (400, 100)] {
            let mut queue = Queue::new(8);
            let greedy: Vec<TenantName> = (0..greedy).map(|number| name(&format!("greedy{number}"))).collect();
            // Each has had a job once.
            let mut now = NOW;
            for _ in 0..=greedy.len() / 8 {
                let end = now + LONGEST;
                now = run(&mut queue, &greedy, now, end, None);
            }
            let good = name("good");
            let mut waited = 0;
            for round in 0..100 {
                let asks = now + Duration::from_secs(700 + 37 * round);
                now = run(&mut queue, &greedy, now, asks, None);
                queue.push(good.clone(), Job::Restore);
                let begins = run(&mut queue, &greedy, now, now + LONGEST, Some(&good));
                assert!(begins - now <= LONGEST && !queue.waiting.contains_key(&good));
                waited += u32::from(begins > now);
                now = begins;
            }
            assert!(waited <= most_waits, "beside {}, it waited {waited} times of 100", greedy.len());
        }
    }

    #[test]
    fn tenants_that_rest_have_all_jobs_but_those_that_are_reserved() {
        let mut queue = Queue::new(8);
        let tenants: Vec<TenantName> = (0..8).map(|number| name(&format!("t{number}"))).collect();
        let all = |queue: &mut Queue, now| {
            std::iter::from_fn(|| queue.pop(now)).map(|(tenant, _)| tenant).collect::<Vec<_>>()
        };
        tenants.iter().for_each(|tenant| queue.push(tenant.clone(), Job::Restore));
        assert_eq!(all(&mut queue, NOW), tenants);
        // The last one was the quickest, so it is the first.
        for (tenant, seconds) in tenants.iter().zip((0..109).rev()) {
            queue.done(tenant, Duration::from_secs(seconds));
            queue.push(tenant.clone(), Job::Restore);
        }
        let now = Duration::from_secs(110);
        let served: Vec<TenantName> = tenants.iter().rev().take(6).cloned().collect();
        assert_eq!(all(&mut queue, now), served);
        queue.done(&served[0], now);
        assert_eq!(all(&mut queue, now), tenants[1..2]);
        // Somebody new has a job at once, and those that have rested too.
        queue.push(name("new"), Job::Restore);
        assert_eq!(all(&mut queue, now), [name("new")]);
        assert_eq!(all(&mut queue, now + UNRESTED + LONGEST_REST), tenants[..1]);
    }

    #[test]
    fn a_tenant_whose_jobs_are_short_need_not_rest() {
        let mut queue = Queue::new(2);
        let (good, other) = (name("good"), name("other"));
        queue.push(other, Job::Restore);
        assert!(queue.pop(NOW).is_some());
        for second in 0..10_u64 {
            queue.push(good.clone(), Job::Restore);
            assert!(queue.pop(Duration::from_secs(second)).is_some(), "{second}");
            queue.done(&good, Duration::from_secs(second + 1));
        }
        let after = |seconds: u64| Duration::from_secs(10 + seconds);
        queue.push(good.clone(), Job::Restore);
        assert!(queue.pop(after(0)).is_some());
        queue.done(&good, after(1));
        queue.push(good, Job::Restore);
        assert!(queue.pop(after(1)).is_none());
        assert!(queue.pop(after(101)).is_some());
    }

    #[test]
    fn a_server_with_one_job_makes_nobody_rest_and_forgets_who_has_rested() {
        let mut queue = Queue::new(0);
        for number in 0..1_000_u64 {
            let begin = LONGEST * 20 * u32::try_from(number).unwrap();
            queue.push(name(&format!("t{number}")), Job::Restore);
            let (tenant, _) = queue.pop(begin).unwrap();
            queue.done(&tenant, begin + LONGEST);
        }
        assert!(queue.uses.len() <= 200, "{}", queue.uses.len());
        queue.push(name("t999"), Job::Restore);
        assert!(queue.pop(LONGEST * 20 * 999 + LONGEST).is_some());
    }
}
