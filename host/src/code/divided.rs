//! The machine code of a component that is split: code that plugins of one language runtime share, and states of its own.

use serde::{Deserialize, Serialize};
use wasmtime::Module;
use wasmtime::component::Component;

use crate::code::compile::{Compilation, SharedCode};
use crate::code::source::Source;
use crate::code::split::{Needs, Split, state_name};
use crate::digest::Digest;
use crate::engine::PluginEngine;
use crate::error::LoadError;
use crate::guest::reason::Reason;
use crate::tenant::Tenant;

/// A split component, compiled.
pub(crate) struct Divided {
    /// The component without its memories and globals.
    pub(crate) code: Component,
    /// Keeps the code for other components that have the same.
    pub(crate) shared: SharedCode,
    /// The modules that define them, each with the name under which the code imports it.
    pub(crate) states: Vec<(String, Module)>,
    /// The needs of an instance.
    pub(crate) needs: Needs,
}

/// The note of an entry in the cache.
#[derive(Serialize, Deserialize)]
struct Note {
    /// The digest of the component with the code.
    code: Digest,
    needs: Needs,
}

impl Compilation {
    /// The machine code of a split component: the code is compiled for `owner` unless it is known, and the states are kept
    /// in the cache under `key`.
    pub(crate) fn divided(
        &self,
        engine: &PluginEngine,
        owner: Option<&Tenant>,
        key: Digest,
        split: &Split,
    ) -> Result<Divided, LoadError> {
        let source = Source::borrowed(&split.code);
        let shared = self.shared_code(engine, source.digest());
        let code = match shared.get() {
            Some(code) => code.clone(),
            None => {
                // Two threads may compile the same at the same time. Neither waits for the other, because their tenants
                // may wait for a compiler for different times.
                let code = self.component(engine, owner, &source)?;
                shared.get_or_init(|| code).clone()
            }
        };
        self.with_states(engine, owner, key, split, (source.digest(), code, shared))
            .map_err(|reason| LoadError::Compile(reason.into_text()))
    }

    /// Like [`divided`](Self::divided), but `None` if the code would have to be compiled.
    pub(crate) fn divided_if_known(
        &self,
        engine: &PluginEngine,
        owner: Option<&Tenant>,
        key: Digest,
        split: &Split,
    ) -> Option<Divided> {
        let digest = Digest::of(&split.code);
        let (code, shared) = self.known_code(engine, digest)?;
        self.with_states(engine, owner, key, split, (digest, code, shared)).ok()
    }

    /// The machine code that [`divided`](Self::divided) kept under `key`, if all of it is there.
    pub(crate) fn cached_divided(&self, engine: &PluginEngine, key: Digest) -> Option<Divided> {
        let (states, note) = self.cached_data_modules(engine, key)?;
        let Note { code, needs } = serde_json::from_str(&note).ok()?;
        let (code, shared) = self.known_code(engine, code)?;
        Some(Divided { code, shared, states: named(states), needs })
    }

    fn with_states(
        &self,
        engine: &PluginEngine,
        owner: Option<&Tenant>,
        key: Digest,
        split: &Split,
        (digest, code, shared): (Digest, Component, SharedCode),
    ) -> Result<Divided, Reason> {
        let note = serde_json::to_string(&Note { code: digest, needs: split.needs })?;
        let states = self.data_modules(engine, owner, key, &split.states, &note)?;
        Ok(Divided { code, shared, states: named(states), needs: split.needs })
    }

    /// Code that is in memory or in the cache.
    fn known_code(&self, engine: &PluginEngine, digest: Digest) -> Option<(Component, SharedCode)> {
        let shared = self.shared_code(engine, digest);
        let code = match shared.get() {
            Some(code) => code.clone(),
            None => {
                let code = self.cached_component(engine, digest)?;
                shared.get_or_init(|| code).clone()
            }
        };
        Some((code, shared))
    }
}

/// The states of a component, by the names under which its code imports them.
fn named(states: Vec<Module>) -> Vec<(String, Module)> {
    states.into_iter().enumerate().map(|(index, state)| (state_name(index), state)).collect()
}
