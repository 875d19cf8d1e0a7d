//! The key set of an issuer over time: fetched in the background, when a token has a key that is not known, and when its
//! file changes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, HeaderValue};
use hyper::{Request, Uri};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::TokenRefusal;
use super::client::{FetchError, IssuerClient};
use super::clock::Clock;
use super::condition::Condition;
use super::file::WatchedFile;
use super::jwt::Jwt;
use super::keys::{Found, KeySet};
use crate::config::issuer::IssuerConfig;
use crate::lock::lock;

/// The most bytes of a key set.
const MAX_SET_BYTES: usize = 256 << 10;

/// The shortest time between two fetches that tokens ask for.
pub(super) const ASKING_PERIOD: Duration = Duration::from_secs(30);

/// The longest time between two fetches of an issuer that fails.
const MAX_RETRY: Duration = Duration::from_secs(30);

/// The time in which the fetch after `refresh` ends.
const REFRESH_TIME: Duration = Duration::from_secs(10);

/// The key set of one issuer.
#[derive(Debug)]
pub(super) struct KeySource {
    place: Place,
    refresh: Duration,
    /// The age of keys from which on they are not used.
    max_age: Duration,
    clock: Clock,
    held: ArcSwapOption<Held>,
    state: Mutex<State>,
    /// The number of fetches that have ended.
    ended: watch::Sender<u64>,
    condition: Condition,
    fetched: AtomicU64,
    failed: AtomicU64,
}

#[derive(Debug)]
enum Place {
    Url(IssuerClient, Uri),
    File(Arc<WatchedFile>),
}

/// A key set that was fetched.
#[derive(Debug)]
struct Held {
    keys: Arc<KeySet>,
    /// The number of the key set: another one for each other document.
    generation: u64,
    /// When it was fetched last.
    at: Duration,
}

#[derive(Debug, Default)]
struct State {
    is_fetching: bool,
    /// When a token asked for a fetch last.
    asked: Option<Duration>,
    /// When the next fetch is due; none before the first one.
    next: Option<Duration>,
    /// The fetches that failed since the last one that did not.
    failures: u32,
}

/// Who asks for a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It is due.
    Due,
    /// A token has a key that is not known, or there are no keys.
    Token,
}

/// The counts of fetches, and the age of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fetches {
    pub(super) fetched: u64,
    pub(super) failed: u64,
    /// None if there are no keys.
    pub(super) age: Option<Duration>,
    pub(super) keys: usize,
}

impl KeySource {
    pub(super) fn of_url(config: &IssuerConfig, url: Uri, clock: Clock) -> Arc<Self> {
        Self::new(config, Place::Url(IssuerClient::new(config.ca_file.clone()), url), clock)
    }

    pub(super) fn of_file(config: &IssuerConfig, path: PathBuf, clock: Clock) -> Arc<Self> {
        let max = u64::try_from(MAX_SET_BYTES).unwrap_or(u64::MAX);
        Self::new(config, Place::File(Arc::new(WatchedFile::new(path, max))), clock)
    }

