//! The copy of an SDK in a project: the folder `third_party/guardhouse`, with a record of its version and its files.

mod found;
mod record;
mod swap;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use semver::Version;

use crate::change::{Change, ChangeKind};
use crate::embedded;
use crate::languages::Language;
use crate::version;

use found::Found;
pub(crate) use record::digest;
use record::{RECORD, Record};

/// The folder of the copy, and the folder that it is in.
pub(crate) const FOLDER: &str = "third_party/guardhouse";
const THIRD_PARTY: &str = "third_party";

/// The folder of the SDKs in the copy.
const SDKS: &str = "guest-sdk";

/// The maximum number of edited files that an error lists.
const MAX_LISTED: usize = 10;

/// The copy of an SDK that this program writes.
#[derive(Debug)]
pub(crate) struct VendoredSdk {
    version: Version,
    /// The files by their paths in the folder of the copy, the record among them.
    files: BTreeMap<String, Cow<'static, [u8]>>,
}

impl VendoredSdk {
    /// The SDK of `language` in the version of this program.
    pub(crate) fn new(language: Language) -> Result<Self> {
        let sdk = language.sdk();
        let files = embedded::sdk(sdk).map(|(file, bytes)| (format!("{SDKS}/{sdk}/{file}"), bytes.into()));
        Self::with_files(version::number()?, files.collect())
    }

    fn with_files(version: Version, mut files: BTreeMap<String, Cow<'static, [u8]>>) -> Result<Self> {
        let digests = files.iter().map(|(file, bytes)| (file.clone(), digest(bytes))).collect();
        let record = Record { version: version.clone(), files: digests };
        files.insert(RECORD.to_owned(), record.to_json()?.into_bytes().into());
        Ok(Self { version, files })
    }

    /// Writes the copy into a project that has none.
    pub(crate) fn write(&self, project: &Path) -> Result<()> {
        self.write_into(&project.join(FOLDER))
    }

    /// Replaces the copy in a project. The changes are none if it is up to date already. Unless it `is_forced`, a copy
    /// that is newer, was edited or has no record is an error.
    pub(crate) fn upgrade(&self, project: &Path, is_forced: bool) -> Result<(Option<Version>, Vec<Change>)> {
        let folder = folder(project)?;
        let found = found::read(&folder)?;
        let changes = self.changes(&found);
        if changes.is_empty() {
            return Ok((Some(self.version.clone()), changes));
        }
        let record = Record::read(&folder);
        if !is_forced {
            let record = record.as_ref().map_err(|error| {
                anyhow::anyhow!(
                    "`{FOLDER}/{RECORD}`, the record of the SDK's files, cannot be used ({error:#}), so the SDK may have \
                     been edited; if it was not, run `guardhouse upgrade --force`, which replaces `{FOLDER}`"
                )
            })?;
            ensure!(
                record.version <= self.version,
                "the SDK in `{FOLDER}` has version {}, and this command has {}: use a newer `guardhouse`, or go back \
                 with `guardhouse upgrade --force`",
                record.version,
                self.version
            );
            self.check_unedited(&found, record)?;
        }
        self.replace(&folder)?;
        Ok((record.ok().map(|record| record.version), changes))
    }

    /// Writes the copy into a project that refers to it and has lost it.
    pub(crate) fn restore(&self, project: &Path) -> Result<Vec<Change>> {
        let parent = project.join(THIRD_PARTY);
        let is_folder = fs::symlink_metadata(&parent).map_or(true, |found| found.is_dir());
        ensure!(is_folder, "`{}` is not a folder (links are not followed)", parent.display());
        self.write(project)?;
        Ok(self.changes(&Found::new()))
    }

    /// The changes that turn the files of a project into those of this copy.
    fn changes(&self, found: &Found) -> Vec<Change> {
        let change = |kind, path: &String| Change { kind, path: format!("{FOLDER}/{path}") };
        let written = self.files.iter().filter_map(|(path, bytes)| match found.get(path) {
            None => Some(change(ChangeKind::Added, path)),
            Some(found) if found.as_ref() != Some(&digest(bytes)) => Some(change(ChangeKind::Changed, path)),
            Some(_) => None,
        });
        let removed = found.keys().filter(|path| !self.files.contains_key(*path));
        written.chain(removed.map(|path| change(ChangeKind::Removed, path))).collect()
    }

