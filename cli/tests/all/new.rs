//! `guardhouse new`: the next steps, aliases, and folders that exist.

use std::fs;

use crate::harness::{files, folder, in_folder};

#[test]
fn the_next_steps_are_printed() {
    let folder = folder();
    let new = in_folder(folder.path(), &["new", "my-check", "--lang", "py"]);
    let expected = "created `my-check` (Python) in `my-check`

next:
  cd my-check
  # install the tools
  python3 -m venv .venv && .venv/bin/pip install --require-hashes -r requirements.txt
  # test the function
  PYTHONPATH=./third_party/guardhouse/guest-sdk/python python3 -m unittest
  # build the plugin, and run its cases, after every change
  guardhouse test
  # build it for a server
  guardhouse build --release
";
    assert_eq!((new.exit, new.stdout.as_str(), new.stderr.as_str()), (0, expected, ""), "{new:?}");
}

#[test]
fn a_project_is_made_in_this_folder_and_keeps_what_is_there() {
    let folder = folder();
    let here = folder.path().join("my-check");
    fs::create_dir_all(here.join(".git")).unwrap();
    for file in ["README.md", "LICENSE", ".gitignore", ".git/HEAD"] {
        fs::write(here.join(file), "mine").unwrap();
    }
    let new = in_folder(&here, &["new", ".", "--lang", "golang"]);
    assert_eq!(new.exit, 0, "{new:?}");
    assert!(new.stdout.starts_with("created `my-check` (Go) in this folder\n\nnext:\n  # install"), "{new:?}");
    assert!(
        new.stderr.contains("note: `.gitignore` was there already, and was kept; the project needs these lines"),
        "{new:?}"
    );
    assert!(new.stderr.contains("note: `README.md` was there already, and was kept\n"), "{new:?}");
    for file in ["README.md", "LICENSE", ".gitignore", ".git/HEAD"] {
        assert_eq!(fs::read_to_string(here.join(file)).unwrap(), "mine", "{file}");
    }
    assert!(fs::read_to_string(here.join("go.mod")).unwrap().contains("my-check"));
    in_folder(&here, &["new", ".", "--lang", "c"]).assert_failed("has the project of a plugin already");
}

#[test]
fn a_name_is_given_for_a_folder_whose_name_is_invalid() {
    let folder = folder();
    let here = folder.path().join("My Check");
    fs::create_dir(&here).unwrap();
    in_folder(&here, &["new", ".", "--lang", "c"])
        .assert_failed("`--name` gives another): invalid plugin name `My Check`");
    assert_eq!(files(&here).len(), 0);
    let new = in_folder(&here, &["new", ".", "--lang", "c", "--name", "my-check"]);
    assert!(new.stdout.starts_with("created `my-check` (C) in this folder\n"), "{new:?}");
    in_folder(folder.path(), &["new", "other", "--lang", "c", "--name", "my-check"])
        .assert_failed("`--name` is for this");
}

#[test]
fn nothing_is_overwritten_and_nothing_is_written_beside_a_collision() {
    let folder = folder();
    fs::create_dir_all(folder.path().join("mine")).unwrap();
    for file in ["check.py", "cases.json", "LICENSE"] {
        fs::write(folder.path().join("mine").join(file), "mine").unwrap();
    }
    let new = in_folder(folder.path(), &["new", "mine", "--lang", "python"]);
    new.assert_failed(
        "`mine` has files that the project has too, and nothing is overwritten: `cases.json`, `check.py`; move",
    );
    assert_eq!(files(folder.path()).len(), 3);
    fs::write(folder.path().join("file"), "mine").unwrap();
    in_folder(folder.path(), &["new", "file", "--lang", "python"]).assert_failed("cannot create the folder `file`");
}

#[test]
fn an_unknown_language_has_a_suggestion() {
    let folder = folder();
    let new = in_folder(folder.path(), &["new", "mine", "--lang", "pyhton"]);
    assert!(new.exit == 1 && new.stderr.contains("is `python` meant?"), "{new:?}");
    assert!(files(folder.path()).is_empty());
}
