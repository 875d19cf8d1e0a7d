//! One exchange: a request that came in, and the headers that every door reads alike.

use std::time::{Duration, Instant};

use guardhouse::{AuthContext, MAX_DEADLINE};
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};

use super::answer::{Kind, REQUEST_ID, Refusal};
use super::peer::Peer;
use crate::config::listener::Door;
use crate::observe::Exchange;
use crate::observe::trace_parent::TraceParent;

/// The header in which a caller says how long it waits, in milliseconds.
const DEADLINE: HeaderName = HeaderName::from_static("guardhouse-deadline-ms");

pub(super) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest `X-Request-ID`, in bytes.
pub(super) const MAX_REQUEST_ID_BYTES: usize = 256;

/// What a door knows of a request besides its body.
pub(super) struct Incoming<'a> {
    pub(super) door: Door,
    pub(super) tenant: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) peer: &'a dyn Peer,
    pub(super) received: Instant,
}

impl<'a> Incoming<'a> {
    /// The exchange for the observers.
    pub(super) fn exchange(&self, context: &'a AuthContext) -> Exchange<'a> {
        Exchange {
            door: self.door.as_str(),
            context,
            request_id: request_id(self.headers).ok().flatten().and_then(|id| id.to_str().ok()),
            trace_parent: trace_parent(self.headers),
            received: self.received,
        }
    }

    /// The span of `tracing` in which the request is decided: one with the caller's ids of its trace, if it sent them.
    pub(super) fn span(&self) -> tracing::Span {
        let parent = trace_parent(self.headers).and_then(|value| value.parse::<TraceParent>().ok());
        parent.map_or_else(tracing::Span::none, TraceParent::span)
    }

    /// The time that the caller waits, if it says so.
    ///
    /// # Errors
    /// The header is not a number of milliseconds.
    pub(super) fn deadline(&self) -> Result<Option<Duration>, Refusal> {
        let Some(value) = self.headers.get(&DEADLINE) else { return Ok(None) };
        let milliseconds = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let deadline = milliseconds.and_then(|text| text.parse().ok()).map(Duration::from_millis);
        match deadline.filter(|deadline| !deadline.is_zero() && *deadline <= MAX_DEADLINE) {
            Some(deadline) if self.headers.get_all(&DEADLINE).iter().count() == 1 => Ok(Some(deadline)),
            _ => Err(Refusal::new(
                Kind::InvalidHeader,
                format!("`{DEADLINE}` is not one number of milliseconds from 1 to {}", MAX_DEADLINE.as_millis()),
            )),
        }
    }
}

/// The caller's `X-Request-ID`, which every answer repeats.
///
/// # Errors
/// There are several, or it is too long, or has other than visible characters.
pub(super) fn request_id(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Refusal> {
    let mut values = headers.get_all(&REQUEST_ID).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let is_visible = value.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~'));
    if values.next().is_none() && value.len() <= MAX_REQUEST_ID_BYTES && is_visible {
        return Ok(Some(value));
    }
    let detail = format!("`X-Request-ID` is not one value of at most {MAX_REQUEST_ID_BYTES} visible ASCII characters");
    Err(Refusal::new(Kind::InvalidHeader, detail))
}

/// The caller's `traceparent`, if it sent one. The observers ignore an invalid one.
fn trace_parent(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(&TRACE_PARENT).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether the content type of a request is JSON.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let Some(Ok(value)) = values.next().map(HeaderValue::to_str) else { return false };
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let parameters = parameters.trim();
    let is_utf8 = parameters.is_empty()
        || parameters.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("charset") && value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    values.next().is_none() && essence.trim().eq_ignore_ascii_case("application/json") && is_utf8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &str, values: &[&str]) -> HeaderMap {
        let name: HeaderName = name.parse().unwrap();
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_json_in_utf8_is_json() {
        for value in ["application/json", "Application/JSON", "application/json; charset=UTF-8", "application/json ;"] {
            assert!(is_json(&headers("content-type", &[value])), "{value}");
        }
        for value in
            ["", "text/json", "application/jsonp", "application/json; charset=latin1", "application/problem+json"]
        {
            assert!(!is_json(&headers("content-type", &[value])), "{value}");
        }
        assert!(!is_json(&HeaderMap::new()));
        assert!(!is_json(&headers("content-type", &["application/json", "application/json"])));
    }

    #[test]
    fn a_request_id_is_one_value_that_can_be_repeated() {
        let longest = "a".repeat(MAX_REQUEST_ID_BYTES);
        for value in ["a", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "a b", &longest] {
            assert_eq!(request_id(&headers("x-request-id", &[value])).unwrap().unwrap(), value);
        }
        for values in [&["a", "b"][..], &["a\tb"], &["ä"], &[&format!("{longest}a")]] {
            assert_eq!(request_id(&headers("x-request-id", values)).unwrap_err().kind, Kind::InvalidHeader);
        }
        assert_eq!(request_id(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn a_deadline_is_one_number_of_milliseconds() {
        let deadline = |values: &[&str]| {
            let headers = headers("guardhouse-deadline-ms", values);
            let door = Door::Native;
            Incoming { door, tenant: "", headers: &headers, peer: &(), received: Instant::now() }.deadline()
        };
        assert_eq!(deadline(&[]), Ok(None));
        assert_eq!(deadline(&["50"]), Ok(Some(Duration::from_millis(50))));
        assert_eq!(deadline(&["3600000"]), Ok(Some(MAX_DEADLINE)));
        for values in [&["0"][..], &["-1"], &["+1"], &["1.5"], &[""], &["50ms"], &["3600001"], &["5", "5"]] {
            assert_eq!(deadline(values).unwrap_err().kind, Kind::InvalidHeader, "{values:?}");
        }
    }
}
