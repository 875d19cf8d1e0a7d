//! The queue of activations: at most one job of a tenant waits, the newest, and at most one runs.

use std::collections::{HashMap, HashSet, VecDeque};

use guardhouse::Digest;

use crate::tenant_name::TenantName;

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

/// The jobs that wait, in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    order: VecDeque<TenantName>,
    waiting: HashMap<TenantName, Job>,
    running: HashSet<TenantName>,
}

impl Queue {
    /// Adds a job. It replaces one of the same tenant that waits, in its place. But a policy that waits to be forgotten is
    /// not restored: its tenant was removed.
    pub(super) fn push(&mut self, tenant: TenantName, job: Job) {
        if job == Job::Restore && self.waiting.get(&tenant) == Some(&Job::Forget) {
            return;
        }
        if self.waiting.insert(tenant.clone(), job).is_none() {
            self.order.push_back(tenant);
        }
    }

    /// Takes the first job of a tenant of which none is running.
    pub(super) fn pop(&mut self) -> Option<(TenantName, Job)> {
        let index = self.order.iter().position(|tenant| !self.running.contains(tenant))?;
        let tenant = self.order.remove(index)?;
        let job = self.waiting.remove(&tenant)?;
        self.running.insert(tenant.clone());
        Some((tenant, job))
    }

    /// Ends the job of a tenant.
    pub(super) fn done(&mut self, tenant: &TenantName) {
        self.running.remove(tenant);
    }

    /// The number of jobs that wait or run.
    pub(super) fn len(&self) -> usize {
        self.order.len() + self.running.len()
    }

    /// Whether no job waits or runs.
    pub(super) fn is_idle(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let mut queue = Queue::default();
            for job in jobs {
                queue.push(tenant.clone(), *job);
            }
            assert_eq!(queue.pop(), Some((tenant.clone(), expected)), "{jobs:?}");
            assert_eq!(queue.pop(), None);
        }
    }

    #[test]
    fn the_newest_job_of_a_tenant_waits_until_its_last_one_is_done() {
        let [a, b]: [TenantName; 2] = ["a", "b"].map(|name| name.parse().unwrap());
        let [one, two, three] = ["1", "2", "3"].map(|text| Job::Activate(Digest::of(text)));
        let mut queue = Queue::default();
        for (tenant, job) in [(&a, one), (&b, one), (&a, two)] {
            queue.push(tenant.clone(), job);
        }
        assert_eq!(queue.pop(), Some((a.clone(), two)));
        queue.push(a.clone(), one);
        queue.push(a.clone(), three);
        assert_eq!(queue.pop(), Some((b.clone(), one)));
        assert_eq!(queue.pop(), None, "both are running");
        queue.done(&a);
        assert_eq!(queue.pop(), Some((a.clone(), three)));
        queue.done(&a);
        queue.done(&b);
        assert!(queue.is_idle());
    }
}
