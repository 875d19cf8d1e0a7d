//! The token of a request.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::request::json::{self, Json};
use crate::request::record_bytes;

/// The content of a verified OAuth 2.0 access token.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
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
    pub expires_at: Option<i64>,
    /// The resource that the token was issued for (RFC 8707).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_indicator: Option<String>,
    /// All claims of the token, as one object.
    #[serde(default, deserialize_with = "json::object_document")]
    pub claims: Json,
    /// The bearer secret, for plugins with the grant `raw-token`. It is never serialized, nor shown by `Debug`.
    #[serde(default, skip_serializing)]
    pub raw: Option<RawToken>,
}

impl AccessToken {
    /// A token of a client, with these scopes.
    pub fn new<S: Into<String>>(client_id: impl Into<String>, scopes: impl IntoIterator<Item = S>) -> Self {
        Self { client_id: client_id.into(), scopes: scopes.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same token with a subject.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same token with a time of expiry, in seconds since the Unix epoch.
    #[must_use]
    pub fn with_expires_at(mut self, seconds: i64) -> Self {
        self.expires_at = Some(seconds);
        self
    }

    /// The same token with the resource that it was issued for.
    #[must_use]
    pub fn with_resource_indicator(mut self, resource: impl Into<String>) -> Self {
        self.resource_indicator = Some(resource.into());
        self
    }

    /// The same token with claims: one object.
    #[must_use]
    pub fn with_claims(mut self, claims: impl Into<Json>) -> Self {
        self.claims = claims.into();
        self
    }

    /// The same token with its bearer secret.
    #[must_use]
    pub fn with_raw(mut self, secret: RawToken) -> Self {
        self.raw = Some(secret);
        self
    }

    /// Whether the token has the scope.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// The bytes of text in the record part.
    pub(super) fn record_bytes(&self) -> usize {
        self.client_id.len()
            + record_bytes::optional(self.subject.as_ref())
            + record_bytes::list(&self.scopes)
            + record_bytes::optional(self.resource_indicator.as_ref())
    }
}

/// A bearer secret. Only [`expose`](Self::expose) reads it; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
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
