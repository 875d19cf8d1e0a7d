//! The cache of machine code on disk: compiled once, reused by other hosts and processes, and bounded in size.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use guardhouse::{
    Check, CheckConfig, Host, HostError, HostLimits, ImagePolicy, LoadError, StartMode, run_auth_checks_blocking,
};
use rustix::process::geteuid;
use serde_json::json;

use crate::cache_folder::{CacheFolder, answers_correctly, serves};
use crate::harness::{builtin_on, nobody, settings, small, somebody};

#[test]
fn a_second_host_loads_machine_code_from_the_cache_of_the_first() {
    let folder = CacheFolder::new();
    assert!(serves(&folder.host(), 1).is_ok());
    let before = folder.identities();
    assert_eq!(before.len(), 4, "source and machine code, each with an entry: {before:?}");
    assert!(serves(&folder.host(), 1).is_ok());
    assert_eq!(folder.identities(), before);

    // The test of the test: a plugin that is not in the cache does not load without a compiler.
    let unable = folder.host_without_compiler();
    assert!(serves(&unable, 1).is_ok());
    assert!(matches!(serves(&unable, 2), Err(LoadError::Host(_))));
    assert!(matches!(serves(&CacheFolder::new().host_without_compiler(), 1), Err(LoadError::Host(_))));
}

/// A check that requires a scope, with an image.
fn imaged(host: &Host, scope: &str) -> Check {
    let config = CheckConfig { image: ImagePolicy::Eager, ..settings(json!({ "scopes": [scope] })) };
    Check::new(&builtin_on(host, "require-scopes"), config).unwrap()
}

#[test]
fn a_second_host_loads_images_from_the_cache_of_the_first() {
    let folder = CacheFolder::new();
    assert_eq!(imaged(&folder.host(), "read").start_mode(), StartMode::Image);
    let before = folder.identities();
    let unable = folder.host_without_compiler();
    let found = imaged(&unable, "read");
    assert_eq!(found.start_mode(), StartMode::Image);
    assert_eq!(folder.identities(), before);
    for (context, allowed) in [(somebody(&["read"]), true), (somebody(&["write"]), false), (nobody(), false)] {
        assert_eq!(run_auth_checks_blocking(&[&found], &context).is_allow(), allowed);
    }
    // All images of a plugin share the code, so other images do not need a compiler either.
    assert_eq!(imaged(&unable, "write").start_mode(), StartMode::Image);
    assert_eq!(folder.identities().len(), before.len() + 2);
}

#[test]
fn a_folder_that_others_can_access_is_rejected_with_the_remedy() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 7] = [
        ("others can read it", |path| mode(path, 0o755), "chmod 700"),
        ("others can write to it", |path| mode(path, 0o777), "chmod 700"),
        ("its group can enter it", |path| mode(path, 0o710), "chmod 700"),
        ("others can write to a folder in it", |path| mode(&path.join("code"), 0o777), "chmod 700"),
        ("a link", |path| elsewhere(path, path), "is not a folder of this user"),
        ("a link in it", |path| elsewhere(path, &path.join("code")), "is not a folder of this user"),
        (
            "a file",
            |path| {
                fs::remove_dir_all(path).unwrap();
                fs::write(path, "").unwrap();
            },
            "is not a folder of this user",
        ),
    ];
    for (name, spoil, expected) in cases {
        let folder = CacheFolder::new();
        drop(folder.host());
        spoil(&folder.path());
        is_rejected(&folder, name, expected);
    }
}

#[test]
fn a_folder_of_another_user_is_rejected() {
    if !geteuid().is_root() {
        println!("skipped: only root can give a folder away");
        return;
    }
    for inner in ["", "entries", "code", "unfinished"] {
        let folder = CacheFolder::new();
        drop(folder.host());
        chown(folder.path().join(inner), Some(65_534), None).unwrap();
        is_rejected(&folder, "owned by another user", "is not a folder of this user");
    }
}

