//! Code that is ready to run: compiled, linked, and with the functions of the contract looked up.

use std::ops::Range;

use wasmtime::Module;
use wasmtime::component::{Component, InstancePre, Linker};

use crate::code::Toolchain;
use crate::code::compile::SharedCode;
use crate::code::contract::{self, Interfaces};
use crate::code::divided::Divided;
use crate::code::parts::{Parts, divided_key, is_divisible};
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::code::split::Needs;
use crate::engine::PluginEngine;
use crate::engine::config::{self, Pool, STACKS_PER_INSTANCE, Strategy, TABLES_PER_INSTANCE};
use crate::error::LoadError;
use crate::guest::bindings::exports::guardhouse::auth::{check, settings, step_up};
use crate::guest::imports::{is_offered, is_offered_in_other_versions};
use crate::guest::reason::{Reason, error_chain};
use crate::guest::store::State;
use crate::interfaces::TYPES;
use crate::limits::HostLimits;
use crate::reads::Document;
use crate::tenant::Tenant;

/// A component that is ready to be instantiated.
pub(crate) struct Linked {
    pub(crate) instance_pre: InstancePre<State>,
    pub(crate) functions: Functions,
    /// The documents of the request that it imports functions for.
    pub(crate) documents: Vec<Document>,
    strategy: Strategy,
    /// The pool of its instances.
    pub(crate) pool: Pool,
    /// The number of permits of its pool that one of its instances needs.
    pub(crate) weight: u32,
    /// Whether its instances can wait inside the host, where no epoch interrupts them.
    pub(crate) can_wait: bool,
    /// Whether it is an image, with a state that is copied or mapped into its instances.
    pub(crate) is_image: bool,
    /// The machine code, or the state of an image, in bytes.
    pub(crate) bytes: u64,
    /// Keeps code that other components may have too.
    #[expect(dead_code, reason = "held until nothing is linked with the code")]
    shared: Option<SharedCode>,
    /// Whether it imports no function.
    is_self_contained: bool,
}

impl Linked {
    /// Compiles and links a component whose shape was checked against the limits, for `owner`. None of its code runs.
    pub(crate) fn load(
        toolchain: &Toolchain,
        owner: Option<&Tenant>,
        source: &Source<'_>,
        shape: &Shape,
        strategy: Strategy,
    ) -> Result<Self, LoadError> {
        Self::load_parts(toolchain, owner, &Parts::of(&toolchain.limits, owner, source, shape)?, shape, strategy)
    }

    /// Compiles and links a component that is split if it can be. One whose parts are rejected is compiled as a whole, so
    /// that errors are about the component as it was given.
    fn load_parts(
        toolchain: &Toolchain,
        owner: Option<&Tenant>,
        Parts { source, split }: &Parts<'_>,
        shape: &Shape,
        strategy: Strategy,
    ) -> Result<Self, LoadError> {
        let (engine, compilation) = (engine(toolchain, shape, strategy)?, &toolchain.compilation);
        if let Some(split) = split {
            let divided = compilation.divided(engine, owner, divided_key(engine, source), split);
            match divided.and_then(|divided| Self::link_divided(&toolchain.limits, engine, divided, shape)) {
                Err(error) if !is_final(&error) => {}
                linked => return linked,
            }
        }
        let component = compilation.component(engine, owner, source)?;
        Self::link(&toolchain.limits, engine, &component, shape)
    }

    /// Like [`load`](Self::load), but a large component gets baseline code, which is ready sooner, unless its optimized
    /// code is in the cache. Components of the concurrent pool are always optimized.
    pub(crate) fn load_soon(
        toolchain: &Toolchain,
        owner: Option<&Tenant>,
        source: &Source<'_>,
        shape: &Shape,
    ) -> Result<Self, LoadError> {
        let is_large = starts_with_baseline(toolchain, source, shape);
        if is_large && let Some(linked) = Self::load_cached(toolchain, source, shape, Strategy::Optimized) {
            return Ok(linked);
        }
        let parts = Parts::of(&toolchain.limits, owner, source, shape)?;
        if is_large {
            if let Some(linked) = Self::load_known(toolchain, owner, &parts, shape) {
                return Ok(linked);
            }
            let baseline = Self::load_parts(toolchain, owner, &parts, shape, Strategy::Baseline);
            // Winch lacks some features, so Cranelift may succeed where Winch failed. A timeout is not retried:
            // Cranelift would take at least as long.
            if baseline.as_ref().err().is_none_or(is_final) {
                return baseline;
            }
        }
        Self::load_parts(toolchain, owner, &parts, shape, Strategy::Optimized)
    }

