//! Tokens that must not be believed, each with the reason.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::signer::{Signer, encode};
use super::*;

#[tokio::test]
async fn the_claims_of_a_good_token_become_those_that_checks_see() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let world = World::with_keys(&[&signer]).await;
    let token = signer.sign(&claims());
    let verified = world.verify(&token).await.unwrap();
    assert_eq!((verified.client_id.as_str(), verified.subject.as_deref()), ("laptop", Some("alice")));
    assert_eq!(verified.scopes, ["read", "pay"]);
    assert_eq!((verified.expires_at, verified.resource_indicator.as_deref()), (Some(NOW + 300), Some(AUDIENCE)));
    assert_eq!(*verified.claims, claims());
    assert_eq!(verified.raw.as_ref().map(|raw| raw.expose()), Some(token.as_str()));
    // Also from the cache.
    assert_eq!(world.verify(&token).await.unwrap(), verified);
    let others = [
        (json!({ "client_id": null, "azp": "web", "sub": null, "scope": null, "scp": ["a b", "c"] }), "web"),
        (json!({ "aud": ["x", AUDIENCE], "scope": "", "exp": NOW - 29, "nbf": NOW + 30 }), "laptop"),
    ];
    for (changes, client) in others {
        let verified = world.verify(&signer.sign(&claims_with(changes.clone()))).await.unwrap();
        assert_eq!(verified.client_id, client, "{changes}");
    }
    for header in [json!({ "typ": null }), json!({ "typ": "jwt" }), json!({ "typ": "application/at+jwt" })] {
        world.verify(&signer.sign_with(&header, &claims())).await.unwrap();
    }
}

#[tokio::test]
async fn each_algorithm_verifies_the_tokens_of_its_keys() {
    let rsa = Signer::new(Algorithm::RS256, "rsa");
    let signers = [
        rsa.with_algorithm(Algorithm::PS256),
        Signer::new(Algorithm::ES256, "p256"),
        Signer::new(Algorithm::ES384, "p384"),
        Signer::new(Algorithm::EdDSA, "ed"),
        rsa.with_id(Some("rsa-1")),
    ];
    let algorithms = signers.iter().map(|signer| signer.algorithm).collect();
    let world = World::with(&signers.each_ref(), |config| config.algorithms = algorithms).await;
    for signer in &signers {
        world.verify(&signer.sign(&claims())).await.unwrap();
        // Signed with one key, and said to be signed with another one.
        for other in signers.iter().filter(|other| other.id != signer.id) {
            let token = signer.sign_with(&json!({ "kid": other.id }), &claims());
            let refused = world.verify(&token).await;
            assert!(matches!(refused, Err(TokenRefusal::Invalid(_))), "{:?} {:?}", signer.id, other.id);
        }
    }
    // The algorithms of RSA are not one another's.
    let token = rsa.with_algorithm(Algorithm::RS384).sign(&claims());
    assert_invalid(&world.verify(&token).await, "not allowed");
    assert_invalid(&world.verify(&rsa.sign(&claims())).await, "does not fit");
}

#[tokio::test]
async fn claims_that_are_wrong_are_refused() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let world = World::with_keys(&[&signer]).await;
    let mut deep = json!(1);
    for _ in 0..40 {
        deep = json!([deep]);
    }
    let cases: Vec<(Value, &str)> = vec![
        (json!({ "iss": "https://id.example/" }), "no issuer"),
        (json!({ "iss": "HTTPS://ID.EXAMPLE" }), "no issuer"),
        (json!({ "iss": [ISSUER] }), "no issuer"),
        (json!({ "iss": null }), "no issuer"),
        (json!({ "aud": "https://shop.example/" }), "another audience"),
        (json!({ "aud": [] }), "another audience"),
        (json!({ "aud": [AUDIENCE, 1] }), "`aud`"),
        (json!({ "aud": { "a": AUDIENCE } }), "`aud`"),
        (json!({ "aud": null }), "`aud` is missing"),
        (json!({ "exp": null }), "`exp` is missing"),
        (json!({ "exp": 0 }), "expired"),
        (json!({ "exp": -1 }), "expired"),
        (json!({ "exp": i64::MIN }), "expired"),
        (json!({ "exp": NOW - 30 }), "expired"),
        (json!({ "exp": 1e300 }), "strict JSON"),
        (json!({ "exp": 1_900_000_000.5 }), "whole number"),
        (json!({ "exp": 1_900_000_000.0 }), "whole number"),
        (json!({ "exp": u64::MAX }), "whole number"),
        (json!({ "exp": "1900000000" }), "whole number"),
        (json!({ "exp": [NOW + 300] }), "whole number"),
        (json!({ "nbf": NOW + 31 }), "not valid yet"),
        (json!({ "nbf": i64::MAX }), "not valid yet"),
        (json!({ "nbf": "0" }), "whole number"),
        (json!({ "nbf": true }), "whole number"),
        (json!({ "client_id": 7 }), "client or the subject"),
        (json!({ "client_id": "" }), "client or the subject"),
        (json!({ "client_id": null }), "no claim with the client"),
        (json!({ "sub": ["alice"] }), "client or the subject"),
        (json!({ "scope": 1 }), "scopes"),
        (json!({ "scope": ["read", 1] }), "scopes"),
        (json!({ "scope": ["read", ""] }), "scopes"),
        (json!({ "scope": { "read": true } }), "scopes"),
        (json!({ "deep": deep }), "too deep"),
    ];
    for (changes, reason) in cases {
        let refused = world.verify(&signer.sign(&claims_with(changes.clone()))).await;
        assert!(
            matches!(&refused, Err(TokenRefusal::Invalid(found)) if found.contains(reason)),
            "{changes}: {refused:?}"
        );
    }
    let good = claims().to_string();
    for (claims, reason) in [
        (good.replacen('{', r#"{"sub":"mallory","#, 1), "strict JSON"),
        (good.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1), "strict JSON"),
        (format!("[{good}]"), "not an object"),
        (format!("{good}{good}"), "strict JSON"),
        (String::new(), "strict JSON"),
        ("null".to_owned(), "not an object"),
        ("[".repeat(9_000), "strict JSON"),
    ] {
        assert_invalid(&world.verify(&signer.sign_text(&signer.header().to_string(), &claims)).await, reason);
    }
    let large = claims_with(json!({ "large": "a".repeat(16 << 10) }));
    assert_invalid(&world.verify(&signer.sign(&large)).await, "too long");
}

