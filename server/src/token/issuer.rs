//! An issuer of tokens: its configuration, where its verdicts come from, and what became of its tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use guardhouse::AccessToken;
use tokio::time::Instant;

use super::TokenRefusal;
use super::claims::{self, Kind, has_type};
use super::clock::{Clock, Now};
use super::introspection::Introspection;
use super::jwt::Jwt;
use super::key_source::KeySource;
use crate::config::issuer::{IssuerConfig, IssuerSource};

/// The longest time for which a verified token is used again.
const CACHE_TIME: Duration = Duration::from_secs(60);

/// An issuer.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) config: IssuerConfig,
    pub(super) source: Source,
    pub(super) counts: Counts,
}

#[derive(Debug)]
pub(super) enum Source {
    Keys(Arc<KeySource>),
    Introspection(Box<Introspection>),
}

/// What became of tokens.
#[derive(Debug, Default)]
pub(super) struct Counts([AtomicU64; 4]);

/// What became of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Verified,
    Cached,
    Invalid,
    Unavailable,
}

/// A token that was verified, without its secret.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    pub(super) token: Arc<AccessToken>,
    pub(super) issuer: Arc<Issuer>,
    /// The number of the key set that verified it; 0 for an introspection.
    generation: u64,
    /// The time from which on it is verified again.
    until: Duration,
}

impl Issuer {
    pub(super) fn new(config: &IssuerConfig, clock: &Clock) -> Arc<Self> {
        let clock = clock.clone();
        let source = match &config.source {
            IssuerSource::JwksUrl(url) => Source::Keys(KeySource::of_url(config, url.clone(), clock)),
            IssuerSource::JwksFile(path) => Source::Keys(KeySource::of_file(config, path.clone(), clock)),
            IssuerSource::Introspection(asked) => {
                Source::Introspection(Box::new(Introspection::new(config, asked.clone(), clock)))
            }
        };
        Arc::new(Self { config: config.clone(), source, counts: Counts::default() })
    }

    /// Verifies a token: by its signature if it is a JWT and there are keys, and else by a question.
    pub(super) async fn verify(
        self: &Arc<Self>,
        tenant: &str,
        token: &str,
        jwt: Option<&Jwt<'_>>,
        clock: &Clock,
        deadline: Instant,
    ) -> Result<Verified, TokenRefusal> {
        let (token, generation) = match (&self.source, jwt) {
            (Source::Introspection(introspection), _) => {
                (introspection.ask(&self.config, tenant, token, deadline).await?, 0)
            }
            (Source::Keys(keys), Some(jwt)) => {
                let token = self.claims(jwt, clock.now()).map_err(TokenRefusal::Invalid)?;
                (token, keys.verify(jwt, deadline).await?)
            }
            (Source::Keys(_), None) => return Err(TokenRefusal::Invalid("the token is not a JWT")),
        };
        let until = clock.now().elapsed.saturating_add(self.cache_time());
        Ok(Verified { token: Arc::new(token), issuer: Arc::clone(self), generation, until })
    }

    /// The time for which a verdict is used again.
    pub(super) fn cache_time(&self) -> Duration {
        match &self.source {
            Source::Keys(_) => CACHE_TIME,
            Source::Introspection(introspection) => introspection.config.cache,
        }
    }

    /// What is wrong with the token, but for its signature. Nothing is believed before that is verified.
    fn claims(&self, jwt: &Jwt<'_>, now: Now) -> Result<AccessToken, super::jwt::Reason> {
        if !self.config.algorithms.contains(&jwt.algorithm) {
            return Err("the algorithm is not allowed");
        }
        if !has_type(&self.config, jwt.token_type.as_deref()) {
            return Err("the type is not allowed");
        }
        claims::read(&self.config, &jwt.claims, Kind::Jwt, now.unix)
    }
}

impl Verified {
    /// Whether the token is used without being verified again: at this time it has not expired, and the keys are the same.
    pub(super) fn is_good(&self, now: Now) -> bool {
        let has_expired = self.token.expires_at.is_some_and(|expires_at| expires_at <= now.unix);
        let generation = match &self.issuer.source {
            Source::Keys(keys) => keys.generation(now.elapsed),
            Source::Introspection(_) => Some(0),
        };
        !has_expired && now.elapsed < self.until && generation == Some(self.generation)
    }
}

impl Outcome {
    pub(super) const ALL: [Self; 4] = [Self::Verified, Self::Cached, Self::Invalid, Self::Unavailable];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Cached => "cached",
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Counts {
    pub(super) fn count(&self, outcome: Outcome) {
        self.of(outcome).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self, outcome: Outcome) -> u64 {
        self.of(outcome).load(Ordering::Relaxed)
    }

    fn of(&self, outcome: Outcome) -> &AtomicU64 {
        let [verified, cached, invalid, unavailable] = &self.0;
        match outcome {
            Outcome::Verified => verified,
            Outcome::Cached => cached,
            Outcome::Invalid => invalid,
            Outcome::Unavailable => unavailable,
        }
    }
}

impl From<&TokenRefusal> for Outcome {
    fn from(refusal: &TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::Invalid(_) => Self::Invalid,
            TokenRefusal::Unavailable(_) => Self::Unavailable,
        }
    }
}
