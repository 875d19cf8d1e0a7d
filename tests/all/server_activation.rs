//! Activation from a folder: reloads, refusals, and restarts.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use guardhouse::Digest;
use guardhouse_server::decided::DenialCause;
use guardhouse_server::source::folders::FolderOptions;
use guardhouse_server::tenants::status::{Durability, Origin};
use guardhouse_tests::guest::assemble;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::harness::policies::{Policies, replace, scope_policy};
use crate::harness::{fixture, host, nobody, somebody};
use crate::isolated::survives;

#[tokio::test]
async fn a_changed_file_is_active_soon() {
    let policies = Policies::new();
    policies.needs_scope("acme", "read");
    let server = policies.serve(host()).await;
    assert!(server.allows("acme", &somebody(&["read"])).await);
    policies.needs_scope("acme", "write");
    server.until("the new policy is active", |server| server.results("acme").len() == 2).await;
    assert!(server.allows("acme", &somebody(&["write"])).await);
    policies.needs_scope("new", "read");
    server.until("the new tenant is active", |server| server.results("new") == ["activated"]).await;
    std::fs::remove_dir_all(policies.path("new")).unwrap();
    server.until("the tenant is removed", |server| server.tenants.len() == 1).await;
    let decided = server.tenants.decide("new", &somebody(&["read"]), None).await;
    assert_eq!(decided.cause, Some(DenialCause::UnknownTenant));
}

#[tokio::test]
async fn each_fault_of_a_policy_leaves_the_old_one_with_its_reason() {
    let policies = Policies::new();
    policies.needs_scope("acme", "read");
    let server = policies.serve(host()).await;
    let path = policies.path("acme/policy.toml");
    let good = scope_policy("write");
    let faults = [
        ("version = 1\n[[rules", "policy.toml:2"),
        (&*good.replace("scopes = [", "scope = ["), "checks.scopes"),
        (&*good.replace("builtin:require-scopes", "missing.wasm"), "missing.wasm"),
        (&*good.replace("version = 1", "version = 2"), "version"),
    ];
    for (policy, reason) in faults {
        replace(&path, policy);
        server.until("it is refused", |server| server.refused("acme").contains(reason)).await;
        assert!(server.allows("acme", &somebody(&["read"])).await, "{policy}");
    }
    // A policy that is good, and whose cases say that it must not be.
    let case = "[[cases]]\nname = \"anybody\"\ndecision = \"allow\"\n\
                context = { component = { kind = \"tool\", name = \"t\" } }\n";
    policies.write("acme/cases.toml", case);
    replace(&path, &good);
    server.until("its case fails", |server| server.refused("acme").contains("the case `anybody` fails")).await;
    assert!(server.allows("acme", &somebody(&["read"])).await);
    // A file that a plugin must be, and is not.
    policies.write("acme/check.wasm", "no plugin");
    replace(
        &path,
        "version = 1\n[checks.a]\nplugin = \"check.wasm\"\n[[rules]]\nname = \"all\"\nwhen = {}\ncheck = \"a\"\n",
    );
    server.until("the plugin is refused", |server| server.refused("acme").contains("WebAssembly")).await;
    // No file at all.
    std::fs::remove_file(&path).unwrap();
    server.until("the file is missing", |server| server.refused("acme").contains("does not exist")).await;
    assert!(server.allows("acme", &somebody(&["read"])).await);

    std::fs::remove_file(policies.path("acme/cases.toml")).unwrap();
    policies.write("acme/policy.toml", good);
    server.until("it is active", |server| server.refused("acme").is_empty()).await;
    assert!(server.allows("acme", &somebody(&["write"])).await);
}

#[tokio::test]
async fn broken_deleted_and_renamed_at_once_leaves_the_old_policies() {
    let policies = Policies::new();
    for tenant in ["a", "b", "c"] {
        policies.needs_scope(tenant, tenant);
    }
    let server = policies.serve(host()).await;
    replace(&policies.path("a/policy.toml"), "broken");
    std::fs::remove_file(policies.path("b/policy.toml")).unwrap();
    std::fs::rename(policies.path("c"), policies.path("d")).unwrap();
    server
        .until("all is noticed", |server| {
            let refused = ["a", "b"].iter().all(|tenant| !server.refused(tenant).is_empty());
            refused && server.results("d") == ["activated"] && server.tenants.len() == 3
        })
        .await;
    for (tenant, scope) in [("a", "a"), ("b", "b"), ("d", "c")] {
        assert!(server.allows(tenant, &somebody(&[scope])).await);
        assert!(!server.allows(tenant, &nobody()).await);
    }
    // The whole root vanishes, as when a volume is unmounted.
    std::fs::rename(policies.root(), policies.root().with_extension("away")).unwrap();
    server.until("the root is gone", |server| server.tenants.readiness().source_problem.is_some()).await;
    std::fs::create_dir(policies.root()).unwrap();
    server
        .until("the root is empty", |server| {
            server.tenants.readiness().source_problem.is_some_and(|problem| problem.contains("no tenants"))
        })
        .await;
    assert_eq!(server.tenants.len(), 3);
    assert!(server.allows("a", &somebody(&["a"])).await);
}

