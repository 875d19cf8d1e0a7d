//! One activation: a policy is read, loaded beside the old one, proved, made active, and written down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guardhouse::Digest;

use super::event::{ActivationEvent, ActivationResult};
use super::parts::Parts;
use super::queue::Job;
use crate::last_good::LastGood;
use crate::lock::lock;
use crate::policy::cases::Case;
use crate::policy::folder::Folder;
use crate::policy::locate;
use crate::problem::Problem;
use crate::snapshot::load::Counts;
use crate::snapshot::{Snapshot, cases};
use crate::step::step;
use crate::tenant_name::TenantName;
use crate::tenants::TenantState;
use crate::tenants::status::{Durability, Origin};

/// One job of one tenant.
pub(super) struct One {
    parts: Arc<Parts>,
    state: Arc<TenantState>,
    start: Instant,
    counts: Counts,
}

/// A policy that is ready to be active.
struct Ready {
    snapshot: Snapshot,
    folder: Folder,
    warnings: Vec<Problem>,
}

/// Does the job of a tenant.
pub(super) async fn run(parts: Arc<Parts>, tenant: TenantName, job: Job) {
    if job == Job::Forget {
        forget(&parts, &tenant).await;
        return;
    }
    // A tenant that was removed meanwhile has nothing left to do.
    let Some(state) = parts.tenants.state(tenant.as_str()) else { return };
    let mut one = One { parts, state, start: Instant::now(), counts: Counts::default() };
    // Nothing of a tenant without bounds is loaded. There may be room the next time.
    if let Err(problem) = one.parts.tenants.bound(&one.state) {
        return one.refuse(None, vec![problem]);
    }
    // The source may have listed it again while it was loaded.
    let is_open = |digest| lock(&one.state.record).is_open(digest);
    if let Job::Activate(digest) = job
        && is_open(digest)
    {
        one.activate(digest).await;
    }
    if one.state.active().is_none() {
        one.restore().await;
    }
}

impl One {
    /// Activates the policy of the source that has this digest.
    async fn activate(&mut self, digest: Digest) {
        step("an activation begins");
        let deadline = self.parts.deadline;
        let ready = match tokio::time::timeout(deadline, self.make_ready(digest)).await {
            Ok(Ok(ready)) => ready,
            Ok(Err(result)) => return result.map_or((), |(digest, problems)| self.refuse(digest, problems)),
            // Others may have been the reason, so the refusal has no digest.
            Err(_) => return self.refuse(None, vec![late(deadline)]),
        };
        if self.is_superseded(digest) {
            return self.report(Some(digest), ActivationResult::Superseded);
        }
        match self.swap(ready, Origin::Source) {
            Some(folder) => self.write_down(folder).await,
            None => self.report(Some(digest), ActivationResult::Superseded),
        }
    }

    /// Reads the policy that has this digest, and prepares it. The error is a refusal, or none if another policy is wanted.
    async fn make_ready(&mut self, digest: Digest) -> Result<Ready, Option<(Option<Digest>, Vec<Problem>)>> {
        let folder = match self.parts.source.read(self.state.name()).await {
            Ok(folder) => folder,
            // It may be readable again although its content is the same, so the refusal has no digest.
            Err(problems) => return Err(Some((None, problems))),
        };
        if folder.digest() != digest {
            // The source will list what it is now.
            self.report(Some(digest), ActivationResult::Superseded);
            return Err(None);
        }
        step("a policy is read");
        self.prepare(folder).await.map_err(|problems| {
            if self.is_superseded(digest) {
                self.report(Some(digest), ActivationResult::Superseded);
                return None;
            }
            Some((Some(digest), problems))
        })
    }

    /// Activates the last good policy.
    async fn restore(&mut self) {
        let Some(last_good) = self.parts.last_good.clone() else { return };
        let tenant = self.state.name().clone();
        let read = blocking(move || last_good.read(&tenant).map_err(|error| error.to_string())).await.flatten();
        let folder = match read {
            Ok(Some(folder)) => folder,
            Ok(None) => return,
            Err(reason) => {
                let problem = Problem::new(".", format!("the last good policy cannot be used: {reason}"));
                return self.report(None, ActivationResult::Refused(vec![problem]));
            }
        };
        let digest = folder.digest();
        let deadline = self.parts.deadline;
        let prepared = tokio::time::timeout(deadline, self.prepare(folder)).await;
        match prepared.unwrap_or_else(|_| Err(vec![late(deadline)])) {
            Ok(ready) => drop(self.swap(ready, Origin::LastGood)),
            Err(problems) => self.report(Some(digest), ActivationResult::Refused(problems)),
        }
    }

