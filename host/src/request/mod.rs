//! The request: everything that a check may know of it.

pub(crate) mod component;
mod encoding;
pub(crate) mod json;
mod record_bytes;
mod schema;
pub(crate) mod token;
pub(crate) mod unread;

use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::component::Component;
use self::json::{Json, JsonError, Object};
use self::token::AccessToken;
use self::unread::{UnreadDocument, UnreadDocuments};
use crate::reads::Document;

/// The context of one request: the caller, the accessed component, and everything else that is known.
///
/// It is the same for every check of one decision, and no check can change it (rule S6). Every check gets the record
/// part (token, component, action, now); plugins that import the `request` interface read [`AccessToken::claims`],
/// [`Component::detail`], [`arguments`](Self::arguments) and [`attributes`](Self::attributes) as well.
///
/// ```
/// use guardhouse::{AccessToken, AuthContext, Component};
/// use serde_json::json;
///
/// let token = AccessToken::new("alice-laptop", ["read"]).with_subject("alice").with_claims(json!({ "team": "blue" }));
/// let context = AuthContext::new(Component::tool("transfer").with_tags(["money"]))
///     .with_token(token)
///     .with_action("tools/call")
///     .with_arguments(json!({ "amount": 20 }))
///     .with_attributes(json!({ "peer": { "address": "192.0.2.1" } }));
///
/// // The JSON form has the names of the fields.
/// let read: AuthContext = serde_json::to_string(&context)?.parse()?;
/// assert_eq!(read, context);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In the JSON form, an unknown field is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
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
    pub now: i64,
    /// The arguments of the call; none for a request without a call, such as a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Json>,
    /// Everything else that the enforcement point knows, such as headers and the peer's address, in the layout of
    /// `docs/request.md`.
    #[serde(default, deserialize_with = "json::object_document")]
    pub attributes: Json,
    /// Documents that stand in for the fields above.
    #[serde(skip)]
    pub(crate) unread: UnreadDocuments,
}

impl AuthContext {
    /// The largest document that [`from_slice`](Self::from_slice) reads: 1 MiB.
    pub const MAX_BYTES: usize = 1 << 20;

    /// A request for `component`, now, without a token, an action, arguments or attributes.
    #[must_use]
    pub fn new(component: Component) -> Self {
        Self {
            token: None,
            component,
            action: String::new(),
            now: unix_now(),
            arguments: None,
            attributes: Json::default(),
            unread: UnreadDocuments::default(),
        }
    }

    /// The same request with a token.
    #[must_use]
    pub fn with_token(mut self, token: AccessToken) -> Self {
        self.token = Some(token);
        self
    }

    /// The same request with an action, for example `tools/call`.
    #[must_use]
    pub fn with_action(mut self, action: impl Into<String>) -> Self {
        self.action = action.into();
        self
    }

    /// The same request with the arguments of its call.
    #[must_use]
    pub fn with_arguments(mut self, arguments: impl Into<Json>) -> Self {
        self.arguments = Some(arguments.into());
        self
    }

    /// The same request with attributes: one object, in the layout of `docs/request.md`.
    #[must_use]
    pub fn with_attributes(mut self, attributes: impl Into<Json>) -> Self {
        self.attributes = attributes.into();
        self
    }

    /// The same request with a document as JSON text, which is read when a check first reads the document. It takes the
    /// place of the field, and of the claims of the token: without a token there are none.
    ///
    /// A document that no check reads costs nothing and forbids nothing, whatever its text. A check fails that reads one
    /// which is larger than its [`Limits::context_bytes`](crate::Limits::context_bytes), or not JSON as
    /// [`Json::from_slice`] reads it ([`Cause::UnreadableDocument`](crate::Cause::UnreadableDocument)). The text is not
    /// part of the JSON form of the request.
    #[must_use]
    pub fn with_unread(mut self, document: Document, text: impl Into<Vec<u8>>) -> Self {
        self.unread.set(document, UnreadDocument::text(text.into()));
        self
    }

    /// The same request without a document that belongs to it, for example because the enforcement point cannot know the
    /// arguments: a check that reads the document fails, with this reason for the operator.
    #[must_use]
    pub fn with_unreadable(mut self, document: Document, reason: &str) -> Self {
        self.unread.set(document, UnreadDocument::unreadable(reason));
        self
    }

    /// The same request without the part of a document under a JSON pointer (RFC 6901), which belongs to it, for example
    /// because the enforcement point has only the beginning of a body: a check that reads the part, anything inside of
    /// it, or anything that it is inside of, fails, with this reason for the operator.
    #[must_use]
    pub fn with_unreadable_part(mut self, document: Document, pointer: &str, reason: &str) -> Self {
        self.unread.set_unreadable(document, pointer, reason);
        self
    }

    /// A document of the request, or `None` if the request has none: claims without a token, arguments without a call.
    ///
    /// # Errors
    /// The reason why the document, or a part of it, cannot be read. A text over [`MAX_BYTES`](Self::MAX_BYTES) is not read here.
    pub fn document(&self, document: Document) -> Result<Option<&Json>, JsonError> {
        let has_owner = document != Document::Claim || self.token.is_some();
        if let Some(error) = self.unread.unreadable(document, "").filter(|_| has_owner) {
            return Err(error.clone());
        }
        if let Some(unread) = self.unread.get(document).filter(|_| has_owner) {
            check_size(unread.len())?;
            return unread.read().map(Some).map_err(Clone::clone);
        }
        Ok(match document {
            Document::Claim => self.token.as_ref().map(|token| &token.claims),
            Document::Detail => Some(&self.component.detail),
            Document::Argument => self.arguments.as_ref(),
            Document::Attribute => Some(&self.attributes),
        })
    }

    /// The same request at another time, in seconds since the Unix epoch.
    #[must_use]
    pub fn at(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    /// Reads the JSON form. [`FromStr`] reads it from text.
    ///
    /// # Errors
    /// [`JsonError`], with the path of the mistake: a document over [`MAX_BYTES`](Self::MAX_BYTES), invalid JSON, too
    /// deep nesting, or an unknown, missing, duplicate or ill-typed field. A byte order mark before the document is
    /// ignored.
    pub fn from_slice(document: &[u8]) -> Result<Self, JsonError> {
        check_size(document.len())?;
        json::read::<Object<Self>>(document).map(|object| object.0)
    }

    /// The JSON Schema (2020-12) of the JSON form.
    #[must_use]
    pub fn json_schema() -> Value {
        schema::schema()
    }

    /// The component if it is a tool. FastMCP has the same property, from a time when every component was a tool.
    #[must_use]
    pub fn tool(&self) -> Option<&Component> {
        (self.component.kind == Component::TOOL).then_some(&self.component)
    }

    /// The bytes of text in the record part, which every check gets.
    pub(crate) fn record_bytes(&self) -> usize {
        self.token.as_ref().map_or(0, AccessToken::record_bytes) + self.component.record_bytes() + self.action.len()
    }
}

/// Reads the JSON form, as [`AuthContext::from_slice`] does.
impl FromStr for AuthContext {
    type Err = JsonError;

    fn from_str(document: &str) -> Result<Self, JsonError> {
        Self::from_slice(document.as_bytes())
    }
}

fn check_size(found: usize) -> Result<(), JsonError> {
    let cap = AuthContext::MAX_BYTES;
    if found <= cap { Ok(()) } else { Err(JsonError::new(".", format!("{found} bytes, over the cap of {cap} bytes"))) }
}

fn unix_now() -> i64 {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
