//! The default source: a folder with one sub-folder for each tenant.
//!
//! A folder is read again only if its metadata changed, and then its digest says whether its content did. A content
//! counts once two readings and the metadata of both agree, or if it was last changed some seconds before it was read;
//! so a file that is being written is not taken by halves. Links may lead to the folder of a tenant, which is how
//! Kubernetes swaps a volume (`..data`), and to the root. Names that begin with a dot are ignored.

mod walk;
mod watch;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guardhouse::Digest;
use tokio::time::Instant;

use self::walk::Walk;
use self::watch::{Subject, Watches};
use crate::lock::lock;
use crate::policy::folder::Folder;
use crate::policy::read_folder::read_folder;
use crate::problem::Problem;
use crate::source::{Change, Listing, Source, SourceError, SourceFuture, Version};
use crate::tenant_name::TenantName;

/// How often a content that keeps changing is read, before the others go on without it.
const READINGS: u32 = 3;

/// The time after which a content that keeps changing is looked at again.
const REST: Duration = Duration::from_secs(1);

/// The number of periodic checks after which every content is read again, whatever its metadata.
const CHECKS_BETWEEN_READINGS: u64 = 30;

/// The problems that are listed of the root.
const MAX_PROBLEMS: usize = 100;

/// The options of a [`Folders`] source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderOptions {
    /// The time for which a content must stay as it is before it counts, unless it is old. Default: 100 ms.
    pub settle: Duration,
    /// The time between two checks of all tenants. Default: 10 s.
    pub period: Duration,
    /// Whether folders are watched, so that most changes are found at once. Default: true.
    pub watch: bool,
    /// The largest number of tenants. Default: 100,000.
    pub tenants: usize,
}

impl Default for FolderOptions {
    fn default() -> Self {
        Self { settle: Duration::from_millis(100), period: Duration::from_secs(10), watch: true, tenants: 100_000 }
    }
}

/// A folder with one sub-folder for each tenant. A clone is shallow.
#[derive(Debug, Clone)]
pub struct Folders(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    options: FolderOptions,
    known: Mutex<HashMap<TenantName, Known>>,
    watches: Option<Watches>,
    /// Tenants that are being written, with the time of the next look at each. A tenant that writes without end is
    /// looked at no more often, so that it does not delay the others.
    changing: Mutex<BTreeMap<TenantName, Instant>>,
    /// The time of the next check of all tenants, and the number of those before.
    next_check: Mutex<(Instant, u64)>,
    /// How many folders were read, and not only walked over.
    readings: AtomicU64,
}

/// What is known of a tenant's folder.
#[derive(Debug, Clone)]
struct Known {
    /// The metadata that belongs to `version`; none if it must be read again.
    stamp: Option<Digest>,
    version: Version,
}

/// One look at a tenant's folder.
struct Look {
    tenant: TenantName,
    /// None if the folder changed while it was read.
    version: Option<Version>,
    stamp: Digest,
    /// Whether the version counts without another look.
    is_settled: bool,
}

