//! `guardhouse upgrade`: sets the SDK of a project to the version of this program.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use semver::Version;
use tempfile::NamedTempFile;

use crate::change::{Change, ChangeKind};
use crate::embedded;
use crate::languages::{Language, required_version};
use crate::regular_file;
use crate::vendored::{FOLDER, VendoredSdk};
use crate::version;

/// The maximum size of a text of the project, in bytes.
const MAX_TEXT_BYTES: u64 = 1 << 20;

/// The file that pins the tools of a project which are Python packages.
const REQUIREMENTS: &str = "requirements.txt";

/// The result of [`upgrade`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Upgrade {
    /// The version that the project had; none if it is unknown.
    pub from: Option<String>,
    /// The version that the project has now.
    pub to: String,
    /// The changed files; none if the project has this version already.
    pub changes: Vec<Change>,
    /// The command that makes the tools of the language use the new version; none if they do so at the next build.
    pub update: Option<&'static str>,
    /// The tools that a project of this version pins in `requirements.txt`, and this project does not.
    pub unpinned: Vec<String>,
}

/// Sets the SDK of the project in `folder` to the version of this program: replaces its copy of the SDK, or sets the
/// version in its manifest.
///
/// The project may be untrusted: nothing in it is run, links are not followed, and only files of a bounded size are
/// read. If the upgrade fails or is interrupted, the project has its old SDK; only the error of removing the old copy comes
/// after the upgrade.
///
/// # Errors
///
/// `folder` is not a project with an SDK, or cannot be written. Unless the upgrade `is_forced`: the SDK is newer than
/// this program, was edited, or has no record of its files, as those of early versions.
pub fn upgrade(folder: &Path, is_forced: bool) -> Result<Upgrade> {
    let folder = folder.canonicalize().with_context(|| format!("cannot open `{}`", folder.display()))?;
    let language = Language::of(&folder)?;
    let version = version::number()?;
    let manifest = language.registry().map(|registry| registry.manifest);
    let required = match manifest {
        Some(file) => Manifest::read(&folder, file)?,
        None => None,
    };
    let unpinned = unpinned(&folder, language)?;
    let mut update = language.update();
    let (from, changes) = if let Some(manifest) = required {
        update = language.registry().and_then(|registry| registry.update);
        manifest.upgrade(&version, is_forced)?
    } else if fs::symlink_metadata(folder.join(FOLDER)).is_ok() {
        VendoredSdk::new(language)?.upgrade(&folder, is_forced)?
    } else if read(&folder, language.manifest())?.is_some_and(|manifest| manifest.contains(FOLDER)) {
        ensure!(is_forced, "`{FOLDER}` does not exist; `guardhouse upgrade --force` writes it again");
        (None, VendoredSdk::new(language)?.restore(&folder)?)
    } else {
        let folder = folder.display();
        match manifest {
            None => bail!("`{folder}` has no copy of the SDK in `{FOLDER}`"),
            Some(manifest) => bail!(
                "`{folder}` has no copy of the SDK in `{FOLDER}`, and `{manifest}` does not require a single version of \
                 it; if it uses a published SDK, require version {version} there"
            ),
        }
    };
    let (from, to) = (from.map(|from| from.to_string()), version.to_string());
    Ok(Upgrade { from, to, changes, update, unpinned })
}

/// The tools that a new project pins in `requirements.txt`, and the project in `folder` does not.
fn unpinned(folder: &Path, language: Language) -> Result<Vec<String>> {
    let Some((_, new)) = embedded::plugin(language.word()).find(|(file, _)| *file == REQUIREMENTS) else {
        return Ok(Vec::new());
    };
    let pins = |text: &str| -> Vec<String> {
        let words = text.lines().filter_map(|line| line.split_whitespace().next());
        words.filter(|word| word.contains("==")).map(str::to_owned).collect()
    };
    let current = read(folder, REQUIREMENTS)?.map_or(Vec::new(), |text| pins(&text));
    let new = pins(&String::from_utf8_lossy(new));
    Ok(new.into_iter().filter(|pin| !current.contains(pin)).collect())
}

/// Reads a text of the project. It is none if the file does not exist.
fn read(folder: &Path, file: &str) -> Result<Option<String>> {
    match regular_file::read_text(&folder.join(file), MAX_TEXT_BYTES) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", folder.join(file).display())),
    }
}