    /// Links a component whose code is known from another one, and optimized.
    fn load_known(
        toolchain: &Toolchain,
        owner: Option<&Tenant>,
        Parts { source, split }: &Parts<'_>,
        shape: &Shape,
    ) -> Option<Self> {
        let engine = engine(toolchain, shape, Strategy::Optimized).ok()?;
        let divided =
            toolchain.compilation.divided_if_known(engine, owner, divided_key(engine, source), split.as_ref()?)?;
        Self::link_divided(&toolchain.limits, engine, divided, shape).ok()
    }

    /// Links the code that [`load_soon`](Self::load_soon) would return, if it is in the cache.
    pub(crate) fn load_soon_cached(toolchain: &Toolchain, source: &Source<'_>, shape: &Shape) -> Option<Self> {
        Self::load_cached(toolchain, source, shape, Strategy::Optimized).or_else(|| {
            let is_baseline = starts_with_baseline(toolchain, source, shape);
            is_baseline.then(|| Self::load_cached(toolchain, source, shape, Strategy::Baseline)).flatten()
        })
    }

    /// Links the code of a component, if it is in the cache.
    pub(crate) fn load_cached(
        toolchain: &Toolchain,
        source: &Source<'_>,
        shape: &Shape,
        strategy: Strategy,
    ) -> Option<Self> {
        let (engine, compilation) = (engine(toolchain, shape, strategy).ok()?, &toolchain.compilation);
        if is_divisible(source, shape, &toolchain.limits)
            && let Some(divided) = compilation.cached_divided(engine, divided_key(engine, source))
            && let Ok(linked) = Self::link_divided(&toolchain.limits, engine, divided, shape)
        {
            return Some(linked);
        }
        let component = compilation.cached_component(engine, source.digest())?;
        Self::link(&toolchain.limits, engine, &component, shape).ok()
    }

    fn link(
        limits: &HostLimits,
        engine: &PluginEngine,
        component: &Component,
        shape: &Shape,
    ) -> Result<Self, LoadError> {
        let needs = component.resources_required();
        let needs = needs.map(|needs| Needs { memories: needs.num_memories, tables: needs.num_tables });
        let needs = needs.ok_or_else(|| {
            let reason = "it imports modules or components, so the resources that it needs are unknown";
            LoadError::DoesNotFit(reason.to_owned())
        })?;
        Self::link_to(&engine.linker, limits, engine, component, needs, shape)
    }

    /// Links a component that was split.
    fn link_divided(
        limits: &HostLimits,
        engine: &PluginEngine,
        Divided { code, shared, states, needs }: Divided,
        shape: &Shape,
    ) -> Result<Self, LoadError> {
        let linker = linker_of(engine.linker.clone(), &states);
        let linker = linker.map_err(|error| LoadError::WrongImport(error_chain(&error)))?;
        let linked = Self::link_to(&linker, limits, engine, &code, needs, shape)?;
        let bytes = linked.bytes + states.iter().map(|(_, state)| length(state.image_range())).sum::<u64>();
        Ok(Self { shared: Some(shared), bytes, ..linked })
    }

    fn link_to(
        linker: &Linker<State>,
        limits: &HostLimits,
        engine: &PluginEngine,
        component: &Component,
        needs: Needs,
        shape: &Shape,
    ) -> Result<Self, LoadError> {
        let interfaces = contract::check_types(&engine.engine, component)?;
        let weight = weight(limits, engine.pool, needs, shape)?;
        let instance_pre = resolve_imports(linker, engine, component, shape)?;
        let functions = Functions::look_up(&instance_pre, interfaces);
        Ok(Self {
            functions: functions.map_err(|error| LoadError::WrongImport(error_chain(&error)))?,
            documents: contract::documents(&engine.engine, component),
            instance_pre,
            strategy: engine.strategy,
            pool: engine.pool,
            weight,
            can_wait: shape.is_async || shape.imports.iter().any(|import| import.starts_with("wasi:io/")),
            is_image: false,
            bytes: length(component.image_range()),
            shared: None,
            is_self_contained: shape.imports.iter().all(|import| import == TYPES),
        })
    }

    /// Links an image of this component.
    pub(crate) fn image(
        &self,
        engine: &PluginEngine,
        Divided { code, shared, states, .. }: Divided,
    ) -> Result<Self, Reason> {
        // For a plugin that imports no function, an empty linker saves the copy of everything that plugins may import.
        let linker = if self.is_self_contained { Linker::new(&engine.engine) } else { engine.linker.clone() };
        let instance_pre = linker_of(linker, &states)?.instantiate_pre(&code)?;
        let Functions { settings, step_up, .. } = &self.functions;
        let interfaces = Interfaces { settings: settings.is_some(), step_up: step_up.is_some() };
        Ok(Self {
            functions: Functions::look_up(&instance_pre, interfaces)?,
            documents: self.documents.clone(),
            instance_pre,
            strategy: engine.strategy,
            pool: self.pool,
            weight: self.weight,
            can_wait: self.can_wait,
            is_image: true,
            shared: Some(shared),
            bytes: states.iter().map(|(_, state)| length(state.image_range())).sum(),
            is_self_contained: self.is_self_contained,
        })
    }

