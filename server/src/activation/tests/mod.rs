//! Tests of activations, with a source in memory whose policies name scopes.

mod kills;
mod world;

use std::time::Duration;

use guardhouse::{AccessToken, AuthContext, Component, HostLimits, TenantBudget};

use self::world::{Served, TestSource, World};
use super::event::ActivationResult;
use crate::decided::DenialCause;
use crate::tenants::allowance::{Allowance, Allowances};
use crate::tenants::status::{Durability, Origin};

/// A request with a scope.
fn request(scope: &str) -> AuthContext {
    AuthContext::new(Component::tool("t")).with_token(AccessToken::new("client", [scope]))
}

#[tokio::test]
async fn a_change_of_one_tenant_configures_one_check() {
    let tenants = 200;
    let world = World::new();
    let names: Vec<String> = (0..tenants).map(|index| format!("t{index}")).collect();
    names.iter().for_each(|name| world.source.set(name, "read"));
    let served = world.serve().await;
    assert_eq!(served.counts(), (1, tenants, 0), "the tenants share the built-in plugin");
    assert_eq!(served.tenants.len(), 200);
    assert!(served.allows("t7", "read").await && !served.allows("t7", "write").await);

    served.forget_events();
    world.source.set("t7", "write");
    served.until(|served| served.activated("t7") == 1).await;
    assert_eq!(served.counts(), (0, 1, 0));
    assert!(served.allows("t7", "write").await && served.allows("t8", "read").await);
    let status = served.tenants.status();
    assert!(status.iter().all(|status| status.refused.is_none() && status.checks.len() == 1));
    assert_eq!(served.id("t7").generation, 2);
    assert_eq!(served.id("t8").generation, 1);
}

#[tokio::test]
async fn a_tenant_that_the_host_cannot_bound_is_denied() {
    let budget = TenantBudget { checks: Some(5), ..TenantBudget::default() };
    let bounds = Allowances { default: Allowance { budget, ..Allowance::default() }, ..Allowances::default() };
    let limits = HostLimits { tenants: 1, instances: 4, ..HostLimits::default() };
    let world = World::new().with_bounds(limits, bounds.clone());
    world.source.set("acme", "read");
    let served = world.serve().await;
    assert!(served.allows("acme", "read").await);
    world.source.set("late", "read");
    served.until(|served| served.refused("late") == 1).await;
    assert!(served.last_problems("late")[0].message.contains("no room"), "{:?}", served.events("late"));
    assert!(!served.allows("late", "read").await && served.allows("acme", "read").await);
    assert_eq!(served.tenants.readiness().without_policy, 1);
    // There is room once the first is gone.
    world.source.remove("acme");
    served.until(|served| served.tenants.len() == 1).await;
    world.source.poke();
    served.until(|served| served.activated("late") == 1).await;
    assert!(served.allows("late", "read").await);
    // Also a tenant that decides already is denied, if it cannot be bounded from some time on.
    served.tenants.set_allowances(Allowances::default());
    world.source.set("acme", "read");
    served.until(|served| served.activated("acme") == 2).await;
    served.tenants.set_allowances(bounds);
    let (acme, late) = (served.allows("acme", "read").await, served.allows("late", "read").await);
    assert!(acme != late, "the host keeps one of them: {acme} {late}");
}

#[tokio::test]
async fn the_newest_allowances_are_given_also_to_tenants_that_are_added_meanwhile() {
    let tenants = crate::tenants::Tenants::new(world::host().clone());
    let of = |checks| {
        let budget = TenantBudget { checks: Some(checks), ..TenantBudget::default() };
        Allowances { default: Allowance { budget, ..Allowance::default() }, ..Allowances::default() }
    };
    let names: Vec<crate::tenant_name::TenantName> =
        (0..500).map(|index| format!("added{index}").parse().unwrap()).collect();
    std::thread::scope(|scope| {
        scope.spawn(|| names.iter().for_each(|name| drop(tenants.add(name))));
        (1..=200).for_each(|checks| tenants.set_allowances(of(checks)));
    });
    for name in &names {
        assert_eq!(tenants.host().tenant(name.as_str()).budget().checks, Some(200));
        tenants.remove(name);
    }
}

#[tokio::test]
async fn a_tenant_that_is_never_ready_keeps_no_server_from_starting() {
    let world = World::new().with_start_patience(Duration::from_millis(1));
    world.source.hold("endless");
    world.source.set("endless", "read");
    world.source.set("acme", "read");
    let served = world.serve().await;
    served.until(|served| served.activated("acme") == 1).await;
    assert!(world.source.is_held("endless"));
    assert!(served.tenants.is_started());
    world.source.release("endless");
    served.until(|served| served.activated("endless") == 1).await;
}

