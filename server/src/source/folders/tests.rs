use std::os::unix::fs::symlink;

use super::*;

fn options() -> FolderOptions {
    FolderOptions { settle: Duration::from_millis(20), period: Duration::from_secs(3_600), ..FolderOptions::default() }
}

/// A folder of tenants, and a source of it.
struct World {
    dir: tempfile::TempDir,
    source: Folders,
}

impl World {
    fn new(options: FolderOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("root")).unwrap();
        let source = Folders::new(dir.path().join("root"), options);
        Self { dir, source }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("root").join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Sets the times of a file back, so that it counts as old.
    fn age(&self, name: &str) {
        let past = std::time::SystemTime::now() - Duration::from_secs(60);
        fs::File::options().append(true).open(self.path(name)).unwrap().set_modified(past).unwrap();
    }

    async fn list(&self) -> Listing {
        self.source.list(&Change::All).await.unwrap()
    }

    async fn digest(&self, tenant: &str) -> Digest {
        match &self.list().await.versions[tenant] {
            Version::Policy(digest) => *digest,
            other => panic!("{other:?}"),
        }
    }

    async fn problems(&self, tenant: &str) -> String {
        match &self.list().await.versions[tenant] {
            Version::Unreadable(problems) => problems.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Waits for a change, and fails after a minute.
    async fn changed(&self) -> Change {
        tokio::time::timeout(Duration::from_secs(60), self.source.changed()).await.expect("no change was reported")
    }
}

fn digest_of(files: &[(&str, &str)]) -> Digest {
    let files = files.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned().into()));
    Folder::new(files.collect()).digest()
}

fn tenants(names: &[&str]) -> Change {
    Change::Tenants(names.iter().map(|name| name.parse().unwrap()).collect())
}

#[tokio::test]
async fn the_tenants_are_the_folders_with_their_digests() {
    let world = World::new(options());
    world.write("acme/policy.toml", "one");
    world.write("acme/data/list.json", "[]");
    world.write("acme/.git/HEAD", "ignored");
    world.write("other/policy.toml", "two");
    world.write("Not A Tenant/policy.toml", "three");
    world.write(".hidden/policy.toml", "four");
    world.write("README.md", "five");
    let listing = world.list().await;
    let acme = digest_of(&[("policy.toml", "one"), ("data/list.json", "[]")]);
    let other = digest_of(&[("policy.toml", "two")]);
    let expected = [("acme", acme), ("other", other)];
    let expected = expected.map(|(name, digest)| (name.parse().unwrap(), Version::Policy(digest)));
    assert_eq!(listing.versions, BTreeMap::from(expected));
    assert_eq!(listing.problems.iter().map(|problem| &*problem.file).collect::<Vec<_>>(), ["Not A Tenant"]);
    let folder = world.source.read(&"acme".parse().unwrap()).await.unwrap();
    assert_eq!(folder.digest(), acme);
    let some = world.source.list(&tenants(&["other", "nobody"])).await.unwrap();
    assert_eq!(some.versions.into_keys().map(|name| name.to_string()).collect::<Vec<_>>(), ["other"]);
}

#[tokio::test]
async fn a_folder_is_read_again_only_if_its_metadata_changed() {
    let world = World::new(options());
    for index in 0..200 {
        world.write(&format!("t{index}/policy.toml"), "one");
    }
    // Fresh files are read twice, and not trusted yet.
    world.list().await;
    assert_eq!(world.source.readings(), 400);
    tokio::time::sleep(COARSE).await;
    world.list().await;
    let before = world.source.readings();
    assert_eq!(before, 600);
    world.list().await;
    assert_eq!(world.source.readings(), before);
    world.write("t7/policy.toml", "two");
    assert_eq!(world.digest("t7").await, digest_of(&[("policy.toml", "two")]));
    assert_eq!(world.source.readings(), before + 2);
}

/// Longer than the coarsest clock of a file system.
const COARSE: Duration = Duration::from_millis(2_100);

#[tokio::test]
async fn a_change_of_the_same_size_and_time_is_found() {
    let world = World::new(options());
    world.write("acme/policy.toml", "one");
    world.age("acme/policy.toml");
    let before = world.digest("acme").await;
    world.write("acme/policy.toml", "two");
    world.age("acme/policy.toml");
    assert_ne!(world.digest("acme").await, before);
}

