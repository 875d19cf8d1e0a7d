//! The component of a build for servers, until it is tested.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use guardhouse_authoring::{Profile, Project};

/// The component of a build for servers, in a folder from which no server loads it: `build/candidate/NAME.wasm`.
#[derive(Debug)]
pub(crate) struct Candidate {
    path: PathBuf,
}

impl Candidate {
    /// The candidate of a project, whether it exists or not.
    pub(crate) fn of(project: &Project) -> Self {
        let release = project.component(Profile::Release);
        let folder = release.parent().unwrap_or(project.folder()).join("candidate");
        Self { path: folder.join(project.name()).with_extension("wasm") }
    }

    /// The path of the component.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the candidate the release of its project, at once.
    pub(crate) fn release(self, project: &Project) -> Result<()> {
        let release = project.component(Profile::Release);
        let moved = fs::rename(&self.path, &release);
        moved.with_context(|| format!("cannot move `{}` to `{}`", self.path.display(), release.display()))?;
        // The folder may have the candidates of other names.
        let _ = self.path.parent().map(fs::remove_dir);
        Ok(())
    }

    /// Removes the candidate of an earlier build.
    pub(super) fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove `{}`", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Writes the component of a build, at once.
    pub(super) fn write(&self, component: &[u8]) -> Result<()> {
        let write = || -> io::Result<()> {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            // The permissions of a new file, from which the process's mask is taken.
            let permissions = Permissions::from_mode(0o666);
            let mut draft = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
            draft.write_all(component)?;
            draft.persist(&self.path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}
