//! Compilers and other programs that build a plugin.

use std::ffi::OsStr;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::regular_file;

/// The command that installs the pinned tools of a project which are Python packages.
pub(super) const INSTALL_FROM_PIP: &str =
    "python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt";

/// A program that is run in the folder of a project.
#[derive(Debug)]
pub(super) struct Tool {
    command: Command,
    install: String,
}

impl Tool {
    /// A program, and the command that installs it.
    pub(super) fn new(program: impl AsRef<OsStr>, folder: &Path, install: impl Into<String>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null());
        Self { command, install: install.into() }
    }

    pub(super) fn arguments<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Removes the variables of the environment with which a user sets up builds of other programs, so that the same
    /// source makes the same plugin everywhere. A name that ends in `*` stands for all names that begin so.
    pub(super) fn without(mut self, unwanted: &Unwanted) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| unwanted.has(name)) {
                self.command.env_remove(name);
            }
        }
        self
    }

    pub(super) fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Starts the program. Its standard error is passed on as it is written.
    pub(super) fn start(self) -> Result<Running> {
        self.start_with(Stdio::inherit())
    }

    fn start_with(mut self, errors: Stdio) -> Result<Running> {
        let child = self.command.stdout(Stdio::piped()).stderr(errors).spawn();
        let child = child.map_err(|error| self.start_error(error))?;
        Ok(Running { child: Some(child), name: self.name() })
    }

    /// Runs the program and returns its standard output. Its standard error is passed on as it is written.
    pub(super) fn output(self) -> Result<String> {
        self.start()?.output()
    }

    /// Runs the program, and returns what it wrote if it fails, or none if it succeeds. For programs that write nothing
    /// before they end.
    pub(super) fn complaint(self) -> Result<Option<String>> {
        let Output { status, stdout, stderr } = self.start_with(Stdio::piped())?.ended()?;
        Ok((!status.success()).then(|| String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()))
    }

    /// Runs the program and discards its standard output.
    pub(super) fn run(self) -> Result<()> {
        self.output().map(drop)
    }

    fn name(&self) -> String {
        format!("`{}`", self.command.get_program().display())
    }

    fn start_error(&self, error: std::io::Error) -> anyhow::Error {
        match error.kind() {
            ErrorKind::NotFound => anyhow!("{} is missing; to install it: {}", self.name(), self.install),
            _ => anyhow!(error).context(format!("cannot run {}", self.name())),
        }
    }
}

/// A program that was started. If its end is not waited for, it is killed.
#[derive(Debug)]
pub(super) struct Running {
    /// None after the end.
    child: Option<Child>,
    name: String,
}

impl Running {
    /// Waits until the program ends, and returns its standard output.
    pub(super) fn output(self) -> Result<String> {
        let name = self.name.clone();
        let output = self.ended()?;
        if !output.status.success() {
            // Some programs print their errors to standard output.
            std::io::stderr().write_all(&output.stdout).context("cannot write to standard error")?;
            bail!("{name} failed ({})", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("the output of {name} is not UTF-8"))
    }

    fn ended(mut self) -> Result<Output> {
        let child = self.child.take().context("the program has ended")?;
        child.wait_with_output().with_context(|| format!("cannot read the output of {}", self.name))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The maximum size of a file that a tool wrote, in bytes.
const MAX_OUTPUT_BYTES: u64 = 1 << 30;

/// The variables of the environment that a tool does not get.
#[derive(Debug)]
pub(super) struct Unwanted {
    /// Their names, or beginnings of names, which end in `*`.
    pub(super) names: &'static [&'static str],
    /// The exceptions: where the tool finds its packages and keeps its caches. Written like the names.
    pub(super) except: &'static [&'static str],
}

impl Unwanted {
    fn has(&self, name: &str) -> bool {
        let is_in = |patterns: &[&str]| {
            patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == *pattern,
            })
        };
        is_in(self.names) && !is_in(self.except)
    }
}

/// Reads the file that a tool wrote.
pub(super) fn read_output(path: &Path) -> Result<Vec<u8>> {
    let bytes = regular_file::read_linked(path, MAX_OUTPUT_BYTES);
    let bytes = bytes.with_context(|| format!("the build did not write `{}`", path.display()))?;
    ensure!(!bytes.is_empty(), "the build wrote an empty file `{}`", path.display());
    Ok(bytes)
}

/// The path of a program in the project's `.venv` if it exists there, or else its name, which is looked up in `PATH`.
pub(super) fn in_venv(folder: &Path, program: &str) -> PathBuf {
    let own = venv(folder).join(program);
    if own.exists() { own } else { program.into() }
}

/// The folder of the programs in the project's `.venv`.
pub(super) fn venv(folder: &Path) -> PathBuf {
    folder.join(".venv").join(if cfg!(windows) { "Scripts" } else { "bin" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Tool {
        Tool::new("sh", Path::new("/"), "").arguments(["-c", script])
    }

    #[test]
    fn a_program_that_fails_has_a_complaint_and_no_output() {
        assert_eq!(shell("echo out; echo err >&2; exit 1").complaint().unwrap().as_deref(), Some("out\nerr\n"));
        assert_eq!(shell("echo out; echo err >&2").complaint().unwrap(), None);
        assert_eq!(shell("echo out").output().unwrap(), "out\n");
        let failed = shell("exit 3").output().unwrap_err().to_string();
        assert_eq!(failed, "`sh` failed (exit status: 3)");
        let missing = Tool::new("/none", Path::new("/"), "install it").start().unwrap_err().to_string();
        assert_eq!(missing, "`/none` is missing; to install it: install it");
    }

    #[test]
    fn a_program_whose_end_is_not_waited_for_is_killed() {
        let running = shell("sleep 600").start().unwrap();
        let process = rustix::process::Pid::from_child(running.child.as_ref().unwrap());
        rustix::process::test_kill_process(process).unwrap();
        drop(running);
        rustix::process::test_kill_process(process).unwrap_err();
    }

    #[test]
    fn variables_are_unwanted_by_name_or_by_beginning_unless_they_are_excepted() {
        let unwanted = Unwanted { names: &["CC", "GO*"], except: &["GOPATH", "GOPROXY*"] };
        for name in ["CC", "GO", "GOFLAGS", "GOWORK"] {
            assert!(unwanted.has(name), "{name}");
        }
        for name in ["CCX", "PATH", "GOPATH", "GOPROXY", "GOPROXY_X", "go"] {
            assert!(!unwanted.has(name), "{name}");
        }
    }
}
