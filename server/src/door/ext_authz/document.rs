//! Questions of Envoy in the JSON form of protobuf, as its logs, `grpcurl` and tests have them: for tests of checks, which
//! see what they would see behind this door.

use guardhouse::{AuthContext, Document, Json, JsonError};

use super::messages::attributes;
use super::protojson::{FieldError, Message};
use super::request::{self, TENANT};
use super::wire::AttributeContext;
use crate::config::identity::passed_name;
use crate::door::proxy::InvalidRequest;
use crate::policy::selector::{NotNormal, Target};

/// A `CheckRequest` of Envoy, read from JSON.
#[derive(Debug)]
pub struct CheckDocument {
    attributes: AttributeContext,
    left_out: Vec<String>,
}

/// The reason why no check can be asked about a document.
#[derive(Debug, thiserror::Error)]
pub enum CheckDocumentError {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field has another type.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// It says too little, or contradicts itself; this door would deny it before any check.
    #[error("{0}; a server denies such a request before any check")]
    Invalid(&'static str),
    /// A part of it has no normal form; a policy would deny it before any check.
    #[error("{0}; a server denies such a request before any check")]
    NotNormal(#[from] NotNormal),
    /// A header that checks never see.
    #[error("the header `{name}`: {reason}")]
    Header {
        /// The name.
        name: String,
        /// The reason.
        reason: &'static str,
    },
}

impl From<InvalidRequest> for CheckDocumentError {
    fn from(invalid: InvalidRequest) -> Self {
        Self::Invalid(invalid.reason)
    }
}

/// What checks see of a document.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckDocumentContext {
    /// The request, in the normal form in which a policy gives it to checks, without a token.
    pub context: AuthContext,
    /// The part that exists and cannot be read, with the reason: behind this door, a check that reads it fails. It is not
    /// in the JSON form of the context.
    pub unreadable: Option<String>,
}

impl CheckDocument {
    /// Reads a document. The names of fields are those of protobuf, in either form: `context_extensions` or
    /// `contextExtensions`.
    ///
    /// # Errors
    /// [`CheckDocumentError`], with the field.
    pub fn read(document: &[u8]) -> Result<Self, CheckDocumentError> {
        let json = Json::from_slice(document)?;
        let mut left_out = Vec::new();
        let mut whole = Message::new(&json, String::new(), &mut left_out)?;
        let attributes = whole.message("attributes", attributes)?;
        whole.finish(&[]);
        let attributes = attributes.ok_or(CheckDocumentError::Invalid("the call has no attributes"))?;
        Ok(Self { attributes, left_out })
    }

    /// The fields that nobody knows, and that were left out.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The tenant that the route names.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.attributes.context_extensions.get(TENANT).map(String::as_str)
    }

    /// The only `Authorization` header of the request, in which a tenant's issuers look for the token; none if there is
    /// none, several, or one that is not text.
    #[must_use]
    pub fn authorization(&self) -> Option<String> {
        let request = request::request(&self.attributes).ok()?;
        let lines: Vec<&[u8]> = request.lines("authorization").take(2).collect();
        let [only] = &*lines else { return None };
        String::from_utf8(only.to_vec()).ok()
    }

