//! Loading: a policy becomes a snapshot. What did not change is taken from the snapshot before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use guardhouse::{Check, CheckConfig, Digest, Host};
use serde::Serialize;
use tokio::task::JoinSet;

use super::Snapshot;
use super::made::{Made, key_of};
use super::plugins::Plugins;
use crate::policy::folder::Folder;
use crate::policy::{CheckSpec, Policy};
use crate::problem::Problem;
use crate::tenant_name::TenantName;

/// Loads snapshots on one host. Tenants share the built-in plugins. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Loader {
    host: Host,
    plugins: Arc<Plugins>,
}

/// A snapshot, or the problems that it has, and the work that it took.
#[derive(Debug)]
pub struct Loaded {
    /// The snapshot. The error is a problem for each check that cannot be loaded or configured.
    pub snapshot: Result<Snapshot, Vec<Problem>>,
    /// The work that was done.
    pub counts: Counts,
}

/// The work of loading one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// Plugins that were loaded, and not shared.
    pub loaded: u32,
    /// Checks that were configured.
    pub configured: u32,
    /// Checks of the snapshot before that were reused.
    pub reused: u32,
}

impl Snapshot {
    /// Loads, compiles and configures everything that `policy` names, for a single use. A server has a [`Loader`],
    /// which loads again only what changed.
    ///
    /// # Errors
    /// A problem for each check that cannot be loaded or configured.
    pub async fn load(host: &Host, tenant: &TenantName, generation: u64, policy: Policy) -> Result<Self, Vec<Problem>> {
        Loader::new(host.clone()).load(tenant, generation, policy, None).await.snapshot
    }
}

impl Loader {
    /// A loader of a host.
    #[must_use]
    pub fn new(host: Host) -> Self {
        Self { host, plugins: Arc::default() }
    }

    /// The host of all plugins.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Loads, compiles and configures everything that `policy` names, several checks at a time. A check of `previous`
    /// with the same name, plugin, settings, grants, limits and image policy is reused as it is, with its image.
    pub async fn load(
        &self,
        tenant: &TenantName,
        generation: u64,
        policy: Policy,
        previous: Option<&Snapshot>,
    ) -> Loaded {
        let counters = Arc::new(Counters::default());
        let mut all: Vec<Option<Result<Made, Problem>>> = Vec::with_capacity(policy.checks.len());
        let mut work = JoinSet::new();
        for (index, spec) in policy.checks.iter().enumerate() {
            let key = key_of(spec);
            let same = previous.filter(|previous| previous.tenant == *tenant);
            let same = same.and_then(|previous| previous.made.iter().find(|made| made.key == key));
            if let Some(same) = same {
                counters.reused.fetch_add(1, Ordering::Relaxed);
                all.push(Some(Ok(same.again())));
                continue;
            }
            all.push(None);
            let (loader, tenant, spec, counters) = (self.clone(), tenant.clone(), spec.clone(), Arc::clone(&counters));
            work.spawn(async move { (index, loader.make(&tenant, spec, key, &counters).await) });
        }
        while let Some(done) = work.join_next().await {
            // A panic leaves its slot empty, which is a problem below.
            if let Ok((index, made)) = done
                && let Some(slot) = all.get_mut(index)
            {
                *slot = Some(made);
            }
        }
        let lost = |spec: &CheckSpec| Err(problem(spec, &"the check could not be made: an internal error"));
        let all = all.into_iter().zip(&policy.checks).map(|(made, spec)| made.unwrap_or_else(|| lost(spec)));
        let (mut made, mut problems) = (Vec::new(), Vec::new());
        for result in all {
            match result {
                Ok(check) => made.push(check),
                Err(problem) => problems.push(problem),
            }
        }
        let counts = counters.counts();
        if !problems.is_empty() {
            return Loaded { snapshot: Err(problems), counts };
        }
        Loaded { snapshot: Ok(Snapshot::of(self.host(), tenant.clone(), generation, policy, made)), counts }
    }

    async fn make(
        &self,
        tenant: &TenantName,
        spec: CheckSpec,
        key: Digest,
        counters: &Counters,
    ) -> Result<Made, Problem> {
        let owner = self.host.tenant(tenant.as_str());
        let loaded = self.plugins.load(&self.host, &owner, &spec.plugin, &counters.loaded).await;
        let (plugin, shared) = loaded.map_err(|error| problem(&spec, &error))?;
        let config = CheckConfig {
            id: Some(spec.name.clone()),
            tenant: Some(owner),
            settings: spec.settings.clone(),
            grants: spec.grants,
            limits: spec.limits.clone(),
            image: spec.image,
            breaker: spec.breaker.clone(),
            ..CheckConfig::default()
        };
        counters.configured.fetch_add(1, Ordering::Relaxed);
        let check = Check::new_async(&plugin, config).await.map_err(|error| problem(&spec, &error))?;
        Ok(Made::new(check, key, shared))
    }
}

#[derive(Debug, Default)]
struct Counters {
    loaded: AtomicU32,
    configured: AtomicU32,
    reused: AtomicU32,
}

impl Counters {
    fn counts(&self) -> Counts {
        let of = |counter: &AtomicU32| counter.load(Ordering::Relaxed);
        Counts { loaded: of(&self.loaded), configured: of(&self.configured), reused: of(&self.reused) }
    }
}

fn problem(spec: &CheckSpec, error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Folder::POLICY, error.to_string()).of_key(format!("checks.{}", spec.name))
}
