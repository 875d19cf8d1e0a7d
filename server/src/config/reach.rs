//! Reach: which listeners other machines reach, and what protects them.

use super::credentials::CredentialConfig;
use super::listener::{Door, ListenerConfig};

/// A listener that other machines reach, without what its doors need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unprotected<'a> {
    /// Everybody could ask for decisions: there is no credential.
    Decisions(&'a ListenerConfig),
    /// Everybody could read the names of all tenants: the door takes no credential.
    TenantMetrics(&'a ListenerConfig),
}

/// The first of some listeners that other machines reach without a credential, although the operator has not said
/// `anonymous`.
pub(crate) fn unprotected<'a>(
    listeners: &'a [ListenerConfig],
    credentials: &[CredentialConfig],
) -> Option<Unprotected<'a>> {
    let reached = |listener: &&ListenerConfig| !listener.anonymous && !listener.address.is_local();
    listeners.iter().filter(reached).find_map(|listener| {
        if credentials.is_empty() && listener.doors.doors().any(Door::decides) {
            return Some(Unprotected::Decisions(listener));
        }
        listener.doors.has(Door::TenantMetrics).then_some(Unprotected::TenantMetrics(listener))
    })
}