/// A manifest that requires the SDK from a registry.
struct Manifest<'a> {
    folder: &'a Path,
    file: &'a str,
    before: String,
    version: String,
    after: String,
}

impl<'a> Manifest<'a> {
    /// Reads a manifest. It is none if it does not exist, or does not require one version of the SDK.
    fn read(folder: &'a Path, file: &'a str) -> Result<Option<Self>> {
        let Some(text) = read(folder, file)? else { return Ok(None) };
        let part = |range| text.get::<std::ops::Range<usize>>(range).unwrap_or_default().to_owned();
        Ok(required_version(&text).map(|version| Self {
            folder,
            file,
            before: part(0..version.start),
            version: part(version.clone()),
            after: part(version.end..text.len()),
        }))
    }

    /// Sets the version. The file is replaced at once, so that it is never half written.
    fn upgrade(&self, version: &Version, is_forced: bool) -> Result<(Option<Version>, Vec<Change>)> {
        let current = full_version(&self.version);
        if current.as_ref() == Some(version) {
            return Ok((current, Vec::new()));
        }
        ensure!(
            is_forced || current.as_ref().is_none_or(|current| current <= version),
            "`{}` requires version {} of the SDK, and this command has {version}: use a newer `guardhouse`, or go back \
             with `guardhouse upgrade --force`",
            self.file,
            self.version
        );
        let path = self.folder.join(self.file);
        let write = || -> io::Result<()> {
            let mut draft = NamedTempFile::new_in(self.folder)?;
            write!(draft, "{}{version}{}", self.before, self.after)?;
            draft.as_file().set_permissions(fs::symlink_metadata(&path)?.permissions())?;
            draft.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))?;
        Ok((current, vec![Change { kind: ChangeKind::Changed, path: self.file.to_owned() }]))
    }
}

