//! Tenants: the owners of checks and plugins, the resources that each uses, and their budgets.
//!
//! A [`Tenant`] is a handle to counters and to an [`Account`], which keeps the [`TenantBudget`]. The things that a
//! tenant holds, such as a check, have a guard in `holdings`, which counts them until it is dropped. The `registry` of a
//! host finds tenants by name.

mod account;
mod budget;
pub(crate) mod holdings;
mod level;
mod rate;
pub(crate) mod registry;
pub(crate) mod share;
mod usage;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

pub use self::budget::TenantBudget;
pub use self::usage::TenantUsage;

use self::account::Account;
use self::level::Level;
use self::share::{Resource, Share};
use crate::error::TooManyTenants;
use crate::fault::Fault;
use crate::tuning::SHARE_DIVISOR;
use crate::turns::Turns;
use crate::turns::lane::{DEFAULT_WEIGHT, Lane};
use crate::util::lock::lock;
use crate::util::lru::Evict;
use crate::util::microseconds::nanoseconds;
use crate::util::resident::Resident;
use crate::util::weak_map::WeakMap;

/// The owner of checks and plugins, made by [`Host::tenant`](crate::Host::tenant) and given to
/// [`CheckConfig::tenant`](crate::CheckConfig::tenant) and [`Plugin::load_for`](crate::Plugin::load_for).
///
/// A clone is the same tenant. The host forgets a tenant, with its counts, once its last handle, check and plugin are
/// dropped; one that has a [budget](Self::set_budget) or a [weight](Self::set_weight) is kept until
/// [`Host::forget_tenant`](crate::Host::forget_tenant).
#[derive(Clone)]
pub struct Tenant(Arc<Inner>);

struct Inner {
    /// `None` for the owner of all checks without a tenant.
    name: Option<String>,
    /// The registry of the host that made the tenant. It distinguishes tenants of different hosts.
    registry: Weak<Registry>,
    turns: Arc<Turns>,
    lane: Arc<Lane>,
    checks: Level,
    settings_bytes: Level,
    plugins: Level,
    plugin_bytes: Level,
    instances: Level,
    memory_bytes: Level,
    /// Its evaluations that wait, if they have a bound.
    waiting: Level,
    evaluations: AtomicU64,
    fuel: AtomicU64,
    cpu_nanoseconds: AtomicU64,
    compile_nanoseconds: AtomicU64,
    over_budget: AtomicU64,
    account: Account,
    /// Its parts in the resources that tenants share.
    shares: [OnceLock<Arc<Share>>; Resource::COUNT],
    /// Its machine code and images in memory.
    resident: Resident,
}

/// The tenants of one host, by name.
struct Registry {
    turns: Arc<Turns>,
    known: WeakMap<Option<String>, Inner>,
    /// The tenants with a budget or a weight, which would otherwise be lost with the last handle.
    kept: Mutex<HashMap<String, Tenant>>,
    /// The maximum number of those.
    most_kept: usize,
}

