//! From bytes to code that is ready to run: validated, compiled and linked.
//!
//! Machine code cannot be validated, only trusted. All that makes, stores and loads it is private to this folder.

mod cache;
pub(crate) mod compile;
pub(crate) mod compiler_process;
pub(crate) mod contract;
pub(crate) mod images;
pub(crate) mod linked;
mod precompiled;
pub(crate) mod shape;
pub(crate) mod source;

use std::path::Path;
use std::time::Duration;

use crate::code::cache::Cache;
use crate::code::compile::Compilation;
use crate::code::compiler_process::CompilerProcess;
use crate::engine::Engines;
use crate::error::HostError;
use crate::limits::HostLimits;

/// All that is needed to make code: the limits of plugins, the engines, and the compilation with its cache.
pub(crate) struct Toolchain {
    pub(crate) limits: HostLimits,
    pub(crate) engines: Engines,
    pub(crate) compilation: Compilation,
    /// The size of a plugin, in bytes, from which it starts with baseline code.
    pub(crate) baseline_bytes: usize,
}

impl Toolchain {
    /// Opens the cache, makes the first engine and starts the thread that enforces deadlines.
    pub(crate) fn new(
        limits: HostLimits,
        tick: Duration,
        cache: Option<&Path>,
        compiler: Option<CompilerProcess>,
        baseline_bytes: usize,
    ) -> Result<Self, HostError> {
        let cache = cache.map(|folder| Cache::open(folder, limits.cache_bytes)).transpose()?;
        let engines = Engines::new(&limits, tick)?;
        let compilation = Compilation::new(&limits, cache, compiler);
        Ok(Self { limits, engines, compilation, baseline_bytes })
    }
}
