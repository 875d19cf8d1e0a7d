//! What a plugin can reach: the request, its log, and a WASI with nothing behind it.

use std::sync::Arc;

use chacha20::ChaCha20Rng;
use rand::{RngExt, SeedableRng};
use sha2::{Digest as _, Sha256};
use wasmtime::component::{HasSelf, Linker};
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;

use crate::bindings::guardhouse::auth::{raw_token, request, types};
use crate::bindings::wasi::logging::logging;
use crate::bindings::wasi::logging::logging::Level;
use crate::clock::Clock;
use crate::context::{AuthContext, RawToken};
use crate::contract::{RAW_TOKEN, REQUEST, TYPES};
use crate::decision::DecisionId;
use crate::fault::HostFault;
use crate::json::Json;
use crate::log::{Log, Stream};
use crate::outcome::{Cause, Fault};
use crate::store::State;
use crate::text::clip;

/// Everything that any plugin may import. What needs a grant is linked too, so that one linker serves all; the check
/// is refused before it can be called without its grant.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // WASI's own would wait for real time to pass.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    types::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    request::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    raw_token::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    logging::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

/// Whether [`link`] links an import of that name. WASI's are linked in every version of 0.2.
pub(crate) fn is_offered(import: &str) -> bool {
    const OURS: &[&str] = &[TYPES, REQUEST, RAW_TOKEN, "wasi:logging/logging@0.1.0-draft"];
    const WASI: &[(&str, &[&str])] = &[
        (
            "cli",
            &[
                "environment",
                "exit",
                "stdin",
                "stdout",
                "stderr",
                "terminal-input",
                "terminal-output",
                "terminal-stdin",
                "terminal-stdout",
                "terminal-stderr",
            ],
        ),
        ("clocks", &["monotonic-clock", "wall-clock"]),
        ("filesystem", &["preopens", "types"]),
        ("io", &["error", "poll", "streams"]),
        ("random", &["insecure", "insecure-seed", "random"]),
        (
            "sockets",
            &["instance-network", "ip-name-lookup", "network", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
        ),
    ];
    let wasi = || {
        let (name, _) = import.strip_prefix("wasi:")?.split_once("@0.2.")?;
        let (package, interface) = name.split_once('/')?;
        WASI.iter().find(|(known, interfaces)| *known == package && interfaces.contains(&interface))
    };
    OURS.contains(&import) || wasi().is_some()
}

/// The part of a request that one instance may ask for.
pub(crate) struct Request {
    now: i64,
    seed: Seed,
    /// What the plugin reads. While it starts and is configured there is none, so that what it does then cannot depend
    /// on it.
    documents: Documents,
    /// What it will read once it is asked about the request.
    sealed: Documents,
    bytes_cap: usize,
    bytes_left: usize,
}

/// What makes the random numbers of one check in one decision: known only once the decision is made, and the same
/// again when that decision is replayed.
pub(crate) struct Seed {
    pub(crate) decision: DecisionId,
    pub(crate) check: Arc<str>,
}

#[derive(Default)]
struct Documents {
    claims: Option<Json>,
    detail: Option<Json>,
    arguments: Option<Json>,
    attributes: Option<Json>,
    raw_token: Option<RawToken>,
}

impl Request {
    /// No request at all: for a plugin that is asked for its schema or configured on trial.
    pub(crate) fn none(seed: Seed) -> Self {
        Self {
            now: 0,
            seed,
            documents: Documents::default(),
            sealed: Documents::default(),
            bytes_cap: 0,
            bytes_left: 0,
        }
    }

    /// What of `context` a plugin may read, up to `bytes_cap`; the record part counts.
    pub(crate) fn new(context: &AuthContext, seed: Seed, bytes_cap: usize) -> Result<Self, Fault> {
        let record = context.record_bytes();
        let Some(bytes_left) = bytes_cap.checked_sub(record) else {
            let detail = format!("a context of {record} bytes, over the cap of {bytes_cap} bytes");
            return Err(Fault::new(Cause::ContextLimit, detail));
        };
        Ok(Self { now: context.now, bytes_cap, bytes_left, ..Self::none(seed) })
    }

    pub(crate) fn with_documents(mut self, context: &AuthContext) -> Self {
        self.sealed = Documents {
            claims: context.token.as_ref().map(|token| token.claims.clone()),
            detail: Some(context.component.detail.clone()),
            arguments: context.arguments.clone(),
            attributes: Some(context.attributes.clone()),
            ..self.sealed
        };
        self
    }

    pub(crate) fn with_raw_token(mut self, context: &AuthContext) -> Self {
        self.sealed.raw_token = context.token.as_ref().and_then(|token| token.raw.clone());
        self
    }

    /// From here on the plugin may read it.
    pub(crate) fn open(&mut self) {
        self.documents = std::mem::take(&mut self.sealed);
    }

    /// The clock as it stands when the plugin first looks at it.
    pub(crate) fn clock(&self) -> Clock {
        Clock::at(self.now)
    }

    fn read(&mut self, document: fn(&Documents) -> &Option<Json>, pointer: &str) -> wasmtime::Result<Option<String>> {
        // Were it answered like what is not there, a list of the forbidden would forbid nobody.
        if !Json::is_pointer(pointer) {
            let pointer = clip(pointer);
            let detail = format!(
                "asked for `{pointer}`, which is no JSON pointer: those begin with `/`, and have 0 or 1 after `~`"
            );
            return Err(HostFault(Fault::new(Cause::Trap, detail)).into());
        }
        let Some(text) = document(&self.documents).as_ref().and_then(|document| document.text_at(pointer)) else {
            return Ok(None);
        };
        self.spend(text.len())?;
        Ok(Some(text))
    }

    fn read_raw_token(&mut self) -> wasmtime::Result<Option<String>> {
        let Some(token) = self.documents.raw_token.as_ref().map(|token| token.expose().to_owned()) else {
            return Ok(None);
        };
        self.spend(token.len())?;
        Ok(Some(token))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), HostFault> {
        self.bytes_left = self.bytes_left.checked_sub(bytes).ok_or_else(|| {
            let detail = format!("read more than the cap of {} bytes of context", self.bytes_cap);
            HostFault(Fault::new(Cause::ContextLimit, detail))
        })?;
        Ok(())
    }
}

impl types::Host for State {}

impl request::Host for State {
    fn claim(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request.read(|documents| &documents.claims, &pointer)
    }

    fn detail(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request.read(|documents| &documents.detail, &pointer)
    }

    fn argument(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request.read(|documents| &documents.arguments, &pointer)
    }

    fn attribute(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request.read(|documents| &documents.attributes, &pointer)
    }
}

impl raw_token::Host for State {
    fn get(&mut self) -> wasmtime::Result<Option<String>> {
        self.request.read_raw_token()
    }
}

impl logging::Host for State {
    fn log(&mut self, level: Level, context: String, message: String) -> wasmtime::Result<()> {
        let source = match level {
            Level::Trace => "trace",
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
            Level::Critical => "critical",
        };
        let text = if context.is_empty() { message } else { format!("{context}: {message}") };
        Ok(self.log.write(source, &text, false)?)
    }
}

/// A WASI with nothing behind it: no arguments, no environment, no files, no sockets, no names, an empty stdin, the
/// request's clock, random numbers from the seed. Language runtimes import it; a check has no use for it.
pub(crate) fn wasi(request: &Request, log: &Log, clock: &Clock) -> WasiCtx {
    let seed = Sha256::new()
        .chain_update(request.seed.decision.to_bytes())
        .chain_update(request.seed.check.as_bytes())
        .finalize();
    let mut secure = ChaCha20Rng::from_seed(seed.into());
    let insecure = ChaCha20Rng::from_rng(&mut secure);
    let hash_seed = secure.random();
    WasiCtx::builder()
        .stdout(Stream { log: log.clone(), source: "stdout" })
        .stderr(Stream { log: log.clone(), source: "stderr" })
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(secure)
        .insecure_random(insecure)
        .insecure_random_seed(hash_seed)
        .max_random_size(64 << 10)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}
