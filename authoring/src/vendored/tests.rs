use std::os::unix::fs::symlink;

use super::*;

/// A project with version 1.0.0 of an SDK that consists of the files `a/changed`, `a/same` and `old`.
fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    sdk([1, 0], &[("a/changed", "1"), ("a/same", ""), ("old", "")]).write(project.path()).unwrap();
    project
}

/// Version 2.0.0 of it.
fn second() -> VendoredSdk {
    sdk([2, 0], &[("a/changed", "2"), ("a/same", ""), ("b/new", "")])
}

fn sdk([major, minor]: [u64; 2], files: &[(&str, &'static str)]) -> VendoredSdk {
    let files = files.iter().map(|(file, text)| ((*file).to_owned(), text.as_bytes().into())).collect();
    VendoredSdk::with_files(Version::new(major, minor, 0), files).unwrap()
}

/// All entries of the copy in a project, with the texts of files. Links are not followed.
fn entries(project: &Path) -> BTreeMap<String, String> {
    fn add(folder: &Path, name: &str, entries: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
            match entry.file_type().unwrap() {
                kind if kind.is_dir() => add(&entry.path(), &name, entries),
                kind if kind.is_file() => drop(entries.insert(name, fs::read_to_string(entry.path()).unwrap())),
                _ => drop(entries.insert(name, "link".to_owned())),
            }
        }
    }
    let mut entries = BTreeMap::new();
    add(&project.join(THIRD_PARTY), "", &mut entries);
    entries
}

/// The error of an upgrade, which changed nothing.
#[track_caller]
fn refused(project: &Path) -> String {
    let before = entries(project);
    let error = second().upgrade(project, false).unwrap_err();
    assert_eq!(entries(project), before);
    format!("{error:#}")
}

/// Asserts that an upgrade replaces everything.
#[track_caller]
fn assert_upgrades(project: &Path, is_forced: bool) -> (Option<Version>, Vec<Change>) {
    let upgraded = second().upgrade(project, is_forced).unwrap();
    let expected = tempfile::tempdir().unwrap();
    second().write(expected.path()).unwrap();
    assert_eq!(entries(project), entries(expected.path()));
    upgraded
}

#[test]
fn an_upgrade_replaces_all_files_and_names_those_that_change() {
    let project = project();
    let (from, changes) = assert_upgrades(project.path(), false);
    assert_eq!(from, Some(Version::new(1, 0, 0)));
    let changes: Vec<String> = changes.iter().map(|change| format!("{} {}", change.kind, change.path)).collect();
    let expected = [
        "changed third_party/guardhouse/a/changed",
        "added third_party/guardhouse/b/new",
        "changed third_party/guardhouse/version.json",
        "removed third_party/guardhouse/old",
    ];
    assert_eq!(changes, expected);
    assert_eq!(assert_upgrades(project.path(), false), (Some(Version::new(2, 0, 0)), Vec::new()));
}

#[test]
fn files_that_the_author_changed_are_not_lost_without_force() {
    type Edit = fn(&Path);
    let edits: &[(&str, Edit)] = &[
        ("a/changed", |copy| fs::write(copy.join("a/changed"), "mine").unwrap()),
        ("a/same", |copy| fs::write(copy.join("a/same"), "mine").unwrap()),
        ("old", |copy| fs::write(copy.join("old"), "mine").unwrap()),
        ("a/mine", |copy| fs::write(copy.join("a/mine"), "").unwrap()),
        (".mine/file", |copy| {
            fs::create_dir(copy.join(".mine")).unwrap();
            fs::write(copy.join(".mine/file"), "").unwrap();
        }),
        ("old", |copy| {
            fs::remove_file(copy.join("old")).unwrap();
            symlink("a/same", copy.join("old")).unwrap();
        }),
    ];
    for (file, edit) in edits {
        let project = project();
        edit(&project.path().join(FOLDER));
        let error = refused(project.path());
        let expected = format!("version 1.0.0 of the SDK was written: `third_party/guardhouse/{file}`; keep");
        assert!(error.contains(&expected), "{error}");
        assert_upgrades(project.path(), true);
    }
}

#[test]
fn files_that_are_lost_already_or_new_already_do_not_stop_an_upgrade() {
    let project = project();
    let copy = project.path().join(FOLDER);
    fs::remove_file(copy.join("a/same")).unwrap();
    fs::write(copy.join("a/changed"), "2").unwrap();
    fs::create_dir(copy.join("a/__pycache__")).unwrap();
    fs::write(copy.join("a/__pycache__/same.pyc"), "").unwrap();
    assert_upgrades(project.path(), false);
}

#[test]
fn a_long_list_of_edited_files_is_cut() {
    let project = project();
    for name in 10..25 {
        fs::write(project.path().join(FOLDER).join(format!("a/{name}")), "").unwrap();
    }
    let error = refused(project.path());
    assert!(error.contains("/a/19` and 5 more; keep"), "{error}");
}

#[test]
fn a_copy_without_a_valid_record_is_not_replaced_without_force() {
    for (text, reason) in [
        (None, "No such file"),
        (Some("{}"), "is not the record of an SDK"),
        (Some(r#"{"version": "1.0", "files": {}}"#), "is not the record of an SDK"),
    ] {
        let project = project();
        let record = project.path().join(FOLDER).join(RECORD);
        text.map_or_else(|| fs::remove_file(&record), |text| fs::write(&record, text)).unwrap();
        let error = refused(project.path());
        assert!(error.contains(reason) && error.contains("guardhouse upgrade --force"), "{error}");
        assert_eq!(assert_upgrades(project.path(), true).0, None);
    }
}

#[test]
fn a_newer_copy_is_not_replaced_without_force() {
    let project = tempfile::tempdir().unwrap();
    sdk([2, 1], &[("a/same", "")]).write(project.path()).unwrap();
    let error = refused(project.path());
    assert!(error.contains("has version 2.1.0, and this command has 2.0.0"), "{error}");
    assert_eq!(assert_upgrades(project.path(), true).0, Some(Version::new(2, 1, 0)));
}

#[test]
fn folders_outside_the_project_are_neither_read_nor_written() {
    for linked in [THIRD_PARTY, FOLDER] {
        for is_forced in [false, true] {
            let (project, outside) = (tempfile::tempdir().unwrap(), project());
            fs::create_dir_all(project.path().join(linked).parent().unwrap()).unwrap();
            symlink(outside.path().join(linked), project.path().join(linked)).unwrap();
            let before = entries(outside.path());
            let error = second().upgrade(project.path(), is_forced).unwrap_err().to_string();
            assert!(error.contains("is not a folder (links are not followed)"), "{error}");
            assert_eq!(entries(outside.path()), before);
        }
    }
}

#[test]
fn links_in_the_copy_are_replaced_and_not_followed() {
    let (project, outside) = (project(), tempfile::tempdir().unwrap());
    let copy = project.path().join(FOLDER);
    fs::write(outside.path().join("file"), "theirs").unwrap();
    for link in ["a", "version.json", "old"] {
        let path = copy.join(link);
        if path.is_dir() { fs::remove_dir_all(&path).unwrap() } else { fs::remove_file(&path).unwrap() }
    }
    symlink(outside.path(), copy.join("a")).unwrap();
    symlink(outside.path().join("file"), copy.join("old")).unwrap();
    symlink(outside.path().join("file"), copy.join("version.json")).unwrap();
    assert!(refused(project.path()).contains("is a symbolic link"));
    assert_upgrades(project.path(), true);
    assert_eq!(fs::read_to_string(outside.path().join("file")).unwrap(), "theirs");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn an_upgrade_that_cannot_write_changes_nothing() {
    let project = project();
    // `b` is a file in this version, and the folder of another file: the copy cannot be written.
    let impossible = sdk([2, 0], &[("b", ""), ("b/new", "")]);
    let before = entries(project.path());
    assert!(impossible.upgrade(project.path(), false).is_err());
    assert_eq!(entries(project.path()), before);
}
