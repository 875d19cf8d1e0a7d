//! Eviction: keeps the folder of the cache within its size.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::entry::Index;
use crate::tuning::CACHE_ORPHAN_AGE;

/// An entry that may be evicted.
struct Candidate {
    path: PathBuf,
    used: SystemTime,
    bytes: u64,
    files: Vec<String>,
}

/// Removes orphans of killed processes, and then the least recently used entries until the folder has at most `cap`
/// bytes. A file that cannot be removed is left to the next eviction.
pub(super) fn evict(entries: &Path, code: &Path, unfinished: &Path, cap: u64) {
    let mut known = read(entries);
    known.sort_by_key(|entry| entry.used);
    let mut users: HashMap<&str, usize> = HashMap::new();
    for file in known.iter().flat_map(|entry| &entry.files) {
        *users.entry(file).or_default() += 1;
    }
    remove_old(unfinished, |_| true);
    remove_old(code, |name| !users.contains_key(name));
    let sizes: HashMap<String, u64> = files(code).map(|(name, metadata)| (name, metadata.len())).collect();
    let unfinished = files(unfinished).map(|(_, metadata)| metadata.len()).sum::<u64>();
    let mut total = known.iter().map(|entry| entry.bytes).sum::<u64>() + sizes.values().sum::<u64>() + unfinished;
    for entry in &known {
        if total <= cap {
            break;
        }
        let _ = fs::remove_file(&entry.path);
        total = total.saturating_sub(entry.bytes);
        for file in &entry.files {
            let (Some(left), Some(size)) = (users.get_mut(file.as_str()), sizes.get(file)) else { continue };
            *left = left.saturating_sub(1);
            if *left == 0 {
                let _ = fs::remove_file(code.join(file));
                total = total.saturating_sub(*size);
            }
        }
    }
}

/// Removes the files of a folder that are over [`CACHE_ORPHAN_AGE`] and that no entry names.
fn remove_old(folder: &Path, is_unnamed: impl Fn(&str) -> bool) {
    for (name, metadata) in files(folder) {
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > CACHE_ORPHAN_AGE) && is_unnamed(&name) {
            let _ = fs::remove_file(folder.join(name));
        }
    }
}

fn files(folder: &Path) -> impl Iterator<Item = (String, fs::Metadata)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.metadata().ok()?)))
}

fn read(entries: &Path) -> Vec<Candidate> {
    let read = |(name, metadata): (String, fs::Metadata)| {
        let path = entries.join(name);
        Candidate {
            files: Index::read(&path).map(|(_, index)| index.files).unwrap_or_default(),
            used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
            bytes: metadata.len(),
            path,
        }
    };
    files(entries).map(read).collect()
}
