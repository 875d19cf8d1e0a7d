//! Loading: from the bytes of a component to a plugin.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use rustix::fs::OFlags;

use super::{Inner, Plugin};
use crate::code::contract;
use crate::code::linked::Linked;
use crate::code::shape::{self, Shape};
use crate::code::source::Source;
use crate::decision::DecisionId;
use crate::engine::config::Pool;
use crate::error::LoadError;
use crate::fault::Fault;
use crate::guest::exceeded::{Times, name_time_or_stack};
use crate::guest::request::{GuestRequest, Seed};
use crate::guest::store::Budget;
use crate::guest::turn::Turn;
use crate::host::Host;
use crate::instance::Instance;
use crate::limits::{HostLimits, Limits};
use crate::plugin::schema::Schema;
use crate::tenant::Tenant;
use crate::tenant::holdings::Ownership;
use crate::tuning::{SCHEMA_CPU_TIME, SCHEMA_DEADLINE};
use crate::util::block_on::block_on;
use crate::util::flight::Flight;
use crate::util::text::clip;

impl Plugin {
    /// Loads a component: checks its size and shape, compiles it, validates it against the contract, and calls its
    /// `schema`.
    ///
    /// The call blocks its thread: for milliseconds if the plugin is small or its machine code is in the
    /// [cache](crate::HostBuilder::cache), for up to a second for a language runtime, and for several seconds in a
    /// debug build. In async code, use [`load_async`](Self::load_async): this call would hold up a thread of the
    /// runtime, and every task on it.
    ///
    /// # Errors
    /// [`LoadError`], which says exactly what is wrong: not WebAssembly, a core module, damaged, over a limit, another
    /// version of the contract, `check` missing or of another type, an import that no host offers, an unusable schema.
    ///
    /// ```
    /// use guardhouse::{Host, LoadError, Plugin, builtin};
    ///
    /// let host = Host::new()?;
    /// let plugin = Plugin::load(&host, builtin::REQUIRE_SCOPES)?;
    /// println!("{} of {} bytes, built by {:?}", plugin.digest(), plugin.size(), plugin.shape().producers);
    ///
    /// let error = Plugin::load(&host, b"#!/bin/sh").unwrap_err();
    /// assert!(matches!(error, LoadError::NotWasm { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(host: &Host, bytes: &[u8]) -> Result<Self, LoadError> {
        Self::load_owned(host, None, bytes)
    }

    /// Loads a component for a tenant, as [`load`](Self::load) does. The plugin counts against the
    /// [budget](crate::TenantBudget) of the tenant until its last handle and its last check are dropped, and everything
    /// that it takes to compile it is charged to the tenant. Checks of other tenants may be made of it.
    ///
    /// # Errors
    /// As for [`load`](Self::load), [`LoadError::OverBudget`] if the tenant has spent its budget, and
    /// [`LoadError::OtherHost`] if it was made by another host.
    pub fn load_for(host: &Host, tenant: &Tenant, bytes: &[u8]) -> Result<Self, LoadError> {
        if !host.tenants().has(tenant) {
            return Err(LoadError::OtherHost { tenant: clip(tenant.name()) });
        }
        // The size is checked first: a file that no host takes is not a matter of the budget.
        shape::check_size(bytes.len(), host.limits())?;
        let owner = Ownership::new(tenant.clone(), bytes.len()).map_err(LoadError::OverBudget)?;
        Self::load_owned(host, Some(owner), bytes)
    }

    fn load_owned(host: &Host, owner: Option<Ownership>, bytes: &[u8]) -> Result<Self, LoadError> {
        let tenant = owner.as_ref().map(Ownership::tenant);
        let toolchain = host.toolchain();
        let shape = Shape::read(bytes, host.limits())?;
        contract::check_version(&shape)?;
        let pool = shape.pool(host.limits());
        let source = Source::borrowed(bytes);
        let linked = Arc::new(Linked::load_soon(toolchain, tenant, &source, &shape)?);
        let schema = read_schema(host, tenant, pool, &linked).map_err(LoadError::Schema)?;
        let schema = schema.map(|text| Schema::parse(host, tenant, text)).transpose().map_err(LoadError::BadSchema)?;
        let kept = toolchain.compilation.keep_source(&source).map_err(|error| LoadError::Compile(error.to_string()))?;
        let plugin = Self(Arc::new(Inner {
            host: host.clone(),
            source: kept,
            documents: linked.documents.clone(),
            shape,
            pool,
            schema,
            names_missing_scopes: linked.functions.step_up.is_some(),
            weight: linked.weight,
            linked: ArcSwapOption::from(Some(linked)),
            reload: Flight::default(),
            must_be_optimized: Mutex::default(),
            is_optimization_queued: AtomicBool::new(false),
            optimizing: Mutex::default(),
            last_used: AtomicU64::new(host.micros_since_start(Instant::now())),
            owner,
        }));
        plugin.make_evictable();
        Ok(plugin)
    }

    /// The async form of [`load`](Self::load): the work is done on the pool for blocking work of the current tokio
    /// runtime, and no thread of the runtime waits for it. At most as many plugins as this machine has processors, and at
    /// least two, are loaded at the same time; the others wait for their turn, with their bytes in memory, so bound the
    /// number of callers. If the future is dropped, work that has begun still finishes.
    ///
    /// # Errors
    /// As for [`load`](Self::load), and [`LoadError::Host`] outside a tokio runtime.
    pub async fn load_async(host: &Host, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, LoadError> {
        let (of, bytes) = (host.clone(), bytes.into());
        shape::check_size(bytes.len(), host.limits())?;
        host.loading().run(None, move || Self::load(&of, &bytes)).await.map_err(LoadError::Host).flatten()
    }

    /// The async form of [`load_for`](Self::load_for), as [`load_async`](Self::load_async) is that of
    /// [`load`](Self::load). Only one plugin of each tenant is loaded at the same time, and the tenant is next whose
    /// plugins took the least time by weight.
    ///
    /// # Errors
    /// As for [`load_for`](Self::load_for), and [`LoadError::Host`] outside a tokio runtime.
    pub async fn load_for_async(
        host: &Host,
        tenant: &Tenant,
        bytes: impl Into<Cow<'static, [u8]>>,
    ) -> Result<Self, LoadError> {
        if !host.tenants().has(tenant) {
            return Err(LoadError::OtherHost { tenant: clip(tenant.name()) });
        }
        let (of, owner, bytes) = (host.clone(), tenant.clone(), bytes.into());
        shape::check_size(bytes.len(), host.limits())?;
        let loaded = host.loading().run(Some(tenant), move || Self::load_for(&of, &owner, &bytes)).await;
        loaded.map_err(LoadError::Host).flatten()
    }

    /// Loads the component in a regular file. The call blocks its thread, as [`load`](Self::load) does.
    ///
    /// # Errors
    /// [`LoadError::Unreadable`], and those of [`load`](Self::load). Nothing beyond
    /// [`HostLimits::plugin_bytes`] is read.
    pub fn load_file(host: &Host, path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Self::load(host, &Self::read_file(path, host.limits())?)
    }

    /// The async form of [`load_file`](Self::load_file), as [`load_async`](Self::load_async) is that of
    /// [`load`](Self::load).
    ///
    /// # Errors
    /// As for [`load_file`](Self::load_file), and [`LoadError::Host`] outside a tokio runtime.
    pub async fn load_file_async(host: &Host, path: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let (of, path) = (host.clone(), path.into());
        host.loading().run(None, move || Self::load_file(&of, path)).await.map_err(LoadError::Host).flatten()
    }

    /// Reads the file of a plugin without loading it, for example to [inspect](Shape::read) it.
    ///
    /// # Errors
    /// [`LoadError::Unreadable`], and [`LoadError::TooLarge`] for a file over [`HostLimits::plugin_bytes`], of which
    /// nothing more is read.
    pub fn read_file(path: impl AsRef<Path>, limits: &HostLimits) -> Result<Vec<u8>, LoadError> {
        let path = path.as_ref();
        let unreadable = |error: io::Error| LoadError::Unreadable { file: path.to_owned(), reason: error.to_string() };
        // Opening a pipe would wait for its writer, and reading a device may never end.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(unreadable(io::Error::other("it is not a regular file")));
        }
        shape::check_size(usize::try_from(metadata.len()).unwrap_or(usize::MAX), limits)?;
        let mut bytes = Vec::new();
        // The file may grow. One byte more than the cap distinguishes a file of exactly that size.
        let most = u64::try_from(limits.plugin_bytes).unwrap_or(u64::MAX).saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(unreadable)?;
        shape::check_size(bytes.len(), limits)?;
        Ok(bytes)
    }
}

