//! The origin of a component: what it was built from, as the component says itself.

mod comparison;
mod document;
mod section;
mod sources;

use anyhow::Result;

use crate::languages::required_version;
use crate::project::Project;
use crate::regular_file;
use crate::vendored;

pub use comparison::{OriginPart, PartState};
use document::FORMAT;
pub use document::{Origin, SdkDigest, SourceDigest};

pub(crate) use sources::Sources;

/// The maximum size of a manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

impl Origin {
    /// The origin of a component that is built now, of sources that were read before its build. They are left out if they
    /// are others by now.
    pub(crate) fn of_build(project: &Project, before: Option<Sources>) -> Self {
        let now = Self::of_project(project);
        let before = before.map(|before| before.digest());
        let sources = now.sources.filter(|sources| before.as_ref() == Some(sources));
        Self { sources, ..now }
    }

    /// The origin that a component of the project would have.
    fn of_project(project: &Project) -> Self {
        Self {
            format: FORMAT,
            sources: Sources::read(project).ok().map(|sources| sources.digest()),
            locks: sources::locks(project),
            sdk: sdk(project),
            tools: [("guardhouse".to_owned(), env!("CARGO_PKG_VERSION").to_owned())].into(),
        }
    }

    /// Reads the origin in a component; none if it has none.
    ///
    /// # Errors
    ///
    /// The component is invalid, or has an origin that is not one, or several.
    pub fn read(component: &[u8]) -> Result<Option<Self>> {
        section::read(component)
    }

    /// The component with this origin in a section at its end. Its other bytes stay as they are.
    ///
    /// # Errors
    ///
    /// The origin is too large.
    pub(crate) fn add_to(self, component: Vec<u8>) -> Result<Vec<u8>> {
        section::add(self, component)
    }

    /// Compares the origin with the files of a project as they are now.
    #[must_use]
    pub fn compare(&self, project: &Project) -> Vec<OriginPart> {
        comparison::compare(self, &Self::of_project(project))
    }
}

/// The SDK of a project, of its copy or of its manifest.
fn sdk(project: &Project) -> Option<SdkDigest> {
    if let Some((version, digest)) = vendored::state(project.folder()) {
        return Some(SdkDigest { version, digest: Some(digest) });
    }
    let file = project.folder().join(project.language().registry()?.manifest);
    let manifest = regular_file::read_text(&file, MAX_MANIFEST_BYTES).ok()?;
    let version = manifest.get(required_version(&manifest)?)?.parse().ok()?;
    Some(SdkDigest { version, digest: None })
}
