//! Answers: JSON documents, and problems as in RFC 9457.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// An answer to a request.
pub type Answer = Response<Full<Bytes>>;

/// The header with the id of a decision.
pub(super) const DECISION_ID: HeaderName = HeaderName::from_static("guardhouse-decision-id");

/// The header with which callers find their requests again.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
pub(super) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// An answer with a body. Nothing that the server says may be stored: a decision holds for one request.
pub(super) fn with_body(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    answer
}

/// A JSON document.
pub(super) fn json<T: Serialize>(status: StatusCode, document: &T) -> Answer {
    match serde_json::to_vec(document) {
        Ok(body) => with_body(status, JSON, body),
        // No document of this server has a form that JSON lacks. If one had, its caller would get no decision.
        Err(_) => with_body(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the answer cannot be written as JSON"),
    }
}

/// A text for people.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with_body(status, TEXT, body)
}

/// Why a request is not decided. Each kind has a type of its own in `docs/serve.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The body is not the JSON that the route expects.
    InvalidRequest,
    /// A header is not what the route expects.
    InvalidHeader,
    /// The caller has no valid credential.
    Unauthenticated,
    /// The credential is for other tenants or doors.
    Forbidden,
    /// The route does not exist.
    NotFound,
    /// The route exists, and takes other methods.
    MethodNotAllowed,
    /// The body is larger than the server reads.
    TooLarge,
    /// The body is not JSON by its content type.
    UnsupportedMediaType,
    /// The server reads as many bodies as it has memory for.
    Busy,
}

impl Kind {
    /// All kinds.
    pub(super) const ALL: [Self; 9] = [
        Self::InvalidRequest,
        Self::InvalidHeader,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::Busy,
    ];

    /// The status, the word in the type, and the title.
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid-request", "The request is invalid"),
            Self::InvalidHeader => (StatusCode::BAD_REQUEST, "invalid-header", "A header is invalid"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A credential is required"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The credential is not for this request"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "The path does not exist"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed")
            }
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body is not JSON")
            }
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "The server is busy"),
        }
    }

    /// The status of the answer.
    pub(super) fn status(self) -> StatusCode {
        self.parts().0
    }

    /// The URI of the type.
    pub(super) fn uri(self) -> String {
        format!("urn:guardhouse:problem:{}", self.parts().1)
    }

    /// The title, which is the same for every problem of the kind.
    pub(super) fn title(self) -> &'static str {
        self.parts().2
    }
}

/// Why a request is not decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: Kind,
    /// What is wrong with this request.
    pub(super) detail: String,
    /// The place in the body, if the problem has one: `contexts[1].component.kind`.
    pub(super) path: Option<String>,
    /// The methods of the route, for [`Kind::MethodNotAllowed`].
    pub(super) allow: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), path: None, allow: None }
    }

    /// The problem as in RFC 9457.
    pub(super) fn problem(&self) -> Answer {
        #[derive(Serialize)]
        struct Problem<'a> {
            r#type: String,
            title: &'static str,
            status: u16,
            detail: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            path: Option<&'a str>,
        }
        let Self { kind, detail, path, .. } = self;
        let status = kind.status();
        let problem =
            Problem { r#type: kind.uri(), title: kind.title(), status: status.as_u16(), detail, path: path.as_deref() };
        let mut answer = json(status, &problem);
        answer.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        self.add_headers(&mut answer);
        answer
    }

    /// The problem as a message.
    pub(super) fn message(&self) -> Answer {
        let mut answer = text(self.kind.status(), self.line());
        self.add_headers(&mut answer);
        answer
    }

    /// What is wrong, with its place.
    pub(super) fn line(&self) -> String {
        match &self.path {
            Some(path) => format!("at `{path}`: {}", self.detail),
            None => self.detail.clone(),
        }
    }

    fn add_headers(&self, answer: &mut Answer) {
        let headers = answer.headers_mut();
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        match self.kind {
            Kind::Unauthenticated => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // The rest of the body was not read.
            Kind::TooLarge | Kind::Busy => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
    }
}
