//! The cache: machine code and the sources of plugins on disk, shared by all processes of a user.
//!
//! Machine code cannot be validated, so the folder must be trusted: it belongs to this user, and no other user can read
//! or write it. Its content is verified all the same, because disks fail and people make mistakes: the name of each
//! code file is its digest, and each entry begins with a seal, which is the digest of its key and its text. A file that
//! does not match is removed and made again.
//!
//! Files are written under a temporary name and renamed (an atomic replacement), so readers never see a partial file
//! and a killed process leaves only an orphan. If two processes compile the same component, the entry that is written
//! last stays: compilers do not produce the same bytes each time, and code files that no entry names are evicted.

mod entry;
mod evict;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::process::geteuid;

pub(super) use self::entry::Entry;
use self::entry::{Index, open};
use self::evict::evict;
use crate::digest::Digest;
use crate::error::HostError;
use crate::tuning::CACHE_SLACK_DIVISOR;

/// A folder of machine code.
pub(super) struct Cache {
    folder: PathBuf,
    entries: PathBuf,
    code: PathBuf,
    unfinished: PathBuf,
    cap: u64,
    /// The bytes that were written since the last eviction. It starts at the cap, so that the first write evicts.
    written: AtomicU64,
}

impl Cache {
    /// Opens a folder for at most `cap` bytes, and creates it if it does not exist.
    pub(super) fn open(folder: &Path, cap: u64) -> Result<Self, HostError> {
        let cache = Self {
            folder: folder.to_owned(),
            entries: folder.join("entries"),
            code: folder.join("code"),
            unfinished: folder.join("unfinished"),
            cap,
            written: AtomicU64::new(cap),
        };
        cache.prepare().map_err(|reason| HostError::Cache { folder: folder.to_owned(), reason })?;
        Ok(cache)
    }

    /// Creates missing folders and checks existing ones. The error says what is wrong with one.
    fn prepare(&self) -> Result<(), String> {
        for folder in [&self.folder, &self.entries, &self.code, &self.unfinished] {
            match DirBuilder::new().recursive(true).mode(0o700).create(folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.to_string()),
                _ => {}
            }
            let found = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
            if !found.is_dir() || found.uid() != geteuid().as_raw() {
                return Err(format!("`{}` is not a folder of this user", folder.display()));
            }
            if found.mode() & 0o077 != 0 {
                let reason =
                    "other users can reach it, and a user who can write to it can run code here (`chmod 700` it)";
                return Err(format!("`{}`: {reason}", folder.display()));
            }
        }
        Ok(())
    }

    /// The entry of a key, with its files verified, or `None` if it does not exist or was changed.
    pub(super) fn find(&self, key: Digest) -> Option<Entry> {
        let path = self.entries.join(key.to_hex());
        let (file, index) = Index::read(&path)?;
        let files: Option<Vec<File>> = index.files.iter().map(|name| self.verified(name)).collect();
        let Some(files) = files else {
            // Another process may have replaced the entry meanwhile. Its component is then compiled once more than
            // necessary.
            let _ = fs::remove_file(&path);
            return None;
        };
        // Refresh the mtime: eviction is least-recently-used.
        let _ = file.set_modified(SystemTime::now());
        Some(Entry::new(files, index.note))
    }

    /// Writes an entry: files and a note. A failure has no consequence except that the files are made again later.
    pub(super) fn store(&self, key: Digest, files: &[&[u8]], note: &str) -> io::Result<Entry> {
        let (mut names, mut stored) = (Vec::new(), Vec::new());
        for bytes in files {
            let name = Digest::of(bytes).to_hex();
            stored.push(self.store_code(&name, bytes)?);
            names.push(name);
        }
        let text = Index { files: names, note: note.to_owned() }.sealed(key)?;
        self.write(&self.entries.join(key.to_hex()), text.as_bytes())?;
        let bytes = files.iter().map(|bytes| bytes.len() as u64).sum::<u64>() + text.len() as u64;
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes > self.cap / CACHE_SLACK_DIVISOR {
            self.written.store(0, Ordering::Relaxed);
            let cap = self.cap - self.cap / CACHE_SLACK_DIVISOR;
            evict(&self.entries, &self.code, &self.unfinished, cap);
        }
        Ok(Entry::new(stored, note.to_owned()))
    }

    /// Writes a file under its name, and replaces an existing one.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self.try_to_write(path, bytes) {
            // The folder was removed meanwhile: it is created again.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.prepare().map_err(io::Error::other)?,
            // A rename cannot replace a folder, so the folder is removed first.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path)?,
            done => return done,
        }
        self.try_to_write(path, bytes)
    }

    fn try_to_write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.unfinished.join(format!("{:032x}", rand::random::<u128>()));
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&unfinished)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// The code file of that name, written now unless it is there: files are named by their digest, so one that verifies
    /// need not be written again.
    fn store_code(&self, name: &str, bytes: &[u8]) -> io::Result<File> {
        if let Some(file) = self.verified(name) {
            return Ok(file);
        }
        self.write(&self.code.join(name), bytes)?;
        self.verified(name).ok_or_else(|| io::Error::other("the file that was written is not there"))
    }

    /// The code file of that name, open, if its digest is its name.
    fn verified(&self, name: &str) -> Option<File> {
        let path = self.code.join(name);
        let file = open(&path);
        if let Some(file) = file.filter(|file| Digest::of_reader(file).is_ok_and(|digest| digest.to_hex() == name)) {
            return Some(file);
        }
        let _ = fs::remove_file(&path);
        None
    }
}
