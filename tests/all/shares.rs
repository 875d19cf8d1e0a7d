//! The share of a check in its pool, counted in the pool's units: what its instances take of memories and stacks.

use std::time::Duration;

use guardhouse::{Check, ConfigError, Decision, Host, HostLimits, run_auth_checks};
use guardhouse_tests::guest::{expanded, replaced};
use tokio::runtime::Builder;

use crate::admission::is_pending;
use crate::harness::{Guest, fixture, host_with, neighbor_is_unharmed, nobody, of_pool, small};

/// Asks an endless check once more than its host has instances, and then checks that another plugin of the same pool is
/// served.
fn takes_only_its_share(endless: &Check, other: &Check) {
    let limits = endless.plugin().host().limits();
    let requests = 1 + limits.instances.max(limits.large_instances);
    let (endless, context) = ([endless], nobody());
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let decision = runtime.block_on(async {
        let mut asked: Vec<_> = (0..requests).map(|_| Box::pin(run_auth_checks(&endless, &context))).collect();
        for request in &mut asked {
            assert!(is_pending(request.as_mut()).await);
        }
        run_auth_checks(&[other], &context).await
    });
    assert_eq!(decision, Decision::Allow);
}

/// A plugin with eight memories, each of a page.
fn eight_memories(name: &str) -> Guest {
    let text = expanded(&fixture(name));
    let more = format!("(core module $more {}) (core instance (instantiate $more))", "(memory 1)".repeat(7));
    Guest::from_text(name, &replaced(&text, "(core module $plugin", &format!("{more} (core module $plugin")))
}

/// A plugin of thirty components in a row, each of which waits for the next one. The last one never answers, and the
/// first one is called by `check`, which then ends with `answer`.
fn row(answer: &str) -> String {
    let last = "
        (component $c0
          (core func $new (canon waitable-set.new))
          (core module $m
            (import \"\" \"new\" (func $new (result i32)))
            (func (export \"f\") (result i32) (i32.or (i32.const 2) (i32.shl (call $new) (i32.const 4))))
            (func (export \"callback\") (param i32 i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m (with \"\" (instance (export \"new\" (func $new))))))
          (func (export \"f\") async (canon lift (core func $i \"f\") async (callback (func $i \"callback\")))))
        (instance $i0 (instantiate $c0))";
    let mut text = expanded(&fixture("allow"));
    let next = |number: usize| {
        format!("(instance $i{number} (instantiate $waits (with \"next\" (func $i{} \"f\"))))", number - 1)
    };
    let waits = "
        (component $waits
          (import \"next\" (func $next async))
          (core func $next (canon lower (func $next)))
          (core func $return (canon task.return))
          (core module $m
            (import \"\" \"next\" (func $next))
            (import \"\" \"return\" (func $return))
            (func (export \"f\") (result i32) (call $next) (call $return) (i32.const 0))
            (func (export \"callback\") (param i32 i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m
            (with \"\" (instance (export \"next\" (func $next)) (export \"return\" (func $return))))))
          (func (export \"f\") async (canon lift (core func $i \"f\") async (callback (func $i \"callback\")))))";
    let row: String = (1..30).map(next).collect();
    let items = format!(
        "{last} {waits} {row}
         (core func $first (canon lower (func $i29 \"f\") async (memory (core memory $memory \"memory\"))))
         (core instance $row (export \"first\" (func $first)))
         (core module $plugin (import \"row\" \"first\" (func $first (result i32)))"
    );
    text = replaced(&text, "(core module $plugin", &items);
    text = replaced(
        &text,
        "(core instance $plugin (instantiate $plugin))",
        "(core instance $plugin (instantiate $plugin (with \"row\" (instance $row))))",
    );
    let allow = "(result i32)\n      (i32.const 16))";
    replaced(&text, allow, &format!("(result i32) (drop (call $first)) {answer})"))
}

#[test]
fn a_plugin_of_many_memories_takes_only_its_share_of_the_pool() {
    let host = host_with(HostLimits { instances: 32, ..small() });
    let endless = eight_memories("loop").on_host(&host).deadline(Duration::from_secs(60)).check();
    takes_only_its_share(&endless, &eight_memories("allow").on_host(&host).check());
    neighbor_is_unharmed(&host);
}

#[test]
fn a_plugin_of_components_that_can_wait_for_each_other_counts_by_its_stacks() {
    // Each of the thirty components may hold a stack while it waits for the next one, and eight stacks are an instance.
    let guest = Guest::from_text("row", &row("(i32.const 16)"));
    let guest = guest.on_own_host(HostLimits { large_instances: 32, ..small() });
    let Err(ConfigError::Limit { allowed, .. }) = guest.limits(|limits| limits.instances = Some(1)).configure() else {
        panic!("configured")
    };
    assert!(allowed.contains("from 8"), "{allowed}");
}

#[test]
fn the_share_of_a_check_is_between_one_instance_and_the_pool() {
    let guest = eight_memories("allow").on_own_host(HostLimits { instances: 16, ..small() });
    for (instances, is_valid) in [(0, false), (7, false), (8, true), (16, true), (17, false)] {
        let configured = guest.clone().limits(|limits| limits.instances = Some(instances)).configure();
        match configured {
            Ok(_) => assert!(is_valid, "{instances}"),
            Err(ConfigError::Limit { limit, allowed, .. }) => {
                assert!(!is_valid && limit == "instances", "{instances}");
                assert!(allowed.contains("from 8") && allowed.contains("to 16"), "{allowed}");
            }
            Err(other) => panic!("{instances}: {other}"),
        }
    }
}

#[test]
fn by_default_one_slow_check_leaves_most_of_either_pool_to_others() {
    let host = Host::new().unwrap();
    for pool in ["small", "large"] {
        let [endless, other] = ["loop", "allow"].map(|name| {
            let guest = Guest::from_text(name, &of_pool(&fixture(name), pool)).on_host(&host);
            guest.deadline(Duration::from_secs(60)).standby(0).check()
        });
        takes_only_its_share(&endless, &other);
    }
}
