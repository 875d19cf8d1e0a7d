//! Puts the SDKs and the reference plugins into the crate, for `guardhouse new`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The folders of the repository, each with the constant that has its files.
const FOLDERS: [(&str, &str); 2] = [("SDKS", "guest-sdk"), ("PLUGINS", "plugins/spending-limit")];

/// The same files in a package, which has no folders beside it: a JSON object from the path of each file to its text.
/// `cargo xtask package` writes it.
const ARCHIVE: &str = "sources.json";

/// The files of one folder: the relative path of each, with slashes, and its path on this machine.
type Files = Vec<(String, PathBuf)>;

fn main() -> Result<(), Box<dyn Error>> {
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let (root, archive) = (package.join(".."), package.join(ARCHIVE));
    let text = if FOLDERS.iter().all(|(_, folder)| root.join(folder).is_dir()) {
        from_folders(&root)?
    } else if archive.is_file() {
        from_archive(&archive)?
    } else {
        let folders = FOLDERS.map(|(_, folder)| format!("`{}`", root.join(folder).display())).join(" and ");
        let archive = archive.display();
        return Err(format!(
            "the sources of the SDKs are missing: neither the repository's folders {folders} nor the package's file \
             `{archive}` exist; build this crate in the repository, or package it with `cargo xtask package`"
        )
        .into());
    };
    Ok(fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("files.rs"), text)?)
}

/// The constants, with the files of the repository's folders.
fn from_folders(root: &Path) -> io::Result<String> {
    let mut text = String::new();
    for (constant, folder) in FOLDERS {
        let folder = root.join(folder);
        println!("cargo:rerun-if-changed={}", folder.display());
        let mut files = Files::new();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.path().is_dir() {
                let ignored = Ignored::read(&entry.path())?;
                add_files(&entry.path(), &entry.file_name().to_string_lossy(), &ignored, &mut files)?;
            }
        }
        files.sort();
        let bytes = |path: PathBuf| format!("include_bytes!({:?})", path.display().to_string());
        text += &definition(constant, files.into_iter().map(|(name, path)| (name, bytes(path))));
    }
    Ok(text)
}

/// The constants, with the files of the archive.
fn from_archive(archive: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", archive.display());
    let files: BTreeMap<String, String> = serde_json::from_slice(&fs::read(archive)?)?;
    let mut text = String::new();
    for (constant, folder) in FOLDERS {
        let below = |path: &str| Some(path.strip_prefix(folder)?.strip_prefix('/')?.to_owned());
        let files = files.iter().filter_map(|(path, text)| Some((below(path)?, format!("{text:?}.as_bytes()"))));
        text += &definition(constant, files);
    }
    Ok(text)
}

/// The definition of a constant: the names of files, each with the expression of its bytes.
fn definition(constant: &str, files: impl Iterator<Item = (String, String)>) -> String {
    let mut text = format!("const {constant}: &[(&str, &[u8])] = &[\n");
    for (name, bytes) in files {
        let _ = writeln!(text, "    ({name:?}, {bytes}),");
    }
    text + "];\n"
}

/// Adds the sources in `folder`, which is called `name`. Symbolic links are followed: the copies have none.
fn add_files(folder: &Path, name: &str, ignored: &Ignored, files: &mut Files) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        let is_folder = fs::metadata(&path)?.is_dir();
        if ignored.contains(&name, is_folder) {
            continue;
        }
        if is_folder {
            add_files(&path, &name, ignored, files)?;
        } else {
            println!("cargo:rerun-if-changed={}", path.display());
            files.push((name, path));
        }
    }
    Ok(())
}

/// The products of builds and tests in a project: the patterns of its `.gitignore`.
struct Ignored(Vec<String>);

impl Ignored {
    fn read(project: &Path) -> io::Result<Self> {
        let path = project.join(".gitignore");
        let text = if path.is_file() { fs::read_to_string(path)? } else { String::new() };
        let patterns = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Self(patterns.map(str::to_owned).collect()))
    }

    /// Whether a file or folder is ignored. Its `name` begins with the name of the project. Folders with a hidden name
    /// are always ignored: tools that make them ignore them by themselves.
    fn contains(&self, name: &str, is_folder: bool) -> bool {
        let path = name.split_once('/').map_or(name, |(_, path)| path);
        let last = path.rsplit('/').next().unwrap_or(path);
        let is_match = |pattern: &str| {
            let is_for_folders = pattern.ends_with('/');
            let pattern = pattern.trim_end_matches('/');
            let is_name = match pattern.strip_prefix('/') {
                Some(anchored) => anchored == path,
                None if pattern.contains('/') => pattern == path,
                None => pattern.strip_prefix('*').map_or(pattern == last, |ending| last.ends_with(ending)),
            };
            is_name && (is_folder || !is_for_folders)
        };
        // The last pattern that matches decides, as in git.
        let deciding = self.0.iter().rev().find(|pattern| is_match(pattern.trim_start_matches('!')));
        deciding.map_or(is_folder && last.starts_with('.'), |pattern| !pattern.starts_with('!'))
    }
}