/// Calls the `schema` of a plugin. Returns `None` for a plugin that takes no settings.
fn read_schema(host: &Host, owner: Option<&Tenant>, pool: Pool, linked: &Arc<Linked>) -> Result<Option<String>, Fault> {
    if linked.functions.settings.is_none() {
        return Ok(None);
    }
    let limits = Limits {
        memory_bytes: host.limits().memory_bytes,
        table_elements: host.limits().table_elements,
        core_instances: host.limits().core_instances,
        host_call_bytes: host.limits().schema_bytes.saturating_add(1024),
        cpu_time: Some(SCHEMA_CPU_TIME),
        ..Limits::default()
    };
    let end = Instant::now() + SCHEMA_DEADLINE;
    let owner = owner.cloned().unwrap_or_else(|| host.tenants().get(None));
    let budget = Budget::new(&limits, end, host.toolchain().tick).for_tenant(&owner);
    let seed = Seed { decision: DecisionId::random(), check: "".into() };
    let read = block_on(async {
        let permit = host.admission(pool).admit(None, linked.weight, end).await?;
        let mut turn = Turn::of(&owner, host.toolchain().tick);
        turn.take(end).await?;
        let instance = Instance::new(Arc::clone(linked), &budget, GuestRequest::none(seed));
        instance.with_pool_permit(permit).schema(&mut turn, end).await.map(Some)
    });
    let times = Times {
        deadline: ("the deadline of `schema`, which is fixed", SCHEMA_DEADLINE),
        cpu_time: ("the processor time of `schema`, which is fixed", Some(SCHEMA_CPU_TIME)),
    };
    read.map_err(Fault::host).flatten().map_err(|fault| name_time_or_stack(fault, host.limits(), times))
}
