//! Files of the repository that several packages contain. A package has only files of its own folder, so each has a
//! copy: `cargo xtask bindings` writes the copies, and compares them with `--check`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::root;

/// Each original, and the place of a copy. The copy of a folder has the folder's `.wit` files.
const COPIES: &[(&str, &str)] = &[
    ("wit", "authoring/wit"),
    ("wit", "guest-sdk/rust/wit"),
    ("wit", "host/wit"),
    ("docs/semantics.md", "host/docs/semantics.md"),
];

/// Files by their paths in a folder. The only file of a path that is not a folder has the path "".
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// Writes the copies, or fails if `is_check` and one of them differs from its original.
pub(crate) fn run(is_check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (original, copy) in COPIES {
        let (original, path) = (files(&root()?.join(original))?, root()?.join(copy));
        ensure!(!original.is_empty(), "nothing to copy to `{copy}`");
        if path.exists() && files(&path)? == original {
            continue;
        }
        stale.push(*copy);
        if !is_check {
            replace(&path, &original).with_context(|| format!("cannot write `{}`", path.display()))?;
            println!("wrote {copy}");
        }
    }
    ensure!(
        !is_check || stale.is_empty(),
        "these copies differ from their originals: {}; run `cargo xtask bindings`",
        stale.join(", ")
    );
    Ok(())
}

/// The file at `path`, or the `.wit` files in the folder there.
fn files(path: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut open = vec![path.to_owned()];
    while let Some(path_of_file) = open.pop() {
        let name = path_of_file.strip_prefix(path)?.to_owned();
        let read = || format!("cannot read `{}`", path_of_file.display());
        if path_of_file.is_dir() {
            for entry in fs::read_dir(&path_of_file).with_context(read)? {
                open.push(entry.with_context(read)?.path());
            }
        } else if name.as_os_str().is_empty() || name.extension().is_some_and(|extension| extension == "wit") {
            files.insert(name, fs::read(&path_of_file).with_context(read)?);
        }
    }
    Ok(files)
}

/// Removes what is at `path`, and writes `files` there.
fn replace(path: &Path, files: &Files) -> std::io::Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)?;
    }
    for (name, bytes) in files {
        // `join` would end the path of a single file with a slash.
        let file = if name.as_os_str().is_empty() { path.to_owned() } else { path.join(name) };
        fs::create_dir_all(file.parent().unwrap_or(path))?;
        fs::write(file, bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_folder_has_its_wit_files_and_nothing_older() {
        let folder = std::env::temp_dir().join(format!("guardhouse-copies-{}", std::process::id()));
        let (original, copy) = (folder.join("original"), folder.join("copy"));
        for file in ["original/a.wit", "original/deps/b/b.wit", "original/README.md", "copy/removed.wit"] {
            fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), file).unwrap();
        }
        let expected = files(&original).unwrap();
        assert_eq!(expected.keys().collect::<Vec<_>>(), [Path::new("a.wit"), Path::new("deps/b/b.wit")]);
        assert_ne!(files(&copy).unwrap(), expected);
        replace(&copy, &expected).unwrap();
        assert_eq!(files(&copy).unwrap(), expected);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_copy_of_a_file_has_its_text() {
        let folder = std::env::temp_dir().join(format!("guardhouse-copy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.md"), "text").unwrap();
        let original = files(&folder.join("a.md")).unwrap();
        replace(&folder.join("docs/a.md"), &original).unwrap();
        assert_eq!(fs::read_to_string(folder.join("docs/a.md")).unwrap(), "text");
        fs::remove_dir_all(&folder).unwrap();
    }
}
