//! The tenants of a server, each with its active snapshot.
//!
//! A request finds its tenant in a map of immutable shards and reads one pointer: no lock is taken, and nothing
//! waits for an activation. Each tenant has a record besides, of what is wanted, active and refused,
//! which only activations and the status use.

pub mod allowance;
mod phase;
pub(crate) mod record;
mod shards;
pub mod status;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use guardhouse::{AuthContext, Host};

use crate::decided::{Decided, DenialCause};
use crate::lock::lock;
use crate::problem::Problem;
use crate::snapshot::Snapshot;
use crate::snapshot::load::Loader;
use crate::tenant_name::TenantName;
use crate::tenants::allowance::Allowances;
use crate::tenants::phase::Phase;
use crate::tenants::record::Record;
use crate::tenants::shards::Shards;
use crate::tenants::status::{Origin, Readiness, TenantStatus};

/// All tenants. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Tenants(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    loader: Loader,
    allowances: ArcSwap<Allowances>,
    /// Held while an allowance is given, so that the newest is the last.
    giving: Mutex<()>,
    states: Shards<Arc<TenantState>>,
    phase: Phase,
    /// Why the source cannot be read as a whole; none if it can.
    source_problem: Mutex<Option<String>>,
    /// Problems of the source that belong to no tenant.
    other_problems: Mutex<Vec<Problem>>,
}

/// One tenant.
#[derive(Debug)]
pub(crate) struct TenantState {
    name: TenantName,
    active: ArcSwapOption<Snapshot>,
    /// Whether the host keeps the allowance of the tenant. Without it, everything is denied.
    is_bounded: AtomicBool,
    pub(crate) record: Mutex<Record>,
}