fn is_rejected(folder: &CacheFolder, name: &str, expected: &str) {
    let Err(error) = folder.builder().build() else { panic!("{name}: accepted") };
    println!("{name}: {error}");
    assert!(matches!(error, HostError::Cache { .. }), "{name}: {error}");
    assert!(error.to_string().contains(expected), "{name}: {error}");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Moves a folder to a place beside the cache, and leaves a link to it.
fn elsewhere(cache: &Path, folder: &Path) {
    let moved = cache.with_extension("moved");
    fs::rename(folder, &moved).unwrap();
    symlink(&moved, folder).unwrap();
}

/// The bytes that one plugin takes in the cache.
fn size_of_one() -> u64 {
    let folder = CacheFolder::new();
    assert!(serves(&folder.host(), 0).is_ok());
    folder.bytes()
}

#[test]
fn a_cache_stays_within_its_size_and_evicts_the_least_recently_used_entries() {
    let folder = CacheFolder::new();
    // An eighth is kept free for the files that are written until the next eviction.
    let cap = 5 * size_of_one();
    let host = folder.host_with(HostLimits { cache_bytes: cap, ..small() });
    let mut checks = Vec::new();
    for number in 0..4 {
        let before = folder.files("entries");
        checks.push(serves(&host, number).unwrap());
        let age = Duration::from_secs(1_000 - 10 * number as u64);
        for entry in folder.files("entries").into_iter().filter(|entry| !before.contains(entry)) {
            fs::File::open(entry).unwrap().set_modified(SystemTime::now() - age).unwrap();
        }
    }
    // Plugin 0 is used once more, so that 1, 2 and 3 are the least recently used.
    checks.push(serves(&host, 0).unwrap());
    for number in 4..7 {
        checks.push(serves(&host, number).unwrap());
        assert!(folder.bytes() <= cap, "{} bytes of {cap}", folder.bytes());
    }
    let unable = folder.host_without_compiler();
    for (number, is_kept) in [(0, true), (1, false), (2, false), (4, true), (5, true), (6, true)] {
        assert_eq!(serves(&unable, number).is_ok(), is_kept, "plugin {number}");
    }
    checks.iter().for_each(answers_correctly);
    for number in 7..40 {
        checks.push(serves(&host, number).unwrap());
        assert!(folder.bytes() <= cap, "{} bytes of {cap}", folder.bytes());
    }
    checks.iter().for_each(answers_correctly);
}

#[test]
fn a_cache_of_zero_bytes_does_no_harm() {
    let folder = CacheFolder::new();
    let host = folder.host_with(HostLimits { cache_bytes: 0, ..small() });
    for number in 0..3 {
        answers_correctly(&serves(&host, number).unwrap());
        assert_eq!(folder.bytes(), 0);
    }
    assert_eq!(imaged(&host, "read").start_mode(), StartMode::Image);
}

#[test]
fn the_unfinished_files_of_a_killed_process_are_removed_when_they_are_old() {
    let folder = CacheFolder::new();
    assert!(serves(&folder.host(), 1).is_ok());
    let leave = |place: &str, minutes: u64| {
        let path = folder.path().join(place);
        fs::write(&path, "half a file").unwrap();
        let time = SystemTime::now() - Duration::from_secs(60 * minutes);
        fs::File::open(&path).unwrap().set_modified(time).unwrap();
        path
    };
    let old = [leave("unfinished/old", 11), leave("code/old", 11)];
    let young = [leave("unfinished/young", 1), leave("code/young", 1)];
    // A host removes old files before its first write.
    assert!(serves(&folder.host(), 2).is_ok());
    assert!(old.iter().all(|path| !path.exists()), "{old:?}");
    assert!(young.iter().all(|path| path.exists()), "another process may still be writing: {young:?}");
    let unable = folder.host_without_compiler();
    assert!(serves(&unable, 1).is_ok() && serves(&unable, 2).is_ok());
}

#[test]
fn a_removed_folder_is_created_again() {
    let folder = CacheFolder::new();
    let host = folder.host();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(serves(&host, 1).is_ok());
    assert!(serves(&folder.host_without_compiler(), 1).is_ok());
}

#[test]
fn a_folder_that_cannot_be_written_to_does_no_harm() {
    for spoil in [
        |path: &Path| {
            fs::remove_dir(path.join("unfinished")).unwrap();
            fs::write(path.join("unfinished"), "").unwrap();
        },
        |path: &Path| {
            fs::remove_dir_all(path).unwrap();
            fs::write(path, "").unwrap();
        },
        |path: &Path| mode(path, 0o500),
        |path: &Path| mode(path, 0o000),
    ] {
        let folder = CacheFolder::new();
        let host = folder.host();
        let before = serves(&host, 1).unwrap();
        spoil(&folder.path());
        for number in 1..3 {
            assert!(serves(&host, number).is_ok());
        }
        answers_correctly(&before);
        if folder.path().is_dir() {
            mode(&folder.path(), 0o700);
        }
    }
}