#[tokio::test]
async fn headers_that_are_wrong_are_refused() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let world = World::with_keys(&[&signer]).await;
    let stranger = Signer::new(Algorithm::ES256, "one");
    for (changes, reason) in [
        (json!({ "alg": "none" }), "algorithm is unknown"),
        (json!({ "alg": "es256" }), "algorithm is unknown"),
        (json!({ "alg": null }), "algorithm is unknown"),
        (json!({ "alg": ["ES256"] }), "not a string"),
        (json!({ "alg": "HS256" }), "not allowed"),
        (json!({ "alg": "ES384" }), "not allowed"),
        (json!({ "alg": "RS256" }), "does not fit"),
        (json!({ "crit": ["exp"] }), "`crit`"),
        (json!({ "crit": [] }), "`crit`"),
        (json!({ "typ": "dpop+jwt" }), "type"),
        (json!({ "typ": "application/x/at+jwt" }), "type"),
        (json!({ "typ": "" }), "type"),
        (json!({ "typ": 1 }), "not a string"),
        (json!({ "kid": 1 }), "not a string"),
        (json!({ "kid": "ONE" }), "no key"),
        (json!({ "kid": "../../etc/passwd" }), "no key"),
        (json!({ "x": "a".repeat(5_000) }), "header is too large"),
    ] {
        assert_invalid(&world.verify(&signer.sign_with(&changes, &claims())).await, reason);
    }
    let twice = signer.header().to_string().replacen('{', r#"{"alg":"none","#, 1);
    assert_invalid(&world.verify(&signer.sign_text(&twice, &claims().to_string())).await, "strict JSON");
    // A key in the header is nobody's key.
    let jwk = json!({ "jwk": stranger.jwk(), "jku": "http://127.0.0.1:1/keys", "x5c": ["AAAA"] });
    assert_invalid(&world.verify(&stranger.sign_with(&jwk, &claims())).await, "signature");
}

#[tokio::test]
async fn a_public_key_is_no_secret_of_an_hmac() {
    let rsa = Signer::new(Algorithm::RS256, "one");
    let world = World::with(&[&rsa], |config| config.algorithms = vec![Algorithm::RS256]).await;
    world.verify(&rsa.sign(&claims())).await.unwrap();
    let jwk = rsa.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [modulus, jwk["n"].as_str().unwrap().into(), jwk.to_string().into_bytes(), Vec::new()] {
        let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": "one" }).to_string();
        let message = format!("{}.{}", encode(header.as_bytes()), encode(claims().to_string().as_bytes()));
        let key = EncodingKey::from_secret(&secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        assert_invalid(&world.verify(&format!("{message}.{signature}")).await, "not allowed");
    }
}

#[tokio::test]
async fn a_token_that_was_changed_is_refused() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let world = World::with_keys(&[&signer]).await;
    let token = signer.sign(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{token}") };
    let forged = encode(claims_with(json!({ "sub": "mallory" })).to_string().as_bytes());
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let none = encode(br#"{"alg":"none"}"#);
    for changed in [
        format!("{header}.{forged}.{signature}"),
        format!("{header}.{payload}."),
        format!("{none}.{payload}."),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{signature}A"),
        format!("{header}.{payload}.{}", encode(&[0; 64])),
        format!("{header}.{payload}.{}", encode(&bytes[..63])),
        format!("{header}.{payload}.{}", encode(&[&bytes[..], &[0]].concat())),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{header}.{payload}.{signature}.a.b"),
        format!(".{token}"),
        format!("{token}."),
        "..".to_owned(),
        "opaque".to_owned(),
    ] {
        assert!(matches!(world.verify(&changed).await, Err(TokenRefusal::Invalid(_))), "{changed}");
    }
    world.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_tenant_without_issuers_has_no_tokens() {
    let signer = Signer::new(Algorithm::ES256, "one");
    let world = World::with_keys(&[&signer]).await;
    let header = format!("Bearer {}", signer.sign(&claims()));
    assert!(world.tokens.asks("acme") && !world.tokens.asks("none"));
    for (tenant, header) in [("none", Some(header.as_bytes())), ("acme", None), ("acme", Some(&b"Basic YTpi"[..]))] {
        assert_eq!(world.tokens.verify(tenant, header, LONG).await, Ok(None), "{tenant}");
    }
    assert_eq!(world.authority.count(), 0);
}
