//! An issuer of tokens whose key set is a file.

use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// The issuer `https://id.example`, whose tokens are for `https://shop.example`.
pub(crate) struct Issuer {
    key: EncodingKey,
    folder: tempfile::TempDir,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(pair.serialized_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = Some("k".to_owned());
        let folder = tempfile::tempdir().unwrap();
        let keys = serde_json::to_vec(&JwkSet { keys: vec![jwk] }).unwrap();
        std::fs::write(folder.path().join("keys.json"), keys).unwrap();
        Self { key, folder }
    }

    /// The sections of `guardhouse.toml` that name the issuer `id`, for the tenant `acme`.
    pub(crate) fn section(&self) -> String {
        format!(
            "[[issuers]]\nname = \"id\"\nissuer = \"https://id.example\"\naudiences = [\"https://shop.example\"]\n\
             jwks-file = \"{}/keys.json\"\n",
            self.folder.path().display()
        )
    }

    /// The value of `Authorization` with a token that has these claims too.
    pub(crate) fn bearer(&self, claims: &Value) -> String {
        let mut all = json!({ "iss": "https://id.example", "aud": "https://shop.example", "exp": 4_102_444_800_u64 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let header = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::ES256) };
        format!("Bearer {}", encode(&header, &all, &self.key).unwrap())
    }
}