#[tokio::test]
async fn a_policy_that_is_not_loaded_in_time_is_refused_and_leaves_its_job_to_others() {
    // All jobs are taken by tenants whose policies are never read.
    let world = World::new().with_jobs(2, Duration::from_millis(500));
    for name in ["slow1", "slow2", "slow3"] {
        world.source.hold(name);
        world.source.set(name, "read");
    }
    world.source.set("z", "read");
    let served = world.serve().await;
    // On a slow machine, it may take more than one attempt too.
    let poked = |served: &Served, name: &str| {
        world.source.poke();
        served.activated(name) == 1
    };
    served.until(|served| poked(served, "z")).await;
    assert!(served.allows("z", "read").await);
    for name in ["slow1", "slow2", "slow3"] {
        assert!(served.refused(name) >= 1 && served.tenants.snapshot(name).is_err());
        let problem = served.last_problems(name)[0].to_string();
        assert!(problem.contains("not loaded within 500ms"), "{problem}");
    }
    // It is tried again when the source is listed, also if it has not changed.
    world.source.release("slow2");
    served.until(|served| poked(served, "slow2")).await;
    assert!(served.allows("slow2", "read").await);
}

#[tokio::test]
async fn a_last_good_policy_is_restored_if_the_new_one_is_not_loaded_in_time() {
    let world = World::new().with_state().with_jobs(1, Duration::from_millis(500));
    world.keep("acme", "read");
    world.source.hold("acme");
    world.source.set("acme", "write");
    let served = world.serve().await;
    served
        .until(|served| {
            world.source.poke();
            served.activated("acme") == 1
        })
        .await;
    assert!(served.allows("acme", "read").await && served.refused("acme") >= 1);
}

#[tokio::test]
async fn what_did_not_change_in_a_policy_is_reused() {
    let world = World::new();
    world.source.set("acme", "a b c");
    let served = world.serve().await;
    assert_eq!(served.counts(), (1, 3, 0));
    served.forget_events();
    world.source.set("acme", "a x c");
    served.until(|served| served.activated("acme") == 1).await;
    assert_eq!(served.counts(), (0, 1, 2));
}

#[tokio::test]
async fn a_broken_policy_is_refused_once_and_the_old_one_stays() {
    let world = World::new();
    world.source.set("acme", "read");
    let served = world.serve().await;
    let good = served.id("acme");
    // A text that is no policy, and a policy whose check cannot be configured.
    for broken in ["broken", "configure-fails"] {
        served.forget_events();
        world.source.set("acme", broken);
        served.until(|served| served.refused("acme") == 1).await;
        assert!(served.allows("acme", "read").await);
        let status = served.tenants.status_of("acme").unwrap();
        assert_eq!((status.active.unwrap().policy, status.wanted), (good, Some(world.source.digest("acme"))));
        assert_eq!(status.refused.as_ref().unwrap().digest, status.wanted);
        assert_eq!(served.tenants.readiness().refused, 1);
        assert!(served.tenants.readiness().is_degraded());
        // It is not read again.
        let reads = world.source.reads();
        for _ in 0..3 {
            world.source.poke();
            served.listed().await;
        }
        assert_eq!((world.source.reads(), served.refused("acme")), (reads, 1));
    }
    // Until it changes, or the operator says so.
    served.tenants.retry_refused();
    world.source.poke();
    served.until(|served| served.refused("acme") == 2).await;
    world.source.set("acme", "write");
    served.until(|served| served.activated("acme") == 1).await;
    assert!(served.allows("acme", "write").await);
    assert!(!served.tenants.readiness().is_degraded());
    assert_eq!(served.id("acme").generation, 2, "a refused policy has no number");
}

#[tokio::test]
async fn the_policy_before_the_broken_one_is_active_without_work() {
    let world = World::new();
    world.source.set("acme", "read");
    let served = world.serve().await;
    world.source.set("acme", "broken");
    served.until(|served| served.refused("acme") == 1).await;
    served.forget_events();
    world.source.set("acme", "read");
    served.until(|served| !served.tenants.readiness().is_degraded()).await;
    assert_eq!(served.counts(), (0, 0, 0));
    assert_eq!(served.id("acme").generation, 1);
}

#[tokio::test]
async fn a_newer_policy_wins_over_one_that_is_loading() {
    let world = World::new();
    world.source.set("acme", "read");
    let served = world.serve().await;
    world.source.hold("acme");
    world.source.set("acme", "slow");
    served.until(|_| world.source.is_held("acme")).await;
    world.source.set("acme", "write");
    served.until(|served| served.wanted("acme") == Some(world.source.digest("acme"))).await;
    world.source.release("acme");
    served.until(|served| served.activated("acme") == 2).await;
    let results: Vec<_> = served.results("acme");
    assert_eq!(results, ["activated", "superseded", "activated"]);
    assert!(served.allows("acme", "write").await);
}

