//! Moves a drafted tree of files into a folder that may have files. Nothing is overwritten, and all files are moved or none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// The most collisions that an error lists.
const MAX_LISTED: usize = 10;

/// Moves the files in `draft` into `folder`, which is on the same file system.
///
/// # Errors
///
/// `folder` has some of the files already, which the error lists, or cannot be written. Nothing was moved.
pub(crate) fn move_into(draft: &Path, folder: &Path) -> Result<()> {
    let tree = Tree::read(draft).with_context(|| format!("cannot read `{}`", draft.display()))?;
    let collisions = tree.collisions(folder);
    if !collisions.is_empty() {
        let listed: Vec<String> =
            collisions.iter().take(MAX_LISTED).map(|path| format!("`{}`", path.display())).collect();
        let more = match collisions.len() - listed.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        bail!(
            "`{}` has files that the project has too, and nothing is overwritten: {}{more}; move them away, or choose \
             another folder",
            folder.display(),
            listed.join(", ")
        );
    }
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let moved = tree.move_all(draft, folder, &mut folders, &mut files);
    if moved.is_err() {
        // The first error is the one to report. A folder that somebody else uses by now is not empty, and stays.
        for file in files {
            let _ = fs::remove_file(file);
        }
        for folder in folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
    moved
}

/// The folders and the files of a draft, by their paths in it; a folder stands before what is in it.
#[derive(Default)]
struct Tree {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Tree {
    fn read(draft: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        let mut open = vec![PathBuf::new()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(draft.join(&folder))? {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    tree.folders.push(path.clone());
                    open.push(path);
                } else {
                    tree.files.push(path);
                }
            }
        }
        tree.files.sort();
        Ok(tree)
    }

    /// The paths in `folder` at which something stands that is in the way, sorted. A link to a folder is in the way too:
    /// it may lead anywhere.
    fn collisions(&self, folder: &Path) -> Vec<PathBuf> {
        let found = |path: &&PathBuf| fs::symlink_metadata(folder.join(path));
        let files = self.files.iter().filter(|path| found(path).is_ok());
        let folders = self.folders.iter().filter(|path| found(path).is_ok_and(|found| !found.is_dir()));
        let mut collisions: Vec<PathBuf> = files.chain(folders).cloned().collect();
        // What is inside of something that is in the way is not there.
        collisions.sort();
        collisions
    }

    fn move_all(
        &self,
        draft: &Path,
        folder: &Path,
        folders: &mut Vec<PathBuf>,
        files: &mut Vec<PathBuf>,
    ) -> Result<()> {
        for path in &self.folders {
            let path = folder.join(path);
            match fs::create_dir(&path) {
                Ok(()) => folders.push(path),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(&path) => {}
                Err(error) => return Err(error).with_context(|| format!("cannot create `{}`", path.display())),
            }
        }
        for path in &self.files {
            let new = folder.join(path);
            move_file(&draft.join(path), &new).with_context(|| format!("cannot write `{}`", new.display()))?;
            files.push(new);
        }
        Ok(())
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Moves a file to a path at which nothing stands.
fn move_file(old: &Path, new: &Path) -> io::Result<()> {
    match renameat_with(CWD, old, CWD, new, RenameFlags::NOREPLACE) {
        // Some file systems cannot do both at once, for example those of networks.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if fs::symlink_metadata(new).is_err() => {
            fs::rename(old, new)
        }
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn draft(files: &[&str]) -> tempfile::TempDir {
        let draft = tempfile::tempdir().unwrap();
        for file in files {
            let path = draft.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        draft
    }

    #[test]
    fn files_are_moved_beside_others() {
        let (draft, folder) = (draft(&["a", "b/c/d", "b/e"]), draft(&["b/mine", "f"]));
        move_into(draft.path(), folder.path()).unwrap();
        for file in ["a", "b/c/d", "b/e", "b/mine", "f"] {
            assert_eq!(fs::read_to_string(folder.path().join(file)).unwrap(), file);
        }
    }

    #[test]
    fn everything_in_the_way_is_listed_and_nothing_is_moved() {
        let (draft, folder) = (draft(&["a", "b/c", "d/e", "f/g"]), draft(&["a", "b"]));
        symlink("/", folder.path().join("d")).unwrap();
        let error = move_into(draft.path(), folder.path()).unwrap_err().to_string();
        assert!(error.contains("overwritten: `a`, `b`, `d`; move them away"), "{error}");
        assert!(!folder.path().join("f").exists());
    }

    #[test]
    fn a_failure_leaves_the_folder_as_it_was() {
        if rustix::process::geteuid().is_root() {
            // Permissions do not bind this user: a file that vanishes in the middle is the failure.
            let (draft, folder) = (draft(&["a", "b/c"]), draft(&["mine"]));
            let tree = Tree::read(draft.path()).unwrap();
            fs::remove_file(draft.path().join("b/c")).unwrap();
            let (mut folders, mut files) = (Vec::new(), Vec::new());
            assert!(tree.move_all(draft.path(), folder.path(), &mut folders, &mut files).is_err());
            assert_eq!((folders, files), (vec![folder.path().join("b")], vec![folder.path().join("a")]));
            return;
        }
        let (draft, folder) = (draft(&["a", "b/c"]), draft(&["b/mine"]));
        fs::set_permissions(folder.path().join("b"), fs::Permissions::from_mode(0o500)).unwrap();
        assert!(move_into(draft.path(), folder.path()).is_err());
        assert!(!folder.path().join("a").exists());
        fs::set_permissions(folder.path().join("b"), fs::Permissions::from_mode(0o700)).unwrap();
    }
}
