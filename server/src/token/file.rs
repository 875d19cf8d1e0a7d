//! Files that are read again when they change.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::lock::lock;

/// A file, and its content when it was read last.
pub(super) struct WatchedFile {
    path: PathBuf,
    /// The most bytes of the file.
    max: u64,
    last: Mutex<Option<(Version, Bytes)>>,
}

/// What tells one content of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file that changed less than this ago may change again without another time.
const UNSETTLED: Duration = Duration::from_secs(2);

impl WatchedFile {
    pub(super) fn new(path: PathBuf, max: u64) -> Self {
        Self { path, max, last: Mutex::new(None) }
    }

    /// The content, which is read again if it may have changed. It waits for the file system.
    pub(super) fn read(&self) -> io::Result<Bytes> {
        let last = &mut *lock(&self.last);
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        let version = Version::of(&metadata);
        if let Some((_, content)) = last.as_ref().filter(|(known, _)| *known == version) {
            return Ok(content.clone());
        }
        *last = None;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let mut content = Vec::new();
        file.take(self.max.saturating_add(1)).read_to_end(&mut content)?;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) > self.max {
            return Err(io::Error::other(format!("it has more than {} bytes", self.max)));
        }
        let content = Bytes::from(content);
        if is_settled(&metadata) {
            *last = Some((version, content.clone()));
        }
        Ok(content)
    }

    /// Whether the file is not the one that was read last.
    pub(super) fn may_have_changed(&self) -> bool {
        let version = std::fs::metadata(&self.path).ok().map(|metadata| Version::of(&metadata));
        let last = lock(&self.last);
        last.as_ref().map(|(version, _)| *version) != version
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn is_settled(metadata: &Metadata) -> bool {
    let changed = u64::try_from(metadata.ctime())
        .ok()
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    let age = changed.and_then(|changed| SystemTime::now().duration_since(changed).ok());
    age.is_some_and(|age| age > UNSETTLED)
}

/// Shows the path, and nothing of the content.
impl std::fmt::Debug for WatchedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchedFile").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_again_when_it_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let file = WatchedFile::new(path.clone(), 10);
        assert!(file.read().is_err());
        for content in ["one", "two", "three"] {
            std::fs::write(&path, content).unwrap();
            assert!(file.may_have_changed());
            assert_eq!(file.read().unwrap(), content);
        }
        std::fs::write(&path, [0; 11]).unwrap();
        assert!(file.read().is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(file.read().is_err());
        std::fs::create_dir(&path).unwrap();
        assert!(file.read().is_err());
    }
}
