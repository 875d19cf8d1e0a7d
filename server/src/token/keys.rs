//! Key sets (RFC 7517): the public keys of an issuer, and the signatures that they verify.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use guardhouse::{Digest, Json};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::jwt::{Jwt, Reason};

/// The most keys of a set.
const MAX_KEYS: usize = 100;

/// The smallest and the largest RSA key, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// The keys of an issuer that can verify signatures.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// The digest of the document.
    pub(super) digest: Digest,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The algorithms that fit the key, by its type and what it says of itself.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The result of looking for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The signature is right.
    Verified,
    /// The set has no key for the token. A newer set may have one.
    Unknown,
    /// The token is invalid, whatever a newer set has.
    Invalid(Reason),
}

impl KeySet {
    /// Reads a key set. Keys that this server cannot use, or that are too weak, are left out (RFC 7517 section 5); so a set
    /// may be empty, and then no token is valid.
    ///
    /// # Errors
    /// The document is not a key set, or has too many keys.
    pub(super) fn read(document: &[u8]) -> Result<Self, Reason> {
        let json = Json::from_slice(document).map_err(|_| "it is not strict JSON")?;
        let keys = json.get("keys").and_then(Value::as_array).ok_or("it is not a key set: it has no list `keys`")?;
        if keys.len() > MAX_KEYS {
            return Err("it has more than 100 keys");
        }
        Ok(Self { keys: keys.iter().filter_map(Key::read).collect(), digest: Digest::of(document) })
    }

    /// The number of keys that can be used.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Verifies the signature of a token with the one key that its header names, or with the only key that fits.
    pub(super) fn verify(&self, jwt: &Jwt<'_>) -> Found {
        let is_named = |key: &&Key| jwt.key_id.is_none() || key.id == jwt.key_id;
        let mut fitting = self.keys.iter().filter(is_named).filter(|key| key.algorithms.contains(&jwt.algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) if key.verifies(jwt) => Found::Verified,
            (Some(_), None) => Found::Invalid("the signature is wrong"),
            (Some(_), Some(_)) => Found::Invalid("several keys fit the token"),
            (None, _) if self.keys.iter().any(|key| key.id == jwt.key_id && key.id.is_some()) => {
                Found::Invalid("the algorithm does not fit the key")
            }
            (None, _) => Found::Unknown,
        }
    }
}

impl Key {
    /// A key for signatures; none for any other, and for a private one, which is no secret any more.
    fn read(jwk: &Value) -> Option<Self> {
        let text = |name: &str| jwk.get(name).map(|value| value.as_str().ok_or(())).transpose().ok();
        let is_for_signatures = text("use")?.is_none_or(|usage| usage == "sig");
        let verifies = jwk.get("key_ops").is_none_or(|operations| {
            operations.as_array().is_some_and(|operations| operations.iter().any(|operation| operation == "verify"))
        });
        if !is_for_signatures || !verifies || jwk.get("d").is_some() || jwk.get("k").is_some() {
            return None;
        }
        let (mut algorithms, key) = match (text("kty")??, text("crv")?) {
            ("RSA", None) => (RSA.to_vec(), rsa(text("n")??, text("e")??)?),
            ("EC", Some("P-256")) => (vec![Algorithm::ES256], elliptic(text("x")??, text("y")??, 32)?),
            ("EC", Some("P-384")) => (vec![Algorithm::ES384], elliptic(text("x")??, text("y")??, 48)?),
            ("OKP", Some("Ed25519")) => {
                let point = bytes(text("x")??).filter(|point| point.len() == 32)?;
                (vec![Algorithm::EdDSA], DecodingKey::from_ed_der(&point))
            }
            _ => return None,
        };
        if let Some(name) = text("alg")? {
            let named: Algorithm = name.parse().ok()?;
            algorithms.retain(|algorithm| *algorithm == named);
        }
        let id = text("kid")?.map(ToOwned::to_owned);
        (!algorithms.is_empty()).then_some(Self { id, algorithms, key })
    }

    fn verifies(&self, jwt: &Jwt<'_>) -> bool {
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&jwt.algorithm, &self.key);
        verifier.is_ok_and(|verifier| verifier.verify(jwt.message, &jwt.signature).is_ok())
    }
}

const RSA: [Algorithm; 6] =
    [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512];

fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let (modulus, exponent) = (bytes(modulus)?, bytes(exponent)?);
    let modulus = number(&modulus);
    let first = modulus.first()?;
    let bits = modulus.len() * 8 - usize::try_from(first.leading_zeros()).ok()?;
    // An exponent of one verifies everything; an even one is not an exponent.
    let exponent = number(&exponent);
    let is_exponent =
        exponent.last()? % 2 == 1 && (exponent.len() > 1 || *exponent.first()? >= 3) && exponent.len() <= 5;
    (RSA_BITS.contains(&bits) && is_exponent).then(|| DecodingKey::from_rsa_raw_components(modulus, exponent))
}

fn elliptic(x: &str, y: &str, length: usize) -> Option<DecodingKey> {
    let (x, y) = (bytes(x)?, bytes(y)?);
    let has_length = x.len() == length && y.len() == length;
    has_length.then(|| DecodingKey::from_ec_der(&[&[4][..], &x, &y].concat()))
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A number without zeros before it.
fn number(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}