#[tokio::test]
async fn a_tenant_without_a_policy_and_an_unknown_one_are_denied_alike() {
    let world = World::new();
    world.source.set("acme", "broken");
    world.source.set("other", "read");
    let served = world.serve().await;
    for (tenant, cause) in [("acme", DenialCause::NoPolicy), ("nobody", DenialCause::UnknownTenant)] {
        let single = served.tenants.decide(tenant, &request("read"), None).await;
        let mut batch = served.tenants.decide_batch(tenant, &[request("read"), request("b")], None).await;
        assert_eq!(batch.len(), 2);
        batch.push(single);
        for decided in batch {
            assert_eq!(decided.cause, Some(cause));
            let denial = decided.decision.denial().unwrap();
            assert_eq!((denial.message.as_deref(), denial.missing_scopes.len(), denial.id), (None, 0, decided.id));
        }
    }
    assert_eq!(served.tenants.readiness().without_policy, 1);
}

#[tokio::test]
async fn a_tenant_is_removed_only_while_the_source_has_others() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.source.set(name, "read");
    }
    let served = world.serve().await;
    world.source.remove("c");
    served.until(|served| served.tenants.len() == 2).await;
    assert_eq!(served.tenants.decide("c", &request("read"), None).await.cause, Some(DenialCause::UnknownTenant));

    // Empty, and unreadable: both keep everything.
    for is_broken in [false, true] {
        world.source.empty(is_broken);
        served.until(|served| served.tenants.readiness().source_problem.is_some()).await;
        assert_eq!(served.tenants.len(), 2);
        assert!(served.allows("a", "read").await && served.tenants.readiness().is_degraded());
        world.source.set("a", "read");
        world.source.set("b", "read");
        served.until(|served| served.tenants.readiness().source_problem.is_none()).await;
    }
    assert_eq!(served.results("a"), ["activated"], "nothing was loaded again");
}

#[tokio::test]
async fn broken_deleted_and_renamed_at_once_leaves_the_old_policies() {
    let world = World::new();
    for name in ["a", "b", "c"] {
        world.source.set(name, name);
    }
    let served = world.serve().await;
    world.source.change(|tenants| {
        tenants.insert("a".to_owned(), Ok("broken".to_owned()));
        tenants.insert("b".to_owned(), Err("`policy.toml` does not exist".to_owned()));
        let renamed = tenants.remove("c").unwrap();
        tenants.insert("d".to_owned(), renamed);
    });
    served.until(|served| served.refused("a") + served.refused("b") + served.activated("d") == 3).await;
    assert!(served.allows("a", "a").await && served.allows("b", "b").await && served.allows("d", "c").await);
    assert_eq!(served.wanted("b"), None);
    // A folder that can be read again with the same content is active without work.
    served.forget_events();
    world.source.set("b", "b");
    served.until(|served| served.tenants.readiness().refused == 1).await;
    assert_eq!(served.counts(), (0, 0, 0));
}

#[tokio::test]
async fn a_restart_with_a_broken_source_serves_the_last_good_policies() {
    let world = World::new().with_state();
    world.source.set("acme", "read");
    world.source.set("gone", "read");
    let served = world.serve().await;
    served.until(|served| served.durable() == 2).await;
    world.source.remove("gone");
    served.until(|served| served.tenants.len() == 1).await;
    served.until(|_| world.state_entries() == 1).await;
    served.stop().await;

    // The tenant's policy is broken.
    world.source.set("acme", "broken");
    world.source.set("new", "broken");
    let served = world.serve().await;
    assert!(served.allows("acme", "read").await);
    let status = served.tenants.status_of("acme").unwrap();
    let active = status.active.unwrap();
    assert_eq!((active.origin, active.durability), (Origin::LastGood, Durability::Written));
    assert!(status.refused.is_some());
    let readiness = served.tenants.readiness();
    assert_eq!((readiness.is_started, readiness.last_good, readiness.without_policy), (true, 1, 1));
    served.stop().await;

    // The whole source is empty, or cannot be read.
    for is_broken in [false, true] {
        world.source.empty(is_broken);
        let served = world.serve().await;
        assert!(served.allows("acme", "read").await);
        assert_eq!(served.tenants.len(), 1, "a tenant without a last good policy is unknown");
        assert!(served.tenants.readiness().source_problem.is_some());
        // The source comes back with the same policy: it need not be loaded again.
        world.source.set("acme", "read");
        served.until(|served| !served.tenants.readiness().is_degraded()).await;
        assert_eq!(served.counts().1, 1);
        served.stop().await;
    }
}

