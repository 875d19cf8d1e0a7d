//! Reading a folder from disk.
//!
//! - Names that begin with a dot are ignored, and so are the `..data` and `..2026_…` of a Kubernetes volume. Its files are
//!   links to `..data/…`, and are read.
//! - A link is followed only to a place inside the folder (`openat2` with `RESOLVE_BENEATH`, Linux 5.6): what one tenant
//!   can write must not show it the files of another, or of the machine. The folder itself may be a link.
//! - Nothing blocks: a pipe is not opened for reading, and is a problem.
//! - If the folder changes while it is read, it is read again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

use crate::policy::bounds;
use crate::policy::folder::{Bytes, Folder};
use crate::problem::{Problem, clip};
use crate::tenant_name::TenantName;

/// How often a folder is read that changes each time.
const ATTEMPTS: usize = 5;

/// Reads a folder with all files in it, as they are at one moment. The call blocks its thread.
///
/// A file that is written in place, and not renamed into its place, can be read half-written.
///
/// # Errors
/// A problem for each file that cannot be read, and each bound that the folder exceeds.
pub fn read_folder(path: &Path) -> Result<Folder, Vec<Problem>> {
    let mut last = Vec::new();
    for _ in 0..ATTEMPTS {
        let read = || {
            let (files, before) = Walk::start(path, true)?;
            let (_, after) = Walk::start(path, false)?;
            Ok((before == after).then_some(files))
        };
        match read() {
            Ok(Some(files)) => return Ok(Folder::new(files)),
            Ok(None) => last = vec![Problem::new(".", "the folder changes again and again while it is read")],
            // A file may be removed between the listing and the reading.
            Err(problems) if problems != last => last = problems,
            Err(problems) => return Err(problems),
        }
    }
    Err(last)
}

/// The folders of tenants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TenantFolders {
    /// The tenants in the order of their names, each with its folder.
    pub tenants: Vec<(TenantName, PathBuf)>,
    /// A problem for each folder that has no name of a tenant.
    pub problems: Vec<Problem>,
}

/// The folders of the tenants in `path`. Files, and names that begin with a dot, are ignored. The call blocks its thread.
///
/// # Errors
/// The problem for which the folder cannot be read.
pub fn tenant_folders(path: &Path) -> Result<TenantFolders, Problem> {
    let unreadable = |error: io::Error| Problem::new(".", format!("the folder cannot be read: {error}"));
    let (mut tenants, mut problems) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || !path.is_dir() {
            continue;
        }
        match name.parse::<TenantName>() {
            Ok(name) => tenants.push((name, path.clone())),
            Err(error) if problems.len() < bounds::PROBLEMS => {
                problems
                    .push(Problem::new(clip(&name), "the folder has no name of a tenant").with_help(error.to_string()));
            }
            Err(_) => {}
        }
    }
    tenants.sort();
    problems.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(TenantFolders { tenants, problems })
}

/// The metadata of each file and folder, by its path.
type Stamps = BTreeMap<String, Stamp>;

/// Device, inode, size, and the times of the last changes of content and of metadata.
type Stamp = (u64, u64, i64, [(i64, u64); 2]);

/// A walk over a folder.
struct Walk {
    root: OwnedFd,
    reads: bool,
    files: BTreeMap<String, Bytes>,
    stamps: Stamps,
    entries: usize,
    bytes: usize,
    problems: Vec<Problem>,
}

/// The end of a walk, after a problem of the whole folder.
struct Stop;