    /// Fails if an upgrade would lose a file that somebody edited or added. A file that somebody deleted is not lost.
    fn check_unedited(&self, found: &Found, record: &Record) -> Result<()> {
        let is_known = |path: &str, digest: &Option<String>| {
            let recorded = record.files.get(path);
            recorded.is_some() && recorded == digest.as_ref()
        };
        let is_new = |path: &str, found: &Option<String>| {
            self.files.get(path).is_some_and(|bytes| found.as_ref() == Some(&digest(bytes)))
        };
        let edited: Vec<&str> = found
            .iter()
            .filter(|(path, digest)| *path != RECORD && !is_known(path, digest) && !is_new(path, digest))
            .map(|(path, _)| path.as_str())
            .collect();
        if edited.is_empty() {
            return Ok(());
        }
        let listed: Vec<String> = edited.iter().take(MAX_LISTED).map(|path| format!("`{FOLDER}/{path}`")).collect();
        let more = match edited.len() - listed.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        bail!(
            "these files were edited or added since version {} of the SDK was written: {}{more}; keep your changes \
             elsewhere, then run `guardhouse upgrade --force`, which discards them",
            record.version,
            listed.join(", ")
        )
    }

    /// Writes the copy beside the folder of the current one, and exchanges both.
    fn replace(&self, folder: &Path) -> Result<()> {
        let parent = folder.parent().unwrap_or(folder);
        let draft = tempfile::Builder::new().prefix(".guardhouse-").tempdir_in(parent);
        let draft = draft.with_context(|| format!("cannot write to `{}`", parent.display()))?;
        let new = draft.path().join("guardhouse");
        self.write_into(&new)?;
        if let Err(error) = swap::exchange(folder, &new) {
            // The old copy may be there and nowhere else.
            let kept = if folder.exists() { None } else { Some(draft.keep()) };
            let place = kept.map_or(String::new(), |kept| format!(" (the old copy is in `{}`)", kept.display()));
            return Err(error).with_context(|| format!("cannot replace `{}`{place}", folder.display()));
        }
        let old = draft.path().to_owned();
        draft.close().with_context(|| {
            format!("the SDK was upgraded, but the old copy cannot be removed: delete `{}`", old.display())
        })
    }

    fn write_into(&self, folder: &Path) -> Result<()> {
        for (file, bytes) in &self.files {
            let path = folder.join(file);
            let write = || {
                fs::create_dir_all(path.parent().unwrap_or(folder))?;
                fs::write(&path, bytes)
            };
            write().with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        Ok(())
    }
}

/// The version of the copy in a project, and the digest of its files; none if the project has no copy, or one without a
/// record or with a file that cannot be read.
pub(crate) fn state(project: &Path) -> Option<(Version, String)> {
    let folder = folder(project).ok()?;
    let record = Record::read(&folder).ok()?;
    let found = found::read(&folder).ok()?;
    let files = found.into_iter().filter(|(path, _)| path != RECORD);
    let files: Option<BTreeMap<String, String>> = files.map(|(path, digest)| Some((path, digest?))).collect();
    Some((record.version, digest_of_files(&files?)))
}

/// The digest of several files: of a line for each with its digest and its path, sorted by path.
pub(crate) fn digest_of_files(files: &BTreeMap<String, String>) -> String {
    // A path with the end of a line in it could stand for two. The length before each path makes that impossible.
    let lines = files.iter().map(|(path, digest)| format!("{digest} {} {path}\n", path.len()));
    digest(lines.collect::<String>().as_bytes())
}

/// The folder of the copy in a project. Both it and the folder that it is in must be folders, and not links to one.
fn folder(project: &Path) -> Result<PathBuf> {
    for folder in [THIRD_PARTY, FOLDER].map(|folder| project.join(folder)) {
        let kind = fs::symlink_metadata(&folder).with_context(|| format!("cannot open `{}`", folder.display()))?;
        ensure!(kind.is_dir(), "`{}` is not a folder (links are not followed)", folder.display());
    }
    Ok(project.join(FOLDER))
}

#[cfg(test)]
mod tests;