    /// Whether its code is optimized, and not baseline code.
    pub(crate) fn is_optimized(&self) -> bool {
        self.strategy == Strategy::Optimized
    }
}

/// The exported functions of the contract.
pub(crate) struct Functions {
    pub(crate) check: check::GuestIndices,
    pub(crate) settings: Option<settings::GuestIndices>,
    pub(crate) step_up: Option<step_up::GuestIndices>,
}

impl Functions {
    fn look_up(instance_pre: &InstancePre<State>, interfaces: Interfaces) -> wasmtime::Result<Self> {
        let settings = interfaces.settings.then(|| settings::GuestIndices::new(instance_pre));
        let step_up = interfaces.step_up.then(|| step_up::GuestIndices::new(instance_pre));
        Ok(Self {
            check: check::GuestIndices::new(instance_pre)?,
            settings: settings.transpose()?,
            step_up: step_up.transpose()?,
        })
    }
}

/// A linker that offers the states of a split component too.
fn linker_of(mut linker: Linker<State>, states: &[(String, Module)]) -> wasmtime::Result<Linker<State>> {
    for (name, state) in states {
        linker.root().module(name, state)?;
    }
    Ok(linker)
}

/// Whether no other way of compiling would succeed either.
fn is_final(error: &LoadError) -> bool {
    matches!(error, LoadError::CompilerStopped(_) | LoadError::Busy(_) | LoadError::Host(_) | LoadError::OverBudget(_))
}

/// The length of a range of addresses.
fn length(range: Range<*const u8>) -> u64 {
    u64::try_from(range.end.addr().saturating_sub(range.start.addr())).unwrap_or(u64::MAX)
}

/// Whether a component starts with baseline code.
fn starts_with_baseline(toolchain: &Toolchain, source: &Source<'_>, shape: &Shape) -> bool {
    source.size() >= toolchain.baseline_bytes && shape.pool(&toolchain.limits) != Pool::Concurrent
}

fn engine<'a>(toolchain: &'a Toolchain, shape: &Shape, strategy: Strategy) -> Result<&'a PluginEngine, LoadError> {
    let engine = toolchain.engines.get(shape.pool(&toolchain.limits), strategy);
    engine.map_err(|reason| LoadError::DoesNotFit(reason.into_text()))
}

/// The number of permits that an instance needs: the slots of the pool that its memories, tables and stacks take. In the
/// concurrent pool each component inside a plugin can hold a stack while it waits for another one.
fn weight(limits: &HostLimits, pool: Pool, needs: Needs, shape: &Shape) -> Result<u32, LoadError> {
    let stacks = match pool {
        Pool::Small | Pool::Large => 1,
        // One more stack begins the next call.
        Pool::Concurrent => u32::try_from(shape.instances).unwrap_or(u32::MAX).saturating_add(1),
    };
    let weight =
        needs.memories.max(needs.tables.div_ceil(TABLES_PER_INSTANCE)).max(stacks.div_ceil(STACKS_PER_INSTANCE)).max(1);
    let (instances, limit) = (config::instances(limits, pool), config::instances_limit(pool));
    if weight > instances {
        return Err(LoadError::DoesNotFit(format!(
            "its {} memories, {} tables and {stacks} stacks count as {weight} instances, and the host has only {instances} \
             (`HostLimits::{limit}`)",
            needs.memories, needs.tables
        )));
    }
    Ok(weight)
}

/// Resolves imports by their exact names. An interface of types only asks for nothing, so it needs no offer. The linker
/// alone would link a later patch version of one of our interfaces, and the host, which compares names, would not know
/// that the plugin imports the interface.
fn resolve_imports(
    linker: &Linker<State>,
    PluginEngine { engine, .. }: &PluginEngine,
    component: &Component,
    shape: &Shape,
) -> Result<InstancePre<State>, LoadError> {
    let is_unknown = |import: &&String| !is_offered(import) && !contract::has_types_only(engine, component, import);
    let unknown: Vec<String> = shape.imports.iter().filter(is_unknown).cloned().collect();
    if !unknown.is_empty() {
        let is_old_or_new = unknown.iter().any(|import| is_offered_in_other_versions(import));
        let hint = if is_old_or_new { " (rebuild it with tools that use a release of WASI 0.2)" } else { "" };
        return Err(LoadError::UnknownImports { imports: unknown, hint });
    }
    linker.instantiate_pre(component).map_err(|error| LoadError::WrongImport(error_chain(&error)))
}
