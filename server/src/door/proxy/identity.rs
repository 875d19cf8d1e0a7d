//! Identities: the headers that name the end user of a verified token to the server behind a proxy.

use guardhouse::AccessToken;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::config::identity::{IdentityHeader, IdentitySource};

/// The longest value, in bytes.
const MAX_VALUE_BYTES: usize = 4 << 10;

/// The longest values of all headers together, in bytes: proxies bound the head of an answer.
const MAX_BYTES: usize = 16 << 10;

/// The identity headers of one request: all that the tenant has, and those without a value are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::door) struct Identity(Vec<(HeaderName, HeaderValue)>);

impl Identity {
    /// The headers for a token; without one, all are empty.
    pub(super) fn of(headers: &[IdentityHeader], token: Option<&AccessToken>) -> Self {
        let mut left = MAX_BYTES;
        let header = |header: &IdentityHeader| {
            let value = token.and_then(|token| value(&header.source, token)).filter(|value| value.len() <= left);
            let value = value.and_then(|value| HeaderValue::try_from(value).ok());
            let value = value.unwrap_or(HeaderValue::from_static(""));
            left = left.saturating_sub(value.len());
            (header.name.clone(), value)
        };
        Self(headers.iter().map(header).collect())
    }

    /// The names and the values.
    pub(in crate::door) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0
    }
}

/// The value of a header; none if the token has none, or none that every reader of headers understands alike.
fn value(source: &IdentitySource, token: &AccessToken) -> Option<String> {
    let value = match source {
        IdentitySource::Subject => token.subject.clone()?,
        IdentitySource::ClientId => token.client_id.clone(),
        IdentitySource::Scopes => joined(&token.scopes, ' ')?,
        IdentitySource::Claim(pointer) => match token.claims.pointer(pointer)? {
            Value::Array(items) => {
                let items: Option<Vec<String>> = items.iter().map(simple).collect();
                joined(&items?, ',')?
            }
            value => simple(value)?,
        },
    };
    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (is_plain && value.len() <= MAX_VALUE_BYTES && value.trim() == value).then_some(value)
}

fn simple(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The items of a list; none if one of them could be read as several, or as none.
fn joined(items: &[String], separator: char) -> Option<String> {
    let is_one = |item: &String| !item.is_empty() && !item.contains(separator) && item.trim() == item;
    items.iter().all(is_one).then(|| items.join(separator.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn header(name: &'static str, source: IdentitySource) -> IdentityHeader {
        IdentityHeader { name: HeaderName::from_static(name), source }
    }

    fn claim(claims: Value, pointer: &str) -> String {
        let token = AccessToken::new("c", [""; 0]).with_claims(claims);
        let headers = [header("x-claim", IdentitySource::Claim(pointer.to_owned()))];
        Identity::of(&headers, Some(&token)).headers()[0].1.to_str().unwrap().to_owned()
    }

    #[test]
    fn every_header_is_there_and_empty_without_a_value() {
        let headers = [
            header("x-user", IdentitySource::Subject),
            header("x-client", IdentitySource::ClientId),
            header("x-scopes", IdentitySource::Scopes),
            header("x-email", IdentitySource::Claim("/email".to_owned())),
        ];
        let values = |token: Option<&AccessToken>| {
            let identity = Identity::of(&headers, token);
            let names: Vec<&HeaderName> = identity.headers().iter().map(|(name, _)| name).collect();
            assert_eq!(names, ["x-user", "x-client", "x-scopes", "x-email"]);
            identity.headers().iter().map(|(_, value)| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values(None), ["", "", "", ""]);
        assert_eq!(values(Some(&AccessToken::new("web", ["a", "b"]))), ["", "web", "a b", ""]);
        let token = AccessToken::new("web", ["a"]).with_subject("alice").with_claims(json!({ "email": "a@b.example" }));
        assert_eq!(values(Some(&token)), ["alice", "web", "a", "a@b.example"]);
        let forged = AccessToken::new("web\r\nx-user: root", ["a b"]).with_subject("é");
        assert_eq!(values(Some(&forged)), ["", "", "", ""]);
    }

    #[test]
    fn a_claim_that_two_readers_could_understand_differently_is_empty() {
        let claims = json!({
            "text": "a, b", "number": 7, "yes": true, "list": ["a", "b", 3], "none": [], "null": null, "object": {},
            "comma": ["a,admin", "b"], "empty": ["", "b"], "nested": [["a"]], "spaces": [" a", "b"], "led": " a",
            "lines": "a\r\nb", "nul": "a\0", "long": "a".repeat(MAX_VALUE_BYTES + 1), "é": "e", "del": "\u{7f}",
        });
        let value = |pointer: &str| claim(claims.clone(), pointer);
        for (pointer, expected) in
            [("/text", "a, b"), ("/number", "7"), ("/yes", "true"), ("/list", "a,b,3"), ("/list/0", "a"), ("/é", "e")]
        {
            assert_eq!(value(pointer), expected, "{pointer}");
        }
        for name in
            ["none", "null", "object", "comma", "empty", "nested", "spaces", "led", "lines", "nul", "long", "del", "x"]
        {
            assert_eq!(value(&format!("/{name}")), "", "{name}");
        }
    }

    #[test]
    fn all_values_together_have_a_bound() {
        let long = "a".repeat(MAX_VALUE_BYTES);
        let token = AccessToken::new("c", [""; 0]).with_subject(&long);
        let headers: Vec<IdentityHeader> = (0..6)
            .map(|index| IdentityHeader {
                name: format!("x-{index}").parse().unwrap(),
                source: IdentitySource::Subject,
            })
            .collect();
        let identity = Identity::of(&headers, Some(&token));
        let lengths: Vec<usize> = identity.headers().iter().map(|(_, value)| value.len()).collect();
        assert_eq!(lengths, [4096, 4096, 4096, 4096, 0, 0]);
    }
}
