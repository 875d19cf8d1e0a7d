//! Code: a component that keeps the contract, compiled once and shared by every check made of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime::component::{Component, InstancePre};

use crate::bindings::exports::guardhouse::auth::{check, settings, step_up};
use crate::blocking::block_on;
use crate::capabilities::{Request, Seed};
use crate::contract;
use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::error::LoadError;
use crate::fault::chain;
use crate::host::Host;
use crate::instance;
use crate::json::Json;
use crate::limits::{HostLimits, Limits};
use crate::schema::Schema;
use crate::shape::Shape;
use crate::store::{State, new_store};
use crate::text::clip;

/// Code that can be made into checks. Its settings, grants and limits belong to each [`Check`](crate::Check): ten
/// checks of one plugin share one compilation.
///
/// A clone is shallow.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    host: Host,
    digest: Digest,
    /// Kept to make images from.
    bytes: Arc<[u8]>,
    shape: Shape,
    schema: Option<Schema>,
    exports: Exports,
    weight: u32,
    reads_request: bool,
    can_wait: bool,
}

/// What is called in an instance, looked up once.
pub(crate) struct Exports {
    pub(crate) instance_pre: InstancePre<State>,
    pub(crate) check: check::GuestIndices,
    pub(crate) settings: Option<settings::GuestIndices>,
    pub(crate) step_up: Option<step_up::GuestIndices>,
}

/// How long a plugin may think about its settings schema.
const SCHEMA_DEADLINE: Duration = Duration::from_secs(2);

impl Plugin {
    /// Loads a component: checks its size and shape, compiles it, holds it against the contract, and asks it for its
    /// settings schema.
    ///
    /// It computes, for milliseconds (small plugins) to seconds (language runtimes); call it where that is no harm,
    /// in async code through `spawn_blocking`.
    ///
    /// # Errors
    /// [`LoadError`] says exactly what is wrong: not WebAssembly, a core module, damaged, over a limit, another
    /// version of the contract, `check` missing or of another type, an import that no host offers, a schema that
    /// cannot be used.
    pub fn load(host: &Host, bytes: &[u8]) -> Result<Self, LoadError> {
        let (shape, exports, weight) = Exports::load(host, bytes, host.limits())?;
        let schema = match &exports.settings {
            Some(_) => Some(read_schema(host, &exports, weight)?),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            host: host.clone(),
            digest: Digest::of(bytes),
            bytes: bytes.into(),
            reads_request: shape.imports.iter().any(|import| import == contract::REQUEST),
            can_wait: shape.imports.iter().any(|import| import.starts_with("wasi:io/")),
            shape,
            schema,
            exports,
            weight,
        })))
    }

    /// The digest of the bytes as they were shipped.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// The size of the file, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.bytes.len()
    }

    /// What it is made of.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// The JSON Schema (2020-12) of its settings; none if it takes none.
    #[must_use]
    pub fn settings_schema(&self) -> Option<&Json> {
        self.0.schema.as_ref().map(Schema::document)
    }

    /// Whether it can name the scopes it misses (rule U1).
    #[must_use]
    pub fn is_scope_aware(&self) -> bool {
        self.0.exports.step_up.is_some()
    }

    /// The host that it was loaded into.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.host
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    pub(crate) fn schema(&self) -> Option<&Schema> {
        self.0.schema.as_ref()
    }

    pub(crate) fn exports(&self) -> &Exports {
        &self.0.exports
    }

    pub(crate) fn weight(&self) -> u32 {
        self.0.weight
    }

    /// Whether its instances can wait inside the host, and not only compute.
    pub(crate) fn can_wait(&self) -> bool {
        self.0.can_wait
    }

    /// Whether its instances can ask for more of a request than its record.
    pub(crate) fn reads_request(&self) -> bool {
        self.0.reads_request
    }
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("digest", &self.0.digest).finish_non_exhaustive()
    }
}

