//! Machine code on disk: made once, found again by other hosts and processes, and kept to a size.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use guardhouse::{Check, CheckConfig, Host, HostError, HostLimits, ImagePolicy, LoadError, Plugin, StartMode, builtin};
use rustix::process::geteuid;
use serde_json::json;

use crate::cache_folder::{CacheFolder, answers_rightly, serves};
use crate::harness::{nobody, patient, small, somebody};

#[test]
fn a_second_host_takes_machine_code_from_the_cache_of_the_first() {
    let folder = CacheFolder::new();
    assert!(serves(&folder.host(), 1).is_ok());
    let before = folder.identities();
    assert_eq!(before.len(), 4, "source and machine code, each with an entry: {before:?}");
    assert!(serves(&folder.host(), 1).is_ok());
    assert_eq!(folder.identities(), before);

    // The test of the test: what is not in the cache does not load without a compiler.
    let unable = folder.host_without_compiler();
    assert!(serves(&unable, 1).is_ok());
    assert!(matches!(serves(&unable, 2), Err(LoadError::CompilerStopped(_))));
    assert!(matches!(serves(&CacheFolder::new().host_without_compiler(), 1), Err(LoadError::CompilerStopped(_))));
}

#[test]
fn a_second_host_takes_images_from_the_cache_of_the_first() {
    let folder = CacheFolder::new();
    let check = |host: &Host, scope: &str| {
        let plugin = Plugin::load(host, builtin::bytes("require-scopes").unwrap()).unwrap();
        let settings = Some(json!({ "scopes": [scope] }).into());
        let config = CheckConfig { settings, image: ImagePolicy::Eager, limits: patient(), ..CheckConfig::default() };
        Check::new(&plugin, config).unwrap()
    };
    assert_eq!(check(&folder.host(), "read").start_mode(), StartMode::Image);
    let before = folder.identities();
    let unable = folder.host_without_compiler();
    let found = check(&unable, "read");
    assert_eq!(found.start_mode(), StartMode::Image);
    assert_eq!(folder.identities(), before);
    for (context, allowed) in [(somebody(&["read"]), true), (somebody(&["write"]), false), (nobody(), false)] {
        assert_eq!(guardhouse::blocking::run_auth_checks(&[&found], &context).is_allow(), allowed);
    }
    // The code of all images of a plugin is the same, so that others need no compiler either.
    assert_eq!(check(&unable, "write").start_mode(), StartMode::Image);
    assert_eq!(folder.identities().len(), before.len() + 2);
}

#[test]
fn a_folder_that_is_not_this_users_alone_is_refused_and_the_error_says_what_to_do() {
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 7] = [
        ("others can read it", |path| mode(path, 0o755), "chmod 700"),
        ("others can write to it", |path| mode(path, 0o777), "chmod 700"),
        ("its group can enter it", |path| mode(path, 0o710), "chmod 700"),
        ("others can write to what is in it", |path| mode(&path.join("code"), 0o777), "chmod 700"),
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
        is_refused(&folder, name, expected);
    }
}

#[test]
fn a_folder_of_another_user_is_refused() {
    if !geteuid().is_root() {
        println!("skipped: only root can give a folder away");
        return;
    }
    for inner in ["", "entries", "code", "unfinished"] {
        let folder = CacheFolder::new();
        drop(folder.host());
        chown(folder.path().join(inner), Some(65_534), None).unwrap();
        is_refused(&folder, "another's", "is not a folder of this user");
    }
}

fn is_refused(folder: &CacheFolder, name: &str, expected: &str) {
    let Err(error) = folder.builder().build() else { panic!("{name}: accepted") };
    println!("{name}: {error}");
    assert!(matches!(error, HostError::Cache { .. }), "{name}: {error}");
    assert!(error.to_string().contains(expected), "{name}: {error}");
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Moves a folder next to the cache, and leaves a link to it.
fn elsewhere(cache: &Path, folder: &Path) {
    let moved = cache.with_extension("moved");
    fs::rename(folder, &moved).unwrap();
    symlink(&moved, folder).unwrap();
}

/// What one plugin takes in the cache.
fn size_of_one() -> u64 {
    let folder = CacheFolder::new();
    assert!(serves(&folder.host(), 0).is_ok());
    folder.bytes()
}

#[test]
fn a_cache_keeps_its_size_and_gives_up_what_was_not_used_for_the_longest_time() {
    let folder = CacheFolder::new();
    // An eighth is kept free for what is written until somebody looks again.
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
    // Plugin 0 is used once more; 1, 2 and 3 are the oldest now.
    checks.push(serves(&host, 0).unwrap());
    for number in 4..7 {
        checks.push(serves(&host, number).unwrap());
        assert!(folder.bytes() <= cap, "{} bytes of {cap}", folder.bytes());
    }
    let unable = folder.host_without_compiler();
    for (number, is_kept) in [(0, true), (1, false), (2, false), (4, true), (5, true), (6, true)] {
        assert_eq!(serves(&unable, number).is_ok(), is_kept, "plugin {number}");
    }
    checks.iter().for_each(answers_rightly);
    for number in 7..40 {
        checks.push(serves(&host, number).unwrap());
        assert!(folder.bytes() <= cap, "{} bytes of {cap}", folder.bytes());
    }
    checks.iter().for_each(answers_rightly);
}

#[test]
fn a_cache_that_has_room_for_nothing_harms_nobody() {
    let folder = CacheFolder::new();
    let host = folder.host_with(HostLimits { cache_bytes: 0, ..small() });
    for number in 0..3 {
        answers_rightly(&serves(&host, number).unwrap());
        assert_eq!(folder.bytes(), 0);
    }
    let config = CheckConfig { settings: Some(json!({ "scopes": ["read"] }).into()), ..CheckConfig::default() };
    let config = CheckConfig { image: ImagePolicy::Eager, limits: patient(), ..config };
    let plugin = Plugin::load(&host, builtin::bytes("require-scopes").unwrap()).unwrap();
    assert_eq!(Check::new(&plugin, config).unwrap().start_mode(), StartMode::Image);
}

#[test]
fn what_a_killed_process_leaves_is_swept_once_it_is_old() {
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
    // A host sweeps when it first writes.
    assert!(serves(&folder.host(), 2).is_ok());
    assert!(old.iter().all(|path| !path.exists()), "{old:?}");
    assert!(young.iter().all(|path| path.exists()), "somebody may still be writing it: {young:?}");
    let unable = folder.host_without_compiler();
    assert!(serves(&unable, 1).is_ok() && serves(&unable, 2).is_ok());
}

#[test]
fn a_folder_that_is_removed_is_made_again() {
    let folder = CacheFolder::new();
    let host = folder.host();
    fs::remove_dir_all(folder.path()).unwrap();
    assert!(serves(&host, 1).is_ok());
    assert!(serves(&folder.host_without_compiler(), 1).is_ok());
}

#[test]
fn a_folder_that_cannot_be_written_to_harms_nobody() {
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
        answers_rightly(&before);
        if folder.path().is_dir() {
            mode(&folder.path(), 0o700);
        }
    }
}
