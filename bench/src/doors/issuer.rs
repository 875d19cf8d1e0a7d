//! The issuer of the token that requests of proxies carry.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::http::Request;
use crate::requests::real;

/// A token, and the file of the key with which it is verified.
pub(super) struct Issuer {
    pub(super) token: String,
}

impl Issuer {
    /// Its section of `guardhouse.toml`, for a file of keys in the folder of that.
    pub(super) const SECTION: &str = "[[issuers]]\nname = \"bench\"\nissuer = \"https://id.example.com\"\n\
        audiences = [\"https://mcp.example.com/mcp\"]\njwks-file = \"keys.json\"\nalgorithms = [\"ES256\"]\n\
        [tenants.acme]\nissuers = [\"bench\"]\n";

    /// Makes a key, writes its public part into `folder`, and signs the token of the request that is measured.
    pub(super) fn new(folder: &Path) -> Result<Self> {
        let key = KeyPair::generate()?;
        let key = EncodingKey::from_ec_der(key.serialized_der());
        let jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        fs::write(folder.join("keys.json"), serde_json::to_vec(&JwkSet { keys: vec![jwk] })?)?;
        Ok(Self { token: encode(&Header::new(Algorithm::ES256), &claims()?, &key)? })
    }

    /// A request with the token, as a proxy asks about it; or without a dialect, as its client sends it.
    pub(super) fn request(&self, dialect: &str, path: &str) -> Request {
        let token = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", &*token), ("accept", "*/*"), ("user-agent", "curl/8.5.0")];
        headers.extend(match dialect {
            "nginx" => vec![
                ("x-original-method", "GET"),
                ("x-original-scheme", "https"),
                ("x-original-host", "shop.example"),
                ("x-original-uri", path),
            ],
            "caddy" => vec![
                ("x-forwarded-method", "GET"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "shop.example"),
                ("x-forwarded-uri", path),
                ("x-forwarded-for", "192.0.2.7"),
            ],
            _ => vec![],
        });
        let door = format!("/v1/tenants/acme/forward-auth/{dialect}");
        let path = match dialect {
            "" => path.to_owned(),
            "envoy" => door + path,
            _ => door,
        };
        Request::get_with(&path, &headers)
    }
}

/// The claims of a token like that of the request: the same scopes, and as many others.
fn claims() -> Result<Value> {
    let token = real()?.token.context("the request has no token")?;
    let mut claims = token.claims.as_object().context("the claims are not an object")?.clone();
    claims.insert("sub".to_owned(), json!(token.subject));
    claims.insert("client_id".to_owned(), json!(token.client_id));
    claims.insert("scope".to_owned(), json!(token.scopes.join(" ")));
    claims.insert("exp".to_owned(), json!(token.expires_at));
    claims.insert("aud".to_owned(), json!(token.resource_indicator));
    Ok(claims.into())
}
