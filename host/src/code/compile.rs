//! Compilation: a component becomes machine code, from the cache, from a compiler process, or from this process.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wasmtime::Module;
use wasmtime::component::Component;

use crate::code::cache::Cache;
use crate::code::compiler_process::{CompilerProcess, Failure, Order};
use crate::code::precompiled::MachineCode;
use crate::code::source::Source;
use crate::digest::Digest;
use crate::engine::fair_admission::FairAdmission;
use crate::engine::{Engines, PluginEngine};
use crate::error::LoadError;
use crate::fault::Fault;
use crate::guest::reason::{Reason, error_chain};
use crate::guest::wasmtime_text::{AT_OFFSET, INVALID_CODE, INVALID_MODULE, POOLING_ALLOCATOR};
use crate::limits::HostLimits;
use crate::tenant::Tenant;
use crate::util::block_on::block_on;
use crate::util::text::clip;
use crate::util::weak_map::WeakMap;

/// Compiled code that stays in memory as long as something is linked with it.
pub(crate) type SharedCode = Arc<OnceLock<Component>>;

/// The compilation of one host: its limits, its cache, and its compiler processes.
pub(crate) struct Compilation {
    limits: HostLimits,
    cache: Option<Cache>,
    process: Option<CompilerProcess>,
    /// The admission of compiler processes: each may use a processor and [`HostLimits::compiler_bytes`].
    admission: FairAdmission,
    /// The code in memory that several components may have.
    codes: WeakMap<Digest, OnceLock<Component>>,
}

impl Compilation {
    pub(super) fn new(limits: &HostLimits, cache: Option<Cache>, process: Option<CompilerProcess>) -> Self {
        let (limits, admission) = (limits.clone(), Engines::compilers(limits));
        Self { limits, cache, process, admission, codes: WeakMap::default() }
    }

    /// Returns the machine code of a component: from the cache, or compiled now and kept there. The time of compiling it is
    /// charged to `owner`.
    pub(crate) fn component(
        &self,
        engine: &PluginEngine,
        owner: Option<&Tenant>,
        source: &Source<'_>,
    ) -> Result<Component, LoadError> {
        if let Some(component) = self.cached_component(engine, source.digest()) {
            return Ok(component);
        }
        let bytes = &*source.read().map_err(|error| unreadable(&error))?;
        let mut charge = Charge::new(owner)?;
        let code = match &self.process {
            Some(process) => {
                let (code, cpu_time) = self.in_process(process, engine, owner, bytes);
                charge.cpu_time = Some(cpu_time);
                code?
            }
            None if self.cache.is_some() => {
                engine.engine.precompile_component(bytes).map_err(|error| rejection(&error))?
            }
            None => return Component::from_binary(&engine.engine, bytes).map_err(|error| rejection(&error)),
        };
        drop(charge);
        let key = component_key(engine, source.digest());
        let load = |code: &[MachineCode]| match code {
            [code] => code.component(&engine.engine),
            _ => Err(wasmtime::Error::msg("the entry of the cache does not have one file")),
        };
        self.keep(key, vec![MachineCode::compiled(code)], "", load).map_err(|error| rejection(&error))
    }

    /// Returns the machine code of a component, if it is in the cache. Code that cannot be loaded, such as that of
    /// another version of wasmtime, counts as absent.
    pub(crate) fn cached_component(&self, engine: &PluginEngine, component: Digest) -> Option<Component> {
        let entry = self.cache.as_ref()?.find(component_key(engine, component))?;
        MachineCode::cached(entry).first()?.component(&engine.engine).ok()
    }

    /// The place of code that several components may have.
    pub(super) fn shared_code(&self, engine: &PluginEngine, component: Digest) -> SharedCode {
        self.codes.get(&component_key(engine, component), OnceLock::new)
    }

    /// Compiles modules that consist of data, and keeps them in the cache under `key`, with a note. The time is charged to
    /// `owner`.
    pub(crate) fn data_modules(
        &self,
        engine: &PluginEngine,
        owner: Option<&Tenant>,
        key: Digest,
        modules: &[Vec<u8>],
        note: &str,
    ) -> Result<Vec<Module>, Reason> {
        let charge = Charge::new(owner)?;
        let (mut code, mut bytes) = (Vec::new(), 0_usize);
        for module in modules {
            let module = engine.engine.precompile_module(module)?;
            // Two bytes far apart in a memory become everything between them.
            bytes = bytes.saturating_add(module.len());
            let cap = self.limits.code_bytes;
            if bytes > cap {
                return Err(format!("its states have more than {cap} bytes (`HostLimits::code_bytes`)").into());
            }
            code.push(MachineCode::compiled(module));
        }
        drop(charge);
        Ok(self.keep(key, code, note, |code| load_modules(engine, code))?)
    }

    /// The modules that [`data_modules`](Self::data_modules) kept under `key`, with their note.
    pub(crate) fn cached_data_modules(&self, engine: &PluginEngine, key: Digest) -> Option<(Vec<Module>, String)> {
        let entry = self.cache.as_ref()?.find(key)?;
        let note = entry.note().to_owned();
        Some((load_modules(engine, &MachineCode::cached(entry)).ok()?, note))
    }