impl Tenant {
    /// The name of the tenant.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name.as_deref().unwrap_or_default()
    }

    /// The resources that the checks and plugins of the tenant use together.
    #[must_use]
    pub fn usage(&self) -> TenantUsage {
        self.0.usage()
    }

    /// Sets what its checks and plugins may use together, from now on. What they have used before counts: a debt stays
    /// the same amount of time, and a larger budget is not full at once. Checks and plugins beyond a smaller budget stay.
    ///
    /// The host keeps a tenant with a budget, also while it has no check. [`TenantBudget::default`] bounds nothing: the
    /// tenant is no longer kept, and has no debt.
    ///
    /// # Errors
    /// [`TooManyTenants`] if the host keeps [`HostLimits::tenants`](crate::HostLimits::tenants) others. The budget is not
    /// set then.
    pub fn set_budget(&self, budget: TenantBudget) -> Result<(), TooManyTenants> {
        match self.0.registry.upgrade() {
            Some(registry) => registry.set_budget(self, budget),
            // The host is gone, and nothing can be evaluated.
            None => Ok(()),
        }
    }

    /// What its checks and plugins may use together.
    #[must_use]
    pub fn budget(&self) -> TenantBudget {
        self.0.account.budget()
    }

    /// The weight of the tenant, from 1 to 1,000: when tenants want more processor time than there is, each gets its
    /// share by weight. Default: 16.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.0.lane.weight()
    }

    /// Sets the [weight](Self::weight). A number below 1 means 1, and one over 1,000 means 1,000.
    ///
    /// The host keeps a tenant with a weight other than the default, also while it has no check.
    ///
    /// # Errors
    /// [`TooManyTenants`] if the host keeps [`HostLimits::tenants`](crate::HostLimits::tenants) others. The weight is not
    /// set then.
    pub fn set_weight(&self, weight: u32) -> Result<(), TooManyTenants> {
        match self.0.registry.upgrade() {
            Some(registry) => registry.set_weight(self, weight),
            None => Ok(()),
        }
    }

    /// Sets the weight in all resources.
    fn weigh(&self, weight: u32) {
        self.0.lane.set_weight(weight);
        self.0.shares.iter().filter_map(OnceLock::get).for_each(|share| share.lane.set_weight(weight));
    }

    /// The turns of the host.
    pub(crate) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    /// The tenant's share of the turns.
    pub(crate) fn lane(&self) -> &Arc<Lane> {
        &self.0.lane
    }

    /// Whether it has a name, and is not the owner of all checks without a tenant.
    pub(crate) fn is_named(&self) -> bool {
        self.0.name.is_some()
    }

    /// Its part in a resource, which `make` makes on first use.
    pub(crate) fn share(&self, resource: Resource, make: impl FnOnce() -> Share) -> Option<&Arc<Share>> {
        let share = self.0.shares.get(resource as usize)?;
        Some(share.get_or_init(|| {
            let share = make();
            share.lane.set_weight(self.weight());
            Arc::new(share)
        }))
    }

    /// The instances that it may have in a pool of `all`, in units of the pool.
    pub(crate) fn most_instances(&self, all: u32) -> u32 {
        let most = self.0.account.bound(|budget| budget.instances);
        most.map_or_else(|| (all / SHARE_DIVISOR).max(1), |most| most.get().min(all))
    }

    /// The time that an evaluation waits at most, if the budget says so.
    pub(crate) fn queue_time(&self) -> Option<Duration> {
        self.0.account.bound(|budget| budget.queue_time)
    }

    /// Takes one evaluation from the budget. Returns the processor time that is left for it; none if it has no bound.
    ///
    /// # Errors
    /// A fault if the budget is spent.
    pub(crate) fn take_evaluation(&self) -> Result<Option<Duration>, Fault> {
        match self.0.account.take_evaluation(Instant::now) {
            Ok(left) => {
                self.0.evaluations.fetch_add(1, Ordering::Relaxed);
                Ok(left)
            }
            Err(fault) => {
                self.count_over_budget();
                Err(fault)
            }
        }
    }

    /// Counts an evaluation that was denied because the budget was spent.
    pub(crate) fn count_over_budget(&self) {
        self.0.over_budget.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether its budget has no processor time left, or no time to compile.
    pub(crate) fn is_out_of_budget(&self) -> bool {
        let now = Instant::now();
        self.0.account.is_out_of_cpu_time(now) || self.0.account.check_compile_time(now).is_err()
    }

    /// Adds the fuel of an evaluation.
    pub(crate) fn add_fuel(&self, fuel: u64) {
        self.0.fuel.fetch_add(fuel, Ordering::Relaxed);
    }

    /// Charges the lane of the tenant for processor time that it used without a turn.
    pub(crate) fn charge_without_turn(&self, used: Duration) {
        if self.0.turns.is_shared() {
            self.0.lane.charge(nanoseconds(used));
        }
    }

    /// Charges the tenant for processor time that was used for it outside of its evaluations, such as that of writing its
    /// answers. It counts for its [budget](Self::set_budget), and for its place among the tenants that want the processor.
    pub fn charge(&self, used: Duration) {
        self.charge_cpu_time(used);
        self.charge_without_turn(used);
    }

    /// Adds processor time that was used for the tenant, and takes it from the budget.
    pub(crate) fn charge_cpu_time(&self, used: Duration) {
        self.0.account.charge_cpu_time(used, Instant::now);
        self.0.cpu_nanoseconds.fetch_add(nanoseconds(used), Ordering::Relaxed);
    }

    /// Whether a compilation may begin.
    ///
    /// # Errors
    /// The budget that is spent.
    pub(crate) fn check_compile_time(&self) -> Result<(), String> {
        self.0.account.check_compile_time(Instant::now())
    }

    /// Adds the time of a compilation, and takes it from the budget.
    pub(crate) fn charge_compile_time(&self, used: Duration) {
        self.0.account.charge_compile_time(used, Instant::now());
        self.0.compile_nanoseconds.fetch_add(nanoseconds(used), Ordering::Relaxed);
    }

    /// Adds code or an image that was just loaded into memory, and evicts others of the tenant that have no room in its
    /// budget beside it.
    pub(crate) fn add_resident<E: Evict + 'static>(&self, entry: &Arc<E>) {
        self.0.resident.add(entry, self.0.account.bound(|budget| budget.resident_bytes));
    }
}

