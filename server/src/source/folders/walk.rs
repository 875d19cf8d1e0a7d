//! Walks over the folder of one tenant, which read no file.

use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guardhouse::Digest;

use crate::policy::bounds;

/// Everything that a walk has found.
#[derive(Debug)]
pub(super) struct Walk {
    /// The folder and its sub-folders, without links.
    pub(super) folders: Vec<PathBuf>,
    /// The digest of all names and of the metadata of all files and folders. While it stays the same, no file changed,
    /// unless a time was set back.
    pub(super) stamp: Digest,
    /// The time of the last change, by the clock of the file system.
    newest: SystemTime,
}

/// The time after which a change has another time than the one before it: some file systems count seconds.
const COARSEST_CLOCK: Duration = Duration::from_secs(2);

impl Walk {
    /// Walks over a folder, as far as one is read. Something that cannot be looked at is part of the stamp too.
    pub(super) fn over(root: &Path) -> Self {
        let root = fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
        let mut walker =
            Walker { root: root.clone(), folders: Vec::new(), entries: 0, stamp: String::new(), newest: UNIX_EPOCH };
        walker.visit(".", root, 0);
        let Walker { folders, stamp, newest, .. } = walker;
        Self { folders, stamp: Digest::of(stamp), newest }
    }

    /// Whether a change after this walk would change the stamp, even if the clock of the file system is coarse.
    pub(super) fn is_old(&self) -> bool {
        SystemTime::now().duration_since(self.newest).is_ok_and(|age| age > COARSEST_CLOCK)
    }
}

struct Walker {
    root: PathBuf,
    folders: Vec<PathBuf>,
    entries: usize,
    stamp: String,
    newest: SystemTime,
}

impl Walker {
    fn visit(&mut self, name: &str, path: PathBuf, depth: usize) {
        let is_link = fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
        let found = match fs::metadata(&path) {
            Ok(found) => found,
            Err(error) => return self.note(name, &error.kind()),
        };
        self.stamp(name, &found);
        if !found.is_dir() || depth > bounds::FOLDER_NESTING {
            return;
        }
        if is_link {
            // A link that leads out of the folder is not followed, so nothing behind it counts.
            match fs::canonicalize(&path) {
                Ok(target) if target.starts_with(&self.root) => self.enter(name, target, depth),
                _ => {}
            }
        } else {
            self.enter(name, path, depth);
        }
    }

    fn enter(&mut self, prefix: &str, folder: PathBuf, depth: usize) {
        let listed = match fs::read_dir(&folder) {
            Ok(listed) => listed,
            Err(error) => return self.note(prefix, &error.kind()),
        };
        let mut names = Vec::new();
        for entry in listed {
            match entry {
                Ok(entry) if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
                Ok(entry) => names.push(entry.file_name()),
                Err(error) => self.note(prefix, &error.kind()),
            }
            self.entries += 1;
            if self.entries > bounds::ENTRIES {
                return self.note(prefix, &"too many");
            }
        }
        // The order of a folder may change although the folder does not.
        names.sort_unstable();
        for name in names {
            let path = folder.join(&name);
            self.visit(&format!("{prefix}/{}", name.to_string_lossy()), path, depth + 1);
        }
        self.folders.push(folder);
    }

    fn stamp(&mut self, name: &str, found: &Metadata) {
        let changed = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
        self.note(name, &(found.dev(), found.ino(), found.mode(), found.len(), changed));
        for (seconds, nanoseconds) in [(found.mtime(), found.mtime_nsec()), (found.ctime(), found.ctime_nsec())] {
            let since = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
            self.newest = self.newest.max(UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::now()));
        }
    }

    fn note(&mut self, name: &str, what: &dyn std::fmt::Debug) {
        // Writing to a text does not fail.
        let _ = writeln!(self.stamp, "{name:?} {what:?}");
    }
}
