//! What a component says of its origin, and whether a folder still has what it was built from.

use std::path::Path;

use anyhow::{Context, Result};
use guardhouse_authoring::{Change, Origin, OriginPart, PartState, Project, SourceDigest};
use serde::Serialize;

use crate::text::{Fields, escaped, grouped};

/// The most files that the text form lists for one part.
const MAX_LISTED: usize = 20;

/// What a component says of its origin.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum ComponentOrigin {
    Said(Origin),
    /// It has a section for an origin, which is not one.
    Invalid {
        error: String,
    },
}

/// The comparison of an origin with a folder.
#[derive(Debug, Serialize)]
pub(crate) struct SourceComparison {
    /// The folder as it was written on the command line.
    folder: String,
    /// Whether every part is equal.
    equal: bool,
    parts: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    part: &'static str,
    state: &'static str,
    /// What became of files in the folder since the component was built.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    path: String,
    change: String,
}

impl ComponentOrigin {
    /// The origin in a component; none if it has none, or is not a component.
    pub(crate) fn of(component: &[u8]) -> Option<Self> {
        match Origin::read(component) {
            Ok(origin) => origin.map(Self::Said),
            // A file that is not a component has an error of its own.
            Err(error) if error.to_string().starts_with("the component is invalid") => None,
            Err(error) => Some(Self::Invalid { error: format!("{error:#}") }),
        }
    }

    /// The lines of the text form.
    pub(crate) fn add_to(&self, fields: &mut Fields) {
        let origin = match self {
            Self::Said(origin) => origin,
            Self::Invalid { error } => return fields.add("origin", error),
        };
        let mut lines = Vec::new();
        match &origin.sources {
            None => lines.push("sources    unknown".to_owned()),
            Some(SourceDigest { digest, files, .. }) if files.is_empty() => lines.push(format!("sources    {digest}")),
            Some(SourceDigest { digest, files, .. }) => {
                lines.push(format!("sources    {digest} ({} files)", grouped(files.len())));
            }
        }
        lines.extend(origin.locks.iter().map(|(name, digest)| format!("lock file  {digest} ({name})")));
        match &origin.sdk {
            None => lines.push("SDK        unknown".to_owned()),
            Some(sdk) => {
                let digest = sdk.digest.as_ref().map(|digest| format!(" {digest}")).unwrap_or_default();
                lines.push(format!("SDK        {}{digest}", sdk.version));
            }
        }
        lines.extend(origin.tools.iter().map(|(name, version)| format!("tool       {name} {version}")));
        fields.add_each("origin", lines);
    }
}

impl SourceComparison {
    /// Compares what a component says with a project's folder. Without an origin, nothing is known.
    pub(crate) fn new(origin: Option<&ComponentOrigin>, folder: &Path) -> Result<Self> {
        let project = Project::open(folder).context("cannot compare the plugin with its sources")?;
        let parts = match origin {
            Some(ComponentOrigin::Said(origin)) => origin.compare(&project).into_iter().map(Part::new).collect(),
            _ => vec![Part { part: "origin", state: "unknown", files: Vec::new() }],
        };
        let equal = parts.iter().all(|part| part.state == "equal" || part.is_sdk_of_nobody(origin));
        Ok(Self { folder: folder.display().to_string(), equal, parts })
    }

    /// Whether the component says that it was built from what is in the folder.
    pub(crate) fn is_equal(&self) -> bool {
        self.equal
    }

    /// The lines of the text form.
    pub(crate) fn add_to(&self, fields: &mut Fields) {
        let mut lines = Vec::new();
        for part in &self.parts {
            lines.push(format!("{:9}  {}", part.part, part.state));
            let listed = part.files.iter().take(MAX_LISTED);
            lines.extend(listed.map(|file| format!("           {:7}  {}", file.change, escaped(&file.path))));
            let more = part.files.len().saturating_sub(MAX_LISTED);
            if more > 0 {
                lines.push(format!("           and {} more files", grouped(more)));
            }
        }
        fields.add_each("compared", lines);
    }
}

impl Part {
    fn new(part: OriginPart) -> Self {
        let state = match part.state {
            PartState::Equal => "equal",
            PartState::Differs => "differs",
            PartState::Unknown => "unknown",
        };
        let file = |change: Change| File { path: change.path, change: change.kind.to_string() };
        Self { part: part.name, state, files: part.changes.into_iter().map(file).collect() }
    }

    /// Whether neither the component nor the folder has an SDK: it is outside of the project, as in the repository of the
    /// SDKs.
    fn is_sdk_of_nobody(&self, origin: Option<&ComponentOrigin>) -> bool {
        let is_said = matches!(origin, Some(ComponentOrigin::Said(origin)) if origin.sdk.is_none());
        self.part == "sdk" && self.state == "unknown" && is_said
    }
}
