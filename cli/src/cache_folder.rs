//! The folder in which all commands keep machine code.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use rustix::fs::Access;
use rustix::process::geteuid;

/// The environment variable that names the folder.
const VARIABLE: &str = "GUARDHOUSE_CACHE";

/// The folders of a cache. Their files have names of hexadecimal digits, and nothing else is looked at or removed.
const FOLDERS: [&str; 4] = [ENTRIES, "code", "unfinished", RUNTIMES];
const ENTRIES: &str = "entries";
const RUNTIMES: &str = "runtimes";

/// The folder of the cache, with the origin of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CacheFolder {
    pub(crate) path: PathBuf,
    pub(crate) origin: Origin,
}

/// The origin of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The option `--cache`.
    Option,
    /// The environment variable.
    Variable,
    /// The folder for the caches of this user.
    Default,
}

impl Origin {
    /// The option or the variable.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Option => "`--cache`",
            Self::Variable => "`GUARDHOUSE_CACHE`",
            Self::Default => "the default folder",
        }
    }
}

/// The content of a cache.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) entries: usize,
    pub(crate) bytes: u64,
}

impl CacheFolder {
    /// The folder of the option, or else of the environment variable, or else the default. It is none if this process
    /// has no folder for caches. An empty variable counts as unset.
    pub(crate) fn find(option: Option<&Path>) -> Option<Self> {
        Self::choose(option, |name| env::var_os(name))
    }

    fn choose(option: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let variable = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(path) = option {
            return Some(Self { path: path.to_owned(), origin: Origin::Option });
        }
        if let Some(path) = variable(VARIABLE) {
            return Some(Self { path, origin: Origin::Variable });
        }
        // The XDG Base Directory Specification: a relative path is invalid, and ignored.
        let caches = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let caches = caches.or_else(|| Some(variable("HOME").filter(|path| path.is_absolute())?.join(".cache")));
        caches.map(|caches| Self { path: caches.join("guardhouse"), origin: Origin::Default })
    }

    /// The folder for the prepared runtimes of development builds.
    pub(crate) fn runtimes(&self) -> PathBuf {
        self.path.join(RUNTIMES)
    }

    /// Whether a variable names a folder for caches in a form that the specification ignores.
    pub(crate) fn is_variable_ignored() -> bool {
        env::var_os("XDG_CACHE_HOME").is_some_and(|path| !path.is_empty() && !Path::new(&path).is_absolute())
    }

    /// The folder of another user in which root would create this one. That user could not use it afterwards.
    pub(crate) fn foreign_parent(&self) -> Option<PathBuf> {
        let existing = self.path.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
        let (path, metadata) = existing?;
        (geteuid().is_root() && metadata.uid() != 0).then(|| path.to_owned())
    }

    /// Whether entries can be added.
    pub(crate) fn is_writable(&self) -> bool {
        rustix::fs::access(self.path.join(ENTRIES), Access::WRITE_OK).is_ok()
    }

    /// Counts the entries and the bytes.
    pub(crate) fn content(&self) -> Result<Content> {
        let mut content = Content::default();
        self.visit(|folder, _, metadata| {
            content.entries += usize::from(folder == ENTRIES);
            content.bytes = content.bytes.saturating_add(metadata.len());
            Ok(())
        })?;
        Ok(content)
    }

    /// Removes all entries. Files that do not belong to a cache stay.
    pub(crate) fn clear(&self) -> Result<Content> {
        let mut removed = Content::default();
        self.visit(|folder, path, metadata| match fs::remove_file(path) {
            Ok(()) => {
                removed.entries += usize::from(folder == ENTRIES);
                removed.bytes = removed.bytes.saturating_add(metadata.len());
                Ok(())
            }
            // Another process evicted it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error).with_context(|| format!("cannot remove `{}`", path.display())),
        })?;
        Ok(removed)
    }

    /// Calls `visit` for each file of the cache. A folder that does not exist has none.
    fn visit(&self, mut visit: impl FnMut(&str, &Path, &fs::Metadata) -> Result<()>) -> Result<()> {
        for name in FOLDERS {
            let folder = self.path.join(name);
            let unreadable = || format!("cannot read the cache in `{}`", folder.display());
            match fs::symlink_metadata(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(unreadable),
                Ok(metadata) => ensure!(
                    metadata.is_dir() && metadata.uid() == geteuid().as_raw(),
                    "`{}` is not a folder of this user",
                    folder.display()
                ),
            }
            for entry in fs::read_dir(&folder).with_context(unreadable)? {
                let entry = entry.with_context(unreadable)?;
                let is_hexadecimal = |name: &str| name.len() >= 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
                let Ok(metadata) = entry.metadata() else { continue };
                if metadata.is_file() && entry.file_name().to_str().is_some_and(is_hexadecimal) {
                    visit(name, &entry.path(), &metadata)?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chosen folder, given these variables.
    fn chosen(option: Option<&str>, variables: &[(&str, &str)]) -> Option<(String, Origin)> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let chosen = CacheFolder::choose(option.map(Path::new), variable);
        chosen.map(|folder| (folder.path.to_str().unwrap().to_owned(), folder.origin))
    }

    #[test]
    fn the_option_comes_before_the_variable_and_the_variable_before_the_default() {
        let all = [("GUARDHOUSE_CACHE", "mine"), ("XDG_CACHE_HOME", "/x"), ("HOME", "/home/ada")];
        for (option, variables, path, origin) in [
            (Some("a"), &all[..], "a", Origin::Option),
            (None, &all[..], "mine", Origin::Variable),
            (None, &all[1..], "/x/guardhouse", Origin::Default),
            (None, &all[2..], "/home/ada/.cache/guardhouse", Origin::Default),
        ] {
            assert_eq!(chosen(option, variables), Some((path.to_owned(), origin)));
        }
        assert_eq!(chosen(None, &[]), None);
    }

    #[test]
    fn an_empty_variable_counts_as_unset_and_a_relative_one_is_ignored() {
        let home = Some(("/home/ada/.cache/guardhouse".to_owned(), Origin::Default));
        for name in ["GUARDHOUSE_CACHE", "XDG_CACHE_HOME"] {
            assert_eq!(chosen(None, &[(name, ""), ("HOME", "/home/ada")]), home);
        }
        assert_eq!(chosen(None, &[("XDG_CACHE_HOME", "relative"), ("HOME", "/home/ada")]), home);
        assert_eq!(chosen(None, &[("HOME", "")]), None);
        assert_eq!(chosen(None, &[("HOME", "relative")]), None);
    }

    #[test]
    fn only_files_of_a_cache_are_counted_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CacheFolder { path: folder.path().to_owned(), origin: Origin::Option };
        assert_eq!(cache.content().unwrap(), Content::default());
        let digest = "0123456789abcdef".repeat(4);
        let files = [format!("entries/{digest}"), format!("code/{digest}"), "code/notes.txt".into(), digest.clone()];
        for file in &files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "four").unwrap();
        }
        assert_eq!(cache.content().unwrap(), Content { entries: 1, bytes: 8 });
        assert_eq!(cache.clear().unwrap(), Content { entries: 1, bytes: 8 });
        assert_eq!(cache.content().unwrap(), Content::default());
        let left: Vec<bool> = files.iter().map(|file| folder.path().join(file).exists()).collect();
        assert_eq!(left, [false, false, true, true]);
    }
}
