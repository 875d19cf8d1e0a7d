//! A cache with damaged or replaced files: they are detected, compiled again, and never run.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use guardhouse::{AuthChecks, Check, CheckConfig, Host, ImagePolicy, StartMode};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::geteuid;
use serde_json::json;

use crate::cache_folder::{CacheFolder, forge, hex_of, serves};
use crate::harness::{builtin_on, settings, small, somebody};

/// A cache of two plugins.
fn filled() -> CacheFolder {
    let folder = CacheFolder::new();
    let host = folder.host();
    for number in 1..=2 {
        assert!(serves(&host, number).is_ok());
    }
    folder
}

/// Damages a folder, and asserts that both plugins still load and answer correctly, and that the folder is sound again.
fn is_mended(name: &str, damage: impl FnOnce(&CacheFolder)) {
    let folder = filled();
    let entries = folder.files("entries");
    damage(&folder);
    let damaged = folder.path();
    // On a thread of its own: reading a pipe would never end.
    let (done, outcome) = mpsc::channel();
    std::thread::spawn(move || {
        let host = Host::builder().limits(small()).cache(damaged).build().unwrap();
        let _ = done.send([1, 2].map(|number| serves(&host, number).map(drop)));
    });
    let outcome = outcome.recv_timeout(Duration::from_secs(60));
    assert_eq!(outcome.ok(), Some([Ok(()), Ok(())]), "{name}");
    assert_eq!(folder.files("entries"), entries, "{name}");
    assert!(folder.is_sound(), "{name}");
    let unable = folder.host_without_compiler();
    for number in 1..=2 {
        assert!(serves(&unable, number).is_ok(), "{name}");
    }
}

/// Damages every file of the folder. The closure gets the path and the bytes of a file.
fn each(folder: &CacheFolder, damage: impl Fn(&Path, &[u8])) {
    for (path, bytes) in folder.contents() {
        damage(&path, &bytes);
    }
}

/// Removes a file and puts something else in its place.
fn exchange(path: &Path, put: impl FnOnce(&Path)) {
    fs::remove_file(path).unwrap();
    put(path);
}

#[test]
fn files_with_other_contents_are_made_again() {
    type Damage = fn(&Path, &[u8]);
    let cases: [(&str, Damage); 9] = [
        ("emptied", |path, _| fs::write(path, "").unwrap()),
        ("cut to one byte", |path, bytes| fs::write(path, &bytes[..1]).unwrap()),
        ("cut in half", |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).unwrap()),
        ("one byte shorter", |path, bytes| fs::write(path, &bytes[..bytes.len() - 1]).unwrap()),
        ("one byte longer", |path, bytes| fs::write(path, [bytes, b"x"].concat()).unwrap()),
        ("filled with zeros", |path, bytes| fs::write(path, vec![0; bytes.len()]).unwrap()),
        ("invalid text", |path, bytes| fs::write(path, vec![0xff; bytes.len()]).unwrap()),
        ("three megabytes", |path, _| fs::write(path, vec![b'a'; 3 << 20]).unwrap()),
        ("removed", |path, _| fs::remove_file(path).unwrap()),
    ];
    for (name, damage) in cases {
        is_mended(name, |folder| each(folder, damage));
        is_mended(name, |folder| {
            folder.files("entries").iter().for_each(|path| damage(path, &fs::read(path).unwrap()))
        });
        is_mended(name, |folder| folder.files("code").iter().for_each(|path| damage(path, &fs::read(path).unwrap())));
    }
}

#[test]
fn entries_that_are_not_files_are_made_again() {
    type Damage = fn(&Path, &[u8]);
    let cases: [(&str, Damage); 6] = [
        ("a pipe", |path, _| {
            exchange(path, |path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap());
        }),
        ("a folder", |path, _| exchange(path, |path| fs::create_dir_all(path.join("with/more")).unwrap())),
        ("a link to nothing", |path, _| exchange(path, |path| symlink("nothing", path).unwrap())),
        ("a link to itself", |path, _| exchange(path, |path| symlink(path, path).unwrap())),
        ("a link to a device", |path, _| exchange(path, |path| symlink("/dev/zero", path).unwrap())),
        ("a link to the same bytes", |path, _| {
            let copy = path.ancestors().nth(3).unwrap().join(path.file_name().unwrap());
            fs::rename(path, &copy).unwrap();
            symlink(copy, path).unwrap();
        }),
    ];
    for (name, damage) in cases {
        is_mended(name, |folder| each(folder, damage));
    }
}

#[test]
fn files_of_another_user_are_made_again() {
    if !geteuid().is_root() {
        println!("skipped: only root can give a file away");
        return;
    }
    is_mended("another user's", |folder| each(folder, |path, _| chown(path, Some(65_534), None).unwrap()));
}

