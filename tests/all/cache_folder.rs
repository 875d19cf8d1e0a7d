//! The folder of a cache, which the tests of the cache read and damage.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use guardhouse::{
    AuthChecks, Check, CheckConfig, CompilerProcess, Digest, Host, HostBuilder, HostLimits, LoadError, Plugin,
};
use tempfile::TempDir;

use crate::harness::{Guest, nobody, patient, small, somebody};

/// The folder of a cache, which is removed after the test.
pub(crate) struct CacheFolder(TempDir);

impl CacheFolder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("cache")
    }

    pub(crate) fn builder(&self) -> HostBuilder {
        Host::builder().limits(small()).cache(self.path())
    }

    pub(crate) fn host(&self) -> Host {
        self.builder().build().unwrap()
    }

    pub(crate) fn host_with(&self, limits: HostLimits) -> Host {
        self.builder().limits(limits).build().unwrap()
    }

    /// A host that cannot compile, so that all that it loads comes from the folder.
    pub(crate) fn host_without_compiler(&self) -> Host {
        let nothing = CompilerProcess::new(self.path().join("no-such-program"));
        self.builder().compiler(nothing).build().unwrap()
    }

    /// The files of one of its folders, in order.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        let Ok(found) = fs::read_dir(self.path().join(folder)) else { return Vec::new() };
        let mut files: Vec<PathBuf> = found.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// The entries, followed by the code.
    pub(crate) fn all_files(&self) -> Vec<PathBuf> {
        [self.files("entries"), self.files("code")].concat()
    }

    pub(crate) fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.all_files().into_iter().map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    }

    /// Returns `true` if each entry, and each file that an entry names, has the contents that belong to its name.
    pub(crate) fn is_sound(&self) -> bool {
        self.files("entries").iter().all(|entry| {
            let text = read_file(entry).and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
            let Some((seal, index)) = text.split_once('\n') else { return false };
            let is_whole = |name: String| read_file(&self.code(&name)).is_some_and(|bytes| hex_of(&bytes) == name);
            seal == seal_of(entry, index) && code_of(index).into_iter().all(is_whole)
        })
    }

    /// A file of code.
    pub(crate) fn code(&self, name: &str) -> PathBuf {
        self.path().join("code").join(name)
    }

    /// The entries, followed by the files that they name.
    pub(crate) fn named_files(&self) -> Vec<PathBuf> {
        let mut files = self.files("entries");
        for entry in self.files("entries") {
            let text = fs::read_to_string(entry).unwrap();
            files.extend(code_of(text.split_once('\n').unwrap().1).iter().map(|name| self.code(name)));
        }
        files
    }

    /// The entries of machine code, without those of the bytes of plugins.
    pub(crate) fn entries_of_code(&self) -> Vec<PathBuf> {
        let is_code = |entry: &PathBuf| {
            let text = fs::read_to_string(entry).unwrap();
            let names = code_of(text.split_once('\n').unwrap().1);
            !names.iter().any(|name| fs::read(self.code(name)).unwrap().starts_with(b"\0asm"))
        };
        self.files("entries").into_iter().filter(is_code).collect()
    }

    /// The inode of each file: a file that was written again has a different one.
    pub(crate) fn identities(&self) -> BTreeMap<PathBuf, u64> {
        self.all_files().into_iter().map(|path| (path.clone(), fs::metadata(&path).unwrap().ino())).collect()
    }

    /// The size of all files in bytes, without files that another process removes meanwhile.
    pub(crate) fn bytes(&self) -> u64 {
        let files = ["entries", "code", "unfinished"].into_iter().flat_map(|folder| self.files(folder));
        files.filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum()
    }
}

/// A plugin that allows every request with a token. Each number has different code.
pub(crate) fn plugin(number: usize) -> Guest {
    let own = format!("(func (export \"own\") (result i32) (i32.const {number}))");
    Guest::with("token", &[("fields", &own)])
}

/// Loads a plugin, and asserts that it answers correctly.
pub(crate) fn serves(host: &Host, number: usize) -> Result<Check, LoadError> {
    let loaded = Plugin::load(host, plugin(number).bytes())?;
    let check = Check::new(&loaded, CheckConfig { limits: patient(), ..CheckConfig::default() }).unwrap();
    answers_correctly(&check);
    Ok(check)
}

pub(crate) fn answers_correctly(check: &Check) {
    // A plugin may be compiled again, which takes long on a busy machine.
    let checks = [check];
    let checks = AuthChecks::new(&checks).deadline(patient().deadline).unwrap();
    let allowed = checks.explain_blocking(&somebody(&[]));
    assert!(allowed.decision.is_allow(), "{:?}", allowed.checks[0].evaluation.outcome);
    assert_eq!(checks.explain_blocking(&nobody()).decision.into_result(), Ok(false));
}

/// Writes an entry as the host does: any process that can write to the folder can do so.
pub(crate) fn forge(entry: &Path, file: &str) {
    let index = format!("{{\"files\":[\"{file}\"],\"note\":\"\"}}");
    fs::write(entry, format!("{}\n{index}", seal_of(entry, &index))).unwrap();
}

fn seal_of(entry: &Path, index: &str) -> String {
    let hex = entry.file_name().unwrap().to_str().unwrap();
    let key: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let mut parts = Vec::new();
    for part in [&key[..], index.as_bytes()] {
        parts.extend((part.len() as u64).to_be_bytes());
        parts.extend(part);
    }
    hex_of(&parts)
}

fn code_of(index: &str) -> Vec<String> {
    let index: serde_json::Value = serde_json::from_str(index).unwrap();
    index["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// The bytes of a path that is a regular file.
fn read_file(path: &Path) -> Option<Vec<u8>> {
    if fs::symlink_metadata(path).ok()?.is_file() { fs::read(path).ok() } else { None }
}

/// The name that the cache gives to a file with these bytes.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string().trim_start_matches("sha256:").to_owned()
}