/// A version whose last numbers may be missing, as a manifest may write it.
fn full_version(text: &str) -> Option<Version> {
    ["", ".0", ".0.0"].iter().find_map(|rest| format!("{text}{rest}").parse().ok())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    use crate::new_project::tests::project;
    use crate::sdk_source::SdkSource;
    use crate::version::VERSION;

    use super::*;

    /// The project with the published SDK in another version, and the texts of its manifest for this version and for
    /// that one.
    fn published(language: Language, version: &str) -> Option<(tempfile::TempDir, PathBuf, [String; 2])> {
        let file = language.registry()?.manifest;
        let (folder, project) = project(language, SdkSource::Registry);
        let manifest = project.join(file);
        let new = fs::read_to_string(&manifest).unwrap();
        let position = required_version(&new).unwrap();
        let old = format!("{}{version}{}", &new[..position.start], &new[position.end..]);
        fs::write(&manifest, &old).unwrap();
        Some((folder, manifest, [old, new]))
    }

    #[test]
    fn a_new_project_of_every_language_is_up_to_date() {
        for language in Language::all() {
            for source in [SdkSource::Registry, SdkSource::Vendored] {
                let (_folder, project) = project(language, source);
                let upgrade = upgrade(&project, false).unwrap();
                assert_eq!((upgrade.from.as_deref(), &*upgrade.to), (Some(VERSION), VERSION), "{language}");
                assert!(upgrade.changes.is_empty() && upgrade.unpinned.is_empty(), "{upgrade:?}");
            }
        }
    }

    #[test]
    fn the_version_of_a_published_sdk_is_set_and_nothing_else_changes() {
        let mut languages = Vec::new();
        for language in Language::all() {
            let Some((_folder, manifest, [_, new])) = published(language, "0.0.1") else { continue };
            fs::set_permissions(&manifest, fs::Permissions::from_mode(0o640)).unwrap();
            let upgrade = upgrade(manifest.parent().unwrap(), false).unwrap();
            let path = manifest.file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(upgrade.changes, [Change { kind: ChangeKind::Changed, path }]);
            assert_eq!(upgrade.from.as_deref(), Some("0.0.1"));
            assert_eq!(fs::read_to_string(&manifest).unwrap(), new);
            assert_eq!(fs::metadata(&manifest).unwrap().permissions().mode() & 0o777, 0o640);
            languages.push(language.word());
        }
        assert_eq!(languages, ["rust", "js", "ts", "python"]);
    }

    #[test]
    fn a_newer_published_sdk_stays_without_force() {
        let rust = "rust".parse().unwrap();
        let (_folder, manifest, [old, new]) = published(rust, "999.1").unwrap();
        let project = manifest.parent().unwrap();
        let error = upgrade(project, false).unwrap_err().to_string();
        assert!(error.starts_with("`Cargo.toml` requires version 999.1 of the SDK, and this command has "), "{error}");
        assert_eq!(fs::read_to_string(&manifest).unwrap(), old);
        assert_eq!(upgrade(project, true).unwrap().from.as_deref(), Some("999.1.0"));
        assert_eq!(fs::read_to_string(&manifest).unwrap(), new);
    }

    #[test]
    fn a_copy_that_the_project_refers_to_and_has_lost_is_written_again_with_force() {
        for language in Language::all() {
            let (_folder, project) = project(language, SdkSource::Vendored);
            fs::remove_dir_all(project.join("third_party")).unwrap();
            let error = upgrade(&project, false).unwrap_err().to_string();
            assert!(error.starts_with("`third_party/guardhouse` does not exist"), "{language}: {error}");
            let restored = upgrade(&project, true).unwrap();
            assert!(!restored.changes.is_empty() && restored.changes.iter().all(|one| one.kind == ChangeKind::Added));
            assert!(upgrade(&project, false).unwrap().changes.is_empty(), "{language}");
        }
    }

    #[test]
    fn a_lost_copy_is_not_written_through_a_link() {
        let (_folder, project) = project("c".parse().unwrap(), SdkSource::Vendored);
        fs::remove_dir_all(project.join("third_party")).unwrap();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), project.join("third_party")).unwrap();
        let error = upgrade(&project, true).unwrap_err().to_string();
        assert!(error.ends_with("third_party` is not a folder (links are not followed)"), "{error}");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_project_without_an_sdk_that_is_known_is_an_error() {
        let rust = "rust".parse().unwrap();
        let (_folder, manifest, _) = published(rust, ">=0.1, <0.3").unwrap();
        let error = upgrade(manifest.parent().unwrap(), true).unwrap_err().to_string();
        assert!(error.ends_with(&format!("require version {VERSION} there")), "{error}");

        let (_folder, project) = project("go".parse().unwrap(), SdkSource::Vendored);
        fs::remove_dir_all(project.join("third_party")).unwrap();
        fs::write(project.join("go.mod"), "module my-check\n").unwrap();
        let error = upgrade(&project, true).unwrap_err().to_string();
        assert!(error.ends_with("has no copy of the SDK in `third_party/guardhouse`"), "{error}");
    }

    #[test]
    fn a_manifest_that_is_a_link_or_too_large_is_not_read() {
        let (_folder, manifest, [old, _]) = published("rust".parse().unwrap(), "0.0.1").unwrap();
        let outside = manifest.with_file_name("outside.toml");
        fs::rename(&manifest, &outside).unwrap();
        symlink(&outside, &manifest).unwrap();
        let project = manifest.parent().unwrap();
        assert!(format!("{:#}", upgrade(project, true).unwrap_err()).ends_with("Cargo.toml`: is a symbolic link"));
        assert_eq!(fs::read_to_string(&outside).unwrap(), old);

        fs::remove_file(&manifest).unwrap();
        fs::write(&manifest, old + &" ".repeat(1 << 20)).unwrap();
        assert!(format!("{:#}", upgrade(project, true).unwrap_err()).contains("has more than 1048576 bytes"));
    }

    #[test]
    fn tools_that_the_project_pins_in_another_version_are_named() {
        let (_folder, project) = project("c".parse().unwrap(), SdkSource::Vendored);
        let path = project.join(REQUIREMENTS);
        let text = fs::read_to_string(&path).unwrap();
        let pin = text.lines().find_map(|line| line.strip_suffix(" \\").filter(|line| line.contains("=="))).unwrap();
        fs::write(&path, text.replace(pin, "ziglang==0.0.1")).unwrap();
        assert_eq!(upgrade(&project, false).unwrap().unpinned, [pin]);
        fs::remove_file(&path).unwrap();
        assert_eq!(upgrade(&project, false).unwrap().unpinned, [pin]);
    }
}
