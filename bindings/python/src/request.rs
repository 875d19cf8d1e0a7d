//! A request, as Python gives it: tuples, and documents as JSON text.

use guardhouse::{AccessToken, AuthContext, Component, Document, RawToken};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;

/// The action, the time, the component, the token, the arguments and the attributes.
#[derive(FromPyObject)]
pub(crate) struct Request(String, i64, ComponentParts, Option<TokenParts>, Option<Text>, Option<Text>);

/// Kind, name, URI, version, tags and detail.
#[derive(FromPyObject)]
struct ComponentParts(String, String, Option<String>, Option<String>, Vec<String>, Option<Text>);

/// Client id, subject, scopes, expiry, resource indicator, bearer secret and claims.
#[derive(FromPyObject)]
struct TokenParts(String, Option<String>, Vec<String>, Option<i64>, Option<String>, Option<String>, Option<Text>);

/// A document as JSON text, or the reason why it cannot be read.
#[derive(FromPyObject)]
enum Text {
    Json(PyBackedBytes),
    Unreadable(String),
}

impl Request {
    pub(crate) fn into_context(self) -> AuthContext {
        let Self(action, now, component, token, arguments, attributes) = self;
        let ComponentParts(kind, name, uri, version, tags, detail) = component;
        let mut accessed = Component::new(kind, name);
        (accessed.uri, accessed.version, accessed.tags) = (uri, version, tags);
        let mut context = AuthContext::new(accessed).with_action(action).at(now);
        let mut documents =
            vec![(Document::Detail, detail), (Document::Argument, arguments), (Document::Attribute, attributes)];
        if let Some(TokenParts(client_id, subject, scopes, expires_at, resource_indicator, raw, claims)) = token {
            let mut token = AccessToken::new(client_id, scopes);
            (token.subject, token.expires_at, token.resource_indicator) = (subject, expires_at, resource_indicator);
            token.raw = raw.map(RawToken::new);
            context = context.with_token(token);
            documents.push((Document::Claim, claims));
        }
        documents.into_iter().fold(context, |context, (document, text)| match text {
            None => context,
            Some(Text::Json(text)) => context.with_unread(document, &*text),
            Some(Text::Unreadable(reason)) => context.with_unreadable(document, &reason),
        })
    }
}
