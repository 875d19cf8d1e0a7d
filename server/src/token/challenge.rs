//! The challenge for a refused end user: `WWW-Authenticate` (RFC 6750 section 3, RFC 9728 section 5.1).

use hyper::header::HeaderValue;

/// The longest challenge, in bytes. Scopes that have no room are left out, all of them: a part would ask for too little.
const MAX_BYTES: usize = 4 << 10;

/// What is wrong with the token of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge<'a> {
    /// There is none.
    NoToken,
    /// It is invalid, or has expired.
    InvalidToken,
    /// It lacks scopes: all that the request needs, or those that are missing.
    InsufficientScope(&'a [String]),
}

impl Challenge<'_> {
    /// The value of the header, with the URL of the metadata of the resource if there is one. A scope with characters
    /// that no scope has (RFC 6749 section 3.3) is left out with all others, and so is such a URL.
    #[must_use]
    pub fn header(self, resource_metadata: Option<&str>) -> HeaderValue {
        let mut parameters = Vec::new();
        match self {
            Self::NoToken => {}
            Self::InvalidToken => parameters.push(r#"error="invalid_token""#.to_owned()),
            Self::InsufficientScope(scopes) => {
                parameters.push(r#"error="insufficient_scope""#.to_owned());
                parameters.extend(scope(scopes));
            }
        }
        let url = resource_metadata.filter(|url| url.len() <= MAX_BYTES && url.bytes().all(is_scope_byte));
        parameters.extend(url.map(|url| format!("resource_metadata=\"{url}\"")));
        let separator = if parameters.is_empty() { "" } else { " " };
        let text = format!("Bearer{separator}{}", parameters.join(", "));
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

fn scope(scopes: &[String]) -> Option<String> {
    let bytes = scopes.iter().fold(0_usize, |sum, scope| sum.saturating_add(scope.len()).saturating_add(1));
    let is_scope = |scope: &String| !scope.is_empty() && scope.bytes().all(is_scope_byte);
    let is_written = !scopes.is_empty() && bytes <= MAX_BYTES && scopes.iter().all(is_scope);
    is_written.then(|| format!("scope=\"{}\"", scopes.join(" ")))
}

/// NQCHAR of RFC 6749: it needs no quoting.
fn is_scope_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"' && byte != b'\\'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const METADATA: &str = "https://shop.example/.well-known/oauth-protected-resource";

    #[test]
    fn each_challenge_says_what_is_wrong() {
        let scopes = ["pay".to_owned(), "read:all".to_owned()];
        let of = |challenge: Challenge<'_>, metadata| challenge.header(metadata).to_str().unwrap().to_owned();
        assert_eq!(of(Challenge::NoToken, None), "Bearer");
        assert_eq!(of(Challenge::NoToken, Some(METADATA)), format!("Bearer resource_metadata=\"{METADATA}\""));
        assert_eq!(of(Challenge::InvalidToken, None), r#"Bearer error="invalid_token""#);
        let expected = format!("Bearer error=\"invalid_token\", resource_metadata=\"{METADATA}\"");
        assert_eq!(of(Challenge::InvalidToken, Some(METADATA)), expected);
        let expected = r#"Bearer error="insufficient_scope", scope="pay read:all""#;
        assert_eq!(of(Challenge::InsufficientScope(&scopes), None), expected);
        let expected = format!("{expected}, resource_metadata=\"{METADATA}\"");
        assert_eq!(of(Challenge::InsufficientScope(&scopes), Some(METADATA)), expected);
        assert_eq!(of(Challenge::InsufficientScope(&[]), None), r#"Bearer error="insufficient_scope""#);
    }

    #[test]
    fn a_hostile_scope_or_url_is_left_out() {
        let bare = r#"Bearer error="insufficient_scope""#;
        let long = "a".repeat(MAX_BYTES);
        for hostile in ["a\", realm=\"x", "a\\", "a b", "", "a\r\nSet-Cookie: x", "ä", "a\0", "\u{7f}", &long] {
            let scopes = ["pay".to_owned(), hostile.to_owned()];
            assert_eq!(Challenge::InsufficientScope(&scopes).header(None), bare, "{hostile:?}");
            if hostile != long && !hostile.is_empty() {
                assert_eq!(Challenge::NoToken.header(Some(hostile)), "Bearer", "{hostile:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_scope_ends_its_value(scopes in prop::collection::vec(any::<String>(), 0..4), url in any::<String>()) {
            let value = Challenge::InsufficientScope(&scopes).header(Some(&url));
            let value = value.to_str().unwrap();
            let parameters = value.strip_prefix("Bearer ").unwrap().split_inclusive('"').collect::<Vec<_>>();
            prop_assert!(parameters.len() <= 6 && parameters.len().is_multiple_of(2), "{}", value);
            for (pair, name) in parameters.chunks(2).zip(["error=\"", ", scope=\"", ", resource_metadata=\""]) {
                prop_assert!(pair[0] == name || pair[0] == ", resource_metadata=\"", "{}", value);
                prop_assert!(pair[1].bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic() && byte != b'\\'));
            }
        }
    }
}
