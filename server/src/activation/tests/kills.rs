//! A process that is killed at each step of an activation: a restart with a broken source finds the old policy or the
//! new one, whole, and never nothing.

use std::path::PathBuf;
use std::process::Command;

use super::world::{World, folder};
use crate::last_good::{DEFAULT_BYTES, LastGood};
use crate::step::tests::KILLED_AT;

const STATE: &str = "GUARDHOUSE_TEST_STATE";

/// Policies with a file that is too large for an entry.
const OLD: &str = "big-old";
const NEW: &str = "big-new";

/// A policy with a file that does not fit on the disk.
const HUGE: &str = "huge-new";

#[tokio::test]
async fn a_process_that_is_killed_at_any_step_leaves_the_old_policy_or_the_new_one() {
    let (mut old, mut new) = (0, 0);
    for step in 0.. {
        assert!(step < 100, "the child never ends by itself");
        let world = World::new().with_state();
        for tenant in ["acme", "gone"] {
            world.keep(tenant, OLD);
        }
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "activation::tests::kills::child", "--ignored", "--nocapture"])
            .env(KILLED_AT, step.to_string())
            .env(STATE, world.state_file(""))
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&child.stdout).into_owned();
        let is_killed = output.contains(&format!("killed at step {step}"));
        assert_ne!(is_killed, child.status.success(), "{output} {}", String::from_utf8_lossy(&child.stderr));

        world.source.empty(true);
        let served = world.serve().await;
        let allowed = (served.allows("acme", OLD).await, served.allows("acme", NEW).await);
        assert!(allowed == (true, false) || allowed == (false, true), "{allowed:?}: {output}");
        assert!(served.tenants.len() == 1 || served.allows("gone", OLD).await, "{output}");
        if allowed.0 {
            old += 1
        } else {
            new += 1
        }
        if !is_killed {
            assert_eq!((allowed, served.tenants.len()), ((false, true), 1));
            break;
        }
    }
    // Reading, loading and writing come before the name of the new entry; only flushing it comes after.
    assert!(old > 10 && new > 2, "{old} {new}");
}

/// Activates a new policy, and ends as soon as it is written down.
#[tokio::test]
#[ignore = "the test above runs it in processes of its own"]
async fn child() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let world = World::at(PathBuf::from(state));
    world.source.set("acme", NEW);
    let served = world.serve().await;
    served.until(|served| served.durable() == 1).await;
    served.until(|_| world.state_entries() == 1).await;
    served.stop().await;
}

/// Like a full disk: no file can become larger than some megabytes. The memory of plugins is files too, so it cannot be
/// less.
#[test]
fn a_policy_that_a_full_disk_cannot_keep_is_active_and_the_old_one_stays_on_the_disk() {
    let state = tempfile::tempdir().unwrap();
    let path = state.path().join("state");
    LastGood::open(&path, DEFAULT_BYTES).unwrap().write(&"acme".parse().unwrap(), &folder(OLD)).unwrap();
    let script = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "activation::tests::kills::child_on_a_full_disk", "--ignored", "--nocapture"])
        .env(STATE, &path)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout).into_owned();
    assert!(child.status.success() && output.contains("active but not durable"), "{output}");
    let state = LastGood::open(&path, DEFAULT_BYTES).unwrap();
    assert_eq!(state.read(&"acme".parse().unwrap()), Ok(Some(folder(OLD))));
    assert_eq!(std::fs::read_dir(path.join("unfinished")).unwrap().count(), 0);
}

#[tokio::test]
#[ignore = "the test above runs it in a process of its own"]
async fn child_on_a_full_disk() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let world = World::at(PathBuf::from(state));
    world.source.set("acme", HUGE);
    let served = world.serve().await;
    served.until(|served| served.tenants.readiness().not_durable == 1).await;
    assert!(served.allows("acme", HUGE).await);
    println!("active but not durable");
}
