//! The messages of Envoy, read from JSON: each field that [`wire`](super::wire) has, and the names of those that nothing is
//! made of.

use super::protojson::{FieldError, Message};
use super::wire::{
    Address, AttributeContext, HeaderMap, HeaderValue, HttpRequest, Metadata, Peer, Request, SocketAddress,
};

/// The attributes of a question.
pub(super) fn attributes(mut message: Message<'_>) -> Result<AttributeContext, FieldError> {
    let read = AttributeContext {
        source: message.message("source", peer)?,
        request: message.message("request", self::request)?,
        context_extensions: message.texts("context_extensions")?,
        metadata_context: message.message("metadata_context", metadata)?,
        route_metadata_context: message.message("route_metadata_context", metadata)?,
    };
    message.finish(&["destination", "tls_session"]);
    Ok(read)
}

fn peer(mut message: Message<'_>) -> Result<Peer, FieldError> {
    let read = Peer {
        address: message.message("address", address)?,
        principal: message.text("principal")?,
        certificate: message.text("certificate")?,
    };
    message.finish(&["service", "labels"]);
    Ok(read)
}

fn address(mut message: Message<'_>) -> Result<Address, FieldError> {
    let read = Address { socket_address: message.message("socket_address", socket_address)? };
    message.finish(&["pipe", "envoy_internal_address"]);
    Ok(read)
}

fn socket_address(mut message: Message<'_>) -> Result<SocketAddress, FieldError> {
    let read = SocketAddress { address: message.text("address")?, port_value: message.number("port_value")? };
    message.finish(&["protocol", "named_port", "resolver_name", "ipv4_compat", "network_namespace_filepath"]);
    Ok(read)
}

fn request(mut message: Message<'_>) -> Result<Request, FieldError> {
    let read = Request { http: message.message("http", http)? };
    message.finish(&["time"]);
    Ok(read)
}

fn http(mut message: Message<'_>) -> Result<HttpRequest, FieldError> {
    let read = HttpRequest {
        method: message.text("method")?,
        headers: message.texts("headers")?,
        path: message.text("path")?,
        host: message.text("host")?,
        scheme: message.text("scheme")?,
        query: message.text("query")?,
        fragment: message.text("fragment")?,
        body: message.text("body")?,
        raw_body: message.bytes("raw_body")?,
        header_map: message.message("header_map", header_map)?,
    };
    message.finish(&["id", "size", "protocol"]);
    Ok(read)
}

fn header_map(mut message: Message<'_>) -> Result<HeaderMap, FieldError> {
    let read = HeaderMap { headers: message.messages("headers", header)? };
    message.finish(&[]);
    Ok(read)
}

fn header(mut message: Message<'_>) -> Result<HeaderValue, FieldError> {
    let read = HeaderValue {
        key: message.text("key")?,
        value: message.text("value")?,
        raw_value: message.bytes("raw_value")?,
    };
    message.finish(&[]);
    Ok(read)
}

fn metadata(mut message: Message<'_>) -> Result<Metadata, FieldError> {
    let filter_metadata = message.structs("filter_metadata")?;
    message.finish(&["typed_filter_metadata"]);
    Ok(Metadata { filter_metadata })
}
