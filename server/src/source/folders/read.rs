//! Reading: the folder of a tenant becomes bytes in memory.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::walk::{FolderLimits, Found, Walk, unreadable};
use crate::policy::folder::{Bytes, Folder};
use crate::problem::Problem;

/// Reads the files that a walk has found, and no more bytes than it has counted.
pub(super) fn read(walk: &Walk) -> Result<Folder, Vec<Problem>> {
    let file = |found: &Found| match content(&found.path, found.bytes) {
        Ok(content) => Ok((found.name.clone(), content)),
        Err(error) => Err(vec![unreadable(&found.name, &error)]),
    };
    Ok(Folder::new(walk.files.iter().map(file).collect::<Result<_, _>>()?))
}

/// Reads a folder once, whether it has settled or not.
pub(super) fn read_now(root: &Path, limits: &FolderLimits) -> Result<Folder, Vec<Problem>> {
    read(&Walk::over(root, limits)?)
}

fn content(path: &Path, bytes: u64) -> io::Result<Bytes> {
    // The walk has followed every link. Opening a pipe would wait for its writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut content = Vec::new();
    // A file that has grown is read again: its metadata changed.
    file.take(bytes).read_to_end(&mut content)?;
    Ok(content.into())
}
