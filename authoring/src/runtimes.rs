//! Prepared runtimes, kept for the next development build.
//!
//! Each is one file, with a digest of its content: a file that was half written or changed is not used. A file appears
//! at once, complete, and its name says what the runtime was made from.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use rustix::process::geteuid;
use sha2::{Digest, Sha256};

use crate::regular_file;

/// The number of runtimes that are kept. A runtime serves all projects of one language, one version of its SDK, and one
/// set of imports and exports.
const MOST: usize = 6;

/// The maximum size of a file.
const MAX_BYTES: u64 = 256 << 20;

const DIGEST_BYTES: usize = 32;
const LENGTH_BYTES: usize = 8;

/// A runtime into which the modules of a project are put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runtime {
    pub(crate) component: Vec<u8>,
    /// The files that came with it, as JSON.
    pub(crate) library: Vec<u8>,
}

impl Runtime {
    /// The runtime that was made from `recipe`, or none if it is not in the folder.
    pub(crate) fn find(folder: &Path, recipe: &str) -> Option<Self> {
        check_owner(folder).ok()?;
        let path = folder.join(name(recipe));
        let runtime = Self::decode(regular_file::read(&path, MAX_BYTES).ok()?)?;
        // The least recently used are removed. A folder that cannot be written is used all the same.
        let _ = fs::File::options().write(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(runtime)
    }

    /// Keeps the runtime that was made from `recipe`, and removes those that were not used for the longest time.
    pub(crate) fn keep(&self, folder: &Path, recipe: &str) -> Result<()> {
        let cannot = || format!("cannot keep a prepared runtime in `{}`", folder.display());
        DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(cannot)?;
        check_owner(folder)?;
        let mut file = tempfile::Builder::new().prefix("unfinished-").tempfile_in(folder).with_context(cannot)?;
        file.write_all(&self.encode()).with_context(cannot)?;
        file.as_file().set_permissions(Permissions::from_mode(0o600)).with_context(cannot)?;
        file.persist(folder.join(name(recipe))).with_context(cannot)?;
        remove_oldest(folder).with_context(cannot)
    }

    fn encode(&self) -> Vec<u8> {
        let length = (self.component.len() as u64).to_be_bytes();
        let content = [length.as_slice(), &self.component, &self.library].concat();
        [Sha256::digest(&content).as_slice(), &content].concat()
    }

    fn decode(bytes: Vec<u8>) -> Option<Self> {
        let (digest, content) = bytes.split_at_checked(DIGEST_BYTES)?;
        let (length, parts) = content.split_at_checked(LENGTH_BYTES)?;
        let length = usize::try_from(u64::from_be_bytes(length.try_into().ok()?)).ok()?;
        let (component, library) = parts.split_at_checked(length)?;
        let is_whole = Sha256::digest(content).as_slice() == digest;
        is_whole.then(|| Self { component: component.to_vec(), library: library.to_vec() })
    }
}

/// The name of the file of a runtime.
fn name(recipe: &str) -> String {
    Sha256::digest(recipe.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_owner(folder: &Path) -> Result<()> {
    let unreadable = || format!("cannot use `{}` for prepared runtimes", folder.display());
    let metadata = fs::symlink_metadata(folder).with_context(unreadable)?;
    let is_own = metadata.is_dir() && metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    ensure!(is_own, "`{}` is not a folder that only this user can write", folder.display());
    Ok(())
}

/// Removes all but the files that were used last, and what an interrupted build left.
fn remove_oldest(folder: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
        {
            files.push((metadata.modified()?, entry.path()));
        }
    }
    files.sort();
    for (_, path) in files.iter().rev().skip(MOST) {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(component: &str) -> Runtime {
        Runtime { component: component.into(), library: b"{}".to_vec() }
    }

    /// A folder for runtimes that does not exist yet.
    fn place() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache/runtimes");
        (folder, path)
    }

    #[test]
    fn a_runtime_is_found_by_what_it_was_made_from() {
        let (_folder, path) = place();
        assert_eq!(Runtime::find(&path, "a"), None);
        runtime("one").keep(&path, "a").unwrap();
        assert_eq!(Runtime::find(&path, "a"), Some(runtime("one")));
        assert_eq!(Runtime::find(&path, "b"), None);
    }

    #[test]
    fn a_file_that_is_not_whole_is_not_used() {
        let (_folder, path) = place();
        runtime("one").keep(&path, "a").unwrap();
        let file = path.join(name("a"));
        let whole = fs::read(&file).unwrap();
        for length in 0..whole.len() {
            fs::write(&file, &whole[..length]).unwrap();
            assert_eq!(Runtime::find(&path, "a"), None, "{length} bytes");
        }
        for index in 0..whole.len() {
            let mut changed = whole.clone();
            changed[index] ^= 1;
            fs::write(&file, changed).unwrap();
            assert_eq!(Runtime::find(&path, "a"), None, "byte {index}");
        }
    }

    #[test]
    fn a_folder_that_others_can_write_is_not_used() {
        let (folder, path) = place();
        runtime("one").keep(&path, "a").unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(Runtime::find(&link, "a"), None);
        assert!(runtime("two").keep(&link, "a").is_err());
        fs::set_permissions(&path, Permissions::from_mode(0o770)).unwrap();
        assert_eq!(Runtime::find(&path, "a"), None);
        assert!(runtime("two").keep(&path, "a").is_err());
    }

    #[test]
    fn the_runtimes_that_were_used_last_are_kept() {
        let (_folder, path) = place();
        for (age, recipe) in (0..MOST).rev().zip('a'..) {
            runtime("one").keep(&path, &recipe.to_string()).unwrap();
            let file = fs::File::options().write(true).open(path.join(name(&recipe.to_string()))).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(60 * (age as u64 + 1))).unwrap();
        }
        // The oldest is used again.
        assert!(Runtime::find(&path, "a").is_some());
        runtime("two").keep(&path, "new").unwrap();
        assert_eq!(Runtime::find(&path, "b"), None);
        for recipe in ["a", "c", "new"] {
            assert!(Runtime::find(&path, recipe).is_some(), "{recipe}");
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), MOST);
    }
}
