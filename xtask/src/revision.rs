//! Another revision of this repository, built in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::languages;
use crate::process::{cargo_of, output, run as run_command};
use crate::root;

/// Another revision of this repository, with everything that is built of it in a folder of its own.
pub(crate) struct Revision {
    commit: String,
    folder: PathBuf,
}

impl Revision {
    /// The revision with a name that git knows.
    pub(crate) fn of(name: &str) -> Result<Self> {
        let mut git = Command::new("git");
        git.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")]);
        let commit = output(git.current_dir(root()?)).with_context(|| format!("revision `{name}` does not exist"))?;
        let commit = commit.trim().to_owned();
        let folder = root()?.join("target/bench").join(commit.get(..12).unwrap_or(&commit));
        fs::create_dir_all(&folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        Ok(Self { commit, folder })
    }

    /// Its name in tables.
    pub(crate) fn name(&self) -> &str {
        self.commit.get(..12).unwrap_or(&self.commit)
    }

    /// Its program of measurements. What an earlier run has built is taken as it is, here and below.
    pub(crate) fn bench(&self) -> Result<PathBuf> {
        let [bench, _] = self.programs()?;
        Ok(bench)
    }

    /// Its plugin in a language.
    pub(crate) fn plugin(&self, language: &str) -> Result<PathBuf> {
        let folder = self.folder.join("plugins");
        let plugin = folder.join(language).with_extension("wasm");
        if !plugin.is_file() {
            let [_, guardhouse] = self.programs()?;
            let built = languages::build_of(language, &self.source()?, &guardhouse, &self.folder.join("projects"))?;
            languages::copy(vec![(language, built)], &folder)?;
        }
        Ok(plugin)
    }

    /// The folder with its files.
    fn source(&self) -> Result<PathBuf> {
        let source = self.folder.join("source");
        if !source.exists() {
            let (archive, unpacked) = (self.folder.join("source.tar"), self.folder.join("unpacked"));
            if unpacked.exists() {
                fs::remove_dir_all(&unpacked)?;
            }
            fs::create_dir_all(&unpacked)?;
            let mut git = Command::new("git");
            git.args(["archive", "--format=tar", "--output"]).arg(&archive).arg(&self.commit);
            run_command(git.current_dir(root()?))?;
            run_command(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&unpacked))?;
            fs::remove_file(&archive)?;
            fs::rename(&unpacked, &source)?;
        }
        Ok(source)
    }

    /// Its program of measurements and its command, built in its own target folder.
    fn programs(&self) -> Result<[PathBuf; 2]> {
        let programs = ["guardhouse-bench", "guardhouse"];
        let built = programs.map(|name| self.folder.join("programs").join(name));
        if built.iter().all(|path| path.is_file()) {
            return Ok(built);
        }
        let source = self.source()?;
        println!("building {} in `{}`, which takes ten minutes or more", self.commit, source.display());
        let mut cargo = cargo_of(&source);
        cargo.args(["build", "--workspace", "--locked", "--release", "--target-dir"]).arg(source.join("target"));
        for name in programs {
            cargo.args(["--bin", name]);
        }
        run_command(&mut cargo)?;
        fs::create_dir_all(self.folder.join("programs"))?;
        for (name, to) in programs.iter().zip(&built) {
            let from = source.join("target/release").join(name);
            fs::copy(&from, to).with_context(|| format!("cannot copy `{}`", from.display()))?;
        }
        Ok(built)
    }
}
