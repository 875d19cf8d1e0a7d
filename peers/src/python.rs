//! A Python environment in this folder.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::folder;

/// A virtual environment with the packages of `requirements.txt`.
pub(crate) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Makes the environment, unless it exists already.
    pub(crate) fn set_up() -> Result<Self> {
        let environment = Self { folder: folder().join("target/venv") };
        let requirements = folder().join("requirements.txt");
        let wanted = fs::read_to_string(&requirements).context("cannot read `requirements.txt`")?;
        // Written last, so that an interrupted installation starts again.
        let installed = environment.folder.join("installed.txt");
        if fs::read_to_string(&installed).is_ok_and(|packages| packages == wanted) {
            return Ok(environment);
        }
        eprintln!("installing the packages of requirements.txt");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment.folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"];
        run(environment.python().args(pip).args(["--require-hashes", "--requirement"]).arg(&requirements))?;
        fs::write(&installed, wanted).with_context(|| format!("cannot write `{}`", installed.display()))?;
        Ok(environment)
    }

    /// The environment's interpreter, isolated from the user's variables and packages.
    pub(crate) fn python(&self) -> Command {
        let mut command = Command::new(self.folder.join("bin/python"));
        command.arg("-I");
        command
    }

    /// The folder of an installed package.
    pub(crate) fn package(&self, name: &str) -> Result<PathBuf> {
        let program = "import importlib.util, sys; print(importlib.util.find_spec(sys.argv[1]).origin)";
        let output = self.python().args(["-c", program, name]).stderr(Stdio::inherit()).output()?;
        ensure!(output.status.success(), "the package `{name}` is not installed");
        let file = String::from_utf8(output.stdout)?;
        let folder =
            Path::new(file.trim_end()).parent().with_context(|| format!("the package `{name}` is not in a folder"))?;
        Ok(folder.to_owned())
    }
}

/// Runs a program and fails if it fails. Its output goes to stderr: stdout is for measurements.
fn run(command: &mut Command) -> Result<()> {
    let name = Path::new(command.get_program()).file_name().unwrap_or(OsStr::new("")).to_string_lossy().into_owned();
    let status = command.stdout(std::io::stderr()).status().with_context(|| format!("cannot run `{name}`"))?;
    ensure!(status.success(), "`{name}` failed ({status})");
    Ok(())
}
