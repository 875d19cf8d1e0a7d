//! Activation: what the source has becomes what decides, one tenant at a time.
//!
//! 1. The source lists the digests of policies that have settled. A tenant whose digest is neither active nor refused
//!    is put into a queue. Several tenants are activated at the same time, each only once at a time. Those whose activations
//!    take long leave a part of the jobs to the others (`queue.rs`), and an activation has a deadline: so another tenant
//!    waits for the end of one activation at most.
//! 2. The new snapshot is loaded beside the old one (`one.rs`). If anything is wrong with it, the old one stays, and
//!    the digest is refused until it changes. If a newer policy is wanted by then, the result is dropped.
//! 3. The pointer of the tenant is swapped, and the policy is written to the state folder.
//!
//! **Removal.** A tenant is removed if the source was read without an error, lists at least one tenant, and does not
//! list this one. A source that is empty or cannot be read removes and changes nothing: that is how a volume looks that
//! is not mounted. [`Tenants::readiness`] then says why. A tenant whose folder exists without a policy that can be read
//! keeps the active one, and its status says why.
//!
//! **Start.** A tenant whose policy cannot be activated gets the last good one of the state folder. If the source as a
//! whole cannot be read, all tenants of the state folder do.

pub mod event;
mod one;
mod parts;
mod queue;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::event::{ActivationEvent, ActivationResult, Listener};
use self::parts::Parts;
pub use self::parts::Reader;
use self::queue::{Job, Queue};
use crate::last_good::LastGood;
use crate::lock::lock;
use crate::snapshot::load::Counts;
use crate::source::{Change, Listing, Source, SourceError, Version};
use crate::tenant_name::TenantName;
use crate::tenants::Tenants;

/// The time for which a start waits for the source, and again for the tenants that it lists.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// The longest time of loading a policy.
const DEADLINE: Duration = Duration::from_secs(600);

/// The activation of all tenants of a source.
pub struct Activation {
    parts: Parts,
    parallel: usize,
    patience: Duration,
    start_patience: Duration,
}

/// The state of a run.
struct Run {
    parts: Arc<Parts>,
    queue: Queue,
    work: JoinSet<TenantName>,
    start: Instant,
    /// Whether the source has answered.
    is_listed: bool,
    /// Whether the source has answered with tenants.
    is_complete: bool,
}

