//! JSON Web Tokens (RFC 7519) in compact form: their parts, before anything of them is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guardhouse::Json;
use jsonwebtoken::Algorithm;
use serde_json::Value;

/// The most bytes of a header.
const MAX_HEADER_BYTES: usize = 4 << 10;

/// The deepest claims.
const MAX_DEPTH: usize = 32;

/// Why a token is refused. It says nothing of the token.
pub(super) type Reason = &'static str;

/// A token whose signature was not verified.
#[derive(Debug)]
pub(super) struct Jwt<'t> {
    /// The signed text: the header, a dot, and the claims.
    pub(super) message: &'t [u8],
    pub(super) signature: Vec<u8>,
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) token_type: Option<String>,
    pub(super) claims: Json,
}

impl<'t> Jwt<'t> {
    /// Reads a token; none if it is opaque: if it has not three parts, or the first one is not a JSON object.
    pub(super) fn read(token: &'t str) -> Result<Option<Self>, Reason> {
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        let Some(header_bytes) = decode(header) else { return Ok(None) };
        if serde_json::from_slice::<serde::de::IgnoredAny>(&header_bytes).is_err() || !header_bytes.starts_with(b"{") {
            return Ok(None);
        }
        if header_bytes.len() > MAX_HEADER_BYTES {
            return Err("the header is too large");
        }
        let header_json = Json::from_slice(&header_bytes).map_err(|_| "the header is not an object of strict JSON")?;
        if header_json.get("crit").is_some() {
            return Err("the header has `crit`");
        }
        let algorithm = text(&header_json, "alg")?.and_then(|name| name.parse().ok());
        let claims_bytes = decode(claims).ok_or("the claims are not base64url")?;
        let claims_json = Json::from_slice(&claims_bytes).map_err(|_| "the claims are not strict JSON")?;
        check_claims(&claims_json)?;
        let end = header.len() + 1 + claims.len();
        Ok(Some(Self {
            message: token.as_bytes().get(..end).unwrap_or_default(),
            signature: decode(signature).ok_or("the signature is not base64url")?,
            algorithm: algorithm.ok_or("the algorithm is unknown")?,
            key_id: text(&header_json, "kid")?,
            token_type: text(&header_json, "typ")?,
            claims: claims_json,
        }))
    }
}

/// Checks that claims are an object that is not nested too deep.
pub(super) fn check_claims(claims: &Json) -> Result<(), Reason> {
    if !claims.is_object() {
        return Err("the claims are not an object");
    }
    if is_deeper(claims, MAX_DEPTH) { Err("the claims are nested too deep") } else { Ok(()) }
}

fn is_deeper(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(items) => depth == 0 || items.iter().any(|item| is_deeper(item, depth - 1)),
        Value::Object(members) => depth == 0 || members.values().any(|member| is_deeper(member, depth - 1)),
        _ => false,
    }
}

fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn text(header: &Json, name: &str) -> Result<Option<String>, Reason> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err("a member of the header is not a string"),
    }
}
