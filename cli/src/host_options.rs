//! The host that a command runs plugins on.

use std::fmt::Display;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use guardhouse::{CompilerProcess, Host, HostBuilder, HostError, HostLimits};
use guardhouse_server::config::ServerConfig;

use crate::cache_folder::{CacheFolder, Origin};
use crate::named_limit::{NamedLimit, with_changes};
use crate::notes::note;

/// The argument with which this program starts itself as a compiler process. Called by hand, it waits for a plugin on
/// standard input.
pub(crate) const COMPILE: &str = "compile-plugin";

/// The limits of a host that must be more than zero: with less, no plugin could be loaded.
const MORE_THAN_ZERO: &[&str] = &[
    "cache_bytes",
    "code_bytes",
    "compiler_bytes",
    "compiler_time",
    "compilers",
    "core_instances",
    "function_bytes",
    "functions",
    "imports",
    "instances",
    "instantiations",
    "items",
    "large_instances",
    "memory_bytes",
    "modules",
    "nesting",
    "plugin_bytes",
    "resident_images",
    "resident_plugins",
    "stack_bytes",
    "standby_checks",
    "turns",
    "types",
];

/// The limits of all plugins together, and the cache of machine code.
#[derive(Debug, Clone, Args)]
pub(crate) struct HostOptions {
    #[command(flatten)]
    cache: CacheOptions,

    #[arg(long = "host-limit", value_name = "NAME=VALUE", value_parser = NamedLimit::parser::<HostLimits>(MORE_THAN_ZERO))]
    #[arg(help = "A limit of all plugins together; may be repeated. `--help` lists them")]
    #[arg(long_help = NamedLimit::help::<HostLimits>("A limit of all plugins together; may be repeated"))]
    limits: Vec<NamedLimit>,
}

/// The cache of machine code.
#[derive(Debug, Clone, Args)]
pub(crate) struct CacheOptions {
    /// Keep machine code in this folder, from which a plugin loads faster the next time; no other user may have
    /// access to it [default: `guardhouse` in the user's folder for caches]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, conflicts_with = "no_cache")]
    cache: Option<PathBuf>,

    /// Keep no machine code
    #[arg(long)]
    no_cache: bool,
}

impl HostOptions {
    /// A host that compiles each plugin in a process of its own, and nothing in the background. All commands make it
    /// alike, so that they share the machine code in the cache.
    pub(crate) fn host(&self) -> Result<Host> {
        self.built(|builder| builder)
    }

    /// Like [`host`](Self::host), and every plugin is compiled with the optimizing compiler before it is called.
    pub(crate) fn optimizing_host(&self) -> Result<Host> {
        self.built(|builder| builder.baseline_from(usize::MAX))
    }

    fn built(&self, change: impl FnOnce(HostBuilder) -> HostBuilder) -> Result<Host> {
        let limits = with_changes(&HostLimits::default(), &self.limits, "--host-limit")?;
        let builder = change(Host::builder().compiler(compiler()?).limits(limits).without_background());
        match self.cache.folder() {
            None => Ok(builder.build()?),
            Some(folder) => host_with_cache(builder, &folder),
        }
    }
}

/// The host of a build, in which a language's runtime imports the modules of a project.
pub(crate) fn building_host(cache: &CacheFolder) -> Result<Host> {
    // A state is a part of the runtime, which is as large as a plugin may be, and its files.
    let limits = HostLimits { image_bytes: BUILD_BYTES, ..HostLimits::default() };
    let builder = Host::builder().compiler(compiler()?).limits(limits).without_background();
    Ok(builder.cache(&cache.path).build()?)
}

/// The maximum size of the state of a plugin while it is built.
const BUILD_BYTES: usize = 256 << 20;

/// The host of a server. Its cache is that of the commands, unless the configuration names another one.
pub(crate) fn server_host(config: &ServerConfig) -> Result<Host> {
    let builder = Host::builder().compiler(compiler()?).limits(config.host.host_limits()).tick(config.host.tick);
    match CacheFolder::find(config.cache.as_deref()) {
        None => Ok(builder.build()?),
        Some(folder) => host_with_cache(builder, &folder),
    }
}

/// This program as a compiler.
fn compiler() -> Result<CompilerProcess> {
    let program = std::env::current_exe().context("cannot find this program to start it as a compiler")?;
    Ok(CompilerProcess::new(program).argument(COMPILE))
}

impl CacheOptions {
    /// The folder of the cache, or none without a cache.
    fn folder(&self) -> Option<CacheFolder> {
        if self.no_cache {
            return None;
        }
        let folder = CacheFolder::find(self.cache.as_deref());
        if folder.as_ref().is_none_or(|folder| folder.origin == Origin::Default) && CacheFolder::is_variable_ignored() {
            note(&"`XDG_CACHE_HOME` is ignored, because it is not an absolute path");
        }
        if folder.is_none() {
            note(&"machine code is not cached, because `HOME` is not set; `--cache FOLDER` names a folder");
        }
        folder
    }
}

/// A host with a cache. A default folder that cannot be used is not an error, because nobody asked for it.
fn host_with_cache(builder: HostBuilder, folder: &CacheFolder) -> Result<Host> {
    let is_default = folder.origin == Origin::Default;
    let without = |reason: &dyn Display| {
        note(&format!("machine code is not cached: {reason}; `--cache FOLDER` names another folder"));
        Ok(builder.clone().build()?)
    };
    if let Some(owned) = folder.foreign_parent().filter(|_| is_default) {
        return without(&format!("`{}` belongs to another user", owned.display()));
    }
    match builder.clone().cache(&folder.path).build() {
        Err(error @ HostError::Cache { .. }) if is_default => without(&error),
        Err(error @ HostError::Cache { .. }) => Err(error).context(folder.origin.name()),
        built => {
            if !folder.is_writable() {
                note(&format!("new machine code is not cached: `{}` cannot be written", folder.path.display()));
            }
            Ok(built?)
        }
    }
}
