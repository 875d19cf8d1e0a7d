//! Identity headers: what a proxy tells the server behind it of a verified token; and the names that headers may have.

use hyper::header::HeaderName;

/// The most headers of one tenant: of its requests that checks see, and of identities.
pub(super) const MAX_HEADERS: usize = 64;

/// The longest name of a header, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// The longest JSON pointer into the claims, in bytes.
const MAX_POINTER_BYTES: usize = 256;

/// Headers of one connection, of the message itself, and of its place (RFC 9110 sections 7.6, 8.6 and 7.2).
const OF_THE_MESSAGE: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers with secrets of the caller.
const SECRET: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// Headers that an answer of this server has for itself, or that tell a client or a proxy what to do with it.
const OF_THE_ANSWER: &[&str] = &[
    "cache-control",
    "content-encoding",
    "content-type",
    "date",
    "location",
    "server",
    "set-cookie",
    "traceparent",
    "tracestate",
    "via",
    "www-authenticate",
    "x-request-id",
];

/// Prefixes of headers that proxies and this server set.
const OF_PROXIES: &[&str] = &["guardhouse-", "x-accel-", "x-envoy-", "x-forwarded-", "x-original-"];

/// A header that the proxy sets for the server behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityHeader {
    /// Its name, in lower case: letters, digits and `-`.
    pub name: HeaderName,
    /// What it says.
    pub source: IdentitySource,
}

/// The part of a verified token that an identity header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// The subject.
    Subject,
    /// The client.
    ClientId,
    /// The scopes, with spaces between them.
    Scopes,
    /// The claim under a JSON pointer: a text, a number, true or false, or a list of those.
    Claim(String),
}

impl IdentitySource {
    /// Reads `subject`, `client-id`, `scopes`, or a JSON pointer such as `/realm_access/roles`.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        match text {
            "subject" => Ok(Self::Subject),
            "client-id" => Ok(Self::ClientId),
            "scopes" => Ok(Self::Scopes),
            pointer if pointer.starts_with('/') && pointer.len() <= MAX_POINTER_BYTES && is_escaped(pointer) => {
                Ok(Self::Claim(pointer.to_owned()))
            }
            _ => Err("expected `subject`, `client-id`, `scopes`, or a JSON pointer into the claims: `/email`"),
        }
    }
}

/// Whether each `~` of a JSON pointer is an escape (RFC 6901 section 3).
fn is_escaped(pointer: &str) -> bool {
    pointer.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']))
}

/// The name of a header of requests that checks see.
pub(crate) fn passed_name(text: &str) -> Result<HeaderName, &'static str> {
    let name = name(text)?;
    if SECRET.contains(&name.as_str()) || name.as_str().starts_with("guardhouse-") {
        return Err("checks never see this header: it is a secret, or of this server");
    }
    if name == "host" {
        return Err("checks read the host as the attribute `/http/host`");
    }
    if OF_THE_MESSAGE.contains(&name.as_str()) {
        return Err("the header is of one connection, and proxies change it");
    }
    Ok(name)
}

/// The name of an identity header.
pub(super) fn identity_name(text: &str) -> Result<HeaderName, &'static str> {
    let name = name(text)?;
    let word = name.as_str();
    if [OF_THE_MESSAGE, SECRET, OF_THE_ANSWER].iter().any(|names| names.contains(&word)) {
        return Err("the header has a meaning of its own, and cannot name an identity");
    }
    if OF_PROXIES.iter().any(|prefix| word.starts_with(prefix)) || word.starts_with("access-control-") {
        return Err("headers with this prefix have a meaning of their own, and cannot name an identity");
    }
    // Many servers read `_` and `-` as the same, and then a client could send the other spelling.
    if !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err("expected letters, digits and `-`");
    }
    Ok(name)
}

fn name(text: &str) -> Result<HeaderName, &'static str> {
    let name = text.parse::<HeaderName>().ok().filter(|name| name.as_str().len() <= MAX_NAME_BYTES);
    name.ok_or("it is not the name of a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_and_a_header_of_the_connection_are_never_passed_on() {
        for name in ["accept", "X-Team", "content-type", "x_team", "x-forwarded-for", "user-agent"] {
            assert_eq!(passed_name(name).unwrap().as_str(), name.to_ascii_lowercase());
        }
        for name in OF_THE_MESSAGE.iter().chain(SECRET) {
            assert!(passed_name(name).is_err() && passed_name(&name.to_ascii_uppercase()).is_err(), "{name}");
        }
        for name in ["", " ", ":path", "a b", "é", "a:", "Guardhouse-Credential", &"a".repeat(MAX_NAME_BYTES + 1)] {
            assert!(passed_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_identity_header_has_a_name_without_another_meaning() {
        for name in ["x-user", "X-Auth-Roles", "remote-user"] {
            assert_eq!(identity_name(name).unwrap().as_str(), name.to_ascii_lowercase());
        }
        for name in OF_THE_MESSAGE.iter().chain(SECRET).chain(OF_THE_ANSWER) {
            assert!(identity_name(name).is_err() && identity_name(&name.to_ascii_uppercase()).is_err(), "{name}");
        }
        for prefix in OF_PROXIES.iter().chain(&["Access-Control-"]) {
            assert!(identity_name(&format!("{prefix}x")).is_err(), "{prefix}");
        }
        for name in ["", ":authority", "x_user", "x.user", "x user", "x-user\r\n"] {
            assert!(identity_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn an_identity_is_a_part_of_the_token() {
        assert_eq!(IdentitySource::read("subject"), Ok(IdentitySource::Subject));
        assert_eq!(IdentitySource::read("client-id"), Ok(IdentitySource::ClientId));
        assert_eq!(IdentitySource::read("scopes"), Ok(IdentitySource::Scopes));
        assert_eq!(IdentitySource::read("/a~1b/0"), Ok(IdentitySource::Claim("/a~1b/0".to_owned())));
        for text in ["", "email", "Subject", "/a~2", "/a~", &format!("/{}", "a".repeat(MAX_POINTER_BYTES))] {
            assert!(IdentitySource::read(text).is_err(), "{text}");
        }
    }
}
