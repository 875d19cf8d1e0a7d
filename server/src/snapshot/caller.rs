//! Callers: the requests that may be decided as one batch.

use std::hash::{Hash, Hasher};
use std::io;

use guardhouse::{AccessToken, AuthContext, Document, Json};
use serde::Serialize;
use serde_json::Value;

/// Where AuthZEN's subject stands in the attributes of a request.
const SUBJECT: &str = "/subject";

/// The caller of a request. Two requests are of one caller if they have the same token with the same claims, and the
/// same AuthZEN subject. Without either, nothing is known of the caller but the attributes, which then must be equal.
#[derive(PartialEq, Eq)]
pub(super) struct Caller<'a> {
    token: Option<&'a AccessToken>,
    claims: Option<&'a Value>,
    subject: Option<&'a Value>,
    attributes: Option<&'a Value>,
}

impl<'a> Caller<'a> {
    /// The caller of a request; none if a document that names the caller cannot be read. Such a request is decided
    /// alone.
    pub(super) fn of(context: &'a AuthContext) -> Option<Self> {
        let token = context.token.as_ref();
        let claims = context.document(Document::Claim).ok()?.map(value);
        let attributes = context.document(Document::Attribute).ok()?.map(value);
        let subject = attributes.and_then(|attributes| attributes.pointer(SUBJECT));
        let attributes = if token.is_none() && subject.is_none() { attributes } else { None };
        Some(Self { token, claims, subject, attributes })
    }
}

fn value(json: &Json) -> &Value {
    json
}

/// Everything that distinguishes callers is hashed, so that a list of many callers who differ only late is not compared
/// pair by pair. The bearer secret is not: the claims of two tokens differ too.
impl Hash for Caller<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut writer = Writer(state);
        // The writer never fails; a part without a JSON form would only make more hashes equal.
        let parts = (&self.token, &self.claims, &self.subject, &self.attributes);
        let _ = parts.serialize(&mut serde_json::Serializer::new(&mut writer));
    }
}

struct Writer<'a, H>(&'a mut H);

impl<H: Hasher> io::Write for Writer<'_, H> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use guardhouse::{Component, RawToken};
    use serde_json::json;

    use super::*;

    fn request() -> AuthContext {
        AuthContext::new(Component::tool("t"))
    }

    fn token(client: &str) -> AccessToken {
        AccessToken::new(client, ["read"])
    }

    #[test]
    fn another_component_is_the_same_caller() {
        let (a, b) = (request(), AuthContext::new(Component::tool("u")).with_action("x"));
        assert!(Caller::of(&a) == Caller::of(&b));
        let (a, b) = (a.with_token(token("alice")), b.with_token(token("alice")));
        let b = b.with_attributes(json!({ "path": "/u" }));
        assert!(Caller::of(&a) == Caller::of(&b));
    }

    #[test]
    fn each_part_that_names_the_caller_makes_another_caller() {
        let with = |token: AccessToken| request().with_token(token);
        let alice = with(token("alice"));
        let subject = |name: &str| alice.clone().with_attributes(json!({ "subject": { "id": name } }));
        let others = [
            request(),
            with(token("bob")),
            with(token("alice").with_subject("alice")),
            with(token("alice").with_claims(json!({ "sub": "alice" }))),
            with(token("alice").with_raw(RawToken::new("secret"))),
            with(token("alice").with_expires_at(7)),
            alice.clone().with_unread(Document::Claim, r#"{"sub": "b"}"#),
            subject("alice"),
            subject("bob"),
            request().with_attributes(json!({ "subject": { "id": "bob" } })),
            request().with_attributes(json!({ "peer": { "address": "192.0.2.1" } })),
        ];
        let all: Vec<&AuthContext> = [&alice].into_iter().chain(&others).collect();
        for (index, one) in all.iter().enumerate() {
            for other in &all[index + 1..] {
                assert!(Caller::of(one) != Caller::of(other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_caller_that_cannot_be_read_is_like_no_other() {
        for document in [Document::Claim, Document::Attribute] {
            let unreadable = request().with_token(token("alice")).with_unread(document, "{");
            assert!(Caller::of(&unreadable).is_none());
        }
    }
}
