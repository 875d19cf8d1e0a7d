//! Introspection (RFC 7662): the issuer is asked about a token.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use guardhouse::{AccessToken, Json};
use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request};
use serde_json::Value;
use tokio::sync::{AcquireError, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::TokenRefusal;
use super::claims::{self, Kind};
use super::client::{FetchError, IssuerClient};
use super::clock::Clock;
use super::condition::Condition;
use super::file::WatchedFile;
use super::jwt::check_claims;
use crate::config::issuer::{IntrospectionConfig, IssuerConfig};
use crate::lock::lock;

/// The most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The most bytes of a file with a secret.
const MAX_SECRET_BYTES: u64 = 4 << 10;

/// The questions to one issuer at the same time.
pub(super) const QUESTIONS: usize = 64;

/// Those of one tenant, so that others find room beside it.
pub(super) const QUESTIONS_OF_TENANT: usize = QUESTIONS / 2;

/// Tenants without a question that are remembered.
const MAX_IDLE_TENANTS: usize = 1_024;

/// The introspection endpoint of one issuer.
#[derive(Debug)]
pub(super) struct Introspection {
    pub(super) config: IntrospectionConfig,
    client: IssuerClient,
    secret: Arc<WatchedFile>,
    questions: Semaphore,
    /// The same, of each tenant.
    questions_of_tenants: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
    clock: Clock,
    condition: Condition,
    pub(super) answered: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Introspection {
    pub(super) fn new(issuer: &IssuerConfig, config: IntrospectionConfig, clock: Clock) -> Self {
        Self {
            client: IssuerClient::new(issuer.ca_file.clone()),
            secret: Arc::new(WatchedFile::new(config.client_secret_file.clone(), MAX_SECRET_BYTES)),
            questions: Semaphore::new(QUESTIONS),
            questions_of_tenants: Mutex::default(),
            clock,
            condition: Condition::new(&issuer.name),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            config,
        }
    }

    /// Asks the issuer about a token of a tenant's end user.
    pub(super) async fn ask(
        &self,
        issuer: &IssuerConfig,
        tenant: &str,
        token: &str,
        deadline: Instant,
    ) -> Result<AccessToken, TokenRefusal> {
        const UNAVAILABLE: TokenRefusal = TokenRefusal::Unavailable("the issuer cannot be asked");
        let of_tenant = self.questions_of(tenant);
        // In this order: who waits for its own tenant takes no room from others.
        let both = async { Ok::<_, AcquireError>((of_tenant.acquire().await?, self.questions.acquire().await?)) };
        let Ok(Ok(_question)) = timeout_at(deadline, both).await else {
            return Err(TokenRefusal::Unavailable("too many questions wait for the issuer"));
        };
        let answer = timeout_at(deadline, self.answer(token)).await.unwrap_or(Err(FetchError::Late));
        match &answer {
            Ok(_) => {
                self.answered.fetch_add(1, Ordering::Relaxed);
                self.condition.answered();
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.condition.failed(error, self.clock.now().elapsed);
            }
        }
        let answer = answer.map_err(|_| UNAVAILABLE)?;
        if answer.get("active") != Some(&Value::Bool(true)) {
            return Err(TokenRefusal::Invalid("the issuer says that the token is not active"));
        }
        let now = self.clock.now().unix;
        claims::read(issuer, &answer, Kind::Introspection, now).map_err(TokenRefusal::Invalid)
    }

    fn questions_of(&self, tenant: &str) -> Arc<Semaphore> {
        let tenants = &mut *lock(&self.questions_of_tenants);
        if let Some(questions) = tenants.get(tenant) {
            return Arc::clone(questions);
        }
        if tenants.len() >= MAX_IDLE_TENANTS {
            tenants.retain(|_, questions| Arc::strong_count(questions) > 1);
        }
        let questions = Arc::new(Semaphore::new(QUESTIONS_OF_TENANT));
        tenants.insert(tenant.into(), Arc::clone(&questions));
        questions
    }

    async fn answer(&self, token: &str) -> Result<Json, FetchError> {
        let secret = Arc::clone(&self.secret);
        let secret = tokio::task::spawn_blocking(move || secret.read()).await.map_err(std::io::Error::other)??;
        let body = format!("token={}&token_type_hint=access_token", encoded(token.as_bytes()));
        let mut request = Request::new(Full::from(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.config.url.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, basic(&self.config.client_id, secret.trim_ascii())?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.client.exchange(request, MAX_ANSWER_BYTES).await?;
        let answer = Json::from_slice(&answer).map_err(|_| FetchError::Document("the answer is not strict JSON"))?;
        check_claims(&answer).map_err(FetchError::Document)?;
        Ok(answer)
    }
}

/// The client's credentials (RFC 6749 section 2.3.1).
fn basic(client_id: &str, secret: &[u8]) -> Result<HeaderValue, FetchError> {
    if secret.is_empty() {
        return Err(FetchError::Document("the file with the secret is empty"));
    }
    let pair = format!("{}:{}", encoded(client_id.as_bytes()), encoded(secret));
    let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    let mut value = value.map_err(|_| FetchError::Document("the secret cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Bytes as the value of a form.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._".contains(byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let value = basic("a:b c", b"\xc3\xa4/=").unwrap();
        let text = value.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(STANDARD.decode(text).unwrap(), b"a%3Ab%20c:%C3%A4%2F%3D");
        assert!(basic("a", b"").is_err());
        assert!(!format!("{value:?}").contains(text));
    }
}
