//! Tests of verification, with issuers over HTTP.

mod authority;
mod caching;
mod hostile;
mod introspection;
mod key_sets;
mod properties;
mod signer;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use guardhouse::AccessToken;
use serde_json::{Value, json};

use self::authority::Authority;
use self::signer::Signer;
use super::clock::{Clock, Now};
use super::{TokenRefusal, Tokens};
use crate::config::issuer::{IntrospectionConfig, IssuerConfig, IssuerSource};
use crate::config::tenant::{AllTenantSettings, TenantSettings};

const ISSUER: &str = "https://id.example";
const AUDIENCE: &str = "https://shop.example";
const NOW: i64 = 1_800_000_000;
const LONG: Duration = Duration::from_secs(30);

/// A clock that tests set.
#[derive(Clone)]
struct TestClock(Arc<Mutex<Now>>);

impl TestClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Now { elapsed: Duration::ZERO, unix: NOW })))
    }

    fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Clock::of(move || *now.lock().unwrap())
    }

    fn pass(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        now.elapsed += Duration::from_secs(seconds);
        now.unix += i64::try_from(seconds).unwrap();
    }
}

/// A verifier with one issuer, which the tenants `acme` and `other` trust, and `none` does not.
struct World {
    tokens: Tokens,
    clock: TestClock,
    authority: Authority,
    config: IssuerConfig,
}

impl World {
    /// With the key set of some signers.
    async fn with_keys(signers: &[&Signer]) -> Self {
        Self::with(signers, |_| {}).await
    }

    async fn with(signers: &[&Signer], change: impl FnOnce(&mut IssuerConfig)) -> Self {
        let authority = Authority::start().await;
        authority.reply_json(&key_set(signers));
        let mut config = IssuerConfig::new("id", ISSUER, IssuerSource::JwksUrl(authority.url("/keys")));
        config.audiences = vec!["https://other.example".into(), AUDIENCE.into()];
        change(&mut config);
        Self::of(authority, config)
    }

    /// With an issuer that is asked about each token.
    async fn asked(change: impl FnOnce(&mut IntrospectionConfig)) -> (Self, tempfile::TempDir) {
        let authority = Authority::start().await;
        let folder = tempfile::tempdir().unwrap();
        let client_secret_file = folder.path().join("secret");
        std::fs::write(&client_secret_file, "s3cret/of the client\n").unwrap();
        let url = authority.url("/introspect");
        let cache = Duration::from_secs(10);
        let mut asked = IntrospectionConfig { url, client_id: "guardhouse".into(), client_secret_file, cache };
        change(&mut asked);
        let config = IssuerConfig::new("asked", ISSUER, IssuerSource::Introspection(asked));
        (Self::of(authority, config), folder)
    }

    fn of(authority: Authority, config: IssuerConfig) -> Self {
        let clock = TestClock::new();
        let tokens = Tokens::with_clock(std::slice::from_ref(&config), &tenants(&[&config.name]), clock.clock());
        Self { tokens, clock, authority, config }
    }

    async fn verify(&self, token: &str) -> Result<AccessToken, TokenRefusal> {
        self.verify_for("acme", token).await
    }

    async fn verify_for(&self, tenant: &str, token: &str) -> Result<AccessToken, TokenRefusal> {
        let header = format!("Bearer {token}");
        self.tokens.verify(tenant, Some(header.as_bytes()), LONG).await.map(Option::unwrap)
    }

    /// Does what the background does, and waits for its end.
    async fn tend(&self) {
        for mut ended in self.tokens.tend() {
            ended.changed().await.unwrap();
        }
    }

    /// The number of a metric's sample.
    fn metric(&self, sample: &str) -> String {
        let mut exposition = crate::observe::metrics::exposition::Exposition::default();
        self.tokens.write_metrics(&mut exposition);
        let text = exposition.into_text();
        let found = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(ToOwned::to_owned));
        found.unwrap_or_else(|| panic!("{sample} is not in\n{text}"))
    }
}

/// The settings of tenants: `acme` and `other` trust these issuers.
fn tenants(issuers: &[&str]) -> AllTenantSettings {
    let settings = || TenantSettings {
        issuers: issuers.iter().map(|name| (*name).to_owned()).collect(),
        ..TenantSettings::default()
    };
    let tenants = ["acme", "other"].map(|name| (name.parse().unwrap(), settings()));
    AllTenantSettings { default: TenantSettings::default(), tenants: tenants.into_iter().collect() }
}

/// Claims that are right.
fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "exp": NOW + 300, "nbf": NOW - 1, "iat": NOW, "sub": "alice",
        "client_id": "laptop", "scope": "read pay", "roles": ["admin"],
    })
}

/// The claims with some of them changed; a null takes one away.
fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            _ => drop(claims.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    claims
}

fn key_set(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

#[track_caller]
fn assert_invalid(result: &Result<AccessToken, TokenRefusal>, part: &str) {
    match result {
        Err(TokenRefusal::Invalid(reason)) if reason.contains(part) => {}
        other => panic!("expected an invalid token ({part}), found {other:?}"),
    }
}

#[track_caller]
fn assert_unavailable(result: &Result<AccessToken, TokenRefusal>) {
    assert!(matches!(result, Err(TokenRefusal::Unavailable(_))), "{result:?}");
}
