//! The state folder: the last good policy of each tenant, from which a server starts if its source is broken.
//!
//! `tenants/NAME` is the entry of a tenant: a manifest with the digest of the folder and its small files. Larger files
//! are in `contents/` under their digests, once for all tenants that have them. Each file is written under a temporary
//! name, flushed to the disk, and renamed; contents come before the entry that names them. So after a crash at any
//! point a tenant has its old entry or its new one. An entry is read only if the folder that it describes has the
//! digest in its manifest. A damaged one is an error with a reason, and is never used.
//!
//! Processes may share a state folder: they write under a shared lock, and contents that no entry names are removed
//! under an exclusive one. The folder must be inaccessible to other users, because the policies in it decide.

mod entry;

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use guardhouse::Digest;
use rustix::fs::OFlags;
use rustix::process::geteuid;

use self::entry::{Entry, Part};
use crate::policy::folder::Folder;
use crate::step::step;
use crate::tenant_name::TenantName;

/// The largest state folder by default, in bytes.
pub const DEFAULT_BYTES: u64 = 8 << 30;

/// The largest file that is part of an entry, and not one of the contents, in bytes.
const INLINE_BYTES: usize = 16 << 10;

/// The largest entry, and the largest content, in bytes. Both are far over what a source reads of one tenant.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// A state folder. All its functions block.
#[derive(Debug)]
pub struct LastGood {
    folder: PathBuf,
    tenants: PathBuf,
    contents: PathBuf,
    unfinished: PathBuf,
    cap: u64,
    /// An estimate of the bytes in the folder, which is exact after each [`clean`](Self::clean).
    used: AtomicU64,
}

/// A state folder that cannot be used, or an entry that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}`: {reason}", path.display())]
pub struct LastGoodError {
    /// The folder or the file.
    pub path: PathBuf,
    /// The reason.
    pub reason: String,
}

impl LastGood {
    /// Opens a state folder for at most `cap` bytes; it is created if it does not exist, and cleaned.
    ///
    /// # Errors
    /// [`LastGoodError`] if the folder cannot be created, does not belong to this user, or is accessible to others.
    pub fn open(folder: &Path, cap: u64) -> Result<Self, LastGoodError> {
        let state = Self {
            folder: folder.to_owned(),
            tenants: folder.join("tenants"),
            contents: folder.join("contents"),
            unfinished: folder.join("unfinished"),
            cap,
            used: AtomicU64::new(0),
        };
        for folder in [&state.folder, &state.tenants, &state.contents, &state.unfinished] {
            prepare(folder).map_err(|reason| LastGoodError { path: folder.clone(), reason })?;
        }
        state.clean()?;
        Ok(state)
    }

    /// The tenants that have an entry, which may be damaged.
    ///
    /// # Errors
    /// [`LastGoodError`] if the folder cannot be listed.
    pub fn tenants(&self) -> Result<Vec<TenantName>, LastGoodError> {
        let listed = names(&self.tenants).map_err(|error| self.error(&self.tenants, &error))?;
        Ok(listed.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The last good folder of a tenant, verified; none if the tenant has no entry.
    ///
    /// # Errors
    /// [`LastGoodError`] if the entry is damaged or cannot be read.
    pub fn read(&self, tenant: &TenantName) -> Result<Option<Folder>, LastGoodError> {
        let path = self.tenants.join(tenant.as_str());
        let error = |reason: &dyn ToString| LastGoodError { path: path.clone(), reason: reason.to_string() };
        let _shared = self.lock().map_err(|reason| error(&reason))?;
        let bytes = match read_file(&path) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(unreadable) => return Err(error(&unreadable)),
        };
        let entry = Entry::parse(bytes).ok_or_else(|| error(&"the entry is damaged"))?;
        let mut files = Vec::new();
        for (name, part) in entry.parts {
            let content = match part {
                Part::Inline(content) => content,
                Part::Content(digest) => {
                    let content = read_file(&self.content(digest)).map_err(|reason| {
                        error(&format!("the content {digest} of `{name}` cannot be read: {reason}"))
                    })?;
                    content.into()
                }
            };
            files.push((name, content));
        }
        let folder = Folder::new(files.into_iter().collect());
        if folder.digest() != entry.digest {
            return Err(error(&"the entry is damaged: its content does not have the digest of its manifest"));
        }
        Ok(Some(folder))
    }

    /// Makes `folder` the last good one of a tenant. When this returns, it is on the disk.
    ///
    /// # Errors
    /// [`LastGoodError`] if a file cannot be written, or the state folder would become too large. The entry that the
    /// tenant had remains.
    pub fn write(&self, tenant: &TenantName, folder: &Folder) -> Result<(), LastGoodError> {
        let path = self.tenants.join(tenant.as_str());
        self.try_to_write(&path, folder).map_err(|error| self.error(&path, &error))
    }

    /// Removes the entry of a tenant, if it has one.
    ///
    /// # Errors
    /// [`LastGoodError`] if the entry cannot be removed.
    pub fn remove(&self, tenant: &TenantName) -> Result<(), LastGoodError> {
        let path = self.tenants.join(tenant.as_str());
        let removed = self.lock().and_then(|_shared| match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.and_then(|()| sync_folder(&self.tenants)),
        });
        removed.map_err(|error| self.error(&path, &error))
    }

