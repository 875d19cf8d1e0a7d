//! The parts of a component that is loaded: large ones are split, so that their code can be shared.

use crate::code::compile::{Charge, unreadable};
use crate::code::shape::Shape;
use crate::code::source::Source;
use crate::code::split::{Split, SplitOf, split};
use crate::digest::Digest;
use crate::engine::PluginEngine;
use crate::engine::config::Pool;
use crate::error::LoadError;
use crate::limits::HostLimits;
use crate::tenant::Tenant;
use crate::tuning::SHARED_CODE_BYTES;

/// The largest number of states of a plugin that is split: each is one more core instance, and counts as such.
const MAX_STATES: usize = 8;

/// The largest number of instances that a plugin consists of which is split. A component is validated before it is split,
/// in this process, and the types of each instantiation are compared.
const MAX_INSTANCES: usize = 128;

/// A component, and its parts if it is split.
pub(super) struct Parts<'a> {
    pub(super) source: &'a Source<'a>,
    pub(super) split: Option<Split>,
}

impl<'a> Parts<'a> {
    /// Splits a component, if it is large. The time is charged to `owner`.
    pub(super) fn of(
        limits: &HostLimits,
        owner: Option<&Tenant>,
        source: &'a Source<'a>,
        shape: &Shape,
    ) -> Result<Self, LoadError> {
        if !is_divisible(source, shape, limits) {
            return Ok(Self { source, split: None });
        }
        let bytes = source.read().map_err(|error| unreadable(&error))?;
        let _charge = Charge::new(owner)?;
        let split = split(&bytes, SplitOf::Plugin).ok();
        Ok(Self { source, split: split.filter(|split| split.states.len() <= MAX_STATES) })
    }
}

/// Whether a component is large enough for its code to be shared with other plugins.
pub(super) fn is_divisible(source: &Source<'_>, shape: &Shape, limits: &HostLimits) -> bool {
    source.size() >= SHARED_CODE_BYTES && shape.instances <= MAX_INSTANCES && shape.pool(limits) != Pool::Concurrent
}

/// The key of the states of a component in the cache.
pub(super) fn divided_key(engine: &PluginEngine, source: &Source<'_>) -> Digest {
    Digest::of_parts([b"divided".as_slice(), source.digest().as_bytes(), engine.fingerprint.as_bytes()])
}