#[tokio::test]
async fn a_content_that_keeps_changing_is_not_taken() {
    // So long that the writer writes in between on a busy machine too.
    let world = World::new(FolderOptions { settle: Duration::from_millis(500), ..options() });
    world.write("acme/policy.toml", "0");
    world.write("other/policy.toml", "calm");
    let path = world.path("acme/policy.toml");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let writer = std::thread::spawn(move || {
        let mut count = 0_u64;
        while stopped.recv_timeout(Duration::from_millis(2)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            count += 1;
            fs::write(&path, count.to_string()).unwrap();
        }
    });
    let listing = world.list().await;
    assert_eq!(listing.versions["acme"], Version::Changing);
    assert!(matches!(listing.versions["other"], Version::Policy(_)));
    // It rests, so that it does not delay the others.
    assert!(lock(&world.source.0.changing).contains_key("acme"));
    let reported = async |tenant: &str| loop {
        match world.changed().await {
            Change::Tenants(tenants) if !tenants.contains(tenant) => {}
            _ => return,
        }
    };
    world.write("other/policy.toml", "new");
    reported("other").await;
    drop(stop);
    writer.join().unwrap();
    reported("acme").await;
    assert!(matches!(world.list().await.versions["acme"], Version::Policy(_)));
}

#[tokio::test]
async fn a_change_is_reported_soon() {
    let world = World::new(options());
    world.write("acme/policy.toml", "one");
    world.write("acme/data/list", "one");
    world.list().await;
    world.write("acme/policy.toml", "two");
    assert_eq!(world.changed().await, tenants(&["acme"]));
    world.write("acme/data/list", "two");
    assert_eq!(world.changed().await, tenants(&["acme"]));
    fs::remove_file(world.path("acme/data/list")).unwrap();
    assert_eq!(world.changed().await, tenants(&["acme"]));
    world.write("other/policy.toml", "one");
    assert_eq!(world.changed().await, Change::All);
    world.list().await;
    fs::rename(world.path("other"), world.path("renamed")).unwrap();
    assert_eq!(world.changed().await, Change::All);
}

#[tokio::test]
async fn a_check_reports_no_change_of_its_own() {
    let world = World::new(options());
    world.write("acme/policy.toml", "one");
    world.list().await;
    let _ = world.source.0.watches.as_ref().unwrap().take();
    world.list().await;
    world.source.read(&"acme".parse().unwrap()).await.unwrap();
    // An event of the check would come before that of this change.
    world.write("other/policy.toml", "one");
    assert_eq!(world.changed().await, Change::All);
}

#[tokio::test]
async fn without_watches_the_periodic_check_finds_every_change() {
    let world = World::new(FolderOptions { watch: false, period: Duration::from_millis(1), ..options() });
    world.write("acme/policy.toml", "one");
    let before = world.digest("acme").await;
    world.write("acme/policy.toml", "two");
    assert_eq!(world.changed().await, Change::All);
    assert_ne!(world.digest("acme").await, before);
    // Once in a while every content is read, whatever its metadata.
    world.source.0.remember(&"acme".parse().unwrap(), Some(Digest::of("stamp")), &Version::Policy(before));
    let is_trusted = || lock(&world.source.0.known).values().any(|known| known.stamp.is_some());
    assert!(is_trusted());
    for _ in 0..CHECKS_BETWEEN_READINGS {
        assert_eq!(world.changed().await, Change::All);
    }
    assert!(!is_trusted());
}