impl Exports {
    /// Holds a component against `limits` and the contract, compiles and links it. Nothing of it has run.
    pub(crate) fn load(host: &Host, bytes: &[u8], limits: &HostLimits) -> Result<(Shape, Self, u32), LoadError> {
        let shape = Shape::read(bytes, limits)?;
        contract::check_version(&shape)?;
        let component = compile(host, bytes)?;
        let interfaces = contract::check_types(host.engine(), &component)?;
        let weight = weight(host, &component)?;
        let instance_pre = link(host, &component, &shape)?;
        let find = |error: wasmtime::Error| LoadError::WrongImport(chain(&error));
        let settings = interfaces.settings.then(|| settings::GuestIndices::new(&instance_pre));
        let step_up = interfaces.step_up.then(|| step_up::GuestIndices::new(&instance_pre));
        let exports = Self {
            check: check::GuestIndices::new(&instance_pre).map_err(find)?,
            settings: settings.transpose().map_err(find)?,
            step_up: step_up.transpose().map_err(find)?,
            instance_pre,
        };
        Ok((shape, exports, weight))
    }
}

fn compile(host: &Host, bytes: &[u8]) -> Result<Component, LoadError> {
    Component::from_binary(host.engine(), bytes).map_err(|error| {
        if let Some(invalid) = error.downcast_ref::<wasmparser::BinaryReaderError>() {
            return LoadError::Invalid { offset: invalid.offset(), reason: clip(invalid.message()) };
        }
        let text = chain(&error);
        match invalid_code(&text) {
            Some((offset, reason)) => LoadError::Invalid { offset, reason },
            None if text.contains("pooling allocator") => LoadError::DoesNotFit(text),
            None => LoadError::Compile(text),
        }
    })
}

/// Where and why a function's body is invalid, in the words of a compiler that keeps it to a text.
fn invalid_code(text: &str) -> Option<(usize, String)> {
    let (_, place) = text.split_once("Invalid input WebAssembly code at offset ")?;
    let (offset, reason) = place.split_once(": ")?;
    Some((offset.parse().ok()?, reason.to_owned()))
}

fn weight(host: &Host, component: &Component) -> Result<u32, LoadError> {
    let Some(needs) = component.resources_required() else {
        let reason = "it imports modules or components, so what it needs cannot be known";
        return Err(LoadError::DoesNotFit(reason.to_owned()));
    };
    let weight = Host::weight(needs.num_memories, needs.num_tables);
    if weight > host.limits().instances {
        return Err(LoadError::DoesNotFit(format!(
            "its {} memories and {} tables count as {weight} instances, and the host has room for {} \
             (`HostLimits::instances`)",
            needs.num_memories,
            needs.num_tables,
            host.limits().instances
        )));
    }
    Ok(weight)
}

/// Imports are known by their exact names. The linker would take a later patch version for ours, and nothing here
/// would know that the plugin imports it.
fn link(host: &Host, component: &Component, shape: &Shape) -> Result<InstancePre<State>, LoadError> {
    let unknown: Vec<String> = shape.imports.iter().filter(|import| !Host::offers(import)).cloned().collect();
    if !unknown.is_empty() {
        return Err(LoadError::UnknownImports { imports: unknown });
    }
    host.linker().instantiate_pre(component).map_err(|error| LoadError::WrongImport(chain(&error)))
}

fn read_schema(host: &Host, exports: &Exports, weight: u32) -> Result<Schema, LoadError> {
    let limits = Limits {
        memory_bytes: host.limits().memory_bytes,
        table_elements: host.limits().table_elements,
        core_instances: host.limits().core_instances,
        host_call_bytes: host.limits().schema_bytes.saturating_add(1024),
        ..Limits::default()
    };
    let end = Instant::now() + SCHEMA_DEADLINE;
    let seed = Seed { decision: DecisionId::random(), check: "".into() };
    let text = block_on(async {
        let _room = host.room().enter(weight, end).await?;
        let mut store = new_store(host.engine(), &limits, end, Request::none(seed));
        instance::schema(&mut store, exports, end).await
    })
    .flatten()
    .map_err(LoadError::Schema)?;
    Schema::parse(&text, host.limits()).map_err(LoadError::BadSchema)
}