    /// Returns an owned copy of a source: on disk if there is a cache, or else in memory.
    pub(crate) fn keep_source(&self, source: &Source<'_>) -> io::Result<Source<'static>> {
        source.keep(self.cache.as_ref())
    }

    /// Whether there is a cache, from which evicted code can be reloaded.
    pub(crate) fn has_cache(&self) -> bool {
        self.cache.is_some()
    }

    /// Stores machine code in the cache and loads it from there. If it cannot be stored, or was evicted already, it is
    /// loaded from memory.
    fn keep<T>(
        &self,
        key: Digest,
        code: Vec<MachineCode>,
        note: &str,
        load: impl Fn(&[MachineCode]) -> wasmtime::Result<T>,
    ) -> wasmtime::Result<T> {
        let files: Vec<&[u8]> = code.iter().filter_map(MachineCode::bytes).collect();
        let stored = self.cache.as_ref().and_then(|cache| cache.store(key, &files, note).ok());
        match stored.and_then(|entry| load(&MachineCode::cached(entry)).ok()) {
            Some(loaded) => Ok(loaded),
            None => load(&code),
        }
    }

    /// Compiles a component in a process of its own. Returns its processor time too.
    fn in_process(
        &self,
        process: &CompilerProcess,
        engine: &PluginEngine,
        owner: Option<&Tenant>,
        bytes: &[u8],
    ) -> (Result<Vec<u8>, LoadError>, Duration) {
        let limits = &self.limits;
        let end = Instant::now() + limits.compiler_time;
        let busy = |fault: Fault| LoadError::Busy(format!("{} (`HostLimits::compilers`)", fault.detail));
        let admitted =
            block_on(self.admission.admit(owner, 1, end)).map_err(|error| LoadError::Host(error.to_string()));
        let mut permit = match admitted.and_then(|admitted| admitted.map_err(busy)) {
            Ok(permit) => permit,
            Err(error) => return (Err(error), Duration::ZERO),
        };
        let time = end.saturating_duration_since(Instant::now());
        let order = Order::new(engine, limits);
        let (code, cpu_time) = process.compile(order, bytes, time, limits.code_bytes);
        permit.set_cost(cpu_time);
        drop(permit);
        let code = code.map_err(|failure| match failure {
            Failure::NotReady(text) => LoadError::Host(text),
            Failure::Rejected(text) => rejected(text),
            Failure::Stopped(text) => LoadError::CompilerStopped(text),
        });
        (code, cpu_time)
    }
}

/// The time of one compilation, which is charged when this is dropped.
pub(super) struct Charge<'a> {
    owner: Option<&'a Tenant>,
    start: Instant,
    /// The processor time of the compiler process, if there is one.
    cpu_time: Option<Duration>,
}

impl<'a> Charge<'a> {
    /// Begins a compilation, if the budget of the owner permits one.
    pub(super) fn new(owner: Option<&'a Tenant>) -> Result<Self, LoadError> {
        owner.map_or(Ok(()), Tenant::check_compile_time).map_err(LoadError::OverBudget)?;
        Ok(Self { owner, start: Instant::now(), cpu_time: None })
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        if let Some(owner) = self.owner {
            owner.charge_compile_time(self.cpu_time.unwrap_or_else(|| self.start.elapsed()));
        }
    }
}

fn load_modules(engine: &PluginEngine, code: &[MachineCode]) -> wasmtime::Result<Vec<Module>> {
    code.iter().map(|code| code.module(&engine.engine)).collect()
}

/// The key of a component's machine code in the cache.
fn component_key(engine: &PluginEngine, component: Digest) -> Digest {
    Digest::of_parts([b"component".as_slice(), component.as_bytes(), engine.fingerprint.as_bytes()])
}

/// The error of a source that was kept.
pub(super) fn unreadable(error: &io::Error) -> LoadError {
    LoadError::Compile(format!("its source cannot be read again: {error}"))
}

/// The error of a component that the compiler of this process rejected.
fn rejection(error: &wasmtime::Error) -> LoadError {
    if let Some(invalid) = error.downcast_ref::<wasmparser::BinaryReaderError>() {
        return LoadError::Invalid { offset: invalid.offset(), reason: clip(invalid.message()) };
    }
    rejected(error_chain(error))
}

/// The error of a component that a compiler rejected with this text.
fn rejected(text: String) -> LoadError {
    match invalid_code(&text).or_else(|| invalid_component(&text)) {
        Some((offset, reason)) => LoadError::Invalid { offset, reason },
        None if text.contains(POOLING_ALLOCATOR) => LoadError::DoesNotFit(text),
        None => LoadError::Compile(text),
    }
}

/// The offset and the reason in an error about the body of a function.
fn invalid_code(text: &str) -> Option<(usize, String)> {
    let (_, rest) = text.split_once(INVALID_CODE)?;
    let (offset, reason) = rest.split_once(": ")?;
    Some((offset.parse().ok()?, reason.to_owned()))
}

/// The offset and the reason in an error about anything else, as a compiler process reports it.
fn invalid_component(text: &str) -> Option<(usize, String)> {
    let (reason, rest) = text.rsplit_once(AT_OFFSET)?;
    let offset = usize::from_str_radix(rest.strip_suffix(')')?, 16).ok()?;
    let reason = reason.strip_prefix(INVALID_MODULE).unwrap_or(reason);
    Some((offset, reason.to_owned()))
}
