//! The tokens of end users: bearer tokens of OAuth 2.0, verified for a tenant by the issuers that it trusts.
//!
//! A tenant trusts some of the configured issuers. The claim `iss` of a JWT says which of them is asked, before anything
//! of the token is believed; an opaque token goes to those with introspection (RFC 7662). A key set is fetched in the
//! background, so that a verification waits for the network only while there are no keys, or if a token names a new one.
//!
//! What was verified is kept by the digest of the token, for each tenant apart. It is used again until the token expires,
//! for 60 seconds at most, and only while the issuer has the same configuration and the same keys.

mod bearer;
mod cache;
pub mod challenge;
mod claims;
mod client;
mod clock;
mod condition;
mod file;
mod introspection;
mod issuer;
mod jwt;
mod key_source;
mod keys;
mod metrics;
#[cfg(test)]
mod tests;
mod unverified;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use guardhouse::{AccessToken, Digest, RawToken};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use self::bearer::bearer;
use self::cache::{Cache, CacheLimits};
use self::clock::Clock;
use self::issuer::{Counts, Issuer, Outcome, Source, Verified};
use self::jwt::Jwt;
pub use self::unverified::unverified;
use crate::config::issuer::IssuerConfig;
use crate::config::tenant::AllTenantSettings;

/// The interval at which it is looked for key sets that are due, and for files that changed.
const PERIOD: Duration = Duration::from_secs(1);

/// What is kept of tokens that were verified.
const VERIFIED: CacheLimits = CacheLimits { entries: 16 << 10, bytes: 8 << 20, all_bytes: 64 << 20 };

/// What is kept of opaque tokens that an issuer has called invalid.
const REFUSED: CacheLimits = CacheLimits { entries: 8 << 10, bytes: 2 << 20, all_bytes: 16 << 20 };

/// The verifier of all tenants' tokens. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Tokens(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    trust: ArcSwap<Trust>,
    verified: Cache<Verified>,
    refused: Cache<Refused>,
    /// Tokens of no issuer of their tenant.
    unknown: Counts,
}

/// Which issuers there are, and which of them each tenant trusts.
#[derive(Debug)]
struct Trust {
    issuers: Vec<Arc<Issuer>>,
    tenants: HashMap<String, Trusted>,
    default: Trusted,
}

/// The issuers that a tenant trusts.
type Trusted = Arc<[Arc<Issuer>]>;

/// A token that the issuers of a tenant have called invalid.
#[derive(Debug, Clone)]
struct Refused {
    reason: &'static str,
    by: Trusted,
    until: Duration,
}

