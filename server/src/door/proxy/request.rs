//! The request that a proxy asks about, and the context that checks get of it.

use std::borrow::Cow;
use std::net::IpAddr;

use guardhouse::{AuthContext, Component, Document};
use hyper::header::HeaderName;
use serde_json::{Map, Value, json};

use crate::decided::DenialCause;
use crate::policy::selector::ROUTE;

/// The most lines of headers of a request.
const MAX_HEADER_LINES: usize = 1_000;

/// A request as a proxy describes it. Nothing of it is decoded.
#[derive(Debug, Default)]
pub(in crate::door) struct ProxyRequest<'a> {
    pub(in crate::door) method: &'a [u8],
    /// `http` or `https`, if the proxy says so.
    pub(in crate::door) scheme: Option<&'a [u8]>,
    pub(in crate::door) host: &'a [u8],
    /// The path and the query.
    pub(in crate::door) target: &'a [u8],
    /// The lines of the headers in the order of their arrival.
    pub(in crate::door) headers: Vec<(&'a str, &'a [u8])>,
    pub(in crate::door) client: Client<'a>,
    pub(in crate::door) body: Body<'a>,
    /// Attributes beside `http` and `peer`.
    pub(in crate::door) more: Map<String, Value>,
    /// The attributes that exist, and have no form in JSON: a pointer to each, and the reason.
    pub(in crate::door) unreadable: Vec<(&'static str, &'static str)>,
}

/// The other end of the connection to the proxy.
#[derive(Debug, Default)]
pub(in crate::door) struct Client<'a> {
    pub(in crate::door) address: Option<IpAddr>,
    pub(in crate::door) port: Option<u16>,
    /// The name in its certificate.
    pub(in crate::door) principal: Option<&'a str>,
    /// Its certificate in PEM.
    pub(in crate::door) certificate: Option<Cow<'a, str>>,
}

/// The body of a request.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::door) enum Body<'a> {
    /// The proxy does not send it.
    #[default]
    Unknown,
    /// All of it.
    Whole(&'a [u8]),
    /// Its beginning.
    Partial,
}

/// A request that no check can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(in crate::door) struct InvalidRequest {
    pub(in crate::door) cause: DenialCause,
    /// What is wrong, for the operator.
    pub(in crate::door) reason: &'static str,
}

impl InvalidRequest {
    /// A request that says too little, or contradicts itself.
    pub(in crate::door) const fn new(reason: &'static str) -> Self {
        Self { cause: DenialCause::InvalidRequest, reason }
    }

    /// A request that two readers could understand differently.
    pub(in crate::door) const fn not_normal(reason: &'static str) -> Self {
        Self { cause: DenialCause::NotNormal, reason }
    }
}

impl ProxyRequest<'_> {
    /// The context of the request, with the headers that checks may see. Its component has the path as it arrived, of
    /// which the policy makes the normal form.
    pub(in crate::door) fn context(&self, passed: &[HeaderName]) -> Result<AuthContext, InvalidRequest> {
        let method = text(self.method).filter(|method| is_method(method));
        let method = method.ok_or(InvalidRequest::new("the method is not a method of HTTP"))?;
        let target =
            text(self.target).ok_or(InvalidRequest::not_normal("the path is not text without control characters"))?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let host = text(self.host).filter(|host| host.bytes().all(is_of_host));
        let host = host.ok_or(InvalidRequest::not_normal("the host has other than letters, digits and `-_.:[]`"))?;
        let scheme = match self.scheme {
            None => None,
            Some(b"http") => Some("http"),
            Some(b"https") => Some("https"),
            Some(_) => return Err(InvalidRequest::new("the scheme is neither `http` nor `https`")),
        };
        let mut component = Component::new(ROUTE, path);
        component.uri = scheme.map(|scheme| format!("{scheme}://{host}{path}"));
        let mut http = json!({
            "method": method,
            "host": host.to_ascii_lowercase(),
            "path": path,
            "query": query,
        });
        let mut unreadable: Vec<(Cow<'_, str>, &str)> = Vec::new();
        let (headers, not_text) = self.passed_headers(passed)?;
        set(&mut http, "headers", Some(headers));
        let pointer = |name: &HeaderName| format!("/http/headers/{}", name.as_str().replace('~', "~0"));
        unreadable.extend(not_text.into_iter().map(|name| (pointer(name).into(), "a line of the header is not UTF-8")));
        set(&mut http, "scheme", scheme);
        match self.body {
            Body::Whole(body) => match std::str::from_utf8(body) {
                Ok(body) => set(&mut http, "body", Some(body)),
                Err(_) => unreadable.push(("/http/body".into(), "the body is not UTF-8")),
            },
            Body::Partial => {
                unreadable.push(("/http/body".into(), "only the beginning of the body reached this server"));
            }
            Body::Unknown => {}
        }
        unreadable.extend(self.unreadable.iter().map(|(pointer, reason)| ((*pointer).into(), *reason)));
        let mut attributes = self.more.clone();
        attributes.insert("http".to_owned(), http);
        attributes.insert("peer".to_owned(), self.client.attributes());
        let mut context = AuthContext::new(component).with_action(method).with_attributes(Value::Object(attributes));
        for (pointer, reason) in unreadable {
            context = context.with_unreadable_part(Document::Attribute, &pointer, reason);
        }
        Ok(context)
    }

    /// The values of a header in the order of their arrival.
    pub(in crate::door) fn lines<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n [u8]> {
        self.headers.iter().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The headers that checks may see, and the names of those that are not text: to a check that looks for what it
    /// refuses, they are not absent.
    fn passed_headers<'n>(
        &self,
        passed: &'n [HeaderName],
    ) -> Result<(Map<String, Value>, Vec<&'n HeaderName>), InvalidRequest> {
        if self.headers.len() > MAX_HEADER_LINES {
            return Err(InvalidRequest::new("the request has more than 1,000 lines of headers"));
        }
        let (mut headers, mut not_text) = (Map::new(), Vec::new());
        for name in passed {
            let lines: Vec<&[u8]> = self.lines(name.as_str()).collect();
            if lines.is_empty() {
                continue;
            }
            match String::from_utf8(lines.join(&b',')) {
                Ok(value) => drop(headers.insert(name.as_str().to_owned(), value.into())),
                Err(_) => not_text.push(name),
            }
        }
        Ok((headers, not_text))
    }
}

impl Client<'_> {
    fn attributes(&self) -> Value {
        let mut peer = json!({});
        set(&mut peer, "address", self.address.map(|address| address.to_canonical().to_string()));
        set(&mut peer, "port", self.port);
        set(&mut peer, "principal", self.principal);
        set(&mut peer, "certificate", self.certificate.as_ref().map(|pem| json!({ "pem": pem })));
        peer
    }
}

/// Sets a member that is known.
fn set(object: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value.into());
    }
}

/// The text of a value that a proxy sends: UTF-8 without control characters.
pub(in crate::door) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

/// Whether a text is a token (RFC 9110 section 5.6.2), as every method is.
fn is_method(text: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_token)
}

/// Whether a host and its port may have the byte: with any other, a URI could have another host or path than it seems.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte)
}
