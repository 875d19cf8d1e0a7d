//! Tokens that nobody verified, for tests: what checks would see of one if an issuer vouched for it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guardhouse::{AccessToken, Json};
use serde_json::Value;

use super::bearer::MAX_TOKEN_BYTES;
use super::claims::{first_text, scopes, time};
use super::jwt::{Reason, check_claims};
use crate::config::issuer::{CLIENT_ID, SCOPES, SUBJECT};

/// Reads the claims of a JWT as an issuer with the default configuration does, **without** verifying anything: not the
/// signature, the issuer, the audience, nor the times. It serves tests; no decision may rest on it.
///
/// `client_id` is the client of a token that has no claim with one. The result has no secret.
///
/// # Errors
/// The reason why the text is not a JWT, or has no token that checks can see. It says nothing of the token.
pub fn unverified(token: &str, client_id: Option<&str>) -> Result<AccessToken, Reason> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err("the token is too long");
    }
    let parts: Vec<&str> = token.split('.').collect();
    let claims = match *parts {
        [_, claims, _] => claims,
        [_, _, _, _, _] => return Err("the token is encrypted, and its claims cannot be read without a key"),
        _ => return Err("the token is not a JWT: it has not three parts with a dot between them"),
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| "the claims are not base64url")?;
    let claims = Json::from_slice(&claims).map_err(|_| "the claims are not strict JSON")?;
    check_claims(&claims)?;
    let client = first_text(&claims, CLIENT_ID)?.or(client_id);
    let client = client.ok_or("there is no claim with the client")?;
    let mut token = AccessToken::new(client, scopes(&claims, SCOPES)?);
    token.subject = first_text(&claims, SUBJECT)?.map(ToOwned::to_owned);
    token.expires_at = time(&claims, "exp")?;
    token.resource_indicator = only_audience(&claims).map(ToOwned::to_owned);
    Ok(token.with_claims(claims))
}

/// The audience, if there is one alone: of several, only a configuration says which is this server.
fn only_audience(claims: &Json) -> Option<&str> {
    match claims.get("aud")? {
        Value::String(audience) => Some(audience),
        Value::Array(audiences) => match audiences.as_slice() {
            [Value::String(audience)] => Some(audience),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jwt(claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", part(&json!({ "alg": "none" })), part(claims))
    }

    #[test]
    fn the_claims_are_those_that_an_issuer_reads() {
        let claims = json!({
            "azp": "web", "sub": "alice", "scp": ["pay", "sign"], "exp": 7, "aud": ["https://bank.example"],
            "mfa": true,
        });
        let token = unverified(&jwt(&claims), Some("other")).unwrap();
        assert_eq!((&*token.client_id, token.subject.as_deref()), ("web", Some("alice")));
        assert_eq!((token.scopes.clone(), token.expires_at), (vec!["pay".into(), "sign".into()], Some(7)));
        assert_eq!(token.resource_indicator.as_deref(), Some("https://bank.example"));
        assert_eq!((&*token.claims, token.raw.is_none()), (&claims, true));
        let token = unverified(&jwt(&json!({ "scope": "a  b", "aud": ["x", "y"] })), Some("cli")).unwrap();
        assert_eq!(
            (&*token.client_id, token.scopes, token.resource_indicator),
            ("cli", vec!["a".into(), "b".into()], None)
        );
    }

    #[test]
    fn anything_else_is_refused_with_a_reason() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        let number = jwt(&json!({ "azp": "web", "exp": 1.5 }));
        for (token, reason) in [
            ("opaque", "is not a JWT"),
            ("", "is not a JWT"),
            ("a.b.c.d.e", "is encrypted"),
            ("e30.%%.c", "not base64url"),
            ("e30.e30.c", "no claim with the client"),
            ("e30.W10.c", "not an object"),
            ("e30.eyJhIjoxLCJhIjoyfQ.c", "not strict JSON"),
            (&number, "not a whole number"),
            (&long, "too long"),
        ] {
            let error = unverified(token, None).unwrap_err();
            assert!(error.contains(reason), "{token}: {error}");
        }
    }
}
