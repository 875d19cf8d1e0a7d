//! The request: everything that a check may know of it.

pub(crate) mod json;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::json::{Json, JsonError, Object};

/// The context of one request: the caller, the accessed component, and everything else that is known.
///
/// It is the same for every check of one decision, and no check can change it (rule S6). Every check gets the record
/// part (token, component, action, now); plugins that import the `request` interface read [`AccessToken::claims`],
/// [`Component::detail`], [`arguments`](Self::arguments) and [`attributes`](Self::attributes) as well.
///
/// The JSON form has the names of the fields; an unknown field is an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthContext {
    /// The verified token; none if the caller did not authenticate.
    #[serde(default, deserialize_with = "json::optional_object")]
    pub token: Option<AccessToken>,
    /// The accessed component.
    #[serde(deserialize_with = "json::object")]
    pub component: Component,
    /// The action on the component, for example `tools/call` or `tools/list`; empty if unknown.
    #[serde(default)]
    pub action: String,
    /// The time of the request in seconds since the Unix epoch; by default that of the host's clock. It is the only
    /// clock of a check.
    #[serde(default = "unix_now")]
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    pub now: i64,
    /// The arguments of the call; none for a request without a call, such as a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Json>,
    /// Everything else that the enforcement point knows, such as headers and the peer's address, in the layout of
    /// `docs/request.md`.
    #[serde(default, deserialize_with = "json::object_document")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub attributes: Json,
}

/// The content of a verified OAuth 2.0 access token.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessToken {
    /// The OAuth client that presented the token (RFC 9068 `client_id`).
    pub client_id: String,
    /// The subject of the token (RFC 7519 `sub`); none for a client that acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The granted scopes. They are compared by code point, without order, case folding or hierarchy (rule B5).
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The time of expiry in seconds since the Unix epoch; none if the token never expires. The verifier of the token
    /// has checked it: no built-in check does (rule B1).
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
    /// The bearer secret, for plugins with the grant `raw-token`. It is never serialized, nor shown by `Debug`.
    #[serde(default, skip_serializing)]
    pub raw: Option<RawToken>,
}

/// The accessed component: a tool, a resource, a prompt. The word is the Model Context Protocol's, not WebAssembly's.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
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
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub detail: Json,
}

impl AuthContext {
    /// The largest document that [`from_json`](Self::from_json) reads: 1 MiB.
    pub const MAX_BYTES: usize = 1 << 20;

    /// A request for `component`, now and without a token.
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
    /// [`JsonError`], with the path of the mistake: a document over [`MAX_BYTES`](Self::MAX_BYTES), invalid JSON, too
    /// deep nesting, or an unknown, missing, duplicate or ill-typed field.
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

    /// The component if it is a tool. FastMCP has the same property, from a time when every component was a tool.
    #[must_use]
    pub fn tool(&self) -> Option<&Component> {
        (self.component.kind == "tool").then_some(&self.component)
    }

    /// The bytes of text in the record part, which every check gets.
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
    /// A token of a client, with these scopes.
    pub fn new<S: Into<String>>(client_id: impl Into<String>, scopes: impl IntoIterator<Item = S>) -> Self {
        Self { client_id: client_id.into(), scopes: scopes.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Whether the token has the scope.
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

    /// Whether it has the tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|held| held == tag)
    }
}

/// A bearer secret. Only [`expose`](Self::expose) reads it; `Debug` does not show it.
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