    /// The context that checks get of the request, with the headers that they may see, as a tenant's `headers` lists them.
    ///
    /// # Errors
    /// [`CheckDocumentError`]: behind this door, the request would be denied before any check.
    pub fn context(&self, headers: &[String]) -> Result<CheckDocumentContext, CheckDocumentError> {
        let mut passed = Vec::with_capacity(headers.len());
        for name in headers {
            let read = passed_name(name);
            passed.push(read.map_err(|reason| CheckDocumentError::Header { name: name.clone(), reason })?);
        }
        let context = request::request(&self.attributes)?.context(&passed)?;
        let unreadable = context.document(Document::Attribute).err().map(|error| error.to_string());
        Ok(CheckDocumentContext { context: Target::of(&context)?.into_context().into_owned(), unreadable })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::wire::CheckRequest;
    use super::*;

    /// What `grpcurl` writes, and what a test in Python writes, of one request.
    const FORMS: [&str; 2] = [
        r#"{"attributes": {
            "source": {"address": {"socketAddress": {"address": "192.0.2.7", "portValue": 50412}}, "principal": "web"},
            "destination": {},
            "request": {"time": "2026-01-01T00:00:00Z", "http": {
                "id": "7", "method": "GET", "path": "/orders/%37?expand=lines", "host": "Shop.example", "scheme": "https",
                "headers": {"accept": "text/html", "authorization": "Bearer a.b.c", ":path": "/"}, "size": "-1",
                "rawBody": "e30="}},
            "contextExtensions": {"tenant": "shop", "policy": "orders"},
            "metadataContext": {"filterMetadata": {"filter.example": {"n": 5, "list": [true, null, {"a": "b"}]}}}}}"#,
        r#"{"attributes": {
            "source": {"address": {"socket_address": {"address": "192.0.2.7", "port_value": "50412"}}, "principal": "web"},
            "request": {"http": {
                "method": "GET", "path": "/orders/%37?expand=lines", "host": "Shop.example", "scheme": "https",
                "header_map": {"headers": [
                    {"key": "accept", "raw_value": "dGV4dC9odG1s"}, {"key": "authorization", "value": "Bearer a.b.c"}]},
                "body": "{}"}},
            "context_extensions": {"tenant": "shop", "policy": "orders"},
            "metadata_context": {"filter_metadata": {"filter.example": {"n": 5.0, "list": [true, null, {"a": "b"}]}}},
            "route_metadata_context": null}}"#,
    ];

    #[test]
    fn both_forms_are_the_context_that_checks_get_behind_the_door() {
        for form in FORMS {
            let document = CheckDocument::read(form.as_bytes()).unwrap();
            assert_eq!((document.left_out(), document.tenant()), (&[][..], Some("shop")), "{form}");
            assert_eq!(document.authorization().as_deref(), Some("Bearer a.b.c"));
            let found = document.context(&["accept".to_owned(), "x-absent".to_owned()]).unwrap();
            let expected = json!({
                "token": null,
                "component": {
                    "kind": "route", "name": "/orders/7", "uri": "https://shop.example/orders/7", "tags": [],
                    "detail": {},
                },
                "action": "GET",
                "now": 0,
                "attributes": {
                    "http": {
                        "method": "GET", "scheme": "https", "host": "shop.example", "path": "/orders/%37",
                        "query": "expand=lines", "headers": { "accept": "text/html" }, "body": "{}",
                    },
                    "peer": { "address": "192.0.2.7", "port": 50412, "principal": "web" },
                    "context": { "policy": "orders" },
                    "envoy": { "metadata": { "filter.example": { "n": 5, "list": [true, null, { "a": "b" }] } } },
                },
            });
            assert_eq!(serde_json::to_value(found.context.at(0)).unwrap(), expected);
            assert_eq!(found.unreadable, None);
        }
    }

    #[test]
    fn a_document_is_the_call_that_the_door_reads() {
        let document = CheckDocument::read(FORMS[0].as_bytes()).unwrap();
        let call = CheckRequest { attributes: Some(document.attributes.clone()) };
        let read = <CheckRequest as prost::Message>::decode(&*prost::Message::encode_to_vec(&call)).unwrap();
        assert_eq!(read.attributes, Some(document.attributes));
    }

    #[test]
    fn a_request_that_the_door_denies_has_no_context() {
        let of = |http: &str| format!(r#"{{"attributes": {{"request": {{"http": {http}}}}}}}"#);
        for (document, error) in [
            ("{}".to_owned(), "the call has no attributes"),
            (r#"{"attributes": {}}"#.to_owned(), "has no request of HTTP"),
            (of(r#"{"method": "GET", "host": "a", "path": "/a/%2f"}"#), "has no normal form"),
            (of(r#"{"method": "GET", "host": "a", "path": "/", "query": "a"}"#), "the query is not in the path"),
            (of(r#"{"method": "G T", "host": "a", "path": "/"}"#), "not a method of HTTP"),
        ] {
            let found = CheckDocument::read(document.as_bytes()).and_then(|document| document.context(&[]));
            let found = found.unwrap_err().to_string();
            assert!(found.contains(error) && found.ends_with("before any check"), "{document}: {found}");
        }
    }

    #[test]
    fn a_field_of_another_type_is_named_and_an_unknown_one_is_left_out() {
        for (document, error) in [
            ("[]", "`.`: it is not an object"),
            (r#"{"attributes": {"source": 7}}"#, "`attributes.source`: it is not an object"),
            (
                r#"{"attributes": {"request": {"http": {"method": 7}}}}"#,
                "`attributes.request.http.method`: it is not a string",
            ),
            (
                r#"{"attributes": {"contextExtensions": {"a": 7}}}"#,
                "`attributes.context_extensions.a`: it is not a string",
            ),
            (
                r#"{"attributes": {"request": {"http": {"rawBody": "%"}}}}"#,
                "`attributes.request.http.raw_body`: it is not base64",
            ),
            (
                r#"{"attributes": {"request": {"http": {"raw_body": "", "rawBody": ""}}}}"#,
                "`attributes.request.http.raw_body`: it is there twice, as `raw_body` and as `rawBody`",
            ),
        ] {
            assert_eq!(CheckDocument::read(document.as_bytes()).unwrap_err().to_string(), error, "{document}");
        }
        let twice = CheckDocument::read(br#"{"attributes": {}, "attributes": {}}"#).unwrap_err().to_string();
        assert!(twice.contains("duplicate"), "{twice}");
        let unknown = CheckDocument::read(br#"{"id": 1, "attributes": {"requets": {}}}"#).unwrap();
        assert_eq!(unknown.left_out(), ["attributes.requets", "id"]);
    }

    #[test]
    fn a_secret_is_not_passed_and_an_unreadable_part_is_said() {
        let document = CheckDocument::read(FORMS[0].as_bytes()).unwrap();
        let error = document.context(&["Authorization".to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("the header `Authorization`: checks never see this header"), "{error}");
        let partial = FORMS[0].replace(r#""accept""#, r#""x-envoy-auth-partial-body": "true", "accept""#);
        let found = CheckDocument::read(partial.as_bytes()).unwrap().context(&[]).unwrap();
        assert!(found.unreadable.unwrap().contains("only the beginning of the body"));
    }
}