#[tokio::test]
async fn a_restart_without_its_folder_serves_the_last_good_policies() {
    let policies = Policies::new();
    policies.needs_scope("acme", "read");
    policies.of_fixture("other", "token");
    let server = policies.serve(host()).await;
    server
        .until("all is written down", |server| {
            let written = |tenant: &str| policies.state().join("tenants").join(tenant).exists();
            written("acme") && written("other") && server.tenants.len() == 2
        })
        .await;
    server.stop().await;
    std::fs::remove_dir_all(policies.root()).unwrap();
    let server = policies.serve(host()).await;
    assert!(server.allows("acme", &somebody(&["read"])).await && server.allows("other", &somebody(&[])).await);
    let readiness = server.tenants.readiness();
    assert_eq!((readiness.tenants, readiness.last_good, readiness.without_policy), (2, 2, 0));
    assert!(readiness.is_degraded() && readiness.is_started);
    let origin = |tenant: &str| server.tenants.status_of(tenant).unwrap().active.unwrap().origin;
    assert_eq!((origin("acme"), origin("other")), (Origin::LastGood, Origin::LastGood));
}

#[tokio::test]
async fn a_plugin_file_that_is_swapped_after_it_was_pinned_never_decides() {
    let plugin = |name: &str| assemble(&fixture(name)).unwrap();
    let policies = Policies::new();
    policies.write("acme/check.wasm", plugin("token"));
    let pinned = |digest: Digest| {
        format!(
            "version = 1\n[checks.a]\nplugin = \"check.wasm\"\ndigest = \"{digest}\"\n\
             [[rules]]\nname = \"all\"\nwhen = {{}}\ncheck = \"a\"\n"
        )
    };
    policies.write("acme/policy.toml", pinned(Digest::of(plugin("token"))));
    let server = policies.serve(host()).await;
    assert!(!server.allows("acme", &nobody()).await && server.allows("acme", &somebody(&[])).await);
    server.until("it is written down", |_| policies.state().join("tenants/acme").exists()).await;

    // By another file of the same name, and by another content of the same file.
    let path = policies.path("acme/check.wasm");
    std::fs::write(path.with_extension("new"), plugin("allow")).unwrap();
    std::fs::rename(path.with_extension("new"), &path).unwrap();
    server.until("it is refused", |server| server.refused("acme").contains("has another digest")).await;
    policies.write("acme/check.wasm", plugin("counter"));
    server.until("it is refused too", |server| server.results("acme").len() == 3).await;
    assert_eq!(server.results("acme"), ["activated", "refused", "refused"]);
    assert!(!server.allows("acme", &nobody()).await && server.allows("acme", &somebody(&[])).await);

    // A restart serves the bytes that were pinned, which the last good policy has.
    server.stop().await;
    let server = policies.serve(host()).await;
    assert!(!server.allows("acme", &nobody()).await && server.allows("acme", &somebody(&[])).await);
    assert_eq!(server.tenants.status_of("acme").unwrap().active.unwrap().origin, Origin::LastGood);
    server.until("it is refused again", |server| server.refused("acme").contains("has another digest")).await;

    // Only whoever may write the policy can pin another one.
    policies.write("acme/policy.toml", pinned(Digest::of(plugin("counter"))));
    server
        .until("it is active", |server| {
            server.tenants.status_of("acme").unwrap().active.unwrap().origin == Origin::Source
        })
        .await;
    assert!(server.allows("acme", &nobody()).await);
}