    fn new(config: &IssuerConfig, place: Place, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            place,
            refresh: config.refresh,
            // Keys are good until the next fetch has had its time, also if no outage is survived.
            max_age: config.outage.max(config.refresh.saturating_add(REFRESH_TIME)),
            clock,
            held: ArcSwapOption::empty(),
            state: Mutex::default(),
            ended: watch::Sender::new(0),
            condition: Condition::new(&config.name),
            fetched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// The number of the key set that is used at a time; none if there is none, or only one that is too old.
    pub(super) fn generation(&self, elapsed: Duration) -> Option<u64> {
        self.held.load().as_ref().filter(|held| self.is_usable(held, elapsed)).map(|held| held.generation)
    }

    /// Verifies the signature of a token, and waits for a newer key set if that may have its key. Returns the number of the
    /// key set.
    pub(super) async fn verify(self: &Arc<Self>, jwt: &Jwt<'_>, deadline: Instant) -> Result<u64, TokenRefusal> {
        // The first fetch may have begun before the key was published. Another one is allowed to follow it.
        const FETCHES: usize = 2;
        for fetch in 0..=FETCHES {
            let elapsed = self.clock.now().elapsed;
            let held = self.held.load_full().filter(|held| self.is_usable(held, elapsed));
            match held.as_ref().map(|held| (held, held.keys.verify(jwt))) {
                Some((held, Found::Verified)) => return Ok(held.generation),
                Some((_, Found::Invalid(reason))) => return Err(TokenRefusal::Invalid(reason)),
                Some((_, Found::Unknown)) | None => {}
            }
            let waiting = if fetch < FETCHES { self.fetch(Why::Token) } else { None };
            let Some(mut ended) = waiting else {
                return Err(match held {
                    Some(_) => TokenRefusal::Invalid("the issuer has no key for the token"),
                    None => TokenRefusal::Unavailable("the keys of the issuer cannot be read"),
                });
            };
            // The sender is in `self`.
            if timeout_at(deadline, ended.changed()).await.is_err() {
                return Err(TokenRefusal::Unavailable("the keys of the issuer are late"));
            }
        }
        Err(TokenRefusal::Unavailable("the keys of the issuer change too often"))
    }

    /// Begins the fetch that is due. The receiver sees its end.
    pub(super) fn tend(self: &Arc<Self>) -> Option<watch::Receiver<u64>> {
        self.fetch(Why::Due)
    }

    pub(super) fn fetches(&self) -> Fetches {
        let held = self.held.load();
        Fetches {
            fetched: self.fetched.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            age: held.as_ref().map(|held| self.clock.now().elapsed.saturating_sub(held.at)),
            keys: held.as_ref().map_or(0, |held| held.keys.len()),
        }
    }

    fn is_usable(&self, held: &Held, elapsed: Duration) -> bool {
        elapsed.saturating_sub(held.at) <= self.max_age
    }

    /// Begins a fetch, or joins the one that has begun. It goes on if nobody waits for it any more. None if it is too early
    /// for one.
    fn fetch(self: &Arc<Self>, why: Why) -> Option<watch::Receiver<u64>> {
        let now = self.clock.now().elapsed;
        let has_changed = why == Why::Due && self.file().is_some_and(|file| file.may_have_changed());
        let state = &mut *lock(&self.state);
        if state.is_fetching {
            return Some(self.ended.subscribe());
        }
        let is_due = match why {
            // A file that is broken stays so for a while: it is not read again and again.
            Why::Due => state.next.is_none_or(|next| now >= next) || (has_changed && state.failures == 0),
            Why::Token => state.asked.is_none_or(|asked| now.saturating_sub(asked) >= ASKING_PERIOD),
        };
        if !is_due {
            return None;
        }
        if why == Why::Token {
            state.asked = Some(now);
        }
        state.is_fetching = true;
        let ended = self.ended.subscribe();
        let fetching = Fetching { source: Arc::clone(self), is_fetched: false };
        tokio::spawn(async move {
            let document = fetching.source.document().await;
            fetching.end(document);
        });
        Some(ended)
    }

    fn file(&self) -> Option<&Arc<WatchedFile>> {
        match &self.place {
            Place::File(file) => Some(file),
            Place::Url(..) => None,
        }
    }

    async fn document(&self) -> Result<Bytes, FetchError> {
        match &self.place {
            Place::Url(client, url) => {
                let mut request = Request::new(Full::default());
                *request.uri_mut() = url.clone();
                let accepted = HeaderValue::from_static("application/jwk-set+json, application/json");
                request.headers_mut().insert(ACCEPT, accepted);
                client.exchange(request, MAX_SET_BYTES).await
            }
            Place::File(file) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || file.read());
                let read = tokio::time::timeout(super::client::EXCHANGE_TIME, read).await;
                let read = read.map_err(|_| FetchError::Late)?;
                Ok(read.map_err(std::io::Error::other)??)
            }
        }
    }

    /// Takes a document; whether it is a key set.
    fn take(&self, document: Result<Bytes, FetchError>) -> bool {
        let at = self.clock.now().elapsed;
        let keys = document.and_then(|document| KeySet::read(&document).map_err(FetchError::Document));
        match keys {
            Ok(keys) => {
                let old = self.held.load_full();
                let same = old.as_ref().filter(|old| old.keys.digest == keys.digest);
                let held = match same {
                    Some(same) => Held { keys: Arc::clone(&same.keys), generation: same.generation, at },
                    None => {
                        let generation = old.as_ref().map_or(1, |old| old.generation + 1);
                        Held { keys: Arc::new(keys), generation, at }
                    }
                };
                self.held.store(Some(Arc::new(held)));
                self.fetched.fetch_add(1, Ordering::Relaxed);
                self.condition.answered();
                true
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                self.condition.failed(&error, at);
                false
            }
        }
    }
}

/// A fetch that has begun. It ends when this is dropped, also by a panic, or with the runtime.
struct Fetching {
    source: Arc<KeySource>,
    is_fetched: bool,
}

impl Fetching {
    fn end(mut self, document: Result<Bytes, FetchError>) {
        self.is_fetched = self.source.take(document);
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        let now = self.source.clock.now().elapsed;
        let state = &mut *lock(&self.source.state);
        state.failures = if self.is_fetched { 0 } else { state.failures.saturating_add(1) };
        let wait = match state.failures {
            0 => self.source.refresh,
            failures => {
                let seconds = 1_u64.checked_shl(failures - 1).unwrap_or(u64::MAX);
                MAX_RETRY.min(Duration::from_secs(seconds)).min(self.source.refresh)
            }
        };
        state.next = Some(now.saturating_add(wait));
        state.is_fetching = false;
        self.source.ended.send_modify(|ended| *ended += 1);
    }
}
