//! Random bytes never verify, and never panic.

use std::sync::LazyLock;

use jsonwebtoken::Algorithm;
use proptest::prelude::*;

use super::signer::{Signer, encode};
use super::*;
use crate::token::jwt::Jwt;
use crate::token::keys::KeySet;

static JWK: LazyLock<Value> = LazyLock::new(|| Signer::new(Algorithm::ES256, "one").jwk());

proptest! {
    #[test]
    fn random_bytes_are_no_token(bytes in prop::collection::vec(any::<u8>(), 0..200), dots in ".{0,3}") {
        let text = format!("{}{dots}", String::from_utf8_lossy(&bytes));
        let token = Jwt::read(&text);
        prop_assert!(!matches!(token, Ok(Some(_))), "{token:?}");
        prop_assert!(KeySet::read(&bytes).is_err());
    }

    #[test]
    fn random_members_are_no_key(member in "kty|n|e|x|y|crv|alg|use|d", value in any::<String>()) {
        let mut jwk = JWK.clone();
        let len = |jwk: &Value| KeySet::read(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap().len();
        prop_assert_eq!(len(&jwk), 1);
        jwk[&member] = value.into();
        prop_assert!(len(&jwk) == 0 || ["n", "e"].contains(&member.as_str()));
    }
}

#[test]
fn no_part_of_a_good_token_can_be_replaced_by_random_bytes() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signer = Signer::new(Algorithm::ES256, "one");
    let world = runtime.block_on(World::with_keys(&[&signer]));
    let token = signer.sign(&claims());
    runtime.block_on(world.verify(&token)).unwrap();
    let parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
    let strategy = (0..3_usize, prop::collection::vec(any::<u8>(), 0..100));
    proptest!(|((part, bytes) in strategy)| {
        let mut parts = parts.clone();
        parts[part] = encode(&bytes);
        let changed = parts.join(".");
        prop_assume!(changed != token);
        let refused = runtime.block_on(world.verify(&changed));
        prop_assert!(matches!(refused, Err(TokenRefusal::Invalid(_))), "{:?}", refused);
    });
}
