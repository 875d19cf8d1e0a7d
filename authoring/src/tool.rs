//! The programs of others that build a plugin.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// What makes the pinned tools of a project that come as Python packages.
pub(crate) const INSTALL_FROM_PIP: &str =
    "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt";

/// A program that builds, run in the folder of a project.
#[derive(Debug)]
pub(crate) struct Tool {
    command: Command,
    install: String,
}

impl Tool {
    /// A program and the one command that installs it.
    pub(crate) fn new(program: impl AsRef<OsStr>, folder: &Path, install: impl Into<String>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        Self { command, install: install.into() }
    }

    pub(crate) fn arguments<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it; what it prints to its standard error is shown, and what it prints otherwise is the answer.
    pub(crate) fn output(mut self) -> Result<String> {
        let output = self.command.stderr(Stdio::inherit()).output();
        let output = output.map_err(|error| self.not_started(error))?;
        if !output.status.success() {
            // What it has to say of that may be in either of its streams.
            std::io::stderr().write_all(&output.stdout).context("cannot write to standard error")?;
            bail!("{} failed ({})", self.name(), output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("{} printed what is no text", self.name()))
    }

    /// Runs it for its effects.
    pub(crate) fn run(self) -> Result<()> {
        self.output().map(drop)
    }

    fn name(&self) -> String {
        format!("`{}`", self.command.get_program().display())
    }

    fn not_started(&self, error: std::io::Error) -> anyhow::Error {
        match error.kind() {
            ErrorKind::NotFound => anyhow!("{} is missing; this installs it: {}", self.name(), self.install),
            _ => anyhow!(error).context(format!("cannot run {}", self.name())),
        }
    }
}

/// A program of the project's own `.venv`, or else the one on the path.
pub(crate) fn in_venv(folder: &Path, program: &str) -> PathBuf {
    let own = venv(folder).join(program);
    if own.exists() { own } else { program.into() }
}

/// Where the project's own `.venv` keeps its programs.
pub(crate) fn venv(folder: &Path) -> PathBuf {
    folder.join(".venv").join(if cfg!(windows) { "Scripts" } else { "bin" })
}