#[tokio::test]
async fn two_servers_share_a_state_folder() {
    let policies = Policies::new();
    policies.needs_scope("acme", "read");
    let (one, two) = (policies.serve(host()).await, policies.serve(host()).await);
    for scope in ["a", "b", "c"] {
        policies.needs_scope("acme", scope);
        let is_active = |server: &crate::harness::policies::Server| server.refused("acme").is_empty();
        for server in [&one, &two] {
            let context = somebody(&[scope]);
            server.until("it is noticed", is_active).await;
            while !server.allows("acme", &context).await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
    // A policy is written down after it is active.
    let is_written = |server: &crate::harness::policies::Server| {
        let active = server.tenants.status_of("acme").and_then(|status| status.active);
        active.is_some_and(|active| active.durability == Durability::Written)
    };
    for server in [one, two] {
        server.until("it is written down", is_written).await;
        server.stop().await;
    }
    std::fs::remove_dir_all(policies.root()).unwrap();
    let server = policies.serve(host()).await;
    assert!(server.allows("acme", &somebody(&["c"])).await);
}

#[tokio::test]
async fn a_kubernetes_volume_is_reloaded_when_it_is_swapped() {
    let policies = Policies::new();
    for (version, scope) in [("..one", "read"), ("..two", "write")] {
        policies.write(&format!("{version}/acme/policy.toml"), scope_policy(scope));
    }
    let swap = |version: &str| {
        symlink(version, policies.path("..data_tmp")).unwrap();
        std::fs::rename(policies.path("..data_tmp"), policies.path("..data")).unwrap();
    };
    swap("..one");
    symlink("..data/acme", policies.path("acme")).unwrap();
    let server = policies.serve(host()).await;
    assert!(server.allows("acme", &somebody(&["read"])).await);
    swap("..two");
    std::fs::remove_dir_all(policies.path("..one")).unwrap();
    server.until("it is active", |server| server.results("acme").len() == 2).await;
    assert!(server.allows("acme", &somebody(&["write"])).await);
}

#[test]
fn tenants_whose_plugins_never_start_leave_the_others_their_policies() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(beside_plugins_that_never_start());
}

async fn beside_plugins_that_never_start() {
    let policies = Policies::new();
    let greedy = ["a", "b", "c", "d"];
    greedy.iter().for_each(|tenant| policies.of_fixture(tenant, "start-loop"));
    policies.needs_scope("z", "read");
    let server = policies.serve(host()).await;
    for tenant in greedy {
        assert_eq!(server.results(tenant), ["refused"]);
        assert!(server.refused(tenant).contains("processor time"), "{}", server.refused(tenant));
    }
    assert!(server.allows("z", &somebody(&["read"])).await);
    // Again, with other policies of the same plugins.
    for tenant in greedy {
        policies.write(&format!("{tenant}/other"), "");
    }
    policies.needs_scope("z", "write");
    server.until("the new policy is active", |server| server.results("z").len() == 2).await;
    assert!(server.allows("z", &somebody(&["write"])).await);
}

#[test]
fn a_change_that_comes_while_there_are_no_descriptors_is_active_once_there_are_some() {
    survives("server_activation::without_descriptors");
}

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn without_descriptors() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let policies = Policies::new();
        policies.needs_scope("acme", "read");
        policies.needs_scope("other", "read");
        let options = FolderOptions { period: Duration::from_millis(100), ..FolderOptions::default() };
        let server = policies.serve_with(host(), options).await;
        let new = policies.state().join("new");
        std::fs::write(&new, scope_policy("write")).unwrap();
        let limit = Rlimit { current: Some(200), maximum: getrlimit(Resource::Nofile).maximum };
        setrlimit(Resource::Nofile, limit).unwrap();
        let all: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        std::fs::rename(&new, policies.path("acme/policy.toml")).unwrap();
        server.until("it cannot be read", |server| server.tenants.readiness().source_problem.is_some()).await;
        for tenant in ["acme", "other"] {
            assert!(server.allows(tenant, &somebody(&["read"])).await);
            assert!(!server.allows(tenant, &somebody(&["write"])).await);
        }
        assert_eq!(server.tenants.len(), 2);
        drop(all);
        server
            .until("it is active", |server| {
                server.results("acme").iter().filter(|result| **result == "activated").count() == 2
            })
            .await;
        assert!(server.allows("acme", &somebody(&["write"])).await);
        assert!(!server.allows("acme", &somebody(&["read"])).await);
        server.until("all is well", |server| !server.tenants.readiness().is_degraded()).await;
        assert!(server.refused("acme").is_empty() && server.refused("other").is_empty());
        assert_eq!(server.tenants.status_of("other").unwrap().active.unwrap().policy.generation, 1);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_no_request() {
    let policies = Policies::new();
    policies.needs_scope("acme", "read");
    let options = FolderOptions { settle: Duration::from_millis(5), ..FolderOptions::default() };
    let server = policies.serve_with(host(), options).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (tenants, over) = (server.tenants.clone(), Arc::clone(&is_over));
    let asking = tokio::spawn(async move {
        let mut asked = 0_u32;
        while !over.load(Ordering::Relaxed) {
            // Each policy needs one of these, so each allows.
            let decided = tenants.decide("acme", &somebody(&["read", "write"]), None).await;
            assert!(decided.decision.is_allow(), "{decided:?}");
            asked += 1;
        }
        asked
    });
    for reload in 1..=10 {
        replace(&policies.path("acme/policy.toml"), &scope_policy(if reload % 2 == 0 { "read" } else { "write" }));
        server.until("it is active", |server| server.results("acme").len() > reload).await;
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(asking.await.unwrap() > 0);
}
