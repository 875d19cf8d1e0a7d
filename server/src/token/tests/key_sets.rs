//! Key sets over time: rotation, floods of unknown keys, and issuers that fail.

use bytes::Bytes;
use hyper::StatusCode;
use jsonwebtoken::Algorithm;
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::authority::Reply;
use super::signer::Signer;
use super::*;

fn signer(id: &str) -> Signer {
    Signer::new(Algorithm::ES256, id)
}

#[tokio::test]
async fn a_new_key_is_found_when_the_first_token_names_it() {
    let (one, two) = (signer("one"), signer("two"));
    let world = World::with_keys(&[&one]).await;
    world.tend().await;
    world.verify(&one.sign(&claims())).await.unwrap();
    world.authority.reply_json(&key_set(&[&two]));
    world.verify(&two.sign(&claims())).await.unwrap();
    assert_eq!(world.authority.count(), 2);
    // The old key is gone, and the token that it signed with it, although it is in the cache.
    assert_invalid(&world.verify(&one.sign(&claims())).await, "no key");
    assert_eq!(world.authority.count(), 2);
}

#[tokio::test]
async fn a_flood_of_unknown_keys_makes_one_fetch_in_each_period() {
    let one = signer("one");
    let world = World::with_keys(&[&one]).await;
    world.tend().await;
    for period in 0..4 {
        let tokens: Vec<String> =
            (0..50).map(|number| one.sign_with(&json!({ "kid": format!("{period}-{number}") }), &claims())).collect();
        let mut all = tokio::task::JoinSet::new();
        for token in tokens {
            let tokens = world.tokens.clone();
            all.spawn(async move { tokens.verify("acme", Some(format!("Bearer {token}").as_bytes()), LONG).await });
        }
        for result in all.join_all().await {
            assert!(matches!(result, Err(TokenRefusal::Invalid(_))), "{result:?}");
        }
        assert_eq!(world.authority.count(), 2 + period);
        world.clock.pass(29);
        assert_invalid(&world.verify(&one.sign_with(&json!({ "kid": "x" }), &claims())).await, "no key");
        assert_eq!(world.authority.count(), 2 + period);
        world.clock.pass(1);
    }
}

#[tokio::test]
async fn a_fetch_that_began_is_joined_and_outlives_its_request() {
    let (one, two) = (signer("one"), signer("two"));
    let world = World::with_keys(&[&one]).await;
    world.tend().await;
    world.authority.reply(Reply::Hold(key_set(&[&two]).to_string().into()));
    let header = format!("Bearer {}", two.sign(&claims()));
    // The caller does not wait for the end.
    let soon = world.tokens.verify("acme", Some(header.as_bytes()), Duration::from_millis(20)).await;
    assert!(matches!(soon, Err(TokenRefusal::Unavailable(_))), "{soon:?}");
    let tokens = world.tokens.clone();
    let waiting = tokio::spawn(async move { tokens.verify("other", Some(header.as_bytes()), LONG).await });
    while world.authority.count() < 2 {
        tokio::task::yield_now().await;
    }
    world.authority.release();
    waiting.await.unwrap().unwrap().unwrap();
    assert_eq!(world.authority.count(), 2);
}

#[tokio::test]
async fn the_key_set_is_fetched_again_when_it_is_due() {
    let (one, two) = (signer("one"), signer("two"));
    let world = World::with_keys(&[&one]).await;
    world.tend().await;
    world.clock.pass(599);
    world.tend().await;
    assert_eq!(world.authority.count(), 1);
    world.authority.reply_json(&key_set(&[&two]));
    world.clock.pass(1);
    world.tend().await;
    assert_eq!(world.authority.count(), 2);
    let claims = claims_with(json!({ "exp": NOW + 3_600 }));
    world.verify(&two.sign(&claims)).await.unwrap();
    assert_invalid(&world.verify(&one.sign(&claims)).await, "no key");
}

