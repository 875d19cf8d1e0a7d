//! A folder that contains the source of one plugin.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::languages::Language;
use crate::profile::Profile;
use crate::regular_file::remove_output;

/// The file of a project with the requests that test its plugin, and the expected answers.
pub const CASES: &str = "cases.json";

/// The maximum length of a plugin's name, in bytes.
const MAX_NAME_BYTES: usize = 50;

/// The folder of a plugin's source.
#[derive(Debug, Clone)]
pub struct Project {
    folder: PathBuf,
    name: String,
    language: Language,
}

impl Project {
    /// Reads the language and the name of the project in `folder`, without running any of the language's tools.
    ///
    /// # Errors
    ///
    /// `folder` contains no project, or several, or the project has no valid name.
    pub fn open(folder: &Path) -> Result<Self> {
        let folder = folder.canonicalize().with_context(|| format!("cannot open `{}`", folder.display()))?;
        let language = Language::of(&folder)?;
        let name = plugin_name(&language.name(&folder)?);
        check_name(&name).with_context(|| format!("the project in `{}` cannot be built", folder.display()))?;
        Ok(Self { folder, name, language })
    }

    /// The absolute path of the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of the plugin, from the project's manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language of the source.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The path of the component that a build writes. Only a release is where a server would look for it.
    pub fn component(&self, profile: Profile) -> PathBuf {
        let folder = match profile {
            Profile::Development => "build/development",
            Profile::Release => "build",
        };
        self.folder.join(folder).join(&self.name).with_extension("wasm")
    }

    /// Removes the component of an earlier build, if there is one.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub fn remove_component(&self, profile: Profile) -> Result<()> {
        remove_output(&self.component(profile))
    }

    /// Writes the component of a build. The file is replaced at once: it is never half written.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write_component(&self, profile: Profile, component: &[u8]) -> Result<()> {
        let path = self.component(profile);
        let folder = path.parent().unwrap_or(&self.folder);
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder)?;
            // The permissions of a new file, from which the process's mask is taken.
            let permissions = Permissions::from_mode(0o666);
            let mut draft = tempfile::Builder::new().permissions(permissions).tempfile_in(folder)?;
            draft.write_all(component)?;
            draft.persist(&path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// Checks that `name` is a valid name for a plugin, which a package may have in every language.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_valid = name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
        && name.chars().all(|character| matches!(character, 'a'..='z' | '0'..='9' | '-'))
        && name.len() <= MAX_NAME_BYTES;
    ensure!(
        is_valid,
        "invalid plugin name `{name}`: use lower-case letters, digits and single hyphens, a letter first, at most \
         {MAX_NAME_BYTES} characters"
    );
    Ok(())
}

/// The name of the plugin in a package with this name. Where package names are paths it is the last part, and where
/// they are identifiers it has hyphens instead of underscores.
fn plugin_name(package: &str) -> String {
    package.rsplit('/').next().unwrap_or_default().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_if_every_language_accepts_them() {
        for name in ["a", "my-check", "v2-limits"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "A", "2fast", "my_check", "-a", "a-", "a--b", "über", "a/b", "..", &"a".repeat(51)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_project_is_named_by_its_manifest() {
        let folder = tempfile::tempdir().unwrap();
        for (name, expected) in [
            ("my-check", Some("my-check")),
            ("a.example/x/my_check", Some("my-check")),
            ("a.example/my-check/v2", Some("my-check")),
            ("A", None),
        ] {
            std::fs::write(folder.path().join("go.mod"), format!("module {name}\n")).unwrap();
            let project = Project::open(folder.path()).ok();
            assert_eq!(project.as_ref().map(Project::name), expected);
        }
    }

    #[test]
    fn a_manifest_that_is_not_a_file_is_not_a_project() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("package.json");
        rustix::fs::mkfifoat(rustix::fs::CWD, &manifest, rustix::fs::Mode::RWXU).unwrap();
        assert!(Project::open(folder.path()).unwrap_err().to_string().contains("is not the folder of a plugin"));
    }

    #[test]
    fn a_manifest_is_read_with_a_byte_order_mark_and_not_beyond_its_cap() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("package.json");
        fs::write(&manifest, "\u{feff}{\"name\": \"my-check\"}").unwrap();
        assert_eq!(Project::open(folder.path()).unwrap().name(), "my-check");
        fs::write(&manifest, " ".repeat(2 << 20)).unwrap();
        let error = format!("{:#}", Project::open(folder.path()).unwrap_err());
        assert!(error.ends_with("package.json`: has more than 1048576 bytes"), "{error}");
    }

    #[test]
    fn a_component_is_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("go.mod"), "module my-check\n").unwrap();
        let project = Project::open(folder.path()).unwrap();
        for profile in [Profile::Development, Profile::Release] {
            project.remove_component(profile).unwrap();
            for bytes in [b"one", b"two"] {
                project.write_component(profile, bytes).unwrap();
                assert_eq!(fs::read(project.component(profile)).unwrap(), bytes);
            }
            assert_eq!(fs::metadata(project.component(profile)).unwrap().permissions().mode() & 0o444, 0o444);
        }
        project.remove_component(Profile::Development).unwrap();
        assert!(!project.component(Profile::Development).exists());
        assert!(project.component(Profile::Release).is_file());
    }
}
