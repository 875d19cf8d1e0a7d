//! The request of a call, in the form of all proxies.

use std::borrow::Cow;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::json;
use super::wire::{AttributeContext, HeaderValue, HttpRequest, Metadata, Peer};
use crate::door::proxy::{Body, Client, InvalidRequest, ProxyRequest};

/// The member of `context_extensions` that names the tenant.
pub(super) const TENANT: &str = "tenant";

/// The header in which Envoy says whether it sends only the beginning of a body.
const PARTIAL_BODY: &str = "x-envoy-auth-partial-body";

/// The request that Envoy asks about.
pub(super) fn request(attributes: &AttributeContext) -> Result<ProxyRequest<'_>, InvalidRequest> {
    let http = attributes.request.as_ref().and_then(|request| request.http.as_ref());
    let http = http.ok_or(InvalidRequest::new("the call has no request of HTTP"))?;
    if !http.fragment.is_empty() {
        return Err(InvalidRequest::not_normal("the path has a fragment"));
    }
    if !http.query.is_empty() {
        return Err(InvalidRequest::new("the query is not in the path, where Envoy has it"));
    }
    let mut request = ProxyRequest {
        method: http.method.as_bytes(),
        scheme: (!http.scheme.is_empty()).then_some(http.scheme.as_bytes()),
        host: http.host.as_bytes(),
        target: http.path.as_bytes(),
        headers: headers(http),
        client: attributes.source.as_ref().map(client).unwrap_or_default(),
        body: Body::Unknown,
        more: Map::new(),
        unreadable: Vec::new(),
    };
    request.body = body(http, &request);
    let extensions = attributes.context_extensions.iter().filter(|(name, _)| *name != TENANT);
    let context: Map<String, Value> = extensions.map(|(name, text)| (name.clone(), text.clone().into())).collect();
    request.more.insert("context".to_owned(), context.into());
    let mut envoy = json!({});
    let metadata = [
        ("metadata", "/envoy/metadata", &attributes.metadata_context),
        ("route_metadata", "/envoy/route_metadata", &attributes.route_metadata_context),
    ];
    for (name, pointer, metadata) in metadata {
        match metadata.as_ref().map(filter_metadata) {
            None => {}
            Some(Some(value)) => drop(envoy.as_object_mut().map(|members| members.insert(name.to_owned(), value))),
            Some(None) => request.unreadable.push((pointer, "it has a number that JSON cannot keep exactly")),
        }
    }
    request.more.insert("envoy".to_owned(), envoy);
    Ok(request)
}

/// The lines of the headers. Envoy sends them in one of two forms.
fn headers<'r>(http: &'r HttpRequest) -> Vec<(&'r str, &'r [u8])> {
    match &http.header_map {
        Some(map) => {
            let value = |header: &'r HeaderValue| (&*header.key, value(header));
            map.headers.iter().map(value).collect()
        }
        None => http.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
    }
}

fn value(header: &HeaderValue) -> &[u8] {
    if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value }
}

fn body<'r>(http: &'r HttpRequest, request: &ProxyRequest<'_>) -> Body<'r> {
    // The end user may have sent a header of this name too.
    let is_partial = request.lines(PARTIAL_BODY).any(|value| value.eq_ignore_ascii_case(b"true"));
    let body = if http.raw_body.is_empty() { http.body.as_bytes() } else { &http.raw_body };
    match body {
        _ if is_partial => Body::Partial,
        // Envoy says nothing of a body that it was not told to send.
        [] => Body::Unknown,
        body => Body::Whole(body),
    }
}

fn client(peer: &Peer) -> Client<'_> {
    let socket = peer.address.as_ref().and_then(|address| address.socket_address.as_ref());
    let address = socket.and_then(|socket| socket.address.parse::<IpAddr>().ok());
    let port = socket.and_then(|socket| u16::try_from(socket.port_value).ok());
    let certificate = unescaped(&peer.certificate).filter(|pem| !pem.is_empty());
    Client {
        address,
        port: port.filter(|port| address.is_some() && *port != 0),
        principal: Some(&*peer.principal).filter(|principal| !principal.is_empty()),
        certificate: certificate.map(Cow::Owned),
    }
}

/// The text of a certificate, whose escapes are those of a URL; none if it has another one.
fn unescaped(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut plain = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        plain.push(u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?);
        plain.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(plain).ok()
}

/// The metadata of all filters; none if it has no form in JSON.
fn filter_metadata(metadata: &Metadata) -> Option<Value> {
    let filters = metadata.filter_metadata.iter();
    filters
        .map(|(name, value)| Some((name.clone(), json::object(value)?)))
        .collect::<Option<Map<_, _>>>()
        .map(Value::from)
}
