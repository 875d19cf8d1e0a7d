//! What is known of tokens that were verified before.

use jsonwebtoken::Algorithm;
use serde_json::json;

use super::signer::Signer;
use super::*;
use crate::tenant_name::TenantName;

const CACHED: &str = r#"guardhouse_token_verifications_total{issuer="id",outcome="cached"}"#;
const VERIFIED: &str = r#"guardhouse_token_verifications_total{issuer="id",outcome="verified"}"#;

fn signer() -> Signer {
    Signer::new(Algorithm::ES256, "one")
}

#[tokio::test]
async fn a_token_is_verified_once_in_a_minute() {
    let signer = signer();
    let world = World::with_keys(&[&signer]).await;
    let token = signer.sign(&claims());
    for (pass, verified, cached) in [(0, "1", "0"), (0, "1", "1"), (59, "1", "2"), (1, "2", "2"), (0, "2", "3")] {
        world.clock.pass(pass);
        world.verify(&token).await.unwrap();
        assert_eq!((world.metric(VERIFIED).as_str(), world.metric(CACHED).as_str()), (verified, cached));
    }
}

#[tokio::test]
async fn a_token_is_not_cached_beyond_its_expiry() {
    let signer = signer();
    let world = World::with_keys(&[&signer]).await;
    let token = signer.sign(&claims_with(json!({ "exp": NOW + 10 })));
    world.verify(&token).await.unwrap();
    world.clock.pass(9);
    world.verify(&token).await.unwrap();
    assert_eq!(world.metric(CACHED), "1");
    // Within the leeway it is verified each time.
    for _ in 0..3 {
        world.clock.pass(10);
        let _ = world.verify(&token).await;
    }
    assert_eq!((world.metric(CACHED), world.metric(VERIFIED)), ("1".to_owned(), "4".to_owned()));
    world.clock.pass(1);
    assert_invalid(&world.verify(&token).await, "expired");
}

#[tokio::test]
async fn a_cached_token_goes_with_the_key_set() {
    let one = signer();
    let two = Signer::new(Algorithm::ES256, "two");
    let world = World::with(&[&one], |config| config.refresh = Duration::from_secs(10)).await;
    world.tend().await;
    let token = one.sign(&claims());
    world.verify(&token).await.unwrap();
    // The same keys again.
    world.clock.pass(10);
    world.tend().await;
    world.verify(&token).await.unwrap();
    assert_eq!((world.metric(CACHED).as_str(), world.authority.count()), ("1", 2));
    world.authority.reply_json(&key_set(&[&two]));
    world.clock.pass(10);
    world.tend().await;
    assert_invalid(&world.verify(&token).await, "no key");
    assert_eq!(world.metric(CACHED), "1");
}

#[tokio::test]
async fn a_flood_of_one_tenant_leaves_the_cache_of_another() {
    let signer = signer();
    let world = World::with_keys(&[&signer]).await;
    let calm = signer.sign(&claims());
    world.verify_for("other", &calm).await.unwrap();
    // Tokens of ten thousand bytes: the flood has more than a tenant may keep.
    let text = "a".repeat(10_000);
    for number in 0..1_000 {
        world.verify(&signer.sign(&claims_with(json!({ "number": number, "text": text })))).await.unwrap();
    }
    assert!(world.tokens.0.verified.bytes() < 9 << 20);
    assert_eq!(world.metric(CACHED), "0");
    world.verify_for("other", &calm).await.unwrap();
    assert_eq!(world.metric(CACHED), "1");
}

#[tokio::test]
async fn nothing_that_was_refused_by_a_signature_is_kept() {
    let signer = signer();
    let world = World::with_keys(&[&signer]).await;
    for number in 0..100 {
        let token = signer.sign(&claims_with(json!({ "number": number })));
        let broken = format!("{}A", &token[..token.len() - 2]);
        assert!(world.verify(&broken).await.is_err());
    }
    assert_eq!((world.tokens.0.verified.bytes(), world.tokens.0.refused.bytes()), (0, 0));
}

#[tokio::test]
async fn an_issuer_that_does_not_change_keeps_its_keys_over_a_reload() {
    let signer = signer();
    let world = World::with_keys(&[&signer]).await;
    let token = signer.sign(&claims());
    world.verify(&token).await.unwrap();
    world.tokens.set(std::slice::from_ref(&world.config), &tenants(&["id"]));
    world.verify(&token).await.unwrap();
    assert_eq!((world.metric(CACHED).as_str(), world.authority.count()), ("1", 1));
    // Another audience: nothing that was verified for the old one counts.
    let changed = IssuerConfig { audiences: vec!["https://new.example".into()], ..world.config.clone() };
    world.tokens.set(&[changed], &tenants(&["id"]));
    assert_eq!(world.tokens.0.verified.bytes(), 0);
    assert_invalid(&world.verify(&token).await, "another audience");
    // A tenant that does not trust the issuer any more.
    world.tokens.set(std::slice::from_ref(&world.config), &tenants(&["id"]));
    world.verify(&token).await.unwrap();
    let mut distrusting = tenants(&["id"]);
    distrusting.tenants.get_mut(&"acme".parse::<TenantName>().unwrap()).unwrap().issuers.clear();
    world.tokens.set(std::slice::from_ref(&world.config), &distrusting);
    let header = format!("Bearer {token}");
    assert_eq!(world.tokens.verify("acme", Some(header.as_bytes()), LONG).await, Ok(None));
    world.verify_for("other", &token).await.unwrap();
}

#[test]
fn nothing_of_a_token_is_in_what_is_shown() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signer = signer();
    let world = runtime.block_on(World::with_keys(&[&signer]));
    let token = signer.sign(&claims());
    let verified = runtime.block_on(world.verify(&token)).unwrap();
    let broken = format!("{token}A");
    let refused = runtime.block_on(world.verify(&broken)).unwrap_err();
    for shown in [format!("{verified:?}"), format!("{refused:?} {refused}"), format!("{:?}", world.tokens)] {
        let secret = token.rsplit('.').next().unwrap();
        assert!(!shown.contains(secret) && !shown.contains(&token), "{shown}");
    }
}
