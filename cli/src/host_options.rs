//! The host that a command runs plugins on.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use guardhouse::{CompilerProcess, Host, HostBuilder};

/// The argument with which this program starts itself to compile a plugin. Whoever calls it by hand waits for an order
/// on standard input.
pub(crate) const COMPILE: &str = "compile-plugin";

/// How plugins are compiled.
#[derive(Debug, Clone, Args)]
pub(crate) struct HostOptions {
    /// Keep machine code in this folder, which must be yours alone; a plugin that is there loads at once
    #[arg(long, value_name = "FOLDER", env = "GUARDHOUSE_CACHE", value_hint = ValueHint::DirPath)]
    cache: Option<PathBuf>,
}

impl HostOptions {
    /// A host that compiles in a process of its own.
    pub(crate) fn host(&self) -> Result<Host> {
        Ok(self.builder()?.build()?)
    }

    /// A host whose plugins have their best code before they are asked anything. How fast they are does not change
    /// while they are tested, and nothing is compiled beside them.
    pub(crate) fn optimizing_host(&self) -> Result<Host> {
        Ok(self.builder()?.baseline_from(usize::MAX).build()?)
    }

    fn builder(&self) -> Result<HostBuilder> {
        let program = std::env::current_exe().context("cannot tell where this program is, to start its compiler")?;
        let mut builder = Host::builder().compiler(CompilerProcess { program, arguments: vec![COMPILE.to_owned()] });
        if let Some(folder) = &self.cache {
            builder = builder.cache(folder);
        }
        Ok(builder)
    }
}
