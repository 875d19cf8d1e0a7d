//! Checks that are made, with the key under which the next snapshot finds them again.

use std::sync::Arc;

use guardhouse::{Check, Digest};

use super::plugins::{Shared, digest_of};
use crate::policy::CheckSpec;

/// A check of a snapshot.
pub(super) struct Made {
    pub(super) check: Check,
    /// The digest of everything that the check was made of.
    pub(super) key: Digest,
    /// Keeps the plugin from being loaded again.
    plugin: Arc<Shared>,
}

impl Made {
    pub(super) fn new(check: Check, key: Digest, plugin: Arc<Shared>) -> Self {
        Self { check, key, plugin }
    }

    /// The same check for another snapshot.
    pub(super) fn again(&self) -> Self {
        Self { check: self.check.clone(), key: self.key, plugin: Arc::clone(&self.plugin) }
    }
}

/// The digest of everything that a check is made of, except for its tenant.
pub(super) fn key_of(spec: &CheckSpec) -> Digest {
    let CheckSpec { name, plugin, settings, grants, limits, image, breaker } = spec;
    let parts = (name, digest_of(plugin), settings, grants, limits, format!("{image:?}"), breaker);
    // Each part has a JSON form. One that had none would only be equal to others of the same check.
    Digest::of(serde_json::to_vec(&parts).unwrap_or_else(|_| format!("{spec:?}").into_bytes()))
}