    /// Reads the policy of a folder, loads it and runs its cases. Nothing of the active snapshot changes.
    async fn prepare(&mut self, folder: Folder) -> Result<Ready, Vec<Problem>> {
        let (reader, allowances) = (self.parts.reader, self.parts.tenants.allowances());
        let name = self.state.name().clone();
        let internal = |reason| vec![Problem::new(Folder::POLICY, reason)];
        let (folder, read) = blocking(move || {
            let read = reader(&folder, &allowances.of(&name).limit_caps).and_then(|(policy, warnings)| {
                let cases = Case::read_all(&folder, &policy)?;
                Ok((policy, warnings, cases))
            });
            (folder, read)
        })
        .await
        .map_err(internal)?;
        let (policy, warnings, cases) = read?;
        let generation = lock(&self.state.record).next_generation();
        let previous = self.state.active();
        let loader = self.parts.tenants.loader();
        let loaded = loader.load(self.state.name(), generation, policy, previous.as_deref()).await;
        self.counts = loaded.counts;
        let snapshot = match loaded.snapshot {
            Ok(snapshot) => snapshot,
            Err(problems) => {
                let located = move || problems.into_iter().map(|problem| locate(&folder, problem)).collect();
                return Err(blocking(located).await.unwrap_or_else(internal));
            }
        };
        step("a policy is loaded");
        let problems = cases::run(&snapshot, &cases).await;
        if !problems.is_empty() {
            return Err(problems);
        }
        step("the cases of a policy are run");
        Ok(Ready { snapshot, folder, warnings })
    }

    /// Makes a policy active. Returns its folder; none if another policy is wanted by now.
    fn swap(&self, ready: Ready, origin: Origin) -> Option<Folder> {
        let Ready { snapshot, folder, warnings } = ready;
        let generation = snapshot.id().generation;
        if !self.state.activate(snapshot, origin, warnings) {
            return None;
        }
        step("a policy is active");
        self.report(Some(folder.digest()), ActivationResult::Activated { generation, origin });
        Some(folder)
    }

    /// Writes the active policy to the state folder. A policy that cannot be written is active all the same: the
    /// operator's newest policy counts more than the restart after next.
    async fn write_down(&self, folder: Folder) {
        let Some(last_good) = self.parts.last_good.clone() else { return };
        let (tenant, digest) = (self.state.name().clone(), folder.digest());
        let written = blocking(move || write(&last_good, &tenant, &folder)).await.flatten();
        let durability = match written {
            Ok(()) => Durability::Written,
            Err(reason) => {
                self.report(Some(digest), ActivationResult::NotDurable { reason: reason.clone() });
                Durability::Failed { reason }
            }
        };
        lock(&self.state.record).set_durability(digest, durability);
        step("an activation ends");
    }

    /// Whether the source has another policy by now, or the tenant no longer exists.
    fn is_superseded(&self, digest: Digest) -> bool {
        let current = self.parts.tenants.state(self.state.name().as_str());
        !current.is_some_and(|current| Arc::ptr_eq(&current, &self.state))
            || lock(&self.state.record).wanted() != Some(digest)
    }

    fn refuse(&self, digest: Option<Digest>, problems: Vec<Problem>) {
        if lock(&self.state.record).refuse(digest, problems.clone()) {
            self.report(digest, ActivationResult::Refused(problems));
        }
    }

    fn report(&self, digest: Option<Digest>, result: ActivationResult) {
        let (tenant, counts, elapsed) = (self.state.name().clone(), self.counts, self.start.elapsed());
        self.parts.tell(&ActivationEvent { tenant, digest, result, counts, elapsed });
    }
}

/// The problem of a policy that is not loaded in time.
fn late(deadline: Duration) -> Problem {
    let message = format!("the policy was not loaded within {deadline:?}; it is tried again");
    Problem::new(".", message)
        .with_help("check what takes so long: plugins that are compiled, slow settings, many cases")
}

/// Writes a folder unless it is the last good one already.
fn write(last_good: &LastGood, tenant: &TenantName, folder: &Folder) -> Result<(), String> {
    if last_good.read(tenant).is_ok_and(|found| found.is_some_and(|found| found.digest() == folder.digest())) {
        return Ok(());
    }
    last_good.write(tenant, folder).map_err(|error| error.to_string())
}

/// Removes the last good policy of a tenant that was removed.
async fn forget(parts: &Parts, tenant: &TenantName) {
    let Some(last_good) = parts.last_good.clone() else { return };
    let name = tenant.clone();
    let removed = blocking(move || last_good.remove(&name).map_err(|error| error.to_string())).await.flatten();
    if let Err(reason) = removed {
        tracing::warn!(
            target: "guardhouse::activation",
            tenant = tenant.as_str(), reason, "the last good policy of a removed tenant could not be removed"
        );
    }
}

/// Runs blocking work on the threads that the runtime has for it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("an internal error: {error}"))
}