/// Kubernetes writes a new folder beside the old one, and swaps the link `..data`.
fn swap(root: &Path, version: &str) {
    symlink(version, root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
}

#[tokio::test]
async fn a_volume_of_kubernetes_is_swapped_as_a_whole() {
    // A volume for each tenant, and one for all tenants.
    for is_shared in [false, true] {
        let world = World::new(options());
        let volume = if is_shared { "" } else { "acme/" };
        let inside = if is_shared { "acme/" } else { "" };
        for version in ["one", "two"] {
            for file in ["policy.toml", "list"] {
                world.write(&format!("{volume}..{version}/{inside}{file}"), version);
            }
        }
        swap(&world.path(volume), "..one");
        if is_shared {
            symlink("..data/acme", world.path("acme")).unwrap();
        } else {
            for file in ["policy.toml", "list"] {
                symlink(format!("..data/{file}"), world.path(&format!("acme/{file}"))).unwrap();
            }
        }
        let of = |version: &str| digest_of(&[("policy.toml", version), ("list", version)]);
        assert_eq!(world.digest("acme").await, of("one"));
        swap(&world.path(volume), "..two");
        assert_eq!(world.changed().await, if is_shared { Change::All } else { tenants(&["acme"]) });
        assert_eq!(world.digest("acme").await, of("two"));
        fs::remove_dir_all(world.path(&format!("{volume}..one"))).unwrap();
        assert_eq!(world.digest("acme").await, of("two"));
    }
}

#[tokio::test]
async fn the_root_may_be_a_link_that_is_swapped() {
    let world = World::new(options());
    world.write("one/acme/policy.toml", "one");
    world.write("two/acme/policy.toml", "two");
    world.write("two/new/policy.toml", "two");
    symlink("one", world.path("current")).unwrap();
    let source = Folders::new(world.path("current"), options());
    let list = || async { source.list(&Change::All).await.unwrap().versions };
    assert_eq!(list().await.len(), 1);
    symlink("two", world.path("next")).unwrap();
    fs::rename(world.path("next"), world.path("current")).unwrap();
    let changed = tokio::time::timeout(Duration::from_secs(60), source.changed()).await.unwrap();
    assert_eq!((changed, list().await.len()), (Change::All, 2));
    // The new root is watched too.
    world.write("two/acme/policy.toml", "three");
    let changed = tokio::time::timeout(Duration::from_secs(60), source.changed()).await.unwrap();
    assert_eq!(changed, tenants(&["acme"]));
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_is_a_problem_of_its_tenant() {
    let world = World::new(options());
    for tenant in ["good", "neighbor", "circle"] {
        world.write(&format!("{tenant}/policy.toml"), "one");
    }
    symlink("../good/policy.toml", world.path("neighbor/list")).unwrap();
    symlink("nothing", world.path("gone")).unwrap();
    symlink(".", world.path("circle/again")).unwrap();
    symlink("good/policy.toml", world.path("link")).unwrap();
    let expected =
        [("neighbor", "leads out"), ("gone", "cannot be read"), ("circle", "levels"), ("link", "cannot be read")];
    for (tenant, problem) in expected {
        let problems = world.problems(tenant).await;
        assert!(problems.contains(problem), "{tenant}: {problems}");
    }
    assert_eq!(world.digest("good").await, digest_of(&[("policy.toml", "one")]));
}

#[tokio::test]
async fn a_root_that_is_gone_or_too_large_is_an_error() {
    let world = World::new(FolderOptions { tenants: 2, ..options() });
    for tenant in ["a", "b"] {
        world.write(&format!("{tenant}/policy.toml"), "one");
    }
    assert_eq!(world.list().await.versions.len(), 2);
    world.write("c/policy.toml", "one");
    let error = world.source.list(&Change::All).await.unwrap_err().to_string();
    assert!(error.contains("more than 2 tenants"), "{error}");
    fs::remove_dir_all(world.path("")).unwrap();
    let error = world.source.list(&Change::All).await.unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn a_walk_follows_no_link_out_of_the_folder() {
    let world = World::new(options());
    world.write("acme/policy.toml", "");
    world.write("acme/real/data", "");
    let outside = world.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    symlink(&outside, world.path("acme/out")).unwrap();
    symlink("real", world.path("acme/in")).unwrap();
    let walk = || walk::Walk::over(&world.path("acme"));
    let before = walk();
    let root = fs::canonicalize(world.path("acme")).unwrap();
    assert!(before.folders.contains(&root) && before.folders.contains(&root.join("real")), "{:?}", before.folders);
    assert!(before.folders.iter().all(|folder| folder.starts_with(&root)), "{:?}", before.folders);
    // Nothing behind the link was looked at, not even its time.
    fs::write(outside.join("data"), "").unwrap();
    assert_eq!(walk().stamp, before.stamp);
    fs::write(world.path("acme/in/data"), "changed").unwrap();
    assert_ne!(walk().stamp, before.stamp);
}
