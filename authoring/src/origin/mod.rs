//! The origin of a component: what it was built from, as the component says itself.

mod comparison;
mod section;
mod sources;

use std::collections::BTreeMap;

use anyhow::Result;
use semver::Version;
use serde::{Deserialize, Serialize};

use crate::languages::required_version;
use crate::project::Project;
use crate::regular_file;
use crate::vendored;

pub use comparison::{OriginPart, PartState};

pub(crate) use sources::Sources;

/// The format of origins that this program writes and reads.
const FORMAT: u32 = 1;

/// The maximum size of a manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 1 << 20;

/// What a component was built from: a section of the component, which its build wrote. It proves nothing: anybody can write
/// any origin into a component.
///
/// It has no path of the machine, no name of a user and no time: the same sources have the same origin everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Origin {
    /// The format of this document: 1.
    pub format: u32,
    /// The sources; none if they could not be read, or changed during the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<SourceDigest>,
    /// The digest of each file that pins dependencies or tools, by its name.
    #[serde(default)]
    pub locks: BTreeMap<String, String>,
    /// The SDK; none if it is outside of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sdk: Option<SdkDigest>,
    /// The versions of the tools that are known, by their names.
    #[serde(default)]
    pub tools: BTreeMap<String, String>,
}

/// The sources of a component: the files of its project, without its cases, hidden files, what tools write, the copy of
/// the SDK, and the files that pin versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SourceDigest {
    /// The digest of all files together: of a line for each with its digest and its path, sorted by path.
    pub digest: String,
    /// The digest of each file, by its path; empty if they are too many for a component.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
}

/// The SDK of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SdkDigest {
    /// Its version, or the beginning of the range in a manifest.
    pub version: Version,
    /// The digest of its copy in the project; none if it is from a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

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
