//! Issuers that are asked about each token (RFC 7662).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hyper::StatusCode;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::authority::Reply;
use super::signer::Signer;
use super::*;
use crate::token::introspection::{QUESTIONS, QUESTIONS_OF_TENANT};

fn active() -> Value {
    json!({ "active": true, "client_id": "laptop", "sub": "alice", "scope": "read", "exp": NOW + 300 })
}

fn active_with(changes: Value) -> Value {
    let mut answer = active();
    for (name, value) in changes.as_object().unwrap() {
        answer[name] = value.clone();
    }
    answer
}

#[tokio::test]
async fn an_opaque_token_is_asked_about_with_the_credentials_of_the_server() {
    let (world, _folder) = World::asked(|_| {}).await;
    world.authority.reply_json(&active());
    let verified = world.verify("opaque+token/1").await.unwrap();
    assert_eq!(
        (verified.client_id.as_str(), verified.scopes.len(), verified.expires_at),
        ("laptop", 1, Some(NOW + 300))
    );
    assert_eq!(verified.raw.unwrap().expose(), "opaque+token/1");
    let asked = &world.authority.requests()[0];
    assert_eq!(
        (asked.path.as_str(), asked.body.as_str()),
        ("/introspect", "token=opaque%2Btoken%2F1&token_type_hint=access_token")
    );
    let basic = format!("Basic {}", STANDARD.encode("guardhouse:s3cret%2Fof%20the%20client"));
    assert_eq!(asked.authorization.as_ref(), Some(&basic));
}

#[tokio::test]
async fn only_true_is_active_and_what_is_said_must_be_right() {
    let (world, _folder) = World::asked(|asked| asked.cache = Duration::ZERO).await;
    for (answer, is_valid) in [
        (active(), true),
        (json!({ "active": true, "client_id": "laptop" }), true),
        (active_with(json!({ "iss": ISSUER })), true),
        (active_with(json!({ "active": false })), false),
        (active_with(json!({ "active": "true" })), false),
        (active_with(json!({ "active": 1 })), false),
        (active_with(json!({ "active": null })), false),
        (json!({ "client_id": "laptop", "exp": NOW + 300 }), false),
        (active_with(json!({ "exp": 0 })), false),
        (active_with(json!({ "exp": NOW - 30 })), false),
        (active_with(json!({ "exp": "1900000000" })), false),
        (active_with(json!({ "nbf": NOW + 31 })), false),
        (active_with(json!({ "iss": "https://other.example" })), false),
        (active_with(json!({ "scope": 1 })), false),
        (json!({ "active": true }), false),
    ] {
        world.authority.reply_json(&answer);
        let result = world.verify("opaque").await;
        assert_eq!(result.is_ok(), is_valid, "{answer}");
        assert!(is_valid || matches!(result, Err(TokenRefusal::Invalid(_))), "{answer}: {result:?}");
    }
}

