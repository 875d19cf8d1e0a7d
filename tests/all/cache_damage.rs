//! A cache of which anything was damaged or replaced: noticed, made again, and never run.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use guardhouse::{Check, CheckConfig, Host, ImagePolicy, Plugin, StartMode, blocking, builtin};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::geteuid;
use serde_json::json;

use crate::cache_folder::{CacheFolder, forge, hex_of, serves};
use crate::harness::{patient, small, somebody};

/// A folder with two plugins in it.
fn filled() -> CacheFolder {
    let folder = CacheFolder::new();
    let host = folder.host();
    for number in 1..=2 {
        assert!(serves(&host, number).is_ok());
    }
    folder
}

/// Damages a folder: afterwards both plugins load and answer as ever, and the folder is as good as before.
fn is_mended(name: &str, damage: impl FnOnce(&CacheFolder)) {
    let folder = filled();
    let entries = folder.files("entries");
    damage(&folder);
    let damaged = folder.path();
    // Who waits for a file that is none waits for ever.
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

/// Does the same to every file of the folder, with the bytes that it had.
fn each(folder: &CacheFolder, damage: impl Fn(&Path, &[u8])) {
    for (path, bytes) in folder.contents() {
        damage(&path, &bytes);
    }
}

fn replaced(path: &Path, put: impl FnOnce(&Path)) {
    fs::remove_file(path).unwrap();
    put(path);
}

#[test]
fn files_that_are_not_what_was_written_are_made_again() {
    type Damage = fn(&Path, &[u8]);
    let cases: [(&str, Damage); 9] = [
        ("emptied", |path, _| fs::write(path, "").unwrap()),
        ("cut to one byte", |path, bytes| fs::write(path, &bytes[..1]).unwrap()),
        ("cut in half", |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).unwrap()),
        ("one byte shorter", |path, bytes| fs::write(path, &bytes[..bytes.len() - 1]).unwrap()),
        ("one byte longer", |path, bytes| fs::write(path, [bytes, b"x"].concat()).unwrap()),
        ("filled with zeros", |path, bytes| fs::write(path, vec![0; bytes.len()]).unwrap()),
        ("text that is none", |path, bytes| fs::write(path, vec![0xff; bytes.len()]).unwrap()),
        ("a megabyte and more", |path, _| fs::write(path, vec![b'a'; 3 << 20]).unwrap()),
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
fn what_is_no_file_is_made_again() {
    type Damage = fn(&Path, &[u8]);
    let cases: [(&str, Damage); 6] = [
        ("a pipe", |path, _| {
            replaced(path, |path| mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap());
        }),
        ("a folder", |path, _| replaced(path, |path| fs::create_dir_all(path.join("with/more")).unwrap())),
        ("a link to nothing", |path, _| replaced(path, |path| symlink("nothing", path).unwrap())),
        ("a link to itself", |path, _| replaced(path, |path| symlink(path, path).unwrap())),
        ("a link to a device", |path, _| replaced(path, |path| symlink("/dev/zero", path).unwrap())),
        ("a link to the very bytes", |path, _| {
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
    is_mended("another's", |folder| each(folder, |path, _| chown(path, Some(65_534), None).unwrap()));
}

#[test]
fn entries_and_code_under_the_names_of_others_are_made_again() {
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
fn a_flipped_bit_is_noticed_wherever_it_is() {
    const STEPS: usize = 24;
    let folder = filled();
    let host = folder.host();
    for step in 0..STEPS {
        for index in 0..folder.named_files().len() {
            // Machine code is made anew under another name: it is not the same bytes each time.
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

/// Entries with a valid seal that name other code than they should.
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
fn code_that_was_not_made_for_this_engine_is_made_again_whatever_its_seal() {
    with_foreign_code("nothing", b"");
    with_foreign_code("garbage", &b"garbage".repeat(1_000));
    with_foreign_code("the beginning of a library", b"\x7fELF\x02\x01\x01");
    with_foreign_code("a plugin", crate::cache_folder::plugin(1).bytes());
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    with_foreign_code("a program of this machine", &program);

    // The quick compiler's code of a plugin, which belongs to another engine.
    let quick = CacheFolder::new();
    let host = quick.builder().baseline_from(0).build().unwrap();
    assert!(serves(&host, 1).is_ok());
    let mut found = 0;
    for path in quick.files("code") {
        let code = fs::read(path).unwrap();
        if !code.starts_with(b"\0asm") {
            found += 1;
            // The optimizing compiler may have finished in the background: its code is the right one's, and harmless.
            with_foreign_code("of another compiler", &code);
        }
    }
    assert!(found > 0);
}

/// A check that starts from an image of its settings.
fn has_image(host: &Host, scope: &str) {
    let plugin = Plugin::load(host, builtin::bytes("require-scopes").unwrap()).unwrap();
    let settings = Some(json!({ "scopes": [scope] }).into());
    let config = CheckConfig { settings, image: ImagePolicy::Eager, limits: patient(), ..CheckConfig::default() };
    let check = Check::new(&plugin, config).unwrap();
    assert_eq!(check.start_mode(), StartMode::Image);
    for (context, allowed) in [(somebody(&[scope]), true), (somebody(&["none"]), false)] {
        let report = blocking::explain_auth_checks(&[&check], &context);
        assert_eq!(report.decision.is_allow(), allowed, "{:?}", report.checks[0].outcome);
    }
}

#[test]
fn an_image_of_which_anything_is_damaged_is_made_again() {
    let folder = CacheFolder::new();
    has_image(&folder.host(), "read");
    for index in 0..folder.named_files().len() {
        let path = &folder.named_files()[index];
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        has_image(&folder.host(), "read");
        has_image(&folder.host_without_compiler(), "read");
        // What was not needed is as it was.
        if !folder.is_sound() {
            fs::write(path, bytes).unwrap();
        }
    }
}

#[test]
fn the_state_of_an_image_is_not_taken_for_the_code_of_a_plugin() {
    let folder = CacheFolder::new();
    has_image(&folder.host(), "read");
    let before = folder.files("code");
    has_image(&folder.host(), "write");
    let states: Vec<_> = folder.files("code").into_iter().filter(|path| !before.contains(path)).collect();
    assert_eq!(states.len(), 1);
    with_foreign_code("the state of an image", &fs::read(&states[0]).unwrap());
}
