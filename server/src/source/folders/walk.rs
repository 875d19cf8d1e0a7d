//! Walks over the folder of one tenant, which read no file.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use guardhouse::Digest;
use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat, openat2};
use rustix::io::Errno;

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
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, root, flags, Mode::empty());
        let (folders, stamp) = (Vec::new(), String::new());
        let mut walker = Walker { root: None, folders, entries: 0, stamp, newest: UNIX_EPOCH };
        match opened {
            Ok(root) => {
                walker.root = place_of(&root).map(|place| (root, place));
                walker.visit(".", Path::new("."), 0);
            }
            Err(error) => walker.note(".", &error),
        }
        let Walker { folders, stamp, newest, .. } = walker;
        Self { folders, stamp: Digest::of(stamp), newest }
    }

    /// Whether a change after this walk would change the stamp, even if the clock of the file system is coarse.
    pub(super) fn is_old(&self) -> bool {
        SystemTime::now().duration_since(self.newest).is_ok_and(|age| age > COARSEST_CLOCK)
    }
}

struct Walker {
    /// The folder and its place, without links.
    root: Option<(OwnedFd, PathBuf)>,
    folders: Vec<PathBuf>,
    entries: usize,
    stamp: String,
    newest: SystemTime,
}

impl Walker {
    /// Looks at one place of the folder. A link is followed only to a place inside: nothing behind another one counts,
    /// and what it leads to may be a disk that never answers.
    fn visit(&mut self, name: &str, path: &Path, depth: usize) {
        let opened = self.open(path, OFlags::PATH);
        let (file, found) = match opened.and_then(|file| fstat(&file).map(|found| (file, found))) {
            Ok(opened) => opened,
            Err(error) => return self.note(name, &error),
        };
        self.stamp(name, &found);
        let is_folder = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        if is_folder && depth <= bounds::FOLDER_NESTING {
            self.enter(name, path, &file, depth);
        }
    }

    fn enter(&mut self, prefix: &str, path: &Path, folder: &OwnedFd, depth: usize) {
        let opened = self.open(path, OFlags::DIRECTORY);
        let listed = match opened.and_then(Dir::new) {
            Ok(listed) => listed,
            Err(error) => return self.note(prefix, &error),
        };
        let mut names = Vec::new();
        for entry in listed {
            match entry {
                Ok(entry) if entry.file_name().to_bytes().starts_with(b".") => {}
                Ok(entry) => names.push(OsStr::from_bytes(entry.file_name().to_bytes()).to_owned()),
                Err(error) => self.note(prefix, &error),
            }
            self.entries += 1;
            if self.entries > bounds::ENTRIES {
                return self.note(prefix, &"too many");
            }
        }
        // The order of a folder may change although the folder does not.
        names.sort_unstable();
        for name in names {
            self.visit(&format!("{prefix}/{}", name.to_string_lossy()), &path.join(&name), depth + 1);
        }
        let place = place_of(folder);
        let is_inside = |place: &PathBuf| self.root.as_ref().is_some_and(|(_, root)| place.starts_with(root));
        self.folders.extend(place.filter(is_inside));
    }

    /// Opens a place inside the folder.
    fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let (root, _) = self.root.as_ref().ok_or(Errno::NOENT)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(root, path, OFlags::CLOEXEC | flags, Mode::empty(), resolve)
    }

    fn stamp(&mut self, name: &str, found: &Stat) {
        let times = [(found.st_mtime, found.st_mtime_nsec), (found.st_ctime, found.st_ctime_nsec)];
        self.note(name, &(found.st_dev, found.st_ino, found.st_mode, found.st_size, times));
        for (seconds, nanoseconds) in times {
            let since = Duration::new(u64::try_from(seconds).unwrap_or(0), u32::try_from(nanoseconds).unwrap_or(0));
            self.newest = self.newest.max(UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::now()));
        }
    }

    fn note(&mut self, name: &str, what: &dyn std::fmt::Debug) {
        // Writing to a text does not fail.
        let _ = writeln!(self.stamp, "{name:?} {what:?}");
    }
}

/// The path of an open folder, without links.
fn place_of(folder: &OwnedFd) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd())).ok()
}
