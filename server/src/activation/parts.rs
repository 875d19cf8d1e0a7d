//! The parts that all activations of a server share.

use std::sync::Arc;
use std::time::Duration;

use super::event::{ActivationEvent, Listener};
use crate::last_good::LastGood;
use crate::policy::Policy;
use crate::policy::caps::LimitCaps;
use crate::policy::folder::Folder;
use crate::problem::Problem;
use crate::source::Source;
use crate::tenants::Tenants;

/// Reads the policy of a folder, of a tenant with these caps, with its warnings: [`Policy::read_within`]. The error is its
/// problems.
pub type Reader = fn(&Folder, &LimitCaps) -> Result<(Policy, Vec<Problem>), Vec<Problem>>;

/// Everything that an activation needs.
pub(super) struct Parts {
    pub(super) tenants: Tenants,
    pub(super) source: Arc<dyn Source>,
    pub(super) reader: Reader,
    pub(super) last_good: Option<Arc<LastGood>>,
    pub(super) listeners: Vec<Arc<Listener>>,
    /// The longest time of loading a policy.
    pub(super) deadline: Duration,
}

impl Parts {
    /// Logs an event, and tells everybody who listens.
    pub(super) fn tell(&self, event: &ActivationEvent) {
        event.log();
        self.listeners.iter().for_each(|listener| listener(event));
    }
}
