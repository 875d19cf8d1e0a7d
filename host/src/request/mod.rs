//! The request: all that a check may know of it.

pub(crate) mod json;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::json::{Json, JsonError, Object};

/// One request: who asks, what for, and all that is known of it.
///
/// It is the same for every check of one decision, and no check can change it (rule S6). The record part (token,
/// component, action, now) is given to every check; [`AccessToken::claims`], [`Component::detail`],
/// [`arguments`](Self::arguments) and [`attributes`](Self::attributes) are read by plugins that ask for them.
///
/// Its JSON form has the names of the fields; unknown fields are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthContext {
    /// The verified token; none if the caller did not authenticate.
    #[serde(default, deserialize_with = "json::optional_object")]
    pub token: Option<AccessToken>,
    /// What is being accessed.
    #[serde(deserialize_with = "json::object")]
    pub component: Component,
    /// What is being done with it, for example `tools/call` or `tools/list`; empty if nobody said.
    #[serde(default)]
    pub action: String,
    /// Seconds since the Unix epoch; the host's clock if the document does not say. It is the only clock that a
    /// check has.
    #[serde(default = "unix_now")]
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    pub now: i64,
    /// The arguments of the call; none where nothing is called, as in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Json>,
    /// Anything else that the enforcement point sends: headers, peer address, AuthZEN context.
    #[serde(default, deserialize_with = "json::object_document")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub attributes: Json,
}

/// What a verified OAuth 2.0 access token says.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// The OAuth client that presented the token (RFC 9068 `client_id`).
    pub client_id: String,
    /// Who the token speaks for (RFC 7519 `sub`); none for a client acting for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The scopes granted. Compared by code point, without order, case folding or hierarchy (rule B5).
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Seconds since the Unix epoch; none if the token never expires. Whoever verified the token checked it: no
    /// built-in check looks at it (rule B1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    pub expires_at: Option<i64>,
    /// The resource that the token was issued for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_indicator: Option<String>,
    /// All claims of the token, as one object.
    #[serde(default, deserialize_with = "json::object_document")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub claims: Json,
    /// The secret itself, for plugins under the grant `raw-token`. Never written, in JSON or for debugging.
    #[serde(default, skip_serializing)]
    pub raw: Option<RawToken>,
}

/// The thing being accessed: a tool, a resource, a prompt. The Model Context Protocol's word, not WebAssembly's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// `tool`, `resource`, `resource-template`, `prompt`, or any other kind that the enforcement point names.
    pub kind: String,
    /// The name, unique within its kind.
    pub name: String,
    /// The URI of a resource, or the URI template of a resource template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// The version, where the component has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The labels its author gave it. Labels inside `detail` are not among them (rule B5).
    #[serde(default)]
    pub tags: Vec<String>,
    /// Title, description, input schema, annotations, meta and whatever else is known, as one object.
    #[serde(default, deserialize_with = "json::object_document")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub detail: Json,
}

impl AuthContext {
    /// The largest document that [`from_json`](Self::from_json) reads: 1 MiB.
    pub const MAX_BYTES: usize = 1 << 20;

    /// A request for `component` by nobody, now.
    #[must_use]
    pub fn new(component: Component) -> Self {
        Self {
            token: None,
            component,
            action: String::new(),
            now: unix_now(),
            arguments: None,
            attributes: Json::default(),
        }
    }

    /// The same request with a token.
    #[must_use]
    pub fn with_token(self, token: AccessToken) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`JsonError`], with the path of what is wrong: a document over [`MAX_BYTES`](Self::MAX_BYTES), not JSON,
    /// nested too deeply, with an unknown, missing, duplicate or ill-typed field.
    pub fn from_json(text: &[u8]) -> Result<Self, JsonError> {
        if text.len() > Self::MAX_BYTES {
            let reason = format!("{} bytes, over the cap of {} bytes", text.len(), Self::MAX_BYTES);
            return Err(JsonError::new(".", reason));
        }
        json::read::<Object<Self>>(text).map(|object| object.0)
    }

    /// The JSON Schema (2020-12) of the JSON form.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).into()
    }

    /// The component if it is a tool: the origin's older name for it.
    #[must_use]
    pub fn tool(&self) -> Option<&Component> {
        (self.component.kind == "tool").then_some(&self.component)
    }

    /// The bytes of text in the record part, which every check is given.
    pub(crate) fn record_bytes(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let list = |texts: &[String]| texts.iter().map(|text| text.len() + 8).sum::<usize>();
        let token = self.token.as_ref().map_or(0, |token| {
            token.client_id.len() + optional(&token.subject) + list(&token.scopes) + optional(&token.resource_indicator)
        });
        let component = &self.component;
        token
            + component.kind.len()
            + component.name.len()
            + optional(&component.uri)
            + optional(&component.version)
            + list(&component.tags)
            + self.action.len()
    }
}

impl AccessToken {
    /// A token of `client_id` with `scopes`.
    pub fn new<S: Into<String>>(client_id: impl Into<String>, scopes: impl IntoIterator<Item = S>) -> Self {
        Self { client_id: client_id.into(), scopes: scopes.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Whether `scope` was granted.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }
}

impl Component {
    /// A component of `kind` (`tool`, `resource`, …) named `name`.
    pub fn new(kind: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind: kind.into(), name: name.into(), ..Self::default() }
    }

    /// Whether its author labelled it `tag`.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|held| held == tag)
    }
}

/// A bearer secret: read with [`expose`](Self::expose), never written by accident.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct RawToken(String);

impl RawToken {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RawToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawToken(…)")
    }
}

fn unix_now() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
