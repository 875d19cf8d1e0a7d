//! Tests of reading folders.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::mkfifoat;

use super::*;

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn read(path: &Path) -> Vec<(String, String)> {
    let folder = read_folder(path).unwrap();
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    folder.files().map(|(path, bytes)| (path.to_owned(), text(bytes))).collect()
}

fn error(path: &Path) -> String {
    read_folder(path).unwrap_err()[0].to_string()
}

fn pair(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn the_files_of_a_folder_are_read_without_hidden_ones() {
    let folder =
        folder(&[("policy.toml", "a"), ("data/x.json", "b"), (".git/config", "c"), (".env", "d"), ("..2026/x", "e")]);
    assert_eq!(read(folder.path()), [pair("data/x.json", "b"), pair("policy.toml", "a")]);
}

#[test]
fn the_links_of_a_kubernetes_volume_are_followed() {
    let folder =
        folder(&[("..2026_01/policy.toml", "old"), ("..2026_02/policy.toml", "new"), ("..2026_02/data/x", "x")]);
    let path = |name: &str| folder.path().join(name);
    symlink("..2026_01", path("..data")).unwrap();
    symlink("..data/policy.toml", path("policy.toml")).unwrap();
    assert_eq!(read(folder.path()), [pair("policy.toml", "old")]);
    symlink("..2026_02", path("..data_tmp")).unwrap();
    fs::rename(path("..data_tmp"), path("..data")).unwrap();
    symlink("..data/data", path("data")).unwrap();
    assert_eq!(read(folder.path()), [pair("data/x", "x"), pair("policy.toml", "new")]);
    // The folder itself may be a link.
    let around = tempfile::tempdir().unwrap();
    symlink(folder.path(), around.path().join("tenant")).unwrap();
    assert_eq!(read(&around.path().join("tenant")).len(), 2);
}

#[test]
fn a_link_that_leads_out_of_the_folder_is_not_followed() {
    let outside = folder(&[("secret", "s")]);
    let inside = folder(&[("tenant/policy.toml", "a"), ("neighbor", "n")]);
    let tenant = inside.path().join("tenant");
    let targets =
        [outside.path().join("secret").to_str().unwrap().to_owned(), "../neighbor".to_owned(), "..".to_owned()];
    for target in targets {
        symlink(&target, tenant.join("x")).unwrap();
        assert_eq!(
            error(&tenant),
            "x: the link leads out of the folder\n  help: copy the file into the folder",
            "{target}"
        );
        fs::remove_file(tenant.join("x")).unwrap();
    }
    symlink("x", tenant.join("x")).unwrap();
    assert_eq!(error(&tenant), "x: the link leads to itself");
    fs::remove_file(tenant.join("x")).unwrap();
    symlink("/proc/self/root/etc/hostname", tenant.join("x")).unwrap();
    assert!(error(&tenant).contains("leads out of the folder"));
}

#[test]
fn a_pipe_does_not_block_and_every_problem_is_named() {
    let folder = folder(&[("policy.toml", "a"), ("a\nb", "c")]);
    mkfifoat(CWD, folder.path().join("pipe"), Mode::RWXU).unwrap();
    let mut problems: Vec<String> = read_folder(folder.path()).unwrap_err().iter().map(ToString::to_string).collect();
    problems.sort();
    let expected = [
        "a\nb: the name of the file has a character that is not allowed",
        "pipe: it is neither a regular file nor a folder",
    ];
    assert_eq!(problems, expected);
    assert!(error(&folder.path().join("nothing")).starts_with(".: the folder cannot be read: No such file"));
    assert!(error(&folder.path().join("policy.toml")).starts_with(".: the folder cannot be read: Not a directory"));
}

#[test]
fn each_bound_of_a_folder_has_a_problem() {
    let nested = folder(&[("a/b/c/x", "x")]);
    assert_eq!(read(nested.path()).len(), 1);
    fs::create_dir(nested.path().join("a/b/c/d")).unwrap();
    assert_eq!(error(nested.path()), "a/b/c/d: folders are nested more than 4 levels deep");

    let loop_of_folders = folder(&[("a/x", "x")]);
    symlink(".", loop_of_folders.path().join("a/b")).unwrap();
    assert!(error(loop_of_folders.path()).contains("folders are nested more than 4 levels deep"));

    let large = folder(&[]);
    let sparse = |name: &str, bytes: usize| {
        File::create(large.path().join(name)).unwrap().set_len(bytes.try_into().unwrap()).unwrap();
    };
    sparse("a", bounds::FILE_BYTES + 1);
    assert_eq!(error(large.path()), "a: the file has 33554433 bytes, and at most 33554432 are read");
    for name in ["a", "b", "c"] {
        sparse(name, bounds::FILE_BYTES / 2 + bounds::FOLDER_BYTES / 6);
    }
    assert!(error(large.path()).starts_with(".: the files have more than 67108864 bytes together"));

    let many = folder(&[]);
    let fill = |range: std::ops::Range<usize>, dot: &str| {
        range.for_each(|index| drop(File::create(many.path().join(format!("{dot}f{index}"))).unwrap()));
    };
    fill(0..bounds::FILES, "");
    assert_eq!(read(many.path()).len(), bounds::FILES);
    fill(bounds::FILES..bounds::FILES + 1, "");
    assert!(error(many.path()).starts_with(".: the folder has more than 1024 files"));
    fs::remove_file(many.path().join("f0")).unwrap();
    fill(0..bounds::ENTRIES, ".");
    assert!(error(many.path()).starts_with(".: the folder has more than 4096 entries"));
    let long = folder(&[]);
    let name = "n".repeat(200);
    fs::create_dir_all(long.path().join(&name).join(&name)).unwrap();
    File::create(long.path().join(&name).join(&name).join(&name)).unwrap();
    assert!(error(long.path()).ends_with(": the path has more than 512 bytes"));
}

#[test]
fn a_folder_is_never_read_half_before_and_half_after_a_change() {
    let folder = folder(&[]);
    let path = |name: &str| folder.path().join(name);
    // No version comes back: two readings of the same two halves would look like one moment.
    let swap = |version: usize| {
        let next = path(&format!("..v{version}"));
        fs::create_dir(&next).unwrap();
        for name in ["a", "b"] {
            fs::write(next.join(name), version.to_string()).unwrap();
        }
        symlink(format!("..v{version}"), path("..next")).unwrap();
        fs::rename(path("..next"), path("..data")).unwrap();
        // The old version is removed, as Kubernetes does: else the folder has too many entries at some time.
        if let Some(old) = version.checked_sub(1) {
            fs::remove_dir_all(path(&format!("..v{old}"))).unwrap();
        }
    };
    swap(0);
    for name in ["a", "b"] {
        symlink(format!("..data/{name}"), path(name)).unwrap();
    }
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut version = 0;
            while !ended.load(Ordering::Relaxed) {
                version += 1;
                swap(version);
            }
        });
        // While the folder changes without end, reading may fail.
        let is_mixed = |folder: &Folder| folder.file("a").unwrap() != folder.file("b").unwrap();
        let mixed = (0..500).filter_map(|_| read_folder(folder.path()).ok()).filter(|read| is_mixed(read)).count();
        ended.store(true, Ordering::Relaxed);
        assert_eq!(mixed, 0);
    });
    assert!(read_folder(folder.path()).is_ok());
}

#[test]
fn the_folders_of_tenants_are_listed_with_those_that_have_no_name_of_one() {
    let folder = folder(&[("b/policy.toml", ""), ("a/policy.toml", ""), ("Acme/x", ""), (".git/x", ""), ("file", "")]);
    symlink("a", folder.path().join("c")).unwrap();
    let TenantFolders { tenants, problems } = tenant_folders(folder.path()).unwrap();
    assert_eq!(tenants.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().starts_with("Acme: the folder has no name of a tenant\n  help: "));
}