impl Activation {
    /// The activation of the policies of `source`, which `reader` reads.
    #[must_use]
    pub fn new(tenants: Tenants, source: Arc<dyn Source>, reader: Reader) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let parts = Parts { tenants, source, reader, last_good: None, listeners: Vec::new(), deadline: DEADLINE };
        Self { parts, parallel: (4 * processors).max(8), patience: START_PATIENCE, start_patience: START_PATIENCE }
    }

    /// Sets the state folder. Without it, a server whose source is broken starts without policies.
    #[must_use]
    pub fn last_good(mut self, last_good: LastGood) -> Self {
        self.parts.last_good = Some(Arc::new(last_good));
        self
    }

    /// Adds a function that is told of each activation.
    #[must_use]
    pub fn listener(mut self, listener: Arc<Listener>) -> Self {
        self.parts.listeners.push(listener);
        self
    }

    /// Sets the number of tenants that are activated at the same time. Each may have its folder in memory meanwhile. A
    /// quarter of them is for tenants whose activations took less than a hundredth of the time, which come before the
    /// others. Default: four for each processor, and at least eight.
    #[must_use]
    pub fn parallel(mut self, tenants: usize) -> Self {
        self.parallel = tenants.max(1);
        self
    }

    /// Sets the time in which a policy must be read and loaded, and its cases run. A policy that takes longer is refused,
    /// and tried again at the next check of the source, because others may have been the reason. Default: 10 minutes.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = deadline;
        self
    }

    /// Sets the time after which a source that does not answer counts as one that cannot be read. Default: 60 s.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets the time after the first answer of the source from which the server counts as started although tenants are
    /// still tried: one tenant does not keep the others from being served. Default: 60 s.
    #[must_use]
    pub fn start_patience(mut self, patience: Duration) -> Self {
        self.start_patience = patience;
        self
    }

    /// Activates what the source has, and every change of it, until `stop` is ready. [`Tenants::readiness`] says when
    /// every tenant was tried once, or the [patience](Self::start_patience) of the start is over.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let Self { parts, parallel, patience, start_patience } = self;
        let parts = Arc::new(parts);
        let (sender, mut listings) = mpsc::channel(1);
        let mut watching = JoinSet::new();
        watching.spawn(watch(Arc::clone(&parts.source), patience, sender));
        let (queue, work, start) = (Queue::new(parallel), JoinSet::new(), Instant::now());
        let mut run = Run { parts, queue, work, start, is_listed: false, is_complete: false };
        let mut stop = std::pin::pin!(stop);
        let mut start_is_late = std::pin::pin!(tokio::time::sleep(start_patience));
        loop {
            run.fill();
            if run.is_listed && run.queue.is_idle() {
                run.parts.tenants.set_started();
            }
            let is_starting = run.is_listed && !run.parts.tenants.is_started();
            tokio::select! {
                Some((change, listed)) = listings.recv() => {
                    if !run.is_listed {
                        start_is_late.as_mut().reset(tokio::time::Instant::now() + start_patience);
                    }
                    run.listed(&change, listed).await;
                }
                () = &mut start_is_late, if is_starting => run.start_anyway(start_patience),
                Some(done) = run.work.join_next() => run.done(done),
                () = &mut stop => return,
                else => return,
            }
        }
    }
}

impl fmt::Debug for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activation").field("source", &self.parts.source).finish_non_exhaustive()
    }
}

/// Lists the source whenever it may have changed, until nobody wants to know.
async fn watch(
    source: Arc<dyn Source>,
    patience: Duration,
    sender: mpsc::Sender<(Change, Result<Listing, SourceError>)>,
) {
    let mut change = Change::All;
    loop {
        let listed = {
            let mut listing = source.list(&change);
            match tokio::time::timeout(patience, &mut listing).await {
                Ok(listed) => listed,
                Err(_) => {
                    let late = SourceError(format!("the source has not answered for {patience:?}"));
                    if sender.send((change.clone(), Err(late))).await.is_err() {
                        return;
                    }
                    listing.await
                }
            }
        };
        if sender.send((change, listed)).await.is_err() {
            return;
        }
        change = source.changed().await;
    }
}

impl Run {
    /// Starts as many jobs as may run.
    fn fill(&mut self) {
        while let Some((tenant, job)) = self.queue.pop(self.start.elapsed()) {
            let parts = Arc::clone(&self.parts);
            self.work.spawn(async move {
                // A panic in one activation must not end the others, nor leave its tenant as running for ever.
                let ended = tokio::spawn(one::run(parts, tenant.clone(), job)).await;
                if let Err(error) = ended {
                    tracing::error!(
                        target: "guardhouse::activation",
                        tenant = tenant.as_str(), %error, "an activation ended early"
                    );
                }
                tenant
            });
        }
    }

    /// Says that the server has started, although tenants are still tried.
    fn start_anyway(&self, patience: Duration) {
        self.parts.tenants.set_started();
        tracing::warn!(
            target: "guardhouse::activation",
            ?patience, tenants = self.queue.len(), "the server starts before every tenant was tried"
        );
    }

    fn done(&mut self, done: Result<TenantName, tokio::task::JoinError>) {
        if let Ok(tenant) = done {
            self.queue.done(&tenant, self.start.elapsed());
        }
    }

