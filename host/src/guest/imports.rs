//! Imports: everything that a plugin can reach.

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wasmtime_wasi::{WasiCtxView, WasiView};

use crate::guest::bindings::guardhouse::auth::{raw_token, request, types};
use crate::guest::bindings::wasi::logging::logging;
use crate::guest::bindings::wasi::logging::logging::Level;
use crate::guest::store::State;
use crate::interfaces::{LOGGING, RAW_TOKEN, REQUEST, TYPES};
use crate::reads::Document;

/// Links everything that any plugin may import. One linker serves all plugins, so it links imports that need a grant
/// too: a check without the grant is rejected before it can be evaluated.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // WASI's own monotonic clock would wait for real time to pass.
    linker.allow_shadowing(true);
    monotonic_clock::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    linker.allow_shadowing(false);
    types::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    request::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    raw_token::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    logging::add_to_linker::<_, HasSelf<State>>(linker, |state| state)
}

/// Whether [`link`] links an import of that name. WASI interfaces are linked in every released version 0.2.x.
pub(crate) fn is_offered(import: &str) -> bool {
    const OURS: &[&str] = &[TYPES, REQUEST, RAW_TOKEN, LOGGING];
    OURS.contains(&import) || version_of_wasi(import).is_some_and(is_released_wasi)
}

/// Whether [`link`] links an interface of WASI, but not in the version of this import.
pub(crate) fn is_offered_in_other_versions(import: &str) -> bool {
    version_of_wasi(import).is_some_and(|version| !is_released_wasi(version))
}

/// The version in the name of an import, which may be empty. `None` if [`link`] links no version of the interface, or
/// the interface is not one of WASI.
fn version_of_wasi(import: &str) -> Option<&str> {
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
    let import = import.strip_prefix("wasi:")?;
    let (name, version) = import.split_once('@').unwrap_or((import, ""));
    let (package, interface) = name.split_once('/')?;
    let is_known = WASI.iter().any(|(known, interfaces)| *known == package && interfaces.contains(&interface));
    is_known.then_some(version)
}

/// Whether a version is a release of WASI 0.2. Build metadata is not part of a version's order (SemVer 2.0 section 10),
/// and the linker ignores it; a pre-release has other functions and types, and is not linked.
fn is_released_wasi(version: &str) -> bool {
    let (release, build) = version.split_once('+').unwrap_or((version, "none"));
    let Some(patch) = release.strip_prefix("0.2.") else { return false };
    // The number in its only form: no sign, and no leading zeros.
    !build.is_empty() && patch.parse::<u64>().is_ok_and(|number| number.to_string() == patch)
}

impl types::Host for State {}

impl request::Host for State {
    fn claim(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request().read(Document::Claim, pointer)
    }

    fn detail(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request().read(Document::Detail, pointer)
    }

    fn argument(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request().read(Document::Argument, pointer)
    }

    fn attribute(&mut self, pointer: String) -> wasmtime::Result<Option<String>> {
        self.request().read(Document::Attribute, pointer)
    }
}

impl raw_token::Host for State {
    fn get(&mut self) -> wasmtime::Result<Option<String>> {
        self.request().read_raw_token()
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
        Ok(self.output().write(source, &text, false)?)
    }
}

impl monotonic_clock::Host for State {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock().read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1_000)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.clock().move_to(when);
        let WasiCtxView { table, .. } = self.ctx();
        let passed = table.push(Passed)?;
        subscribe(table, passed)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.clock().read();
        self.subscribe_instant(now.saturating_add(duration))
    }
}

/// A pollable for an instant that has passed.
struct Passed;

#[wasmtime_wasi::async_trait]
impl Pollable for Passed {
    async fn ready(&mut self) {}
}