#[tokio::test]
async fn every_answer_that_is_no_key_set_leaves_the_old_keys_for_the_outage() {
    let one = signer("one");
    let claims = claims_with(json!({ "exp": NOW + 100_000 }));
    let many = json!({ "keys": vec![one.jwk(); 101] }).to_string();
    let twice = key_set(&[&one]).to_string().replacen('{', r#"{"keys":[],"#, 1);
    let good = Bytes::from(key_set(&[&signer("evil")]).to_string());
    let huge = [&good[..], &vec![b' '; 256 << 10][..]].concat();
    let ok = StatusCode::OK;
    for reply in [
        Reply::Body(ok, "<html>".into()),
        Reply::Body(ok, Bytes::new()),
        Reply::Body(ok, "{}".into()),
        Reply::Body(ok, r#"{"keys":{}}"#.into()),
        Reply::Body(ok, many.into()),
        Reply::Body(ok, twice.into()),
        Reply::Body(ok, huge.into()),
        Reply::Body(StatusCode::CREATED, good.clone()),
        Reply::Body(StatusCode::INTERNAL_SERVER_ERROR, good.clone()),
        Reply::Body(StatusCode::NOT_FOUND, good.clone()),
        Reply::Redirect("http://127.0.0.1:1/keys".to_owned()),
    ] {
        let world = World::with_keys(&[&one]).await;
        world.tend().await;
        world.authority.reply(reply.clone());
        for _ in 0..6 {
            world.clock.pass(600);
            world.tend().await;
            let verified = world.verify(&one.sign(&claims)).await;
            assert!(verified.is_ok(), "{reply:?} {verified:?}");
        }
        // From the cache too.
        world.clock.pass(1);
        assert_unavailable(&world.verify(&one.sign(&claims)).await);
        assert_eq!(world.metric(r#"guardhouse_issuer_questions_total{issuer="id",result="answered"}"#), "1");
        world.authority.reply_json(&key_set(&[&one]));
        world.clock.pass(30);
        world.tend().await;
        world.verify(&one.sign(&claims)).await.unwrap();
    }
}

#[tokio::test]
async fn an_issuer_that_hangs_or_never_answered_is_unavailable() {
    let one = signer("one");
    let world = World::with_keys(&[&one]).await;
    world.authority.reply(Reply::Hang);
    let header = format!("Bearer {}", one.sign(&claims()));
    let refused = world.tokens.verify("acme", Some(header.as_bytes()), Duration::from_millis(20)).await;
    assert!(matches!(refused, Err(TokenRefusal::Unavailable(_))), "{refused:?}");
    let unavailable = r#"guardhouse_token_verifications_total{issuer="id",outcome="unavailable"}"#;
    assert_eq!(world.metric(unavailable), "1");
    let world = World::with_keys(&[&one]).await;
    world.authority.reply_status(503);
    for _ in 0..10 {
        assert_unavailable(&world.verify(&one.sign(&claims())).await);
    }
    assert_eq!(world.authority.count(), 1);
    // The background tries again after 1, 2, 4, … and then every 30 seconds.
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        world.clock.pass(seconds - 1);
        world.tend().await;
        let before = world.authority.count();
        world.clock.pass(1);
        world.tend().await;
        assert_eq!(world.authority.count(), before + 1, "{seconds}");
    }
}

#[tokio::test]
async fn an_empty_key_set_takes_all_keys_away() {
    let one = signer("one");
    let world = World::with_keys(&[&one]).await;
    world.verify(&one.sign(&claims())).await.unwrap();
    world.authority.reply_json(&json!({ "keys": [] }));
    world.clock.pass(600);
    world.tend().await;
    assert_invalid(&world.verify(&one.sign(&claims_with(json!({ "exp": NOW + 9_000 })))).await, "no key");
    assert_eq!(world.metric(r#"guardhouse_issuer_keys{issuer="id"}"#), "0");
}

#[tokio::test]
async fn keys_that_are_not_for_signatures_or_too_weak_are_left_out() {
    let one = signer("one");
    let modulus = |bits: usize| "_".repeat(bits / 6);
    for (member, value) in [
        ("use", json!("enc")),
        ("use", json!(1)),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!("verify")),
        ("alg", json!("ES384")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("kty", json!("oct")),
        ("crv", json!("secp256k1")),
        ("x", json!("AAAA")),
        ("d", json!("AAAA")),
        ("k", json!("AAAA")),
    ] {
        let mut jwk = one.jwk();
        jwk[member] = value.clone();
        let world = World::with_keys(&[]).await;
        world.authority.reply_json(&json!({ "keys": [jwk] }));
        assert_invalid(&world.verify(&one.sign(&claims())).await, "no key");
        let key = json!({ "kty": "RSA", "n": modulus(2_040), "e": "AQAB" });
        let mut small = key_set(&[&one]);
        small["keys"].as_array_mut().unwrap().push(key);
        world.authority.reply_json(&small);
        world.clock.pass(30);
        world.verify(&one.sign(&claims())).await.unwrap();
        assert_eq!(world.metric(r#"guardhouse_issuer_keys{issuer="id"}"#), "1", "{member} {value}");
    }
    // An exponent of one, or an even one, and a key of 2,040 bits.
    let set = |n: &str, e: &str| json!({ "keys": [{ "kty": "RSA", "n": n, "e": e }] }).to_string();
    let strong = modulus(2_064);
    for (n, e, keys) in
        [(&strong, "AQAB", 1), (&strong, "AQ", 0), (&strong, "Ag", 0), (&strong, "", 0), (&modulus(2_040), "AQAB", 0)]
    {
        let read = crate::token::keys::KeySet::read(set(n, e).as_bytes()).unwrap();
        assert_eq!(read.len(), keys, "{e}");
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_the_only_key_that_fits() {
    let (one, two) = (signer("one"), signer("two"));
    let other = Signer::new(Algorithm::EdDSA, "ed");
    let bare = one.with_id(None).sign(&claims());
    World::with_keys(&[&one, &other]).await.verify(&bare).await.unwrap();
    World::with_keys(&[&one.with_id(None)]).await.verify(&bare).await.unwrap();
    assert_invalid(&World::with_keys(&[&one, &two]).await.verify(&bare).await, "several keys");
    assert_invalid(&World::with_keys(&[&other]).await.verify(&bare).await, "no key");
    assert_invalid(&World::with_keys(&[&two]).await.verify(&bare).await, "signature");
    // A key set with two keys of one name.
    let twin = two.with_id(Some("one"));
    assert_invalid(&World::with_keys(&[&one, &twin]).await.verify(&one.sign(&claims())).await, "several keys");
    // A named key is not one without a name.
    assert_invalid(&World::with_keys(&[&one.with_id(None)]).await.verify(&one.sign(&claims())).await, "no key");
}

#[tokio::test]
async fn a_key_set_in_a_file_is_read_again_when_it_changes() {
    let (one, two) = (signer("one"), signer("two"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    std::fs::write(&path, key_set(&[&one]).to_string()).unwrap();
    let world = World::with(&[], |config| config.source = IssuerSource::JwksFile(path.clone())).await;
    world.tend().await;
    world.verify(&one.sign(&claims())).await.unwrap();
    std::fs::write(&path, key_set(&[&two]).to_string()).unwrap();
    world.tend().await;
    world.verify(&two.sign(&claims())).await.unwrap();
    assert_invalid(&world.verify(&one.sign(&claims())).await, "no key");
    // A broken file changes nothing.
    std::fs::write(&path, "{").unwrap();
    world.tend().await;
    world.verify(&two.sign(&claims())).await.unwrap();
    std::fs::write(&path, key_set(&[&one]).to_string()).unwrap();
    world.clock.pass(30);
    world.tend().await;
    world.verify(&one.sign(&claims())).await.unwrap();
    assert_eq!(world.authority.count(), 0);
}

#[tokio::test]
async fn an_issuer_over_tls_needs_a_certificate_of_the_configured_authority() {
    let one = signer("one");
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let url = authority::serve_tls(&certificate, &key, key_set(&[&one])).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let stranger = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let stranger = stranger.self_signed(&KeyPair::generate().unwrap()).unwrap();
    std::fs::write(&path, stranger.pem()).unwrap();
    let world = World::with(&[], |config| {
        (config.source, config.ca_file) = (IssuerSource::JwksUrl(url), Some(path.clone()));
    });
    let world = world.await;
    for content in [stranger.pem(), String::new(), "-----BEGIN CERTIFICATE-----\n".to_owned()] {
        std::fs::write(&path, content).unwrap();
        world.clock.pass(30);
        assert_unavailable(&world.verify(&one.sign(&claims())).await);
    }
    // The file is read again.
    std::fs::write(&path, certificate.pem()).unwrap();
    world.clock.pass(30);
    world.verify(&one.sign(&claims())).await.unwrap();
}
