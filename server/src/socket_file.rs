//! The file of a Unix socket.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file of a Unix socket, which is removed with the value, unless another process has replaced it meanwhile.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Its device and its number.
    id: (u64, u64),
}

impl SocketFile {
    /// The file at a path, which this process has made.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), id: id(path)? })
    }

    /// Renames a file that this process has made.
    pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<Self> {
        let id = id(from)?;
        std::fs::rename(from, to)?;
        Ok(Self { path: to.to_owned(), id })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            // A file that is left over is replaced at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn only_the_file_that_this_process_made_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["a", "b"].map(|name| folder.path().join(name));
        let bind = |path: &Path| UnixListener::bind(path).unwrap();
        let _old = bind(&path);
        let file = SocketFile::at(&path).unwrap();
        drop(file);
        assert!(!path.exists());
        let _old = bind(&path);
        let file = SocketFile::at(&path).unwrap();
        let _new = bind(&other);
        let replaced = SocketFile::rename(&other, &path).unwrap();
        drop(file);
        assert!(path.exists(), "the socket of the new process is lost");
        drop(replaced);
        assert!(!path.exists());
    }
}
