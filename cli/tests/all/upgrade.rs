//! The command `upgrade`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use guardhouse::Digest;
use guardhouse_authoring::Language;
use serde_json::Value;

use crate::harness::{Run, files, folder, in_folder};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The copy of the SDK in a project.
const COPY: &str = "third_party/guardhouse";

fn new_project(folder: &Path, language: &str) -> PathBuf {
    let new = in_folder(folder, &["new", "mine", "--lang", language]);
    assert_eq!(new.exit, 0, "{new:?}");
    folder.join("mine")
}

/// Makes the copy of the SDK one of version 0.0.1, which differs in a README and has another file.
fn make_older(project: &Path, sdk: &str) {
    let path = project.join(COPY).join("version.json");
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    *record.pointer_mut("/version").unwrap() = "0.0.1".into();
    let digests = record.pointer_mut("/files").unwrap().as_object_mut().unwrap();
    for (file, text) in [("README.md", "Older."), ("obsolete.txt", "")] {
        let file = format!("guest-sdk/{sdk}/{file}");
        fs::write(project.join(COPY).join(&file), text).unwrap();
        digests.insert(file, Digest::of(text).to_string().into());
    }
    fs::write(path, record.to_string()).unwrap();
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Asserts that the command fails, with this error, and changes nothing.
#[track_caller]
fn assert_refused(project: &Path, error: &str) {
    let before = contents(project);
    in_folder(project, &["upgrade"]).assert_failed(error);
    assert_eq!(contents(project), before);
}

#[test]
fn an_upgrade_lists_the_changes_and_makes_the_project_a_new_one() {
    for language in Language::all().map(Language::word) {
        let folder = folder();
        let project = new_project(folder.path(), language);
        let new = contents(&project);
        let sdk = if language == "ts" { "js" } else { language };
        make_older(&project, sdk);
        let upgrade = in_folder(&project, &["upgrade"]);
        let install = match sdk {
            "js" => "`npm install --ignore-scripts ./third_party/guardhouse/guest-sdk/js`, ",
            _ => "",
        };
        let stdout = format!(
            "the SDK of `.` was 0.0.1, and is {VERSION}:\n  changed  {COPY}/guest-sdk/{sdk}/README.md\n  \
             changed  {COPY}/version.json\n  removed  {COPY}/guest-sdk/{sdk}/obsolete.txt\n\
             next: {install}`guardhouse build`, `guardhouse test`\n"
        );
        assert_eq!(upgrade, Run { exit: 0, stdout, stderr: String::new() });
        assert_eq!(contents(&project), new);
    }
}

#[test]
fn a_new_project_is_up_to_date() {
    let folder = folder();
    new_project(folder.path(), "rust");
    let upgrade = in_folder(folder.path(), &["upgrade", "mine"]);
    assert_eq!((upgrade.exit, upgrade.stdout), (0, format!("the SDK of `mine` is up to date: {VERSION}\n")));
}

#[test]
fn an_edited_sdk_is_replaced_with_force_only() {
    let folder = folder();
    let project = new_project(folder.path(), "c");
    make_older(&project, "c");
    let header = project.join(COPY).join("guest-sdk/c/guardhouse.h");
    fs::write(&header, "mine").unwrap();
    let listed = format!("since version 0.0.1 of the SDK was written: `{COPY}/guest-sdk/c/guardhouse.h`; keep");
    assert_refused(&project, &listed);
    let upgrade = in_folder(&project, &["upgrade", "--force"]);
    assert!(upgrade.stdout.contains("  changed  third_party/guardhouse/guest-sdk/c/guardhouse.h\n"), "{upgrade:?}");
    assert_ne!(fs::read(header).unwrap(), b"mine");
}

#[test]
fn a_project_from_before_the_record_is_upgraded_with_force_only() {
    let folder = folder();
    let project = new_project(folder.path(), "zig");
    fs::remove_file(project.join(COPY).join("version.json")).unwrap();
    assert_refused(&project, "run `guardhouse upgrade --force`, which replaces `third_party/guardhouse`");
    let upgrade = in_folder(&project, &["upgrade", "--force"]);
    let stdout = format!(
        "the SDK of `.` is {VERSION}:\n  added    {COPY}/version.json\nnext: `guardhouse build`, `guardhouse test`\n"
    );
    assert_eq!((upgrade.exit, upgrade.stdout), (0, stdout));
}

#[test]
fn a_folder_that_is_not_a_project_with_an_sdk_is_an_error() {
    let folder = folder();
    assert_refused(folder.path(), "is not the folder of a plugin");
    fs::write(folder.path().join("go.mod"), "module mine\n").unwrap();
    assert_refused(folder.path(), "has no copy of the SDK in `third_party/guardhouse`");
    in_folder(folder.path(), &["upgrade", "nowhere"]).assert_failed("cannot open `nowhere`");
}

#[test]
fn the_names_of_files_cannot_control_the_terminal() {
    let folder = folder();
    let project = new_project(folder.path(), "c");
    fs::write(project.join(COPY).join("\u{1b}[2J"), "").unwrap();
    assert_refused(&project, r"`third_party/guardhouse/\u{1b}[2J`");
    let upgrade = in_folder(&project, &["upgrade", "--force"]);
    assert!(upgrade.stdout.contains("removed  third_party/guardhouse/\\u{1b}[2J\n"), "{upgrade:?}");
}
