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

/// The number of components in [`waiting`] that wait.
const WAITING: usize = 30;

/// A plugin whose `check` calls thirty components, each of which waits for an answer that never comes. It then ends with
/// `answer`.
fn waiting(answer: &str) -> String {
    let each = |text: &dyn Fn(usize) -> String| (0..WAITING).map(text).collect::<String>();
    // A function may be called by a component beside its own, and not by the one around it.
    let check = format!(
        "(component $asks
          (@include \"contract\")
          (@include \"memory\")
          {imports}
          {lowered}
          (core instance $waiting {exports})
          (core module $plugin
            {functions}
            (func (export \"check\") (param i32) (result i32) {calls} {answer}))
          (core instance $plugin (instantiate $plugin (with \"\" (instance $waiting))))
          (@include \"check\"))",
        imports = each(&|number| format!("(import \"f{number}\" (func $f{number} async))")),
        lowered = each(&|number| {
            format!(
                "(core func $f{number} (canon lower (func $f{number}) async (memory (core memory $memory \"memory\"))))"
            )
        }),
        exports = each(&|number| format!("(export \"f{number}\" (func $f{number}))")),
        functions = each(&|number| format!("(import \"\" \"f{number}\" (func $f{number} (result i32)))")),
        calls = each(&|number| format!("(drop (call $f{number}))")),
    );
    let never = "
        (component $never
          (core func $new (canon waitable-set.new))
          (core module $m
            (import \"\" \"new\" (func $new (result i32)))
            (func (export \"f\") (result i32) (i32.or (i32.const 2) (i32.shl (call $new) (i32.const 4))))
            (func (export \"callback\") (param i32 i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m (with \"\" (instance (export \"new\" (func $new))))))
          (func (export \"f\") async (canon lift (core func $i \"f\") async (callback (func $i \"callback\")))))
        (instance $never (instantiate $never))";
    let waits = "
        (component $waits
          (import \"never\" (func $never async))
          (core func $never (canon lower (func $never)))
          (core func $return (canon task.return))
          (core module $m
            (import \"\" \"never\" (func $never))
            (import \"\" \"return\" (func $return))
            (func (export \"f\") (result i32) (call $never) (call $return) (i32.const 0))
            (func (export \"callback\") (param i32 i32 i32) (result i32) unreachable))
          (core instance $i (instantiate $m
            (with \"\" (instance (export \"never\" (func $never)) (export \"return\" (func $return))))))
          (func (export \"f\") async (canon lift (core func $i \"f\") async (callback (func $i \"callback\")))))";
    let (types, interface) = ("guardhouse:auth/types@0.1.0", "guardhouse:auth/check@0.1.0");
    format!(
        "(component
          (@include \"contract\")
          {never} {waits} {check} {instances}
          (instance $asks (instantiate $asks {arguments} (with \"{types}\" (instance $types))))
          (export \"{interface}\" (instance $asks \"{interface}\")))",
        instances = each(&|number| {
            format!("(instance $i{number} (instantiate $waits (with \"never\" (func $never \"f\"))))")
        }),
        arguments = each(&|number| format!("(with \"f{number}\" (func $i{number} \"f\"))")),
    )
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
    // Each of the thirty components holds a stack while it waits, and eight stacks are an instance.
    let host = host_with(HostLimits { large_instances: 64, ..small() });
    let endless = Guest::from_text("waiting", &waiting("(loop $again (br $again)) (i32.const 16)")).on_host(&host);
    let Err(ConfigError::Limit { allowed, .. }) =
        endless.clone().limits(|limits| limits.instances = Some(1)).configure()
    else {
        panic!("configured")
    };
    assert!(allowed.contains("from 9"), "{allowed}");
    // Six instances, which leave room for a seventh.
    let endless = endless.limits(|limits| (limits.instances, limits.cpu_time) = (Some(54), None));
    let endless = endless.deadline(Duration::from_secs(60)).check();
    takes_only_its_share(&endless, &Guest::from_text("waiting", &waiting("(i32.const 16)")).on_host(&host).check());
    neighbor_is_unharmed(&host);
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