impl Tenants {
    /// No tenants, on a host.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self(Arc::new(Inner {
            loader: Loader::new(host),
            allowances: ArcSwap::default(),
            giving: Mutex::default(),
            states: Shards::default(),
            phase: Phase::default(),
            source_problem: Mutex::default(),
            other_problems: Mutex::default(),
        }))
    }

    /// The host of all plugins.
    #[must_use]
    pub fn host(&self) -> &Host {
        self.0.loader.host()
    }

    /// The loader of all snapshots.
    #[must_use]
    pub fn loader(&self) -> &Loader {
        &self.0.loader
    }

    /// Makes `snapshot` the active one of its tenant, which is added if it does not exist. Requests that are being
    /// decided keep the snapshot that they began with.
    pub fn activate(&self, tenant: &TenantName, snapshot: Snapshot) {
        let state = self.add(tenant);
        lock(&state.record).want(snapshot.id().digest);
        state.activate(snapshot, Origin::Source, Vec::new());
    }

    /// Sets what tenants may use, from now on, for those that exist and those that are added.
    pub fn set_allowances(&self, allowances: Allowances) {
        self.0.allowances.store(Arc::new(allowances));
        self.states().iter().for_each(|state| drop(self.bound(state)));
    }

    /// What tenants may use.
    #[must_use]
    pub fn allowances(&self) -> Arc<Allowances> {
        self.0.allowances.load_full()
    }

    /// Removes a tenant. Its requests are then denied as those of any tenant that does not exist. Returns whether it
    /// existed.
    pub fn remove(&self, tenant: &TenantName) -> bool {
        // No activation that still runs gives the tenant its allowance again.
        let _giving = lock(&self.0.giving);
        let existed = self.0.states.remove(tenant.as_str()).is_some();
        self.host().forget_tenant(tenant.as_str());
        existed
    }

    /// Decides one request of a tenant, within `deadline` if there is one. A tenant that does not exist, or has no
    /// policy yet, is denied like any other request.
    pub async fn decide(&self, tenant: &str, context: &AuthContext, deadline: Option<Duration>) -> Decided {
        let (snapshot, deadline) = self.snapshot_at_start(tenant, deadline).await;
        match snapshot {
            Ok(snapshot) => snapshot.decide(context, deadline).await,
            Err(cause) => self.denied(tenant, cause),
        }
    }

    /// Denies a request of a tenant that no check can be asked about. A tenant that cannot be asked at all is the cause
    /// before everything else.
    pub(crate) fn deny(&self, tenant: &str, cause: DenialCause, reason: Cow<'static, str>) -> Decided {
        match self.snapshot(tenant) {
            Ok(snapshot) => snapshot.deny(cause, reason),
            Err(cause) => self.denied(tenant, cause),
        }
    }

    /// Decides several requests of one enforcement point, each as if it were alone, in their order. All are decided by
    /// the same snapshot. The deadline is that of all together.
    pub async fn decide_batch(
        &self,
        tenant: &str,
        contexts: &[AuthContext],
        deadline: Option<Duration>,
    ) -> Vec<Decided> {
        let (snapshot, deadline) = self.snapshot_at_start(tenant, deadline).await;
        match snapshot {
            Ok(snapshot) => snapshot.decide_batch(contexts, deadline).await,
            Err(cause) => contexts.iter().map(|_| self.denied(tenant, cause)).collect(),
        }
    }

    /// The active snapshot of a tenant, and what is left of a deadline. While the server starts, a tenant without a policy
    /// may get one: then its requests wait, and no others.
    async fn snapshot_at_start(
        &self,
        tenant: &str,
        deadline: Option<Duration>,
    ) -> (Result<Arc<Snapshot>, DenialCause>, Option<Duration>) {
        let found = self.snapshot(tenant);
        if found.is_ok() || !self.0.phase.is_starting() {
            return (found, deadline);
        }
        let since = Instant::now();
        let found = self.0.phase.wait(deadline, || self.snapshot(tenant)).await;
        (found, deadline.map(|deadline| deadline.saturating_sub(since.elapsed())))
    }

    /// The active snapshot of a tenant.
    ///
    /// # Errors
    /// [`DenialCause::UnknownTenant`] or [`DenialCause::NoPolicy`], also for a tenant that the host has no room to bound.
    pub fn snapshot(&self, tenant: &str) -> Result<Arc<Snapshot>, DenialCause> {
        let state = self.0.states.get(tenant).ok_or(DenialCause::UnknownTenant)?;
        if !state.is_bounded() {
            return Err(DenialCause::NoPolicy);
        }
        state.active.load_full().ok_or(DenialCause::NoPolicy)
    }

    /// The number of tenants.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.states.len()
    }

    /// Whether there are no tenants.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The status of every tenant, ordered by name.
    #[must_use]
    pub fn status(&self) -> Vec<TenantStatus> {
        let mut all: Vec<_> = self.states().iter().map(|state| state.status()).collect();
        all.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        all
    }

    /// The status of one tenant; none if it does not exist.
    #[must_use]
    pub fn status_of(&self, tenant: &str) -> Option<TenantStatus> {
        self.0.states.get(tenant).map(|state| state.status())
    }

    /// The number of active checks whose [breaker](guardhouse::Breaker) is open.
    #[must_use]
    pub fn open_breakers(&self) -> u64 {
        let is_open = |check: &guardhouse::Check| check.breaker_state().is_some_and(|state| state.is_open);
        let of = |state: &Arc<TenantState>| {
            let open = state
                .active
                .load()
                .as_ref()
                .map_or(0, |snapshot| snapshot.checks().filter(|check| is_open(check)).count());
            u64::try_from(open).unwrap_or(u64::MAX)
        };
        self.states().iter().map(of).sum()
    }

    /// Whether every tenant of the source was tried once since the start, or the start has taken too long to wait for the
    /// others (see [`Activation::start_patience`](crate::activation::Activation::start_patience)). It is part of [`readiness`](Self::readiness),
    /// which looks at every tenant.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.phase.is_started()
    }

    /// Whether the server can serve, and what is wrong.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let mut readiness = Readiness {
            is_started: self.is_started(),
            source_problem: lock(&self.0.source_problem).clone(),
            problems: lock(&self.0.other_problems).clone(),
            ..Readiness::default()
        };
        for state in self.states() {
            lock(&state.record).count(state.is_bounded() && state.active.load().is_some(), &mut readiness);
        }
        readiness
    }

    /// Forgets why policies were refused, so that each is tried again at the next check of the source, for example
    /// after a fault of the machine was mended.
    pub fn retry_refused(&self) {
        self.states().iter().for_each(|state| lock(&state.record).forget_refusal());
    }

    /// The state of a tenant, which is added if it does not exist.
    pub(crate) fn add(&self, tenant: &TenantName) -> Arc<TenantState> {
        let mut is_new = false;
        let make = || {
            is_new = true;
            Arc::new(TenantState::new(tenant.clone()))
        };
        let state = self.0.states.get_or_insert(tenant, make);
        if is_new {
            // It is denied until then. Whoever sets other allowances meanwhile either finds it, or did so before.
            drop(self.bound(&state));
        }
        state
    }

    /// Gives a tenant its allowance.
    ///
    /// # Errors
    /// The problem for which everything of the tenant is denied: the host has no room to keep its allowance.
    pub(crate) fn bound(&self, state: &TenantState) -> Result<(), Problem> {
        let _giving = lock(&self.0.giving);
        if !self.state(state.name.as_str()).is_some_and(|found| std::ptr::eq(&raw const *found, state)) {
            return Err(Problem::new(".", "the tenant was removed"));
        }
        let is_bounded = self.0.allowances.load().give(self.host(), &state.name);
        state.is_bounded.store(is_bounded, Ordering::Release);
        let message = "the host has no room to keep the budget of the tenant, so everything of it is denied";
        if is_bounded { Ok(()) } else { Err(Problem::new(".", message)) }
    }

    pub(crate) fn state(&self, tenant: &str) -> Option<Arc<TenantState>> {
        self.0.states.get(tenant)
    }

    pub(crate) fn states(&self) -> Vec<Arc<TenantState>> {
        self.0.states.values()
    }

    /// Says that policies are about to be read: until [`set_started`](Self::set_started), a request of a tenant without one
    /// waits for it.
    pub(crate) fn begin(&self) {
        self.0.phase.begin();
    }

    /// Says that every tenant of the source was tried once, or that the start waits for no more.
    pub(crate) fn set_started(&self) {
        self.0.phase.end();
    }

    /// Sets why the source cannot be read as a whole. Returns whether that is new.
    pub(crate) fn set_source_problem(&self, problem: Option<String>) -> bool {
        let mut current = lock(&self.0.source_problem);
        let is_new = *current != problem;
        *current = problem;
        is_new
    }

    /// Sets the problems of the source that belong to no tenant. Returns whether they are new.
    pub(crate) fn set_other_problems(&self, problems: Vec<Problem>) -> bool {
        let mut current = lock(&self.0.other_problems);
        let is_new = *current != problems;
        *current = problems;
        is_new
    }

    fn denied(&self, tenant: &str, cause: DenialCause) -> Decided {
        let mut decided = Decided::denied(cause);
        decided.tenant = self.0.states.get(tenant).map(|state| state.name.clone());
        decided
    }
}

impl TenantState {
    fn new(name: TenantName) -> Self {
        Self { name, active: ArcSwapOption::empty(), is_bounded: AtomicBool::new(false), record: Mutex::default() }
    }

    fn is_bounded(&self) -> bool {
        self.is_bounded.load(Ordering::Acquire)
    }

    pub(crate) fn name(&self) -> &TenantName {
        &self.name
    }

    pub(crate) fn active(&self) -> Option<Arc<Snapshot>> {
        self.active.load_full()
    }

    /// Makes `snapshot` the active one. Returns `false`, and changes nothing, if it comes from the source and another
    /// policy is wanted by now.
    pub(crate) fn activate(&self, snapshot: Snapshot, origin: Origin, warnings: Vec<Problem>) -> bool {
        let mut record = lock(&self.record);
        if origin == Origin::Source && record.wanted() != Some(snapshot.id().digest) {
            return false;
        }
        record.activated(snapshot.id(), origin, warnings);
        self.active.store(Some(Arc::new(snapshot)));
        true
    }

    fn status(&self) -> TenantStatus {
        let record = lock(&self.record).clone();
        record.status(&self.name, self.active.load_full().as_deref())
    }
}