impl Walk {
    /// The files, if they are read, and the metadata.
    fn start(path: &Path, reads: bool) -> Result<(BTreeMap<String, Bytes>, Stamps), Vec<Problem>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = openat(CWD, path, flags, Mode::empty());
        let root = opened.map_err(|error| vec![unreadable(".", "folder", error)])?;
        let (files, stamps, problems) = (BTreeMap::new(), Stamps::new(), Vec::new());
        let mut walk = Self { root, reads, files, stamps, entries: 0, bytes: 0, problems };
        // A stop leaves a problem.
        let _: Result<(), Stop> = walk.enter("", 1);
        if walk.problems.is_empty() { Ok((walk.files, walk.stamps)) } else { Err(walk.problems) }
    }

    /// Walks over one folder.
    fn enter(&mut self, folder: &str, depth: usize) -> Result<(), Stop> {
        let shown = if folder.is_empty() { "." } else { folder };
        if depth > bounds::FOLDER_NESTING {
            return self.stop(shown, &format!("folders are nested more than {} levels deep", bounds::FOLDER_NESTING));
        }
        let listed =
            self.open(shown, OFlags::DIRECTORY).and_then(Dir::new).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let entries = match listed {
            Ok(entries) => entries,
            Err(error) => return self.skip(unreadable(shown, "folder", error)),
        };
        for entry in entries {
            let name = entry.file_name().to_bytes();
            self.entries += 1;
            if self.entries > bounds::ENTRIES {
                return self.stop(".", &format!("the folder has more than {} entries", bounds::ENTRIES));
            }
            if name.starts_with(b".") {
                continue;
            }
            let name = String::from_utf8_lossy(name);
            let path = if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            if path.contains(['\u{fffd}', '\\']) || path.contains(char::is_control) {
                self.skip(Problem::new(clip(&path), "the name of the file has a character that is not allowed"))?;
            } else if path.len() > bounds::PATH_BYTES {
                self.skip(Problem::new(clip(&path), format!("the path has more than {} bytes", bounds::PATH_BYTES)))?;
            } else {
                self.visit(path, depth)?;
            }
        }
        Ok(())
    }

    /// Reads one file, or walks over a folder.
    fn visit(&mut self, path: String, depth: usize) -> Result<(), Stop> {
        let opened = self.open(&path, OFlags::NONBLOCK | OFlags::NOCTTY);
        let (file, stat) = match opened.and_then(|file| fstat(&file).map(|stat| (file, stat))) {
            Ok(opened) => opened,
            Err(error) => return self.skip(unreadable(&path, "file", error)),
        };
        let times = [(stat.st_mtime, stat.st_mtime_nsec), (stat.st_ctime, stat.st_ctime_nsec)];
        self.stamps.insert(path.clone(), (stat.st_dev, stat.st_ino, stat.st_size, times));
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => return self.enter(&path, depth + 1),
            FileType::RegularFile => {}
            _ => return self.skip(Problem::new(path, "it is neither a regular file nor a folder")),
        }
        if self.stamps.len() > bounds::FILES {
            return self.stop(".", &format!("the folder has more than {} files", bounds::FILES));
        }
        let left = bounds::FOLDER_BYTES.saturating_sub(self.bytes);
        let size = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
        if size > bounds::FILE_BYTES {
            let message = format!("the file has {size} bytes, and at most {} are read", bounds::FILE_BYTES);
            return self.skip(Problem::new(path, message));
        }
        if size > left {
            return self.stop(".", &format!("the files have more than {} bytes together", bounds::FOLDER_BYTES));
        }
        self.bytes += size;
        if self.reads {
            // A file that grows meanwhile is read again.
            let mut bytes = Vec::with_capacity(size);
            let most = u64::try_from(size).unwrap_or(u64::MAX);
            if let Err(error) = File::from(file).take(most).read_to_end(&mut bytes) {
                return self.skip(Problem::new(path, format!("the file cannot be read: {error}")));
            }
            self.files.insert(path, bytes.into());
        }
        Ok(())
    }

    /// Opens a place inside the folder.
    fn open(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.root, path, OFlags::RDONLY | OFlags::CLOEXEC | flags, Mode::empty(), resolve)
    }

    /// Goes on after a problem of one file.
    fn skip(&mut self, problem: Problem) -> Result<(), Stop> {
        self.problems.push(problem);
        if self.problems.len() < bounds::PROBLEMS { Ok(()) } else { Err(Stop) }
    }

    fn stop(&mut self, path: &str, message: &str) -> Result<(), Stop> {
        self.problems.push(Problem::new(path, message));
        Err(Stop)
    }
}

fn unreadable(path: &str, what: &str, error: Errno) -> Problem {
    let problem = Problem::new(path, format!("the {what} cannot be read: {}", io::Error::from(error)));
    match error {
        Errno::XDEV => {
            Problem::new(path, "the link leads out of the folder").with_help("copy the file into the folder")
        }
        Errno::LOOP => Problem::new(path, "the link leads to itself"),
        // A system call filter that does not know the call answers with `PERM`.
        Errno::NOSYS | Errno::PERM => problem.with_help("links are followed by `openat2`, which Linux 5.6 has"),
        _ => problem,
    }
}

#[cfg(test)]
mod tests;
