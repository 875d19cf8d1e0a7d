//! The answer to Envoy. An empty one would allow, so there are two ways to make one, and no default.

use bytes::Bytes;
use guardhouse::DecisionId;
use hyper::StatusCode;
use prost::Message as _;

use super::wire::{
    CheckResponse, DeniedHttpResponse, HeaderValue, HeaderValueOption, HttpResponse, HttpStatus, Kind, OkHttpResponse,
    Status, Struct, Value,
};
use crate::door::proxy::{Allowed, Denied, Outcome};

/// `google.rpc.Code`
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;
const UNAUTHENTICATED: i32 = 16;

/// `OVERWRITE_IF_EXISTS_OR_ADD`: what the end user sent under the name is gone.
const OVERWRITE: i32 = 2;

/// A `CheckResponse` that denies or allows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CheckAnswer(CheckResponse);

impl CheckAnswer {
    /// The answer of an outcome.
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Denied(denied) => Self::denied(denied),
            Outcome::Allowed(allowed) => Self::allowed(allowed),
        }
    }

    /// A denial.
    pub(super) fn denied(denied: &Denied) -> Self {
        let Denied { status, id, challenge, message } = denied;
        let mut headers = vec![header("cache-control", "no-store".into())];
        headers.extend(challenge.as_ref().map(|challenge| header("www-authenticate", challenge.as_bytes().into())));
        headers.extend(id.map(|id| header("guardhouse-decision-id", id.to_string().into())));
        headers.extend(message.as_ref().map(|_| header("content-type", "text/plain; charset=utf-8".into())));
        let code = if *status == StatusCode::UNAUTHORIZED { UNAUTHENTICATED } else { PERMISSION_DENIED };
        Self(CheckResponse {
            status: Some(Status { code }),
            dynamic_metadata: id.map(metadata),
            http_response: Some(HttpResponse::Denied(DeniedHttpResponse {
                status: Some(HttpStatus { code: status.as_u16().into() }),
                headers,
                body: message.clone().unwrap_or_default(),
            })),
        })
    }

    /// An allow.
    fn allowed(allowed: &Allowed) -> Self {
        let identity = allowed.identity().headers();
        let (empty, told): (Vec<_>, Vec<_>) = identity.iter().partition(|(_, value)| value.is_empty());
        Self(CheckResponse {
            status: Some(Status { code: OK }),
            dynamic_metadata: Some(metadata(allowed.id())),
            http_response: Some(HttpResponse::Ok(OkHttpResponse {
                headers: told.into_iter().map(|(name, value)| header(name.as_str(), value.as_bytes().into())).collect(),
                headers_to_remove: empty.into_iter().map(|(name, _)| name.to_string()).collect(),
            })),
        })
    }

    /// The message.
    pub(super) fn encode(&self) -> Bytes {
        self.0.encode_to_vec().into()
    }
}

fn header(name: &str, value: Vec<u8>) -> HeaderValueOption {
    // Envoy takes the raw value only where the other one is empty.
    let (value, raw_value) = match String::from_utf8(value) {
        Ok(value) => (value, Vec::new()),
        Err(error) => (String::new(), error.into_bytes()),
    };
    let header = HeaderValue { key: name.to_owned(), value, raw_value };
    HeaderValueOption { header: Some(header), append_action: OVERWRITE }
}

/// The id of the decision, for the access log of Envoy.
fn metadata(id: DecisionId) -> Struct {
    let value = Value { kind: Some(Kind::String(id.to_string())) };
    Struct { fields: [("decision_id".to_owned(), value)].into() }
}