impl Folders {
    /// The source of a folder. Nothing is read yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>, options: FolderOptions) -> Self {
        let watches = if options.watch { Watches::new() } else { Err(std::io::Error::other("not wanted")) };
        if let (Err(error), true) = (&watches, options.watch) {
            tracing::warn!(
                target: "guardhouse::activation",
                %error, "folders cannot be watched, and are only checked periodically"
            );
        }
        Self(Arc::new(Inner {
            root: root.into(),
            next_check: Mutex::new((Instant::now() + options.period, 0)),
            options,
            known: Mutex::default(),
            watches: watches.ok(),
            changing: Mutex::default(),
            readings: AtomicU64::new(0),
        }))
    }

    /// How often the files of a tenant were read so far, because their metadata changed.
    #[must_use]
    pub fn readings(&self) -> u64 {
        self.0.readings.load(Ordering::Relaxed)
    }

    async fn list_change(&self, change: &Change) -> Result<Listing, SourceError> {
        let (names, problems) = match change {
            Change::All => self.names().await?,
            Change::Tenants(tenants) => {
                let (inner, tenants) = (Arc::clone(&self.0), tenants.clone());
                let existing = move || tenants.into_iter().filter(|name| inner.exists(name)).collect();
                (blocking(existing).await?, Vec::new())
            }
        };
        let mut listing = Listing { versions: BTreeMap::new(), problems };
        let mut open: BTreeMap<TenantName, Option<(Digest, Version)>> =
            names.iter().map(|name| (name.clone(), None)).collect();
        for reading in 0..=READINGS {
            if reading > 0 {
                tokio::time::sleep(self.0.options.settle).await;
            }
            let (inner, tenants): (_, Vec<_>) = (Arc::clone(&self.0), open.keys().cloned().collect());
            for look in blocking(move || inner.look_at(tenants)).await? {
                let Some(before) = open.get_mut(&look.tenant) else { continue };
                let found = look.version.map(|version| (look.stamp, version));
                match found {
                    // A file that is written again and again may be empty twice, but not with the same times.
                    Some((stamp, version)) if look.is_settled || *before == Some((stamp, version.clone())) => {
                        self.0.remember(&look.tenant, look.is_settled.then_some(stamp), &version);
                        open.remove(&look.tenant);
                        lock(&self.0.changing).remove(&look.tenant);
                        listing.versions.insert(look.tenant, version);
                    }
                    found => *before = found,
                }
            }
            if open.is_empty() {
                break;
            }
        }
        for tenant in open.into_keys() {
            lock(&self.0.changing).insert(tenant.clone(), Instant::now() + REST);
            listing.versions.insert(tenant, Version::Changing);
        }
        if *change == Change::All {
            lock(&self.0.known).retain(|tenant, _| listing.versions.contains_key(tenant));
        }
        Ok(listing)
    }

    /// The names of all tenants. One that is missing is missing twice, with time between.
    async fn names(&self) -> Result<(BTreeSet<TenantName>, Vec<Problem>), SourceError> {
        let list = || {
            let inner = Arc::clone(&self.0);
            async { blocking(move || inner.list_root()).await.flatten() }
        };
        let (mut names, problems) = list().await?;
        let is_missing = lock(&self.0.known).keys().any(|known| !names.contains(known));
        if is_missing {
            tokio::time::sleep(self.0.options.settle).await;
            names.extend(list().await?.0);
        }
        Ok((names, problems))
    }

    async fn wait(&self) -> Change {
        let Inner { options, watches, changing, next_check, .. } = &*self.0;
        let due = lock(next_check).0;
        let watched = async {
            let Some(watches) = watches else { return std::future::pending().await };
            watches.changed().await;
        };
        let rested = lock(changing).values().min().copied();
        let again = async {
            match rested {
                Some(rested) => tokio::time::sleep_until(rested).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = watched => {
                // Most changes are several events.
                tokio::time::sleep(options.settle).await;
                let mut change = watches.as_ref().and_then(Watches::take).unwrap_or(Change::All);
                if let Change::Tenants(tenants) = &mut change {
                    tenants.retain(|tenant| !lock(changing).contains_key(tenant));
                }
                change
            }
            () = again => {
                let now = Instant::now();
                let rested = lock(changing).extract_if(.., |_, next| *next <= now).map(|(tenant, _)| tenant).collect();
                Change::Tenants(rested)
            }
            () = tokio::time::sleep_until(due) => {
                let mut next_check = lock(next_check);
                let checks = next_check.1 + 1;
                *next_check = (Instant::now() + options.period, checks);
                if checks % CHECKS_BETWEEN_READINGS == 0 {
                    lock(&self.0.known).values_mut().for_each(|known| known.stamp = None);
                }
                Change::All
            }
        }
    }
}

impl Source for Folders {
    fn list<'a>(&'a self, change: &'a Change) -> SourceFuture<'a, Result<Listing, SourceError>> {
        Box::pin(self.list_change(change))
    }

    fn read<'a>(&'a self, tenant: &'a TenantName) -> SourceFuture<'a, Result<Folder, Vec<Problem>>> {
        let path = self.0.path(tenant);
        Box::pin(async move {
            let read = blocking(move || read_folder(&path)).await;
            read.map_err(|error| vec![Problem::new(".", error.to_string())])?
        })
    }

    fn changed(&self) -> SourceFuture<'_, Change> {
        Box::pin(async {
            loop {
                let change = self.wait().await;
                if !matches!(&change, Change::Tenants(tenants) if tenants.is_empty()) {
                    return change;
                }
            }
        })
    }
}

