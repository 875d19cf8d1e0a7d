//! The document that a component has of its origin.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

/// The format of origins that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

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
