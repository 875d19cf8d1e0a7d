//! Signers of tokens, with keys of their own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

/// A private key, and how it is named.
pub(super) struct Signer {
    pub(super) algorithm: Algorithm,
    key: EncodingKey,
    /// The public key, of Ed25519 only.
    point: Vec<u8>,
    pub(super) id: Option<String>,
}

impl Signer {
    pub(super) fn new(algorithm: Algorithm, id: &str) -> Self {
        let mut point = Vec::new();
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&generated(&PKCS_ECDSA_P256_SHA256)),
            Algorithm::ES384 => EncodingKey::from_ec_der(&generated(&PKCS_ECDSA_P384_SHA384)),
            Algorithm::EdDSA => {
                let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
                point = pair.public_key_raw().to_vec();
                EncodingKey::from_ed_der(&pair.serialize_der())
            }
            _ => {
                let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
                // The key as in PKCS #1 is the last part of that in PKCS #8.
                EncodingKey::from_rsa_der(&pair.serialize_der()[26..])
            }
        };
        Self { algorithm, key, point, id: Some(id.to_owned()) }
    }

    /// The same key, used with another algorithm of its type.
    pub(super) fn with_algorithm(&self, algorithm: Algorithm) -> Self {
        Self { algorithm, key: self.key.clone(), point: self.point.clone(), id: self.id.clone() }
    }

    /// The same key under another name, or none.
    pub(super) fn with_id(&self, id: Option<&str>) -> Self {
        Self {
            algorithm: self.algorithm,
            key: self.key.clone(),
            point: self.point.clone(),
            id: id.map(ToOwned::to_owned),
        }
    }

    /// The public key.
    pub(super) fn jwk(&self) -> Value {
        let mut jwk = match self.algorithm {
            Algorithm::EdDSA => {
                json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": encode(&self.point) })
            }
            algorithm => serde_json::to_value(Jwk::from_encoding_key(&self.key, algorithm).unwrap()).unwrap(),
        };
        jwk["use"] = "sig".into();
        if let Some(id) = &self.id {
            jwk["kid"] = id.as_str().into();
        }
        jwk
    }

    pub(super) fn header(&self) -> Value {
        let mut header = json!({ "alg": format!("{:?}", self.algorithm), "typ": "at+jwt" });
        if let Some(id) = &self.id {
            header["kid"] = id.as_str().into();
        }
        header
    }

    /// A token with these claims.
    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&self.header().to_string(), &claims.to_string())
    }

    /// A token with the header changed in some members; a null takes one away.
    pub(super) fn sign_with(&self, changes: &Value, claims: &Value) -> String {
        let mut header = self.header();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => drop(header.as_object_mut().unwrap().remove(name)),
                _ => header[name] = value.clone(),
            }
        }
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// A token with any texts as header and claims.
    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn generated(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
    KeyPair::generate_for(algorithm).unwrap().serialize_der()
}
