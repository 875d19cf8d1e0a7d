//! Walks over the folder of one tenant, without reading its files.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guardhouse::Digest;

use crate::problem::Problem;

/// The bounds of one tenant's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FolderLimits {
    /// The files and folders in it. Default: 1,000.
    pub files: usize,
    /// The files together, in bytes. Default: 64 MiB.
    pub bytes: u64,
    /// The nesting of folders. Default: 8.
    pub depth: usize,
}

impl Default for FolderLimits {
    fn default() -> Self {
        Self { files: 1_000, bytes: 64 << 20, depth: 8 }
    }
}

/// A file of a folder.
#[derive(Debug)]
pub(super) struct Found {
    /// Its path in the folder, with `/` between the parts.
    pub(super) name: String,
    /// The file without links.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// Everything that a walk has found.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) files: Vec<Found>,
    pub(super) folders: Vec<PathBuf>,
    /// The metadata of all files and folders. While it stays the same, no file changed, unless its times were set back.
    pub(super) stamp: Digest,
    /// The time of the last change, by the clock of the file system.
    newest: SystemTime,
}

/// The time after which a change has another time than the next one: file systems with coarse clocks have seconds.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

impl Walk {
    /// Walks over a folder. Names that begin with a dot are left out. A link must lead to a place in the same folder: the
    /// folder of one tenant must not have the files of another, nor of the machine.
    pub(super) fn over(root: &Path, limits: &FolderLimits) -> Result<Self, Vec<Problem>> {
        let mut walk = Walker {
            root: PathBuf::new(),
            limits,
            files: Vec::new(),
            folders: Vec::new(),
            entries: 0,
            bytes: 0,
            stamp: String::new(),
            newest: UNIX_EPOCH,
        };
        walk.start(root).map_err(|problem| vec![problem])?;
        walk.files.sort_by(|a, b| a.name.cmp(&b.name));
        let Walker { files, folders, stamp, newest, .. } = walk;
        Ok(Self { files, folders, stamp: Digest::of(stamp), newest })
    }

    /// Whether a change after this walk would change the stamp, even if the clock of the file system is coarse.
    pub(super) fn is_old(&self) -> bool {
        SystemTime::now().duration_since(self.newest).is_ok_and(|age| age > COARSEST_CLOCK)
    }
}

struct Walker<'a> {
    /// The folder of the tenant without links.
    root: PathBuf,
    limits: &'a FolderLimits,
    files: Vec<Found>,
    folders: Vec<PathBuf>,
    entries: usize,
    bytes: u64,
    stamp: String,
    newest: SystemTime,
}

impl Walker<'_> {
    fn start(&mut self, root: &Path) -> Result<(), Problem> {
        self.root = fs::canonicalize(root).map_err(|error| unreadable(".", &error))?;
        let path = self.root.clone();
        let metadata = fs::metadata(&path).map_err(|error| unreadable(".", &error))?;
        if !metadata.is_dir() {
            return Err(Problem::new(".", "not a folder"));
        }
        self.stamp("", &metadata);
        self.enter("", &path, 0)
    }

    fn enter(&mut self, prefix: &str, folder: &Path, depth: usize) -> Result<(), Problem> {
        if depth > self.limits.depth {
            let depth = self.limits.depth;
            return Err(Problem::new(prefix, format!("the folder is nested more than {depth} levels deep")));
        }
        self.folders.push(folder.to_owned());
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| unreadable(prefix, &error))? {
            let name = entry.map_err(|error| unreadable(prefix, &error))?.file_name();
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.limits.files {
                return Err(Problem::new(".", format!("the folder has more than {} files", self.limits.files)));
            }
            let name = name
                .into_string()
                .map_err(|name| Problem::new(prefix, format!("the name `{}` is not UTF-8", name.to_string_lossy())))?;
            names.push(name);
        }
        // The order of a folder may change although the folder does not.
        names.sort_unstable();
        for name in names {
            let path = folder.join(&name);
            let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            self.visit(name, path, depth)?;
        }
        Ok(())
    }

    fn visit(&mut self, name: String, path: PathBuf, depth: usize) -> Result<(), Problem> {
        let error = |error: io::Error| unreadable(&name, &error);
        let found = fs::symlink_metadata(&path).map_err(error)?;
        let (path, metadata) = if found.is_symlink() {
            let target = fs::canonicalize(&path).map_err(error)?;
            if !target.starts_with(&self.root) {
                let help = "copy the file into the folder";
                return Err(Problem::new(name, "the link leads out of the folder").with_help(help));
            }
            let metadata = fs::symlink_metadata(&target).map_err(error)?;
            (target, metadata)
        } else {
            (path, found)
        };
        self.stamp(&name, &metadata);
        if metadata.is_dir() {
            return self.enter(&name, &path, depth + 1);
        }
        if !metadata.is_file() {
            return Err(Problem::new(name, "not a regular file"));
        }
        self.bytes = self.bytes.saturating_add(metadata.len());
        if self.bytes > self.limits.bytes {
            return Err(Problem::new(".", format!("the folder has more than {} bytes", self.limits.bytes)));
        }
        self.files.push(Found { name, path, bytes: metadata.len() });
        Ok(())
    }

    fn stamp(&mut self, name: &str, found: &Metadata) {
        let changed = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
        let of = (name, found.dev(), found.ino(), found.mode(), found.len(), changed);
        self.stamp.push_str(&format!("{of:?}\n"));
        for (seconds, nanoseconds) in [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())] {
            let since = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
            self.newest = self.newest.max(UNIX_EPOCH + since);
        }
    }
}

/// A file or folder that cannot be read. `.` is the whole folder.
pub(super) fn unreadable(name: &str, error: &io::Error) -> Problem {
    Problem::new(if name.is_empty() { "." } else { name }, format!("cannot be read: {error}"))
}