    /// Takes the answer of the source.
    async fn listed(&mut self, change: &Change, listed: Result<Listing, SourceError>) {
        let is_first = !std::mem::replace(&mut self.is_listed, true);
        let listing = match listed {
            Ok(listing) if listing.versions.is_empty() && *change == Change::All => {
                Err("the source has no tenants; no tenant is removed, because its volume may not be mounted".to_owned())
            }
            listed => listed.map_err(|error| error.to_string()),
        };
        let Listing { versions, problems } = match listing {
            Ok(listing) => listing,
            Err(problem) => return self.failed(problem, is_first).await,
        };
        if *change == Change::All {
            if self.parts.tenants.set_source_problem(None) && !is_first {
                tracing::info!(target: "guardhouse::activation", "the source can be read again");
            }
            for problem in &problems {
                tracing::debug!(target: "guardhouse::activation", %problem, "something in the source is no tenant");
            }
            self.parts.tenants.set_other_problems(problems);
            self.remove_others(&versions).await;
        }
        for (tenant, version) in versions {
            self.note(&tenant, version);
        }
    }

    /// The source cannot be read: everything stays as it is. At the start, the last good policies are restored.
    async fn failed(&mut self, problem: String, is_first: bool) {
        if self.parts.tenants.set_source_problem(Some(problem.clone())) {
            tracing::warn!(target: "guardhouse::activation", problem, "the source cannot be read; everything stays");
        }
        if !is_first {
            return;
        }
        for tenant in self.last_good_tenants().await {
            self.parts.tenants.add(&tenant);
            self.queue.push(tenant, Job::Restore);
        }
    }

    /// Removes the tenants that the source does not have.
    async fn remove_others(&mut self, versions: &BTreeMap<TenantName, Version>) {
        for state in self.parts.tenants.states() {
            let tenant = state.name();
            if !versions.contains_key(tenant) && self.parts.tenants.remove(tenant) {
                self.queue.push(tenant.clone(), Job::Forget);
                self.parts.tell(&ActivationEvent {
                    tenant: tenant.clone(),
                    digest: None,
                    result: ActivationResult::Removed,
                    counts: Counts::default(),
                    elapsed: Duration::ZERO,
                });
            }
        }
        // Tenants may have been removed while no server ran.
        if !std::mem::replace(&mut self.is_complete, true) {
            for tenant in self.last_good_tenants().await {
                if !versions.contains_key(&tenant) {
                    self.queue.push(tenant, Job::Forget);
                }
            }
        }
    }

    /// Takes the version of one tenant.
    fn note(&mut self, tenant: &TenantName, version: Version) {
        let state = self.parts.tenants.add(tenant);
        match version {
            Version::Policy(digest) => {
                if lock(&state.record).want(digest) {
                    self.queue.push(tenant.clone(), Job::Activate(digest));
                }
            }
            Version::Unreadable(problems) => {
                let is_new = {
                    let mut record = lock(&state.record);
                    record.want_nothing();
                    record.refuse(None, problems.clone())
                };
                if is_new {
                    self.parts.tell(&ActivationEvent {
                        tenant: tenant.clone(),
                        digest: None,
                        result: ActivationResult::Refused(problems),
                        counts: Counts::default(),
                        elapsed: Duration::ZERO,
                    });
                    if state.active().is_none() {
                        self.queue.push(tenant.clone(), Job::Restore);
                    }
                }
            }
            // Until it has settled, the last good one is better than none.
            Version::Changing if state.active().is_none() => self.queue.push(tenant.clone(), Job::Restore),
            Version::Changing => {}
        }
    }

    async fn last_good_tenants(&self) -> Vec<TenantName> {
        let Some(last_good) = self.parts.last_good.clone() else { return Vec::new() };
        match one::blocking(move || last_good.tenants().map_err(|error| error.to_string())).await.flatten() {
            Ok(tenants) => tenants,
            Err(reason) => {
                tracing::warn!(target: "guardhouse::activation", reason, "the state folder cannot be read");
                Vec::new()
            }
        }
    }
}

#[cfg(test)]
mod tests;