/// Why a request has no token although it should have one. The reason is for the operator, and says nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// The token is invalid: a request for a new one may help.
    #[error("the token is invalid: {0}")]
    Invalid(&'static str),
    /// Nobody knows whether it is valid: its issuer cannot be asked.
    #[error("the token cannot be verified: {0}")]
    Unavailable(&'static str),
}

impl Tokens {
    /// The verifier of some issuers and tenants. It has keys once [`run`](Self::run) runs, or the first token was verified.
    #[must_use]
    pub fn new(issuers: &[IssuerConfig], tenants: &AllTenantSettings) -> Self {
        Self::with_clock(issuers, tenants, Clock::system())
    }

    fn with_clock(issuers: &[IssuerConfig], tenants: &AllTenantSettings, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            trust: ArcSwap::from_pointee(Trust::new(issuers, tenants, &[], &clock)),
            clock,
            verified: Cache::new(VERIFIED),
            refused: Cache::new(REFUSED),
            unknown: Counts::default(),
        }))
    }

    /// Replaces the issuers, and what tenants trust. An issuer with the same configuration keeps its keys; verified tokens
    /// of any other are forgotten.
    pub fn set(&self, issuers: &[IssuerConfig], tenants: &AllTenantSettings) {
        let old = self.0.trust.load_full();
        let new = Arc::new(Trust::new(issuers, tenants, &old.issuers, &self.0.clock));
        self.0.trust.store(Arc::clone(&new));
        self.0.verified.retain(|tenant, verified| new.trusts(tenant, &verified.issuer));
        self.0.refused.retain(|_, _| false);
    }

    /// Whether the tenant trusts any issuer, so that the tokens of its end users are verified.
    #[must_use]
    pub fn asks(&self, tenant: &str) -> bool {
        !self.0.trust.load().of(tenant).is_empty()
    }

    /// Verifies the token in the value of the end user's only `Authorization` header, in at most the time `within`. None if
    /// the header has no bearer token, or if the tenant trusts no issuer.
    ///
    /// # Errors
    /// [`TokenRefusal`]: the request must be denied.
    pub async fn verify(
        &self,
        tenant: &str,
        authorization: Option<&[u8]>,
        within: Duration,
    ) -> Result<Option<AccessToken>, TokenRefusal> {
        let trust = self.0.trust.load_full();
        let trusted = trust.of(tenant);
        let Some(authorization) = authorization.filter(|_| !trusted.is_empty()) else { return Ok(None) };
        let token = match bearer(authorization) {
            Ok(Some(token)) => token,
            Ok(None) => return Ok(None),
            Err(refusal) => {
                self.0.unknown.count(Outcome::Invalid);
                return Err(refusal);
            }
        };
        let digest = Digest::of(token);
        if let Some(verdict) = self.known(&trust, tenant, &digest) {
            return verdict.map(|verified| Some(with_secret(&verified.token, token)));
        }
        let deadline =
            Instant::now().checked_add(within).unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
        let verdict = timeout_at(deadline, self.ask(trusted, tenant, token, digest, deadline)).await;
        let verdict = verdict.unwrap_or_else(|_| {
            self.0.unknown.count(Outcome::Unavailable);
            Err(TokenRefusal::Unavailable("the issuer does not answer in time"))
        });
        verdict.map(|verified| Some(with_secret(&verified.token, token)))
    }

    /// Keeps the key sets of all issuers fresh, for ever.
    pub async fn run(self) {
        loop {
            self.tend();
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Begins the fetches that are due. The receivers see their ends.
    fn tend(&self) -> Vec<watch::Receiver<u64>> {
        let fetch = |issuer: &Arc<Issuer>| match &issuer.source {
            Source::Keys(keys) => keys.tend(),
            Source::Introspection(_) => None,
        };
        self.0.trust.load().issuers.iter().filter_map(fetch).collect()
    }

    /// What is known of a token from before.
    fn known(&self, trust: &Trust, tenant: &str, digest: &Digest) -> Option<Result<Verified, TokenRefusal>> {
        let now = self.0.clock.now();
        let is_good = |verified: &Verified| trust.trusts(tenant, &verified.issuer) && verified.is_good(now);
        if let Some(verified) = self.0.verified.get(tenant, digest, is_good) {
            verified.issuer.counts.count(Outcome::Cached);
            return Some(Ok(verified));
        }
        let is_good = |refused: &Refused| Arc::ptr_eq(&refused.by, trust.of(tenant)) && now.elapsed < refused.until;
        let refused = self.0.refused.get(tenant, digest, is_good)?;
        self.0.unknown.count(Outcome::Cached);
        Some(Err(TokenRefusal::Invalid(refused.reason)))
    }

    /// Verifies a token of which nothing is known, and keeps the verdict.
    async fn ask(
        &self,
        trusted: &Trusted,
        tenant: &str,
        token: &str,
        digest: Digest,
        deadline: Instant,
    ) -> Result<Verified, TokenRefusal> {
        let jwt = Jwt::read(token).map_err(TokenRefusal::Invalid).inspect_err(|refusal| {
            self.0.unknown.count(refusal.into());
        })?;
        let by: Vec<&Arc<Issuer>> = match &jwt {
            Some(jwt) => trusted.iter().find(|issuer| is_of(jwt, issuer)).into_iter().collect(),
            None => trusted.iter().filter(|issuer| matches!(issuer.source, Source::Introspection(_))).collect(),
        };
        let mut refusal = TokenRefusal::Invalid("no issuer of the tenant has such tokens");
        if by.is_empty() {
            self.0.unknown.count(Outcome::Invalid);
        }
        for issuer in &by {
            match issuer.verify(tenant, token, jwt.as_ref(), &self.0.clock, deadline).await {
                Ok(verified) => {
                    issuer.counts.count(Outcome::Verified);
                    self.keep(tenant, digest, &verified);
                    return Ok(verified);
                }
                Err(other) => {
                    issuer.counts.count((&other).into());
                    // One issuer that cannot be asked may have been the right one.
                    if !matches!(refusal, TokenRefusal::Unavailable(_)) {
                        refusal = other;
                    }
                }
            }
        }
        if let TokenRefusal::Invalid(reason) = refusal {
            self.keep_refused(tenant, digest, trusted, &by, reason);
        }
        Err(refusal)
    }

    fn keep(&self, tenant: &str, digest: Digest, verified: &Verified) {
        if verified.is_good(self.0.clock.now()) {
            let bytes = claims::weight(&verified.token);
            self.0.verified.insert(tenant, digest, verified.clone(), bytes);
        }
    }

    /// Keeps the refusal of issuers that were asked. That of a signature is not kept: a newer key set may change it.
    fn keep_refused(&self, tenant: &str, digest: Digest, trusted: &Trusted, by: &[&Arc<Issuer>], reason: &'static str) {
        let was_asked = |issuer: &&Arc<Issuer>| matches!(issuer.source, Source::Introspection(_));
        let time = by.iter().map(|issuer| issuer.cache_time()).min().filter(|_| by.iter().all(was_asked));
        if let Some(time) = time.filter(|time| !time.is_zero()) {
            let until = self.0.clock.now().elapsed.saturating_add(time);
            self.0.refused.insert(tenant, digest, Refused { reason, by: Arc::clone(trusted), until }, 0);
        }
    }
}

impl Trust {
    /// What a configuration says. Issuers of `old` that it does not change are kept.
    fn new(configs: &[IssuerConfig], tenants: &AllTenantSettings, old: &[Arc<Issuer>], clock: &Clock) -> Self {
        let issuer = |config: &IssuerConfig| {
            let kept = old.iter().find(|issuer| issuer.config == *config);
            kept.map_or_else(|| Issuer::new(config, clock), Arc::clone)
        };
        let issuers: Vec<Arc<Issuer>> = configs.iter().map(issuer).collect();
        let trusted = |names: &[String]| -> Trusted {
            let named = |name: &String| issuers.iter().find(|issuer| issuer.config.name == *name).cloned();
            names.iter().filter_map(named).collect()
        };
        let of_tenants = tenants.tenants.iter();
        Self {
            tenants: of_tenants.map(|(name, settings)| (name.to_string(), trusted(&settings.issuers))).collect(),
            default: trusted(&tenants.default.issuers),
            issuers,
        }
    }

    /// The issuers that a tenant trusts.
    fn of(&self, tenant: &str) -> &Trusted {
        self.tenants.get(tenant).unwrap_or(&self.default)
    }

    fn trusts(&self, tenant: &str, issuer: &Arc<Issuer>) -> bool {
        self.of(tenant).iter().any(|trusted| Arc::ptr_eq(trusted, issuer))
    }
}

/// Whether a token says that it is of an issuer.
fn is_of(jwt: &Jwt<'_>, issuer: &Issuer) -> bool {
    jwt.claims.get("iss").and_then(Value::as_str) == Some(&issuer.config.issuer)
}

fn with_secret(token: &AccessToken, secret: &str) -> AccessToken {
    token.clone().with_raw(RawToken::new(secret))
}
