//! The same plugin in wasmtime without Guardhouse: in a reused instance, which Guardhouse does not offer, and in a
//! fresh instance without a call. Each protection that Guardhouse adds can be enabled alone.

use anyhow::{Result, anyhow};
use guardhouse::AuthContext;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, StoreLimits,
    StoreLimitsBuilder, UpdateDeadline,
};

mod sync {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "configurable-step-up-auth-check",
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

mod asynchronous {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "configurable-step-up-auth-check",
        ownership: Borrowing { duplicate_if_necessary: false },
        exports: { default: async },
        with: { "guardhouse:auth/types@0.1.0": super::sync::guardhouse::auth::types },
    });
}

use sync::guardhouse::auth::types;

/// The protections around an instance.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Protections {
    pub(crate) epochs: bool,
    pub(crate) fuel: bool,
    pub(crate) limiter: bool,
    /// Runs the instance on a stack of its own, so that it can be suspended.
    pub(crate) fiber: bool,
}

impl Protections {
    /// The protections of Guardhouse.
    pub(crate) const ALL: Self = Self { epochs: true, fuel: true, limiter: true, fiber: true };
    pub(crate) const NONE: Self = Self { epochs: false, fuel: false, limiter: false, fiber: false };
}

/// An instance that is reused for every call.
pub(crate) struct Reused {
    store: Store<StoreLimits>,
    guest: Guest,
}

enum Guest {
    Sync(sync::exports::guardhouse::auth::check::Guest),
    Fiber(asynchronous::exports::guardhouse::auth::check::Guest),
}

/// Makes instances without calling them.
pub(crate) struct Fresh {
    pre: InstancePre<StoreLimits>,
    protections: Protections,
}

impl Fresh {
    pub(crate) fn new(plugin: &[u8], protections: Protections) -> Result<Self> {
        let scan = PoolingAllocationConfig::is_pagemap_scan_available();
        let mut pool = PoolingAllocationConfig::new();
        pool.pagemap_scan(Enabled::Auto)
            .linear_memory_keep_resident(if scan { 1 << 20 } else { 0 })
            .table_keep_resident(if scan { 64 << 10 } else { 0 })
            .max_memory_size(256 << 20)
            .decommit_batch_size(if scan { 1 } else { 32 });
        let mut config = Config::new();
        config
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
            .concurrency_support(false)
            .consume_fuel(protections.fuel)
            .epoch_interruption(protections.epochs);
        let engine = Engine::new(&config).map_err(|error| anyhow!("{error:#}"))?;
        let component = Component::new(&engine, plugin).map_err(|error| anyhow!("{error:#}"))?;
        let pre = Linker::new(&engine).instantiate_pre(&component).map_err(|error| anyhow!("{error:#}"))?;
        Ok(Self { pre, protections })
    }

    fn store(&self) -> wasmtime::Result<Store<StoreLimits>> {
        let limits = StoreLimitsBuilder::new().memory_size(64 << 20).build();
        let mut store = Store::new(self.pre.engine(), limits);
        if self.protections.limiter {
            store.limiter(|limits| limits);
        }
        if self.protections.fuel {
            store.set_fuel(u64::MAX)?;
        }
        if self.protections.epochs {
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
        }
        Ok(store)
    }

    /// Makes an instance and drops it.
    pub(crate) fn instantiate(&self) {
        let made = self.store().and_then(|mut store| self.pre.instantiate(&mut store).map(|_| ()));
        assert!(made.is_ok(), "{made:?}");
    }

    /// Makes an instance and configures it.
    pub(crate) fn reused(&self, settings: &str) -> Result<Reused> {
        self.configured(settings).map_err(|error| anyhow!("{error:#}"))
    }

    fn configured(&self, settings: &str) -> wasmtime::Result<Reused> {
        let mut store = self.store()?;
        let settings = settings.to_owned();
        let guest = if self.protections.fiber {
            let instance = ready(self.pre.instantiate_async(&mut store))?;
            let indices = asynchronous::exports::guardhouse::auth::settings::GuestIndices::new(&self.pre)?;
            let guest = indices.load(&mut store, &instance)?;
            ready(guest.call_configure(&mut store, &settings))?.map_err(wasmtime::Error::msg)?;
            let indices = asynchronous::exports::guardhouse::auth::check::GuestIndices::new(&self.pre)?;
            Guest::Fiber(indices.load(&mut store, &instance)?)
        } else {
            let instance = self.pre.instantiate(&mut store)?;
            let indices = sync::exports::guardhouse::auth::settings::GuestIndices::new(&self.pre)?;
            let guest = indices.load(&mut store, &instance)?;
            guest.call_configure(&mut store, &settings)?.map_err(wasmtime::Error::msg)?;
            let indices = sync::exports::guardhouse::auth::check::GuestIndices::new(&self.pre)?;
            Guest::Sync(indices.load(&mut store, &instance)?)
        };
        Ok(Reused { store, guest })
    }
}

impl Reused {
    /// Makes one call, which must allow.
    pub(crate) fn allows(&mut self, context: &AuthContext) {
        let token = context.token.as_ref();
        let scopes: Vec<&str> = token.iter().flat_map(|token| &token.scopes).map(String::as_str).collect();
        let tags: Vec<&str> = context.component.tags.iter().map(String::as_str).collect();
        let record = types::AuthContext {
            token: token.map(|token| types::AccessToken {
                client_id: &token.client_id,
                subject: token.subject.as_deref(),
                scopes: &scopes,
                expires_at: token.expires_at,
                resource_indicator: token.resource_indicator.as_deref(),
            }),
            component: types::Component {
                kind: &context.component.kind,
                name: &context.component.name,
                uri: context.component.uri.as_deref(),
                version: context.component.version.as_deref(),
                tags: &tags,
            },
            action: &context.action,
            now: context.now,
        };
        let answer = match &self.guest {
            Guest::Sync(guest) => guest.call_check(&mut self.store, record),
            Guest::Fiber(guest) => ready(guest.call_check(&mut self.store, record)),
        };
        assert!(matches!(answer, Ok(Ok(true))), "{answer:?}");
    }
}

/// The result of a future that never waits.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
