//! Starts of a server with many tenants: the work is counted, and stated by a measurement that runs by hand.

use std::time::{Duration, Instant};

use guardhouse::{Host, HostLimits};
use guardhouse_server::source::folders::FolderOptions;

use crate::harness::policies::{Policies, Server, scope_policy};
use crate::harness::{host, somebody};

#[tokio::test]
async fn a_start_loads_a_builtin_once_and_a_file_for_each_tenant_and_a_change_configures_one_check() {
    let policies = Policies::new();
    for index in 0..200 {
        policies.needs_scope(&format!("t{index}"), "read");
    }
    policies.of_fixture("u0", "token");
    policies.of_fixture("u1", "token");
    let server = policies.serve(host()).await;
    assert_eq!(server.tenants.len(), 202);
    assert_eq!(server.take_counts(), (3, 202, 0));
    policies.needs_scope("t7", "write");
    server.until("it is active", |server| server.results("t7") == ["activated"]).await;
    assert_eq!(server.take_counts(), (0, 1, 0));
    assert!(server.allows("t7", &somebody(&["write"])).await);
}

/// The resident memory of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// The processor time of this process.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

async fn start(policies: &Policies, host: &Host, what: &str) -> Server {
    let (memory, time, start) = (resident(), processor_time(), Instant::now());
    let server = policies.serve_with(host, FolderOptions::default()).await;
    let tenants = u64::try_from(server.tenants.len()).unwrap();
    println!(
        "{what}: {tenants} tenants in {:?} ({:?} of processor time), {} KiB of memory each, work {:?}",
        start.elapsed(),
        processor_time() - time,
        resident().saturating_sub(memory) / tenants / 1024,
        server.take_counts(),
    );
    server
}

/// Starts a server of many tenants, changes one, lets it rest, and starts it again.
async fn measure(tenants: u32, checks: u32) {
    let policies = Policies::new();
    for index in 0..tenants {
        let scopes: Vec<String> = (0..checks).map(|check| format!("s{index}-{check}")).collect();
        let mut policy = "version = 1\n".to_owned();
        for scope in &scopes {
            policy.push_str(&format!(
                "[checks.{scope}]\nplugin = \"builtin:require-scopes\"\nsettings = {{ scopes = [\"{scope}\"] }}\n"
            ));
        }
        policy.push_str(&format!("[[rules]]\nname = \"all\"\nwhen = {{}}\ncheck = {{ all = {scopes:?} }}\n"));
        policies.write(&format!("t{index}/policy.toml"), policy);
    }
    let cache = tempfile::tempdir().unwrap();
    let build = || Host::builder().limits(HostLimits::default()).cache(cache.path().join("c")).build().unwrap();
    // So that the memory is that of the tenants: the plugin is loaded, and its instances have run.
    let one = Policies::new();
    one.needs_scope("one", "read");
    let host = build();
    let other = one.serve(&host).await;
    assert!(other.allows("one", &somebody(&["read"])).await);

    let server = start(&policies, &host, &format!("{tenants} × {checks}, first")).await;
    let before = Instant::now();
    policies.write("t7/policy.toml", scope_policy("read"));
    server.until("it is active", |server| server.results("t7") == ["activated"]).await;
    println!("one of {tenants} changes: active after {:?}, work {:?}", before.elapsed(), server.take_counts());
    let (time, readings) = (processor_time(), server.source.readings());
    tokio::time::sleep(Duration::from_secs(35)).await;
    println!(
        "35 s of rest: {:?} of processor time, {} folders read",
        processor_time() - time,
        server.source.readings() - readings
    );
    let (mut times, contexts) = (Vec::new(), somebody(&["read"]));
    for index in 0..10_000_u32 {
        let tenant = format!("t{}", index.wrapping_mul(2_654_435_761) % tenants);
        let start = Instant::now();
        drop(server.tenants.decide(&tenant, &contexts, None).await);
        times.push(start.elapsed());
    }
    times.sort_unstable();
    println!("a decision of a random tenant: median {:?}, p99 {:?}", times[5_000], times[9_900]);
    server.stop().await;
    let server = start(&policies, &build(), &format!("{tenants} × {checks}, again")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which takes a minute"]
async fn measure_1_000_tenants_of_3_checks() {
    measure(1_000, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, which takes a minute"]
async fn measure_10_000_tenants_of_1_check() {
    measure(10_000, 1).await;
}
