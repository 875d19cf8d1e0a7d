//! The accessed component of a request.

use serde::{Deserialize, Serialize};

use crate::request::json::{self, Json};
use crate::request::record_bytes;

/// The accessed component: a tool, a resource, a prompt. The word is the Model Context Protocol's, not WebAssembly's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Component {
    /// The kind: `tool`, `resource`, `resource-template`, `prompt`, or another one of `docs/request.md`.
    pub kind: String,
    /// The name, unique within its kind.
    pub name: String,
    /// The URI of a resource, or the URI template of a resource template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The version, if the component has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The tags that its author gave it. Tags inside `detail` do not count (rule B5).
    #[serde(default)]
    pub tags: Vec<String>,
    /// Everything else that is known of the component, as one object: title, description, input schema, annotations,
    /// meta.
    #[serde(default, deserialize_with = "json::object_document")]
    pub detail: Json,
}

impl Component {
    /// The kind of a tool.
    pub const TOOL: &str = "tool";
    /// The kind of a resource.
    pub const RESOURCE: &str = "resource";
    /// The kind of a resource template.
    pub const RESOURCE_TEMPLATE: &str = "resource-template";
    /// The kind of a prompt.
    pub const PROMPT: &str = "prompt";

    /// A component of any kind. For the kinds of the Model Context Protocol there are [`tool`](Self::tool),
    /// [`resource`](Self::resource), [`resource_template`](Self::resource_template) and [`prompt`](Self::prompt).
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into(), ..Self::default() }
    }

    /// A tool.
    pub fn tool(name: impl Into<String>) -> Self {
        Self::new(Self::TOOL, name)
    }

    /// A resource.
    pub fn resource(name: impl Into<String>, uri: impl Into<String>) -> Self {
        Self::new(Self::RESOURCE, name).with_uri(uri)
    }

    /// A resource template.
    pub fn resource_template(name: impl Into<String>, uri_template: impl Into<String>) -> Self {
        Self::new(Self::RESOURCE_TEMPLATE, name).with_uri(uri_template)
    }

    /// A prompt.
    pub fn prompt(name: impl Into<String>) -> Self {
        Self::new(Self::PROMPT, name)
    }

    /// The same component with a URI, or a URI template.
    #[must_use]
    pub fn with_uri(mut self, uri: impl Into<String>) -> Self {
        self.uri = Some(uri.into());
        self
    }

    /// The same component with a version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// The same component with these tags instead of its own.
    #[must_use]
    pub fn with_tags<S: Into<String>>(mut self, tags: impl IntoIterator<Item = S>) -> Self {
        self.tags = tags.into_iter().map(Into::into).collect();
        self
    }

    /// The same component with everything else that is known of it: one object.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Json>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Whether it has the tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|held| held == tag)
    }

    /// The bytes of text in the record part.
    pub(super) fn record_bytes(&self) -> usize {
        self.kind.len()
            + self.name.len()
            + record_bytes::optional(self.uri.as_ref())
            + record_bytes::optional(self.version.as_ref())
            + record_bytes::list(&self.tags)
    }
}
