//! One cache that several processes share, some of which are killed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use guardhouse::{Host, HostLimits};

use crate::cache_folder::{CacheFolder, serves};
use crate::harness::small;

const PLUGINS: usize = 4;
/// The environment variables that name the cache of a process and its size.
const FOLDER: &str = "GUARDHOUSE_TEST_CACHE";
const BYTES: &str = "GUARDHOUSE_TEST_CACHE_BYTES";

/// Starts a process that runs [`a_user_of_the_cache`].
fn user(folder: &CacheFolder, bytes: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "cache_processes::a_user_of_the_cache", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(BYTES, bytes.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn succeeds(user: Child) {
    let output = user.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    assert!(out.contains("1 passed"), "{out}");
}

#[test]
#[ignore = "runs in a process of its own"]
fn a_user_of_the_cache() {
    let folder = std::env::var(FOLDER).expect("the test that starts this process sets it");
    let cache_bytes = std::env::var(BYTES).unwrap().parse().unwrap();
    let limits = HostLimits { cache_bytes, ..small() };
    for _ in 0..3 {
        // A new host evicts before its first write.
        let host = Host::builder().limits(limits.clone()).cache(Path::new(&folder)).build().unwrap();
        for _ in 0..3 {
            for number in 0..PLUGINS {
                assert!(serves(&host, number).is_ok());
            }
        }
    }
}

fn all_are_cached(folder: &CacheFolder) {
    assert!((0..PLUGINS).all(|number| serves(&folder.host(), number).is_ok()));
    assert!(folder.is_sound());
    let unable = folder.host_without_compiler();
    assert!((0..PLUGINS).all(|number| serves(&unable, number).is_ok()));
}

#[test]
fn processes_can_fill_one_cache_at_the_same_time() {
    let folder = CacheFolder::new();
    let users: Vec<Child> = (0..4).map(|_| user(&folder, 1 << 30)).collect();
    users.into_iter().for_each(succeeds);
    assert_eq!(folder.files("unfinished"), [] as [std::path::PathBuf; 0]);
    assert_eq!(folder.files("entries").len(), 2 * PLUGINS);
    let before = folder.identities();
    all_are_cached(&folder);
    assert_eq!(folder.identities(), before);
}

#[test]
fn processes_can_evict_each_others_entries() {
    let folder = CacheFolder::new();
    assert!(serves(&folder.host(), 0).is_ok());
    // The cache holds two of the four plugins: each process evicts the entries that another has just written.
    let bytes = folder.bytes() * 5 / 2;
    let users: Vec<Child> = (0..4).map(|_| user(&folder, bytes)).collect();
    users.into_iter().for_each(succeeds);
    all_are_cached(&folder);
}

#[test]
fn a_process_that_is_killed_while_it_fills_the_cache_leaves_the_cache_sound() {
    let mut kills = 0;
    let (mut left, mut partial) = (0, 0);
    for round in 0..3 {
        let folder = CacheFolder::new();
        for files in 0..4 * PLUGINS {
            let mut user = user(&folder, 1 << 30);
            // The process is killed as soon as it has written this many files.
            let start = Instant::now();
            let written = || folder.all_files().len() + folder.files("unfinished").len();
            while written() < files && user.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60) {
                std::hint::spin_loop();
            }
            user.kill().unwrap();
            user.wait().unwrap();
            kills += 1;
            partial += usize::from(folder.files("entries").len() < 2 * PLUGINS);
        }
        // A killed process was writing at most one file.
        let unfinished = folder.files("unfinished");
        assert!(unfinished.len() <= 4 * PLUGINS, "{} in round {round}", unfinished.len());
        left += unfinished.len();
        all_are_cached(&folder);

        // Unfinished files are removed when they are old, and no other files are.
        let files = ["code", "unfinished"].into_iter().flat_map(|inner| folder.files(inner));
        for path in files {
            let time = SystemTime::now() - Duration::from_secs(3_600);
            fs::File::open(path).unwrap().set_modified(time).unwrap();
        }
        assert!(serves(&folder.host(), PLUGINS).is_ok());
        assert_eq!(folder.files("unfinished"), [] as [std::path::PathBuf; 0]);
        assert_eq!(folder.all_files().len(), 4 * (PLUGINS + 1));
        all_are_cached(&folder);
    }
    println!("{kills} kills, {partial} before all files were written, {left} unfinished files left");
    assert!(partial > 0, "no process was killed while it was writing");
}

#[test]
fn a_full_disk_does_no_harm() {
    let folder = CacheFolder::new();
    // Writes after the first kilobytes of a file fail, as on a full disk.
    let script = "trap '' XFSZ && ulimit -f 8 && exec \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "cache_processes::a_user_of_the_cache", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(BYTES, (1_u64 << 30).to_string())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{}: {out}{err}", output.status);
    assert_eq!(folder.files("unfinished"), [] as [std::path::PathBuf; 0], "unfinished files are removed");
    // The bytes of a plugin are small enough to be written, and machine code is not.
    assert_eq!(folder.files("entries").len(), PLUGINS);
    all_are_cached(&folder);
}