impl fmt::Debug for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.0.name).finish()
    }
}

/// Two handles are equal if they are handles of the same tenant of the same host.
impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tenant {}

impl Inner {
    fn new(name: Option<String>, registry: &Arc<Registry>) -> Self {
        Self {
            name,
            registry: Arc::downgrade(registry),
            turns: Arc::clone(&registry.turns),
            lane: registry.turns.lane(),
            checks: Level::default(),
            settings_bytes: Level::default(),
            plugins: Level::default(),
            plugin_bytes: Level::default(),
            instances: Level::default(),
            memory_bytes: Level::default(),
            waiting: Level::default(),
            evaluations: AtomicU64::default(),
            fuel: AtomicU64::default(),
            cpu_nanoseconds: AtomicU64::default(),
            compile_nanoseconds: AtomicU64::default(),
            over_budget: AtomicU64::default(),
            account: Account::default(),
            resident: Resident::default(),
            shares: Default::default(),
        }
    }

    fn usage(&self) -> TenantUsage {
        TenantUsage {
            tenant: self.name.clone(),
            checks: self.checks.get(),
            settings_bytes: self.settings_bytes.get(),
            plugins: self.plugins.get(),
            plugin_bytes: self.plugin_bytes.get(),
            resident_bytes: self.resident.bytes(),
            instances: self.instances.get(),
            memory_bytes: self.memory_bytes.get(),
            evaluations: self.evaluations.load(Ordering::Relaxed),
            fuel: self.fuel.load(Ordering::Relaxed),
            cpu_time: Duration::from_nanos(self.cpu_nanoseconds.load(Ordering::Relaxed)),
            compile_time: Duration::from_nanos(self.compile_nanoseconds.load(Ordering::Relaxed)),
            over_budget: self.over_budget.load(Ordering::Relaxed),
        }
    }
}

impl Registry {
    fn set_budget(&self, tenant: &Tenant, budget: TenantBudget) -> Result<(), TooManyTenants> {
        let must_keep = !budget.is_unlimited() || tenant.weight() != DEFAULT_WEIGHT;
        self.change(tenant, must_keep, || {
            tenant.0.lane.set_queue(budget.queue);
            tenant.0.account.set(budget, Instant::now());
        })
    }

    fn set_weight(&self, tenant: &Tenant, weight: u32) -> Result<(), TooManyTenants> {
        let must_keep = weight != DEFAULT_WEIGHT || !tenant.budget().is_unlimited();
        self.change(tenant, must_keep, || tenant.weigh(weight))
    }

    /// Changes a tenant, which must be kept from now on or not. Nothing is changed if there is no room to keep it.
    fn change(&self, tenant: &Tenant, must_keep: bool, change: impl FnOnce()) -> Result<(), TooManyTenants> {
        let Some(name) = &tenant.0.name else {
            change();
            return Ok(());
        };
        let mut kept = lock(&self.kept);
        // Dropped after the lock, because it may be the last handle.
        let mut forgotten = None;
        if !must_keep {
            forgotten = kept.remove(name);
        } else if !kept.contains_key(name) {
            if kept.len() >= self.most_kept {
                return Err(TooManyTenants { tenant: name.clone(), most: self.most_kept });
            }
            kept.insert(name.clone(), tenant.clone());
        }
        change();
        drop(kept);
        drop(forgotten);
        Ok(())
    }
}
