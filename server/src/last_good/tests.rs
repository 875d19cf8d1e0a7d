use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::policy::folder::Bytes;

fn tenant(name: &str) -> TenantName {
    name.parse().unwrap()
}

/// A folder with a small file, and with a large one that begins with `mark`.
fn folder(policy: &str, mark: u8) -> Folder {
    let mut large = vec![mark; INLINE_BYTES + 1];
    large[7] = 0;
    let files = [("policy.toml", Bytes::from(policy.to_owned())), ("data/large", large.into())];
    Folder::new(files.map(|(name, content)| (name.to_owned(), content)).into_iter().collect())
}

fn open(folder: &tempfile::TempDir) -> LastGood {
    LastGood::open(&folder.path().join("state"), DEFAULT_BYTES).unwrap()
}

fn count(folder: &Path) -> usize {
    names(folder).unwrap().len()
}

#[test]
fn a_folder_is_the_same_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (state, acme) = (open(&dir), tenant("acme"));
    assert_eq!(state.read(&acme), Ok(None));
    for policy in ["one", "two"] {
        state.write(&acme, &folder(policy, 1)).unwrap();
        assert_eq!(open(&dir).read(&acme), Ok(Some(folder(policy, 1))));
    }
    assert_eq!(state.tenants(), Ok(vec![acme.clone()]));
    state.remove(&acme).unwrap();
    state.remove(&acme).unwrap();
    assert_eq!(open(&dir).read(&acme), Ok(None));
}

#[test]
fn large_files_are_kept_once_until_no_tenant_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    for name in ["a", "b", "c"] {
        state.write(&tenant(name), &folder(name, 1)).unwrap();
    }
    assert_eq!(count(&state.contents), 1);
    state.write(&tenant("a"), &folder("a", 2)).unwrap();
    state.remove(&tenant("b")).unwrap();
    state.clean().unwrap();
    assert_eq!(count(&state.contents), 2, "`c` still has the first");
    state.remove(&tenant("c")).unwrap();
    fs::write(state.unfinished.join("orphan"), "half").unwrap();
    state.clean().unwrap();
    assert_eq!((count(&state.contents), count(&state.unfinished)), (1, 0));
    assert_eq!(state.read(&tenant("a")), Ok(Some(folder("a", 2))));
}

#[test]
fn nothing_is_cleaned_while_a_writer_works() {
    let dir = tempfile::tempdir().unwrap();
    let (state, other) = (open(&dir), open(&dir));
    let writer = state.lock().unwrap();
    fs::write(state.contents.join("content"), "not named yet").unwrap();
    other.clean().unwrap();
    assert_eq!(count(&state.contents), 1);
    drop(writer);
    other.clean().unwrap();
    assert_eq!(count(&state.contents), 0);
}

/// Applies each damage to the state of one tenant, and asserts that it is noticed.
#[test]
fn a_damaged_entry_is_an_error_and_never_a_policy() {
    let dir = tempfile::tempdir().unwrap();
    let (state, acme) = (open(&dir), tenant("acme"));
    let entry = state.tenants.join("acme");
    let content = || state.contents.join(&names(&state.contents).unwrap()[0]);
    let write = || state.write(&acme, &folder("one", 1)).unwrap();
    let damaged = |what: &str| {
        let found = state.read(&acme);
        assert!(found.is_err(), "{what}: {found:?}");
        fs::remove_file(&entry).unwrap();
        write();
        assert_eq!(state.read(&acme), Ok(Some(folder("one", 1))), "a new one is written over it");
    };
    write();
    let bytes = fs::read(&entry).unwrap();
    for index in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[index] ^= 1;
        fs::write(&entry, flipped).unwrap();
        damaged(&format!("byte {index}"));
        fs::write(&entry, &bytes[..index]).unwrap();
        damaged(&format!("end at {index}"));
    }
    fs::write(content(), "another").unwrap();
    damaged("content");
    fs::remove_file(content()).unwrap();
    damaged("no content");
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o666)).unwrap();
    damaged("others can write");
    fs::remove_file(&entry).unwrap();
    std::os::unix::fs::symlink(content(), &entry).unwrap();
    damaged("a link");
}

#[test]
fn a_folder_that_others_can_reach_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    drop(open(&dir));
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let error = LastGood::open(&path, DEFAULT_BYTES).unwrap_err();
    assert!(error.to_string().contains("other users can reach it"), "{error}");
}

#[test]
fn the_folder_has_a_limit_and_what_is_not_used_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let state = LastGood::open(&dir.path().join("state"), 3 * INLINE_BYTES as u64).unwrap();
    let acme = tenant("acme");
    for mark in 1..10 {
        state.write(&acme, &folder("one", mark)).unwrap();
    }
    state.write(&tenant("b"), &folder("b", 90)).unwrap();
    let error = state.write(&tenant("c"), &folder("c", 99)).unwrap_err();
    assert!(error.to_string().contains("limit"), "{error}");
    assert_eq!(state.read(&acme), Ok(Some(folder("one", 9))));
    assert_eq!(state.read(&tenant("c")), Ok(None));
}

#[test]
fn files_are_private() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    state.write(&tenant("acme"), &folder("one", 1)).unwrap();
    let of = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    let files: BTreeMap<_, _> = [&state.tenants, &state.contents]
        .iter()
        .flat_map(|folder| names(folder).unwrap().into_iter().map(|name| folder.join(name)))
        .map(|path| (path.clone(), of(&path)))
        .collect();
    assert_eq!(files.len(), 2);
    assert!(files.values().all(|mode| *mode == 0o600), "{files:?}");
}
