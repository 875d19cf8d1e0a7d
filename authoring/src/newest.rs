//! The age of the sources of a project.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::project::{CASES, Project};

/// The source of a project that was changed last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Newest {
    /// Its path in the project, or none if the project has no files.
    pub path: Option<PathBuf>,
    /// The time of the change.
    pub changed: SystemTime,
    /// Whether every file was looked at.
    pub is_complete: bool,
    /// A number that changes when a file is added, removed, renamed or written.
    pub state: u64,
}

/// Folders in which the tools of the languages write, or which they fill.
const NOT_SOURCES: &[&str] = &["__pycache__", "build", "node_modules", "target", "zig-out"];

/// The largest number of files and folders that are looked at.
const MAX_ENTRIES: usize = 20_000;

/// Finds the file of `project` that was changed last: in its folder, without its cases, without hidden files and without
/// folders that are written by tools. Links are not followed, and the content of the files is not read. A file outside the folder,
/// such as a dependency or a compiler, is not looked at.
#[must_use]
pub fn newest(project: &Project) -> Newest {
    let mut found = Newest { path: None, changed: SystemTime::UNIX_EPOCH, is_complete: true, state: 0 };
    let mut folders = vec![project.folder().to_owned()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        let Ok(content) = fs::read_dir(&folder) else {
            found.is_complete = false;
            continue;
        };
        for entry in content.flatten() {
            entries += 1;
            if entries > MAX_ENTRIES {
                found.is_complete = false;
                return found;
            }
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(metadata) = entry.metadata() else { continue };
            if name.starts_with('.') || name == CASES || (metadata.is_dir() && NOT_SOURCES.contains(&&*name)) {
                continue;
            }
            if metadata.is_dir() {
                folders.push(entry.path());
                continue;
            }
            let (path, changed) = (entry.path(), metadata.modified().ok());
            let mut hasher = DefaultHasher::new();
            (&path, changed, metadata.len()).hash(&mut hasher);
            // The order in which a folder lists its files does not count.
            found.state = found.state.wrapping_add(hasher.finish());
            if let Some(changed) = changed.filter(|changed| *changed > found.changed) {
                found.path = Some(path.strip_prefix(project.folder()).map(Path::to_owned).unwrap_or(path));
                found.changed = changed;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_newest_source_is_found_and_what_tools_write_is_not_a_source() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let write = |name: &str, age: u64| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "module my-check\n").unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(now - Duration::from_secs(age)).unwrap();
        };
        write("go.mod", 90);
        write("rules/check.go", 60);
        write(CASES, 30);
        for (index, tool) in NOT_SOURCES.iter().chain(&[".git", ".venv"]).enumerate() {
            write(&format!("{tool}/file"), index as u64);
        }
        let newest = newest(&Project::open(folder.path()).unwrap());
        assert_eq!(newest.path.as_deref(), Some(Path::new("rules/check.go")));
        assert_eq!(newest.changed, now - Duration::from_secs(60));
        assert!(newest.is_complete);

        let mut states = vec![newest.state];
        let project = Project::open(folder.path()).unwrap();
        let state = || super::newest(&project).state;
        write("build/file", 5);
        write(CASES, 5);
        assert_eq!(state(), newest.state, "neither is a source");
        write("rules/other.go", 500);
        states.push(state());
        fs::rename(folder.path().join("rules/other.go"), folder.path().join("rules/new.go")).unwrap();
        states.push(state());
        write("rules/new.go", 499);
        states.push(state());
        fs::remove_file(folder.path().join("go.mod")).unwrap();
        states.push(state());
        let distinct: std::collections::BTreeSet<u64> = states.iter().copied().collect();
        assert_eq!(distinct.len(), states.len(), "{states:?}");
    }
}
