//! Dialects: how a proxy describes the request that it asks about.

use std::net::IpAddr;
use std::time::Duration;

use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{HeaderMap, StatusCode};

use crate::door::proxy::{Client, InvalidRequest, ProxyRequest, text};

/// The time that Envoy waits, in milliseconds. It sets the header on each request that it sends.
const EXPECTED_TIMEOUT: HeaderName = HeaderName::from_static("x-envoy-expected-rq-timeout-ms");

/// The way in which a proxy describes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::door) enum Dialect {
    /// nginx: headers that its configuration sets.
    Nginx,
    /// Caddy and Traefik: the headers `X-Forwarded-*`.
    Caddy,
    /// Envoy: the request itself, behind a prefix of the path.
    Envoy,
}

/// The value of a header that must be there once.
macro_rules! required {
    ($headers:expr, $name:literal) => {
        optional!($headers, $name)
            .and_then(|value| value.ok_or(InvalidRequest::new(concat!("the header `", $name, "` is missing"))))
    };
}

/// The value of a header that may be there once.
macro_rules! optional {
    ($headers:expr, $name:literal) => {
        at_most_one($headers, &HeaderName::from_static($name)).ok_or(InvalidRequest::new(concat!(
            "the header `",
            $name,
            "` is there twice"
        )))
    };
}

impl Dialect {
    /// The request that a proxy describes. `behind` is what follows the prefix of the path.
    pub(super) fn request<'r>(self, parts: &'r Parts, behind: &'r str) -> Result<ProxyRequest<'r>, InvalidRequest> {
        let headers = &parts.headers;
        let lines = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let request = ProxyRequest { headers: lines, ..ProxyRequest::default() };
        match self {
            Self::Nginx => Ok(ProxyRequest {
                method: required!(headers, "x-original-method")?,
                scheme: Some(required!(headers, "x-original-scheme")?),
                host: required!(headers, "x-original-host")?,
                target: required!(headers, "x-original-uri")?,
                client: Client {
                    address: nginx_address(optional!(headers, "x-original-address")?)?,
                    ..Client::default()
                },
                ..request
            }),
            Self::Caddy => Ok(ProxyRequest {
                method: required!(headers, "x-forwarded-method")?,
                scheme: Some(required!(headers, "x-forwarded-proto")?),
                host: required!(headers, "x-forwarded-host")?,
                target: required!(headers, "x-forwarded-uri")?,
                client: Client { address: last_address(optional!(headers, "x-forwarded-for")?)?, ..Client::default() },
                ..request
            }),
            Self::Envoy => {
                if parts.uri.scheme().is_some() {
                    return Err(InvalidRequest::new("the request names this server in its first line"));
                }
                let host = at_most_one(headers, &HOST).flatten();
                Ok(ProxyRequest {
                    method: parts.method.as_str().as_bytes(),
                    scheme: optional!(headers, "x-forwarded-proto")?,
                    host: host.ok_or(InvalidRequest::new("the header `host` is missing, or there twice"))?,
                    target: behind.as_bytes(),
                    ..request
                })
            }
        }
    }

    /// The status of a denial that the proxy passes on. nginx makes 500 of all others.
    pub(super) fn status(self, status: StatusCode) -> StatusCode {
        match self {
            Self::Nginx if status != StatusCode::UNAUTHORIZED => StatusCode::FORBIDDEN,
            Self::Nginx | Self::Caddy | Self::Envoy => status,
        }
    }

    /// The time that the proxy waits, less what the answer takes on its way; none if it does not say so. Only Envoy
    /// does: from the others, every header of this meaning is the end user's.
    pub(super) fn deadline(self, headers: &HeaderMap) -> Option<Duration> {
        let value = at_most_one(headers, &EXPECTED_TIMEOUT).filter(|_| self == Self::Envoy).flatten()?;
        let milliseconds = std::str::from_utf8(value).ok()?.parse().ok().map(Duration::from_millis)?;
        let least = Duration::from_millis(1);
        (!milliseconds.is_zero()).then(|| milliseconds.saturating_sub((milliseconds / 10).max(least)).max(least))
    }
}

/// The value of a header, if it is there; none if it is there twice.
#[expect(clippy::option_option, reason = "the two ways of having no value are told apart")]
fn at_most_one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Option<&'h [u8]>> {
    let mut values = headers.get_all(name).iter();
    let value = values.next().map(HeaderValue::as_bytes);
    values.next().is_none().then_some(value)
}

/// The address of `$remote_addr`, which is `unix:` for a client on this machine.
fn nginx_address(value: Option<&[u8]>) -> Result<Option<IpAddr>, InvalidRequest> {
    match value {
        None | Some(b"" | b"unix:") => Ok(None),
        Some(value) => address(value).map(Some),
    }
}

/// The last address of the list: the one that the proxy added itself.
fn last_address(value: Option<&[u8]>) -> Result<Option<IpAddr>, InvalidRequest> {
    value.and_then(|value| value.rsplit(|byte| *byte == b',').next()).map(address).transpose()
}

fn address(value: &[u8]) -> Result<IpAddr, InvalidRequest> {
    let address = text(value).and_then(|text| text.trim().parse().ok());
    address.ok_or(InvalidRequest::new("the address of the client is not an IP address"))
}
