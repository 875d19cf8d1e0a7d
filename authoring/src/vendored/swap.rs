//! Replaces a folder by another one.

use std::fs;
use std::io;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Exchanges two folders of one file system. At each moment, and so after an interruption, `current` is one of them.
///
/// Some file systems cannot exchange folders, for example those of networks. There, `current` is moved away first, so
/// that an interruption between the two moves leaves it beside `new`.
pub(super) fn exchange(current: &Path, new: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, current, RenameFlags::EXCHANGE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => exchange_in_steps(current, new),
        result => Ok(result?),
    }
}

fn exchange_in_steps(current: &Path, new: &Path) -> io::Result<()> {
    let old = new.with_extension("old");
    fs::rename(current, &old)?;
    let moved = fs::rename(new, current);
    if moved.is_err() {
        // The first error is the one to report.
        let _ = fs::rename(&old, current);
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    type Exchange = fn(&Path, &Path) -> io::Result<()>;

    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn the_new_folder_takes_the_place_of_the_current_one() {
        for exchange in [exchange as Exchange, exchange_in_steps] {
            let folder = folder_with(&["sdk/old", "draft/sdk/new"]);
            let (current, new) = (folder.path().join("sdk"), folder.path().join("draft/sdk"));
            exchange(&current, &new).unwrap();
            assert!(current.join("new").exists() && !current.join("old").exists());
            let kept = ["draft/sdk/old", "draft/sdk.old/old"].iter().filter(|path| folder.path().join(path).exists());
            assert_eq!(kept.count(), 1, "the old folder is still there");
        }
    }

    #[test]
    fn without_a_new_folder_the_current_one_stays() {
        for exchange in [exchange as Exchange, exchange_in_steps] {
            let folder = folder_with(&["sdk/old", "draft/other"]);
            let current = folder.path().join("sdk");
            assert!(exchange(&current, &folder.path().join("draft/sdk")).is_err());
            assert!(current.join("old").exists());
        }
    }
}
