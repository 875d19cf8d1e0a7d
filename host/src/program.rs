//! Code that is ready to run: compiled, linked, and with the functions of the contract looked up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Module};

use crate::bindings::exports::guardhouse::auth::{check, settings, step_up};
use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::contract::{self, Interfaces};
use crate::decision::DecisionId;
use crate::engine::{self, Pool, Strategy, TABLES_PER_INSTANCE};
use crate::error::LoadError;
use crate::fault::chain;
use crate::host::Host;
use crate::instance::Instance;
use crate::limits::Limits;
use crate::outcome::Fault;
use crate::shape::Shape;
use crate::source::Source;
use crate::store::{State, Terms};

/// What instances are made of, and what is called in them.
pub(crate) struct Program {
    pub(crate) instance_pre: InstancePre<State>,
    pub(crate) check: check::GuestIndices,
    pub(crate) settings: Option<settings::GuestIndices>,
    pub(crate) step_up: Option<step_up::GuestIndices>,
    pub(crate) strategy: Strategy,
    /// How many of the pool's instances each of its instances counts for.
    pub(crate) weight: u32,
    /// Whether it imports no function.
    is_self_contained: bool,
}

/// How long a plugin may think about its settings schema.
const SCHEMA_DEADLINE: Duration = Duration::from_secs(2);

impl Program {
    /// Compiles and links a component whose shape was held against the limits. Nothing of it has run.
    pub(crate) fn load(host: &Host, source: &Source<'_>, shape: &Shape, strategy: Strategy) -> Result<Self, LoadError> {
        let pool = shape.pool(host.limits());
        let component = host.compilation().component(host, pool, strategy, source)?;
        Self::of(host, &component, shape, strategy)
    }

    /// The same with the best machine code, if that is in the cache.
    pub(crate) fn cached(host: &Host, source: &Source<'_>, shape: &Shape) -> Option<Self> {
        let component = host.compilation().cached_component(host, shape.pool(host.limits()), source)?;
        Self::of(host, &component, shape, Strategy::Optimized).ok()
    }

    fn of(host: &Host, component: &Component, shape: &Shape, strategy: Strategy) -> Result<Self, LoadError> {
        let pool = shape.pool(host.limits());
        let sandbox = host.sandbox(pool, strategy).map_err(LoadError::DoesNotFit)?;
        let interfaces = contract::check_types(&sandbox.engine, component)?;
        let weight = weight(host, pool, component)?;
        let instance_pre = link(&sandbox.linker, component, shape)?;
        let program = Self::new(instance_pre, interfaces, strategy, weight);
        let program = program.map_err(|error| LoadError::WrongImport(chain(&error)))?;
        Ok(Self { is_self_contained: shape.imports.iter().all(|import| import == contract::TYPES), ..program })
    }

    /// The same program with its state apart: `code` is it without its memories and globals, `states` have them.
    pub(crate) fn with_states(
        &self,
        host: &Host,
        pool: Pool,
        code: &Component,
        states: &[(String, Module)],
    ) -> Result<Self, String> {
        let sandbox = host.sandbox(pool, Strategy::Optimized)?;
        let text = |error: wasmtime::Error| chain(&error);
        // Nothing of what plugins may import is copied for a plugin that imports none of it.
        let mut linker = if self.is_self_contained { Linker::new(&sandbox.engine) } else { sandbox.linker.clone() };
        for (name, state) in states {
            linker.root().module(name, state).map_err(text)?;
        }
        let instance_pre = linker.instantiate_pre(code).map_err(text)?;
        let interfaces = Interfaces { settings: self.settings.is_some(), step_up: self.step_up.is_some() };
        let program = Self::new(instance_pre, interfaces, Strategy::Optimized, self.weight).map_err(text)?;
        Ok(Self { is_self_contained: self.is_self_contained, ..program })
    }

    fn new(
        instance_pre: InstancePre<State>,
        interfaces: Interfaces,
        strategy: Strategy,
        weight: u32,
    ) -> wasmtime::Result<Self> {
        let settings = interfaces.settings.then(|| settings::GuestIndices::new(&instance_pre));
        let step_up = interfaces.step_up.then(|| step_up::GuestIndices::new(&instance_pre));
        Ok(Self {
            check: check::GuestIndices::new(&instance_pre)?,
            settings: settings.transpose()?,
            step_up: step_up.transpose()?,
            instance_pre,
            strategy,
            weight,
            is_self_contained: false,
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.instance_pre.engine()
    }

    /// Asks the plugin for the schema of its settings; none if it takes none.
    pub(crate) fn read_schema(self: &Arc<Self>, host: &Host, pool: Pool) -> Result<Option<String>, Fault> {
        if self.settings.is_none() {
            return Ok(None);
        }
        let limits = Limits {
            memory_bytes: host.limits().memory_bytes,
            table_elements: host.limits().table_elements,
            core_instances: host.limits().core_instances,
            host_call_bytes: host.limits().schema_bytes.saturating_add(1024),
            ..Limits::default()
        };
        let end = Instant::now() + SCHEMA_DEADLINE;
        let seed = Seed { decision: DecisionId::random(), check: "".into() };
        block_on(async {
            let room = host.room(pool).enter(self.weight, end).await?;
            let instance = Instance::new(Arc::clone(self), &Terms::new(&limits, end), Request::none(seed));
            instance.holding(room).schema(end).await.map(Some)
        })
        .flatten()
    }
}

fn weight(host: &Host, pool: Pool, component: &Component) -> Result<u32, LoadError> {
    let Some(needs) = component.resources_required() else {
        let reason = "it imports modules or components, so what it needs cannot be known";
        return Err(LoadError::DoesNotFit(reason.to_owned()));
    };
    let weight = needs.num_memories.max(needs.num_tables.div_ceil(TABLES_PER_INSTANCE)).max(1);
    let (instances, limit) = (engine::instances(host.limits(), pool), engine::instances_limit(pool));
    if weight > instances {
        return Err(LoadError::DoesNotFit(format!(
            "its {} memories and {} tables count as {weight} instances, and the host has room for {instances} \
             (`HostLimits::{limit}`)",
            needs.num_memories, needs.num_tables
        )));
    }
    Ok(weight)
}

/// Imports are known by their exact names. The linker would take a later patch version for ours, and nothing here
/// would know that the plugin imports it.
fn link(linker: &Linker<State>, component: &Component, shape: &Shape) -> Result<InstancePre<State>, LoadError> {
    let unknown: Vec<String> = shape.imports.iter().filter(|import| !Host::offers(import)).cloned().collect();
    if !unknown.is_empty() {
        return Err(LoadError::UnknownImports { imports: unknown });
    }
    linker.instantiate_pre(component).map_err(|error| LoadError::WrongImport(chain(&error)))
}
