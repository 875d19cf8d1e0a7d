//! Claims: what they must be, and the token that checks see.

use guardhouse::{AccessToken, Json};
use serde_json::Value;

use super::jwt::Reason;
use crate::config::issuer::IssuerConfig;

/// What a verified document says of its own times and audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The claims of a JWT: `iss`, `aud` and `exp` are required.
    Jwt,
    /// The answer of an introspection endpoint, which vouches for what it leaves out (RFC 7662 section 2.2). `aud` is
    /// required if audiences are configured.
    Introspection,
}

/// Checks the claims of an issuer at a time, in seconds since the Unix epoch, and reads them as a token without its secret.
pub(super) fn read(config: &IssuerConfig, claims: &Json, kind: Kind, now: i64) -> Result<AccessToken, Reason> {
    let leeway = i64::try_from(config.leeway.as_secs()).unwrap_or(0);
    match claims.get("iss") {
        Some(Value::String(issuer)) if *issuer == config.issuer => {}
        None if kind == Kind::Introspection => {}
        _ => return Err("`iss` is not that of the issuer"),
    }
    let audience = audience(config, claims, kind)?;
    let expires_at = time(claims, "exp")?;
    match expires_at {
        Some(expires_at) if expires_at <= 0 || expires_at.saturating_add(leeway) <= now => {
            return Err("the token has expired");
        }
        None if kind == Kind::Jwt => return Err("`exp` is missing"),
        _ => {}
    }
    if time(claims, "nbf")?.is_some_and(|begin| begin > now.saturating_add(leeway)) {
        return Err("the token is not valid yet");
    }
    let client_id = first_text(claims, &config.client_id)?.ok_or("there is no claim with the client")?;
    let mut token = AccessToken::new(client_id, scopes(claims, &config.scopes)?).with_claims(claims.clone());
    token.subject = first_text(claims, &config.subject)?.map(ToOwned::to_owned);
    token.expires_at = expires_at;
    token.resource_indicator = audience.map(ToOwned::to_owned);
    Ok(token)
}

/// The configured audience that the claims have; none only if none is configured.
fn audience<'c>(config: &'c IssuerConfig, claims: &Json, kind: Kind) -> Result<Option<&'c str>, Reason> {
    if config.audiences.is_empty() && kind == Kind::Introspection {
        return Ok(None);
    }
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(audience)) => vec![audience],
        Some(Value::Array(audiences)) => {
            audiences.iter().map(Value::as_str).collect::<Option<_>>().ok_or("`aud` is not a list of strings")?
        }
        Some(_) => return Err("`aud` is not a string, nor a list"),
        None => return Err("`aud` is missing"),
    };
    let found = config.audiences.iter().find(|audience| named.contains(&audience.as_str()));
    found.map(|audience| Some(audience.as_str())).ok_or("the token is for another audience")
}

/// A time in seconds since the Unix epoch. A fraction, or a number beyond 64 bits, is not taken.
pub(super) fn time(claims: &Json, name: &str) -> Result<Option<i64>, Reason> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or("a time is not a whole number"),
    }
}

/// The first claim that is there.
fn first<'a>(claims: &'a Json, pointers: &[impl AsRef<str>]) -> Option<&'a Value> {
    pointers.iter().find_map(|pointer| claims.pointer(pointer.as_ref()))
}

pub(super) fn first_text<'a>(claims: &'a Json, pointers: &[impl AsRef<str>]) -> Result<Option<&'a str>, Reason> {
    match first(claims, pointers) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err("a claim with the client or the subject is not a string, or is empty"),
    }
}

pub(super) fn scopes(claims: &Json, pointers: &[impl AsRef<str>]) -> Result<Vec<String>, Reason> {
    const NO_SCOPES: Reason = "the scopes are not a string, nor a list of strings";
    match first(claims, pointers) {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split(' ').filter(|scope| !scope.is_empty()).map(Into::into).collect()),
        Some(Value::Array(scopes)) => {
            let scope = |scope: &Value| scope.as_str().filter(|scope| !scope.is_empty()).map(ToOwned::to_owned);
            scopes.iter().map(scope).collect::<Option<_>>().ok_or(NO_SCOPES)
        }
        Some(_) => Err(NO_SCOPES),
    }
}

/// Whether a token of this type, in the header of a JWT, is one of the issuer.
pub(super) fn has_type(config: &IssuerConfig, token_type: Option<&str>) -> bool {
    let token_type = token_type.unwrap_or("JWT");
    // RFC 7515 section 4.1.9: the prefix is left out if there is no other slash.
    let short = match token_type.split_at_checked(12) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case("application/") && !rest.contains('/') => rest,
        _ => token_type,
    };
    config.types.iter().any(|allowed| allowed.eq_ignore_ascii_case(short))
}

/// What a token takes in memory, about, in bytes.
pub(super) fn weight(token: &AccessToken) -> usize {
    const VALUE: usize = std::mem::size_of::<Value>();
    fn values(value: &Value) -> usize {
        match value {
            Value::String(text) => VALUE + text.len(),
            Value::Array(items) => VALUE + items.iter().map(values).sum::<usize>(),
            // A node of a map has room for eleven members.
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| 2 * (VALUE + name.len()) + values(value));
                VALUE + 12 * VALUE + members.sum::<usize>()
            }
            _ => VALUE,
        }
    }
    let texts: usize = token.scopes.iter().map(|scope| scope.len() + 24).sum();
    let ids = token.client_id.len() + token.subject.as_ref().map_or(0, String::len);
    texts + ids + token.resource_indicator.as_ref().map_or(0, String::len) + values(&token.claims)
}