    /// Removes the files of writers that were killed, and the contents that no entry names. Does nothing while another
    /// process or thread writes.
    ///
    /// # Errors
    /// [`LastGoodError`] if the folder cannot be read or changed.
    pub fn clean(&self) -> Result<(), LastGoodError> {
        let cleaned = || -> io::Result<()> {
            let lock = self.lock_file()?;
            if lock.try_lock().is_err() {
                return Ok(());
            }
            for name in names(&self.unfinished)? {
                fs::remove_file(self.unfinished.join(name))?;
            }
            let (mut used, mut named) = (0, HashSet::new());
            for name in names(&self.tenants)? {
                let path = self.tenants.join(name);
                let Ok(bytes) = read_file(&path) else { continue };
                used += bytes.len() as u64;
                named.extend(Entry::parse(bytes).into_iter().flat_map(|entry| entry.contents().collect::<Vec<_>>()));
            }
            let named: HashSet<String> = named.into_iter().map(hex).collect();
            for name in names(&self.contents)? {
                let path = self.contents.join(&name);
                if named.contains(&name) {
                    used += fs::symlink_metadata(&path)?.len();
                } else {
                    fs::remove_file(&path)?;
                }
            }
            self.used.store(used, Ordering::Relaxed);
            Ok(())
        };
        cleaned().map_err(|error| self.error(&self.folder, &error))
    }

    fn try_to_write(&self, path: &Path, folder: &Folder) -> io::Result<()> {
        let bytes = folder.files().map(|(name, content)| (name.len() + content.len()) as u64).sum::<u64>();
        if self.used.load(Ordering::Relaxed).saturating_add(bytes) > self.cap {
            self.clean().map_err(io::Error::other)?;
        }
        if self.used.load(Ordering::Relaxed).saturating_add(bytes) > self.cap {
            let cap = self.cap;
            return Err(io::Error::other(format!(
                "the state folder would become larger than its limit of {cap} bytes"
            )));
        }
        let _shared = self.lock()?;
        let mut entry = Entry { digest: folder.digest(), parts: Vec::new() };
        for (name, content) in folder.files() {
            let part = if content.len() <= INLINE_BYTES {
                Part::Inline(content.clone())
            } else {
                let digest = Digest::of(content);
                self.write_content(digest, content)?;
                Part::Content(digest)
            };
            entry.parts.push((name.to_owned(), part));
        }
        self.write_file(path, &entry.to_bytes())
    }

    /// Writes a content, unless it is there.
    fn write_content(&self, digest: Digest, content: &[u8]) -> io::Result<()> {
        let path = self.content(digest);
        if read_file(&path).is_ok_and(|found| Digest::of(found) == digest) {
            return Ok(());
        }
        self.write_file(&path, content)
    }

    /// Writes a file under its name, and replaces an existing one. When this returns, it is on the disk.
    fn write_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        step("before a file is made");
        let unfinished = self.unfinished.join(hex(Digest::of(rand::random::<[u8; 16]>())));
        let written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished).and_then(|mut file| {
                step("a file is made");
                file.write_all(bytes)?;
                step("a file is written");
                file.sync_all()?;
                step("a file is flushed");
                fs::rename(&unfinished, path)
            });
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        step("a file is renamed");
        self.used.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        path.parent().map_or(Ok(()), sync_folder)?;
        step("a name is flushed");
        Ok(())
    }

    fn content(&self, digest: Digest) -> PathBuf {
        self.contents.join(hex(digest))
    }

    /// The shared lock of readers and writers, until it is dropped.
    fn lock(&self) -> io::Result<File> {
        let file = self.lock_file()?;
        file.lock_shared()?;
        Ok(file)
    }

    fn lock_file(&self) -> io::Result<File> {
        let path = self.folder.join("lock");
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    fn error(&self, path: &Path, reason: &dyn ToString) -> LastGoodError {
        LastGoodError { path: path.to_owned(), reason: reason.to_string() }
    }
}

/// Makes sure that a folder exists, belongs to this user and is inaccessible to others.
fn prepare(folder: &Path) -> Result<(), String> {
    match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.to_string()),
        _ => {}
    }
    let found = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    if !found.is_dir() || found.uid() != geteuid().as_raw() {
        return Err("not a folder of this user".to_owned());
    }
    if found.mode() & 0o077 != 0 {
        return Err("other users can reach it, and the policies in it decide (`chmod 700` it)".to_owned());
    }
    Ok(())
}

/// The content of a regular file of this user, which others cannot write.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != geteuid().as_raw() || found.mode() & 0o022 != 0 {
        return Err(io::Error::other("not a regular file that only this user can write"));
    }
    if found.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("too large"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let listed: io::Result<Vec<_>> = fs::read_dir(folder)?.collect();
    Ok(listed?.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Flushes the names of a folder to the disk.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The digits of a digest.
fn hex(digest: Digest) -> String {
    digest.to_string().trim_start_matches("sha256:").to_owned()
}

#[cfg(test)]
mod tests;
