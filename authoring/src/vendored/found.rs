//! The copy of an SDK that a project has, which may have been edited.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use crate::regular_file;

use super::record::digest;

/// The maximum number of files and folders in a copy, and the maximum depth of its folders.
const MAX_ENTRIES: usize = 1000;
const MAX_DEPTH: usize = 16;

/// The maximum size of a file that is compared with another, in bytes. The files of SDKs are smaller.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// The folders that compilers, package managers and interpreters make beside sources.
const PRODUCTS: [&str; 6] = [".venv", ".zig-cache", "__pycache__", "node_modules", "target", "zig-out"];

/// The maximum depth of folders in a product.
const MAX_PRODUCT_DEPTH: usize = 200;

/// The files of a copy by their paths in its folder, each with its digest. The digest is missing if the entry is not a
/// regular file, or is too large for an SDK: nothing that is recorded is equal to it.
pub(super) type Found = BTreeMap<String, Option<String>>;

/// Reads the copy in `folder`, without the products of builds. Symbolic links are not followed.
pub(super) fn read(folder: &Path) -> Result<Found> {
    let mut found = Found::new();
    add(folder, "", MAX_DEPTH, &mut MAX_ENTRIES.clone(), &mut found)?;
    Ok(found)
}

/// Adds the files in `folder`, whose path ends with a slash unless it is empty.
fn add(folder: &Path, path: &str, depth: usize, entries: &mut usize, found: &mut Found) -> Result<()> {
    ensure!(depth > 0, "the folders in `{}` are nested too deeply for an SDK", folder.display());
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot read `{}`", folder.display()))?;
        let Some(left) = entries.checked_sub(1) else {
            bail!(
                "`{}` has more than {MAX_ENTRIES} files and folders, which are too many for an SDK",
                folder.display()
            );
        };
        *entries = left;
        let name = entry.file_name().to_string_lossy().into_owned();
        // The type of a link is that of the link itself.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder {
            let bytes = regular_file::read(&entry.path(), MAX_FILE_BYTES);
            found.insert(format!("{path}{name}"), bytes.ok().map(|bytes| digest(&bytes)));
        } else if PRODUCTS.contains(&name.as_str()) {
            check_depth(&entry.path())?;
        } else {
            add(&entry.path(), &format!("{path}{name}/"), depth - 1, entries, found)?;
        }
    }
    Ok(())
}

/// Fails if the folders in `folder` are nested so deeply that removing them, which is recursive, might overflow the
/// stack.
fn check_depth(folder: &Path) -> Result<()> {
    let mut open = vec![(folder.to_owned(), 1)];
    while let Some((folder, depth)) = open.pop() {
        ensure!(
            depth <= MAX_PRODUCT_DEPTH,
            "folders are nested more than {MAX_PRODUCT_DEPTH} deep in `{}`; remove them first",
            folder.display()
        );
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
            let entry = entry.with_context(|| format!("cannot read `{}`", folder.display()))?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push((entry.path(), depth + 1));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_found_and_not_followed_and_products_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("a/__pycache__")).unwrap();
        fs::write(path("a/__pycache__/check.pyc"), "").unwrap();
        fs::write(path("a/check.py"), "").unwrap();
        symlink("/", path("a/root")).unwrap();
        symlink("/", path("target")).unwrap();
        let expected = [("a/check.py", Some(digest(b""))), ("a/root", None), ("target", None)];
        assert_eq!(read(folder.path()).unwrap(), expected.map(|(name, digest)| (name.to_owned(), digest)).into());
    }

    #[test]
    fn products_that_are_too_deep_to_be_removed_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let nested = |depth: usize| format!("target/{}", vec!["d"; depth - 1].join("/"));
        fs::create_dir_all(folder.path().join(nested(MAX_PRODUCT_DEPTH))).unwrap();
        assert!(read(folder.path()).unwrap().is_empty());
        fs::create_dir_all(folder.path().join(nested(MAX_PRODUCT_DEPTH + 1))).unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("nested more than 200 deep"));
    }

    #[test]
    fn a_folder_that_is_too_deep_or_too_large_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(vec!["d"; MAX_DEPTH].join("/"))).unwrap();
        assert!(read(folder.path()).unwrap_err().to_string().contains("nested too deeply"));

        let folder = tempfile::tempdir().unwrap();
        for name in 0..=MAX_ENTRIES {
            fs::write(folder.path().join(name.to_string()), "").unwrap();
        }
        assert!(read(folder.path()).unwrap_err().to_string().contains("more than 1000 files"));
    }
}
