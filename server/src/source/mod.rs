//! Sources: where policies come from. A folder is one; a registry and a message bus can be others.

pub mod folders;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;

use guardhouse::Digest;

use crate::policy::folder::Folder;
use crate::problem::Problem;
use crate::tenant_name::TenantName;

/// The future of a source's answer.
pub type SourceFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The origin of the policies of all tenants.
///
/// A source compares contents, and not times: a policy is changed if its digest is another one. It answers with a
/// content only once that has settled, so that no half-written policy is activated.
pub trait Source: fmt::Debug + Send + Sync {
    /// Lists the tenants of a change with the versions of their policies. A tenant that does not exist is left out.
    ///
    /// # Errors
    /// [`SourceError`] if nothing can be said about the tenants of the change. Nothing is changed then, and no tenant
    /// is removed.
    fn list<'a>(&'a self, change: &'a Change) -> SourceFuture<'a, Result<Listing, SourceError>>;

    /// Reads the policy of a tenant. Its digest may be another one than the source has listed, if it changed since.
    ///
    /// # Errors
    /// The problems for which it cannot be read.
    fn read<'a>(&'a self, tenant: &'a TenantName) -> SourceFuture<'a, Result<Folder, Vec<Problem>>>;

    /// Waits until something may have changed. The future may be dropped at any time; no change is lost by that.
    fn changed(&self) -> SourceFuture<'_, Change>;
}

/// The tenants that may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Any tenant: tenants may have been added and removed too.
    All,
    /// These tenants.
    Tenants(BTreeSet<TenantName>),
}

/// The tenants of a source, as far as they were asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The version of each tenant.
    pub versions: BTreeMap<TenantName, Version>,
    /// Problems that belong to no tenant.
    pub problems: Vec<Problem>,
}

/// The version of a tenant's policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// A policy that has settled, by the digest of its folder.
    Policy(Digest),
    /// A policy that cannot be read.
    Unreadable(Vec<Problem>),
    /// A policy that is being written. The source reports it again.
    Changing,
}

/// The reason why a source cannot be read as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);
