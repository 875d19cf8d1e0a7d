//! From bytes to code that is ready to run: validated, compiled and linked.
//!
//! The steps, each with its module:
//!
//! 1. `shape`: the bytes are parsed and compared with [`HostLimits`]. Nothing is compiled.
//! 2. `contract`: the version is read from the names of the exports, before compilation; the types are checked after
//!    it.
//! 3. `compile`: the machine code is taken from the `cache`, or made by a `compiler_process`, or made in this process.
//!    `precompiled` loads it.
//! 4. `linked`: the imports are resolved and the exports looked up. Instances are made of a `Linked`.
//!
//! A `source` keeps the bytes as long as they may have to be compiled again. `images` stores the linked images that
//! `image/` makes. A [`Toolchain`] has what all steps need.
//!
//! Machine code cannot be validated, only trusted. Everything that makes, stores and loads it is private to this
//! folder.

mod cache;
mod child;
pub(crate) mod compile;
pub(crate) mod compiler_process;
mod confinement;
pub(crate) mod contract;
pub(crate) mod divided;
pub(crate) mod images;
pub(crate) mod linked;
mod parts;
mod precompiled;
pub(crate) mod shape;
pub(crate) mod source;
pub(crate) mod split;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::code::cache::Cache;
use crate::code::compile::Compilation;
use crate::code::compiler_process::CompilerProcess;
use crate::engine::Engines;
use crate::engine::config::Memory;
use crate::error::HostError;
use crate::limits::HostLimits;
use crate::turns::{TurnSettings, Turns};
use crate::util::processors::processors;

/// Everything that turns bytes into code: the limits of plugins, the engines, and the compilation with its cache.
pub(crate) struct Toolchain {
    pub(crate) limits: HostLimits,
    pub(crate) engines: Engines,
    pub(crate) compilation: Compilation,
    /// The size of a plugin, in bytes, from which it starts with baseline code.
    pub(crate) baseline_bytes: usize,
    /// The interval at which deadlines are enforced.
    pub(crate) tick: Duration,
    /// The turns of the guests.
    pub(crate) turns: Arc<Turns>,
}

impl Toolchain {
    /// Opens the cache, makes the first engine and starts the thread that enforces deadlines.
    pub(crate) fn new(
        limits: HostLimits,
        tick: Duration,
        cache: Option<&Path>,
        compiler: Option<CompilerProcess>,
        baseline_bytes: usize,
        memory: Memory,
    ) -> Result<Self, HostError> {
        let cache = cache.map(|folder| Cache::open(folder, limits.cache_bytes)).transpose()?;
        let turns = Arc::new(Turns::new(TurnSettings::of(&limits, tick, processors())));
        let engines = Engines::new(&limits, memory, tick, &turns)?;
        let compilation = Compilation::new(&limits, cache, compiler);
        Ok(Self { limits, engines, compilation, baseline_bytes, tick, turns })
    }
}
