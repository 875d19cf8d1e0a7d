//! The files of a project that a component is built from.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::document::SourceDigest;
use crate::newest::is_source;
use crate::project::Project;
use crate::regular_file;
use crate::vendored::{self, digest, digest_of_files};

/// The files in a project's folder that pin the versions of dependencies and tools.
const LOCKS: &[&str] = &[
    "Cargo.lock",
    "go.sum",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "requirements-sdk.txt",
    "requirements.txt",
    "uv.lock",
];

/// The maximum number of files and folders, of the depth of folders, and of the bytes of one file and of all files.
const MAX_ENTRIES: usize = 20_000;
const MAX_DEPTH: usize = 64;
const MAX_FILE_BYTES: u64 = 64 << 20;
const MAX_BYTES: u64 = 256 << 20;

/// The maximum number of files whose digests are in an origin one by one, and of the bytes of their paths.
const MAX_LISTED: usize = 1_000;
const MAX_LISTED_BYTES: usize = 100 << 10;

/// The sources of a project: the digest of each, by its path with slashes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Reads the sources. A link to a file is read as the file.
    ///
    /// # Errors
    ///
    /// A file cannot be read, a link leads to a folder, a name is not UTF-8, or there is too much.
    pub(crate) fn read(project: &Project) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut open = vec![(project.folder().to_owned(), String::new(), 0)];
        let (mut entries, mut left) = (0, MAX_BYTES);
        while let Some((folder, path, depth)) = open.pop() {
            ensure!(depth < MAX_DEPTH, "folders are nested more than {MAX_DEPTH} deep");
            for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{path}`"))? {
                entries += 1;
                ensure!(entries <= MAX_ENTRIES, "there are more than {MAX_ENTRIES} files and folders");
                let entry = entry.with_context(|| format!("cannot read `{path}`"))?;
                let name = entry.file_name();
                let name = name.to_str().context("the name of a file is not UTF-8")?;
                let path = format!("{path}{name}");
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                let is_lock = folder == project.folder() && LOCKS.contains(&name);
                if !is_source(name, is_folder) || is_lock || path == vendored::FOLDER {
                    continue;
                }
                if is_folder {
                    open.push((entry.path(), format!("{path}/"), depth + 1));
                } else {
                    let read = regular_file::read_linked(&entry.path(), MAX_FILE_BYTES.min(left));
                    let bytes = read.with_context(|| format!("cannot read `{path}`"))?;
                    left = left.saturating_sub(bytes.len() as u64);
                    files.insert(path, digest(&bytes));
                }
            }
        }
        Ok(Self(files))
    }

    /// The sources as an origin has them.
    pub(crate) fn digest(self) -> SourceDigest {
        let digest = digest_of_files(&self.0);
        let is_short = self.0.len() <= MAX_LISTED && self.0.keys().map(String::len).sum::<usize>() <= MAX_LISTED_BYTES;
        SourceDigest { digest, files: if is_short { self.0 } else { BTreeMap::new() } }
    }
}

/// The digests of the files that pin versions, by their names.
pub(super) fn locks(project: &Project) -> BTreeMap<String, String> {
    let found = LOCKS.iter().filter_map(|name| Some(((*name).to_owned(), of_file(&project.folder().join(name)).ok()?)));
    found.collect()
}

fn of_file(path: &Path) -> Result<String> {
    Ok(digest(&regular_file::read_linked(path, MAX_FILE_BYTES)?))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in [("go.mod", "module my-check\n")].iter().chain(files) {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let project = Project::open(folder.path()).unwrap();
        (folder, project)
    }

    #[test]
    fn the_sources_are_what_people_write() {
        let (folder, project) = project(&[
            ("main.go", "a"),
            ("rules/b.go", "b"),
            ("cases.json", "{}"),
            ("go.sum", "s"),
            (".git/HEAD", "h"),
            ("build/my-check.wasm", "w"),
            ("target/x", "x"),
            ("node_modules/x/index.js", "x"),
            ("third_party/guardhouse/version.json", "v"),
            ("third_party/other.go", "o"),
        ]);
        symlink("rules/b.go", folder.path().join("linked.go")).unwrap();
        let sources = Sources::read(&project).unwrap();
        let paths: Vec<&str> = sources.0.keys().map(String::as_str).collect();
        assert_eq!(paths, ["go.mod", "linked.go", "main.go", "rules/b.go", "third_party/other.go"]);
        assert_eq!(sources.0["linked.go"], sources.0["rules/b.go"]);
        assert_eq!(locks(&project).into_keys().collect::<Vec<_>>(), ["go.sum"]);
    }

    #[test]
    fn the_digest_depends_on_paths_and_contents_alone() {
        let digest = |files: &[(&str, &str)]| Sources::read(&project(files).1).unwrap().digest().digest;
        let files = [("a.go", "1"), ("b/c.go", "2")];
        assert_eq!(digest(&files), digest(&files));
        for other in
            [[("a.go", "1"), ("b/c.go", "3")], [("a.go", "2"), ("b/c.go", "1")], [("a.go", "1"), ("b/d.go", "2")]]
        {
            assert_ne!(digest(&files), digest(&other), "{other:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_many_files_are_one_digest() {
        let (folder, project) = project(&[]);
        symlink("/", folder.path().join("root")).unwrap();
        assert!(Sources::read(&project).unwrap_err().to_string().contains("cannot read `root`"));
        fs::remove_file(folder.path().join("root")).unwrap();
        for number in 0..=MAX_LISTED {
            fs::write(folder.path().join(format!("{number}.go")), "").unwrap();
        }
        let digest = Sources::read(&project).unwrap().digest();
        assert!(digest.files.is_empty() && digest.digest.starts_with("sha256:"), "{digest:?}");
    }
}