impl Inner {
    fn path(&self, tenant: &TenantName) -> PathBuf {
        self.root.join(tenant.as_str())
    }

    fn exists(&self, tenant: &TenantName) -> bool {
        fs::symlink_metadata(self.path(tenant)).is_ok()
    }

    fn watch(&self, folder: &Path, subject: &Subject) {
        if let Some(watches) = &self.watches {
            watches.add(folder, subject);
        }
    }

    /// The tenants in the root, and problems with other names.
    fn list_root(&self) -> Result<(BTreeSet<TenantName>, Vec<Problem>), SourceError> {
        let error = |error: std::io::Error| SourceError(format!("`{}` cannot be read: {error}", self.root.display()));
        if let (Some(parent), Some(name)) = (self.root.parent(), self.root.file_name())
            && fs::symlink_metadata(&self.root).is_ok_and(|found| found.is_symlink())
        {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.watch(parent, &Subject::Parent(name.to_owned()));
        }
        self.watch(&self.root, &Subject::Root);
        let (mut names, mut problems) = (BTreeSet::new(), Vec::new());
        for entry in fs::read_dir(&self.root).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
            if name.as_encoded_bytes().starts_with(b".") || is_file {
                continue;
            }
            match name.to_str().and_then(|name| name.parse().ok()) {
                Some(tenant) => drop(names.insert(tenant)),
                None if problems.len() < MAX_PROBLEMS => {
                    let message = "the name of the folder is not that of a tenant, so it is ignored";
                    problems.push(Problem::new(name.to_string_lossy(), message));
                }
                None => {}
            }
            if names.len() > self.options.tenants {
                let (root, most) = (self.root.display(), self.options.tenants);
                return Err(SourceError(format!("`{root}` has more than {most} tenants")));
            }
        }
        problems.sort_by(|a, b| a.file.cmp(&b.file));
        Ok((names, problems))
    }

    /// Looks at the folders of tenants, with as many threads as there are processors.
    fn look_at(&self, tenants: Vec<TenantName>) -> Vec<Look> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        if threads == 1 || tenants.len() < 100 {
            return tenants.into_iter().map(|tenant| self.look(tenant)).collect();
        }
        let share = tenants.len().div_ceil(threads);
        let mut all = Vec::with_capacity(tenants.len());
        std::thread::scope(|scope| {
            let look = |tenants: &[TenantName]| tenants.iter().map(|tenant| self.look(tenant.clone())).collect();
            let shares: Vec<_> =
                tenants.chunks(share).map(|tenants| scope.spawn(move || -> Vec<Look> { look(tenants) })).collect();
            // What a thread that panicked has not looked at is still open.
            all.extend(shares.into_iter().filter_map(|share| share.join().ok()).flatten());
        });
        all
    }

    fn look(&self, tenant: TenantName) -> Look {
        let path = self.path(&tenant);
        let before = Walk::over(&path);
        let subject = Subject::Tenant(tenant.clone());
        before.folders.iter().for_each(|folder| self.watch(folder, &subject));
        let stamp = before.stamp;
        let known = lock(&self.known).get(&tenant).filter(|known| known.stamp == Some(stamp)).cloned();
        if let Some(Known { version, .. }) = known {
            return Look { tenant, version: Some(version), stamp, is_settled: true };
        }
        self.readings.fetch_add(1, Ordering::Relaxed);
        match read_folder(&path) {
            Ok(_) if Walk::over(&path).stamp != stamp => Look { tenant, version: None, stamp, is_settled: false },
            Ok(folder) => {
                let version = Some(Version::Policy(folder.digest()));
                Look { tenant, version, stamp, is_settled: before.is_old() }
            }
            // A problem may end although no file changes, so it is looked at again each time.
            Err(problems) => Look { tenant, version: Some(Version::Unreadable(problems)), stamp, is_settled: false },
        }
    }

    /// Remembers the version that a tenant has settled at.
    fn remember(&self, tenant: &TenantName, stamp: Option<Digest>, version: &Version) {
        lock(&self.known).insert(tenant.clone(), Known { stamp, version: version.clone() });
    }
}

/// Runs blocking work on the threads that the runtime has for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SourceError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| SourceError(format!("an internal error: {error}")))
}

#[cfg(test)]
mod tests;