#[tokio::test]
async fn a_damaged_last_good_policy_is_never_used() {
    let world = World::new().with_state();
    world.source.set("acme", "read");
    let served = world.serve().await;
    served.until(|served| served.durable() == 1).await;
    served.stop().await;
    world.damage_state("acme");
    world.source.empty(true);
    let served = world.serve().await;
    assert_eq!(served.tenants.decide("acme", &request("read"), None).await.cause, Some(DenialCause::NoPolicy));
    let refused = served.last_problems("acme");
    assert!(refused.iter().any(|problem| problem.to_string().contains("damaged")), "{refused:?}");
    served.stop().await;
    // It is written over as soon as there is a good one.
    world.source.set("acme", "write");
    let served = world.serve().await;
    served.until(|served| served.durable() == 1).await;
    assert!(served.allows("acme", "write").await);
}

#[tokio::test]
async fn a_policy_that_cannot_be_written_down_is_active_and_the_status_says_so() {
    let world = World::new().with_state();
    world.source.set("acme", "read");
    let served = world.serve().await;
    served.until(|served| served.durable() == 1).await;
    world.block_state("acme");
    world.source.set("acme", "write");
    served.until(|served| served.tenants.readiness().not_durable == 1).await;
    assert!(served.allows("acme", "write").await && served.tenants.readiness().is_degraded());
    let active = served.tenants.status_of("acme").unwrap().active.unwrap();
    assert!(matches!(active.durability, Durability::Failed { .. }), "{active:?}");
    assert_eq!(served.results("acme"), ["activated", "activated", "not-durable"]);
}

#[tokio::test]
async fn a_panic_in_one_activation_leaves_the_others() {
    let world = World::new();
    world.source.set("a", "panics");
    world.source.set("b", "read");
    let served = world.serve().await;
    assert!(served.allows("b", "read").await);
    world.source.set("a", "write");
    served.until(|served| served.activated("a") == 1).await;
}

#[tokio::test]
async fn requests_are_decided_during_activations_by_one_snapshot_or_the_other() {
    let world = World::new();
    world.source.set("acme", "odd");
    let served = world.serve().await;
    let tenants = served.tenants.clone();
    let asking = tokio::spawn(async move {
        let mut generations = Vec::new();
        while generations.last() != Some(&20) {
            let both = tenants.decide_batch("acme", &[request("odd"), request("even")], None).await;
            let ids: Vec<_> = both.iter().map(|decided| decided.policy.unwrap()).collect();
            assert_eq!(ids[0], ids[1]);
            let allowed: Vec<_> = both.iter().map(|decided| decided.decision.is_allow()).collect();
            let is_odd = ids[0].generation % 2 == 1;
            assert_eq!(allowed, [is_odd, !is_odd], "the answer is that of the snapshot that it names");
            generations.push(ids[0].generation);
            tokio::task::yield_now().await;
        }
        generations
    });
    for generation in 2..=20_usize {
        world.source.set("acme", if generation % 2 == 1 { "odd" } else { "even" });
        served.until(|served| served.activated("acme") == generation).await;
    }
    let generations = tokio::time::timeout(Duration::from_secs(60), asking).await.unwrap().unwrap();
    assert!(generations.is_sorted());
}

#[tokio::test]
async fn a_source_that_does_not_answer_counts_as_unreadable_until_it_does() {
    let world = World::new().with_state().with_patience(Duration::from_millis(1));
    world.keep("acme", "read");
    world.source.set("acme", "write");
    world.source.stall(true);
    let served = world.serve().await;
    assert!(served.allows("acme", "read").await, "the last good policy is restored meanwhile");
    assert!(served.tenants.readiness().source_problem.unwrap().contains("has not answered"));
    world.source.stall(false);
    served.until(|served| !served.tenants.readiness().is_degraded()).await;
    assert!(served.allows("acme", "write").await);
}

#[tokio::test]
async fn a_policy_that_is_being_written_at_the_start_does_not_keep_the_last_good_one_from_serving() {
    let world = World::new().with_state();
    world.keep("acme", "read");
    world.source.change(|texts| drop(texts.insert("acme".to_owned(), Ok("changing".to_owned()))));
    let served = world.serve().await;
    served.until(|served| served.activated("acme") == 1).await;
    assert!(served.allows("acme", "read").await);
    world.source.set("acme", "write");
    served.until(|served| served.activated("acme") == 2).await;
    assert!(served.allows("acme", "write").await);
}

#[tokio::test]
async fn an_event_names_its_result() {
    let world = World::new();
    world.source.set("acme", "read");
    let served: Served = world.serve().await;
    let events = served.events("acme");
    let expected = ActivationResult::Activated { generation: 1, origin: Origin::Source };
    assert_eq!(events.iter().map(|event| &event.result).collect::<Vec<_>>(), [&expected]);
    assert_eq!(events[0].digest, Some(world.source.digest("acme")));
    let _: &TestSource = &world.source;
}