#[test]
fn files_that_others_may_write_are_made_again() {
    for mode in [0o620, 0o602, 0o666] {
        let permissions = fs::Permissions::from_mode(mode);
        is_mended("writable", |folder| each(folder, |path, _| fs::set_permissions(path, permissions.clone()).unwrap()));
    }
}

#[test]
fn entries_and_code_with_exchanged_names_are_made_again() {
    let rotate = |files: &[PathBuf]| {
        let bytes: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
        for (index, path) in files.iter().enumerate() {
            fs::write(path, &bytes[(index + 1) % files.len()]).unwrap();
        }
    };
    is_mended("entries under other names", |folder| rotate(&folder.files("entries")));
    is_mended("code under other names", |folder| rotate(&folder.files("code")));
}

#[test]
fn a_flipped_bit_is_detected_at_any_position() {
    const STEPS: usize = 24;
    let folder = filled();
    let host = folder.host();
    for step in 0..STEPS {
        for index in 0..folder.named_files().len() {
            // The names change: machine code does not have the same bytes each time that it is compiled.
            let path = &folder.named_files()[index];
            let mut bytes = fs::read(path).unwrap();
            let at = bytes.len() * step / STEPS;
            bytes[at] ^= 1 << (step % 8);
            fs::write(path, &bytes).unwrap();
            assert!(!folder.is_sound());
            for number in 1..=2 {
                assert!(serves(&host, number).is_ok(), "byte {at} of `{}`", path.display());
            }
            assert!(folder.is_sound(), "byte {at} of `{}`", path.display());
        }
    }
}

/// Forges entries with a valid seal that name foreign code, and asserts that the cache mends them.
fn with_foreign_code(name: &str, foreign: &[u8]) {
    is_mended(name, |folder| {
        let file = hex_of(foreign);
        fs::write(folder.code(&file), foreign).unwrap();
        let entries = folder.entries_of_code();
        assert_eq!(entries.len(), 2);
        entries.iter().for_each(|entry| forge(entry, &file));
        assert!(folder.is_sound());
    });
}

#[test]
fn code_for_another_engine_is_made_again_though_its_seal_is_valid() {
    with_foreign_code("nothing", b"");
    with_foreign_code("garbage", &b"garbage".repeat(1_000));
    with_foreign_code("the start of a library", b"\x7fELF\x02\x01\x01");
    with_foreign_code("a plugin", crate::cache_folder::plugin(1).bytes());
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    with_foreign_code("a program of this machine", &program);

    // Baseline code, which belongs to another engine.
    let baseline = CacheFolder::new();
    let host = baseline.builder().baseline_from(0).build().unwrap();
    assert!(serves(&host, 1).is_ok());
    let mut found = 0;
    for path in baseline.files("code") {
        let code = fs::read(path).unwrap();
        if !code.starts_with(b"\0asm") {
            found += 1;
            // Optimized code from the background may be among it. It is for the right engine, and harmless.
            with_foreign_code("the code of another compiler", &code);
        }
    }
    assert!(found > 0);
}

/// Asserts that a check that requires a scope starts from an image and answers correctly.
fn has_image(host: &Host, scope: &str) {
    let config = CheckConfig { image: ImagePolicy::Eager, ..settings(json!({ "scopes": [scope] })) };
    let check = Check::new(&builtin_on(host, "require-scopes"), config).unwrap();
    assert_eq!(check.start_mode(), StartMode::Image);
    for (context, allowed) in [(somebody(&[scope]), true), (somebody(&["none"]), false)] {
        let report = AuthChecks::new(&[&check]).explain_blocking(&context);
        assert_eq!(report.decision.is_allow(), allowed, "{:?}", report.checks[0].evaluation.outcome);
    }
}

#[test]
fn an_image_with_a_damaged_file_is_made_again() {
    let folder = CacheFolder::new();
    has_image(&folder.host(), "read");
    for index in 0..folder.named_files().len() {
        let path = &folder.named_files()[index];
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        has_image(&folder.host(), "read");
        has_image(&folder.host_without_compiler(), "read");
        // A file that was not needed is still damaged.
        if !folder.is_sound() {
            fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn the_state_of_an_image_is_not_accepted_as_the_code_of_a_plugin() {
    let folder = CacheFolder::new();
    has_image(&folder.host(), "read");
    let before = folder.files("code");
    has_image(&folder.host(), "write");
    let states: Vec<_> = folder.files("code").into_iter().filter(|path| !before.contains(path)).collect();
    assert_eq!(states.len(), 1);
    with_foreign_code("the state of an image", &fs::read(&states[0]).unwrap());
}
