//! The host that a command runs plugins on.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use guardhouse::{CompilerProcess, Host, HostBuilder};

/// The argument with which this program starts itself as a compiler process. Called by hand, it waits for a plugin on
/// standard input.
pub(crate) const COMPILE: &str = "compile-plugin";

/// How plugins are compiled.
#[derive(Debug, Clone, Args)]
pub(crate) struct HostOptions {
    /// Keep machine code in this folder, from which a plugin loads faster the next time; no other user may have
    /// access to it
    #[arg(long, value_name = "FOLDER", env = "GUARDHOUSE_CACHE", value_hint = ValueHint::DirPath)]
    cache: Option<PathBuf>,
}

impl HostOptions {
    /// A host that compiles each plugin in a process of its own.
    pub(crate) fn host(&self) -> Result<Host> {
        Ok(self.builder()?.build()?)
    }

    /// A host whose plugins have optimized code from the start: their speed does not change during a test, and nothing
    /// is compiled in the background.
    pub(crate) fn optimizing_host(&self) -> Result<Host> {
        Ok(self.builder()?.baseline_from(usize::MAX).build()?)
    }

    fn builder(&self) -> Result<HostBuilder> {
        let program = std::env::current_exe().context("cannot find this program to start it as a compiler")?;
        let mut builder = Host::builder().compiler(CompilerProcess::new(program).argument(COMPILE));
        if let Some(folder) = &self.cache {
            builder = builder.cache(folder);
        }
        Ok(builder)
    }
}
