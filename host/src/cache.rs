//! Machine code on disk, so that it is made once for all processes of a user.
//!
//! Machine code cannot be validated, so the folder is trusted for what it is: it belongs to this user, and nobody else
//! can read or write it. What is in it is verified all the same, because disks and people make mistakes: each file of
//! code has its digest for a name, and each entry begins with the digest of its key and its text. What does not fit is
//! removed and made again.
//!
//! Every file is written under another name, then renamed: whoever reads sees all of it or nothing, and a process that
//! is killed leaves at most a file that nobody looks at. Of two that make the same at the same time, the
//! last one's entry stays; machine code is not the same bytes each time, and what no entry names is swept.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::decision::DecisionId;
use crate::digest::Digest;
use crate::error::HostError;

/// A folder of machine code.
pub(crate) struct Cache {
    folder: PathBuf,
    entries: PathBuf,
    code: PathBuf,
    unfinished: PathBuf,
    cap: u64,
    /// Bytes written since somebody last looked at how much there is.
    written: AtomicU64,
}

/// What is known under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Files of code, verified.
    pub(crate) files: Vec<PathBuf>,
    /// What else there is to know.
    pub(crate) note: String,
}

#[derive(Serialize, Deserialize)]
struct Index {
    files: Vec<String>,
    note: String,
}

/// An entry's text, at most.
const MAX_INDEX_BYTES: u64 = 1 << 20;

impl Entry {
    /// Its files, open.
    pub(crate) fn open(&self) -> Option<Vec<File>> {
        self.files.iter().map(|path| open(path)).collect()
    }
}

impl Cache {
    /// Opens a folder, or makes it, for at most `cap` bytes.
    pub(crate) fn open(folder: &Path, cap: u64) -> Result<Self, HostError> {
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

    /// Makes the folders that are not there, and says what is wrong with those that are.
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
                let reason = "others can reach it, and who can write to it can run code here (`chmod 700` it)";
                return Err(format!("`{}`: {reason}", folder.display()));
            }
        }
        Ok(())
    }

    /// The entry of a key, verified; none if there is none, or if anything about it is not as it was written.
    pub(crate) fn find(&self, key: Digest) -> Option<Entry> {
        let path = self.entries.join(key.to_hex());
        let (file, index) = read_index(&path, key)?;
        let files: Option<Vec<PathBuf>> = index.files.iter().map(|name| self.verified(name)).collect();
        let Some(files) = files else {
            // Another process may have put it right meanwhile: then it is made once more than needed.
            let _ = fs::remove_file(&path);
            return None;
        };
        // Who was used last is removed last.
        let _ = file.set_modified(SystemTime::now());
        Some(Entry { files, note: index.note })
    }

    /// Writes an entry: the machine code of `files`, and a note. Nothing depends on its success.
    pub(crate) fn store(&self, key: Digest, files: &[&[u8]], note: &str) -> io::Result<Entry> {
        let mut names = Vec::new();
        for bytes in files {
            let name = Digest::of(bytes).to_hex();
            let path = self.code.join(&name);
            // What is there under that name is it, or it is damaged.
            if self.verified(&name).is_none() {
                self.write(&path, bytes)?;
            }
            names.push(name);
        }
        let paths = names.iter().map(|name| self.code.join(name)).collect();
        let index = serde_json::to_string(&Index { files: names, note: note.to_owned() })?;
        let text = format!("{}\n{index}", seal(key, &index));
        self.write(&self.entries.join(key.to_hex()), text.as_bytes())?;
        let bytes = files.iter().map(|bytes| bytes.len() as u64).sum::<u64>() + text.len() as u64;
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes > self.cap / 8 {
            self.written.store(0, Ordering::Relaxed);
            // Others may write as much until somebody looks again.
            crate::sweep::sweep(&self.entries, &self.code, &self.unfinished, self.cap - self.cap / 8);
        }
        Ok(Entry { files: paths, note: note.to_owned() })
    }

    /// Writes a file under its name, whatever was there.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match self.try_to_write(path, bytes) {
            // Somebody removed the folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.prepare().map_err(io::Error::other)?,
            // A folder cannot be renamed over.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => fs::remove_dir_all(path)?,
            done => return done,
        }
        self.try_to_write(path, bytes)
    }

    fn try_to_write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.unfinished.join(DecisionId::random().to_string());
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

    /// The file of that name, if it has the digest that its name says.
    fn verified(&self, name: &str) -> Option<PathBuf> {
        let path = self.code.join(name);
        let digest = Digest::of_reader(open(&path)?).ok()?;
        if digest.to_hex() != name {
            let _ = fs::remove_file(&path);
            return None;
        }
        Some(path)
    }
}

/// The text of a file of the cache.
pub(crate) fn read_text(path: &Path) -> Option<(File, String)> {
    let file = open(path)?;
    let mut text = String::new();
    (&file).take(MAX_INDEX_BYTES).read_to_string(&mut text).ok()?;
    Some((file, text))
}

/// The text of an entry, if it is what was written under that key.
fn read_index(path: &Path, key: Digest) -> Option<(File, Index)> {
    let (file, text) = read_text(path)?;
    let (sealed, index) = text.split_once('\n')?;
    if sealed != seal(key, index) {
        let _ = fs::remove_file(path);
        return None;
    }
    Some((file, serde_json::from_str(index).ok()?))
}

/// Binds the text of an entry to its key: an entry under another's name is none.
fn seal(key: Digest, index: &str) -> String {
    Digest::of_parts([key.as_bytes(), index.as_bytes()]).to_hex()
}

/// A file of this user, and not a link to another.
fn open(path: &Path) -> Option<File> {
    let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(no_follow.bits()).ok()?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let found = file.metadata().ok()?;
    (found.is_file() && found.uid() == geteuid().as_raw()).then_some(file)
}