#[tokio::test]
async fn an_audience_that_is_configured_must_be_in_the_answer() {
    let (world, _folder) = World::asked(|asked| asked.cache = Duration::ZERO).await;
    let config = IssuerConfig { audiences: vec![AUDIENCE.into()], ..world.config.clone() };
    world.tokens.set(&[config], &tenants(&["asked"]));
    for (aud, is_valid) in [(json!([AUDIENCE]), true), (json!(AUDIENCE), true), (json!("x"), false)] {
        world.authority.reply_json(&active_with(json!({ "aud": aud })));
        assert_eq!(world.verify("opaque").await.is_ok(), is_valid, "{aud}");
    }
    world.authority.reply_json(&active());
    assert_invalid(&world.verify("opaque").await, "`aud` is missing");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_answer_and_is_not_kept() {
    let (world, folder) = World::asked(|_| {}).await;
    let good = active().to_string();
    let twice = good.replacen('{', r#"{"active":false,"#, 1);
    for reply in [
        Reply::Body(StatusCode::OK, "active".into()),
        Reply::Body(StatusCode::OK, "[true]".into()),
        Reply::Body(StatusCode::OK, twice.into()),
        Reply::Body(StatusCode::OK, Bytes::from([good.as_bytes(), &vec![b' '; 64 << 10][..]].concat())),
        Reply::Body(StatusCode::UNAUTHORIZED, good.clone().into()),
        Reply::Body(StatusCode::INTERNAL_SERVER_ERROR, good.clone().into()),
        Reply::Redirect("http://127.0.0.1:1/".to_owned()),
    ] {
        world.authority.reply(reply.clone());
        let refused = world.verify("opaque").await;
        assert!(matches!(refused, Err(TokenRefusal::Unavailable(_))), "{reply:?} {refused:?}");
    }
    world.authority.reply(Reply::Hang);
    let refused = world.tokens.verify("acme", Some(b"Bearer opaque"), Duration::from_millis(20)).await;
    assert!(matches!(refused, Err(TokenRefusal::Unavailable(_))), "{refused:?}");
    let secret = folder.path().join("secret");
    for content in ["", "\n"] {
        std::fs::write(&secret, content).unwrap();
        assert_unavailable(&world.verify("opaque").await);
    }
    std::fs::write(&secret, "new").unwrap();
    world.authority.reply_json(&active());
    world.verify("opaque").await.unwrap();
    let basic = format!("Basic {}", STANDARD.encode("guardhouse:new"));
    assert_eq!(world.authority.requests().last().unwrap().authorization.as_ref(), Some(&basic));
}

#[tokio::test]
async fn an_answer_is_used_again_for_a_short_time() {
    let (world, _folder) = World::asked(|_| {}).await;
    world.authority.reply_json(&active_with(json!({ "exp": NOW + 5 })));
    let ask = async |times: usize| {
        for _ in 0..times {
            let _ = world.verify("opaque").await;
        }
        world.authority.count()
    };
    assert_eq!(ask(3).await, 1);
    world.clock.pass(4);
    assert_eq!(ask(3).await, 1);
    // It has expired, but for the leeway: it is asked about each time.
    world.clock.pass(1);
    assert_eq!(ask(3).await, 4);
    world.authority.reply_json(&json!({ "active": false }));
    assert_eq!(ask(3).await, 5);
    world.clock.pass(9);
    assert_eq!(ask(3).await, 5);
    assert_invalid(&world.verify("opaque").await, "not active");
    world.clock.pass(1);
    world.authority.reply_json(&active());
    world.verify("opaque").await.unwrap();
    // What one tenant asked is not known to another one.
    let before = world.authority.count();
    world.verify_for("other", "opaque").await.unwrap();
    assert_eq!(world.authority.count(), before + 1);
}

#[tokio::test]
async fn questions_at_the_same_time_are_bounded_and_one_tenant_has_half() {
    let (world, _folder) = World::asked(|_| {}).await;
    world.authority.reply(Reply::Hold(active().to_string().into()));
    let mut all = tokio::task::JoinSet::new();
    let mut ask = |tenant: &'static str, number: usize| {
        let tokens = world.tokens.clone();
        all.spawn(async move { tokens.verify(tenant, Some(format!("Bearer t{number}").as_bytes()), LONG).await });
    };
    let late = async |tenant: &str| {
        let refused = world.tokens.verify(tenant, Some(b"Bearer late"), Duration::from_millis(20)).await;
        assert_eq!(refused, Err(TokenRefusal::Unavailable("too many questions wait for the issuer")), "{tenant}");
    };
    let arrived = async |count: usize| {
        while world.authority.count() < count {
            tokio::task::yield_now().await;
        }
    };
    (0..QUESTIONS).for_each(|number| ask("acme", number));
    arrived(QUESTIONS_OF_TENANT).await;
    late("acme").await;
    assert_eq!(world.authority.count(), QUESTIONS_OF_TENANT);
    // Another tenant does not wait behind it.
    (0..QUESTIONS_OF_TENANT).for_each(|number| ask("other", number));
    arrived(QUESTIONS).await;
    late("other").await;
    assert_eq!(world.authority.count(), QUESTIONS);
    world.authority.reply_json(&active());
    world.authority.release();
    assert!(all.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn several_issuers_of_a_tenant_have_tokens_of_their_own() {
    let (world, folder) = World::asked(|_| {}).await;
    let keys = Signer::new(Algorithm::ES256, "one");
    let path = folder.path().join("keys.json");
    std::fs::write(&path, key_set(&[&keys]).to_string()).unwrap();
    let mut by_keys = IssuerConfig::new("keys", "https://keys.example", IssuerSource::JwksFile(path));
    by_keys.audiences = vec![AUDIENCE.into()];
    world.tokens.set(&[by_keys, world.config.clone()], &tenants(&["keys", "asked"]));
    world.authority.reply_json(&active());
    let own = keys.sign(&claims_with(json!({ "iss": "https://keys.example" })));
    world.verify(&own).await.unwrap();
    // Nobody else is told of it.
    assert_eq!(world.authority.count(), 0);
    assert_invalid(&world.verify(&keys.sign(&claims_with(json!({ "iss": "https://x.example" })))).await, "no issuer");
    assert_eq!(world.authority.count(), 0);
    world.verify("opaque").await.unwrap();
    // A JWT of the issuer that is asked, whatever its signature is.
    world.verify(&keys.sign(&claims())).await.unwrap();
    assert_eq!(world.authority.count(), 2);
}
