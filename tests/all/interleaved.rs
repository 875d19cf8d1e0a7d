//! Two tenants on one host: in any order of requests, neither sees data of the other (rule S7). The data of an image is
//! copied into an instance or mapped, and instances of both kinds use the same slots.

use std::sync::LazyLock;

use guardhouse::{
    AccessToken, AuthChecks, AuthContext, AuthorizationError, Check, HostLimits, ImagePolicy, Outcome, StartMode,
};
use guardhouse_tests::guest::replaced;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{Guest, fixture, nobody, patient, small};
use crate::properties::cases;

/// Checks of one plugin and two tenants, with an image and without, on a host whose few slots all checks share. Each
/// denies with its settings, and traps if any byte of its memory differs from the state after `configure`.
static CHECKS: LazyLock<Vec<(Check, Value)>> = LazyLock::new(|| {
    let guest = Guest::new("witness").on_own_host(HostLimits { instances: 2, ..small() });
    let plugin = guest.load().unwrap();
    let mut checks = Vec::new();
    for tenant in ["acme", "other"] {
        for image in [ImagePolicy::Never, ImagePolicy::Eager] {
            for standby in [0, 1] {
                let settings = json!({ "of": tenant, "secret": format!("{tenant} {image:?} {standby}") });
                let guest = guest.clone().tenant(tenant).image(image).standby(standby).settings(settings.clone());
                let check = guest.configure_loaded(&plugin).unwrap();
                let mode = check.start_mode();
                assert_eq!(mode == StartMode::Image, image == ImagePolicy::Eager, "{mode:?}");
                checks.push((check, settings));
            }
        }
    }
    checks
});

/// Checks of plugins with images on a host with one slot: the state of some is copied into each instance, which the slot
/// keeps, and that of the last plugin is mapped.
static LARGE: LazyLock<Vec<(Check, Value)>> = LazyLock::new(|| {
    let host = Guest::new("witness").on_own_host(HostLimits { instances: 1, ..small() }).host().clone();
    let mut checks = Vec::new();
    for written in [64 << 10, 1536 << 10, 3 << 20, 6 << 20] {
        let text = replaced(&fixture("witness"), "(i32.const 262144)", &format!("(i32.const {})", 131_072 + written));
        let guest = Guest::from_text("witness", &replaced(&text, "(i32.const 6)", "(i32.const 102)")).on_host(&host);
        let plugin = guest.load().unwrap();
        for secret in ["first", "second"] {
            let settings = json!({ (secret): written });
            let guest = guest.clone().image(ImagePolicy::Eager).settings(settings.clone());
            let check = guest.configure_loaded(&plugin).unwrap();
            assert_eq!(check.start_mode(), StartMode::Image, "{written}");
            checks.push((check, settings));
        }
    }
    checks
});

/// A request whose first bytes the plugin writes to all of its memory.
fn request(secret: &str) -> AuthContext {
    nobody().with_token(AccessToken::new(secret, ["read"]))
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn no_order_of_requests_shows_the_data_of_one_to_another(turns in vec((0..8_usize, "[a-z]{4,12}"), 1..40)) {
        for (index, secret) in turns {
            let (check, settings) = &CHECKS[index];
            let report = AuthChecks::new(&[check]).deadline(patient().deadline).unwrap().explain_blocking(&request(&secret));
            let expected = Err(AuthorizationError::new(settings.to_string()));
            assert_eq!(report.decision.clone().into_result(), expected, "{report:?}");
        }
    }
}

#[test]
fn no_order_of_images_in_one_slot_shows_the_data_of_one_to_another() {
    // Each pair follows each other one, and itself.
    for first in 0..LARGE.len() {
        for second in 0..LARGE.len() {
            for (check, settings) in [&LARGE[first], &LARGE[second]] {
                let report = AuthChecks::new(&[check]).explain_blocking(&request("secret"));
                let expected = Err(AuthorizationError::new(settings.to_string()));
                assert_eq!(report.decision.clone().into_result(), expected, "{first} {second}: {report:?}");
            }
        }
    }
}

#[test]
fn no_request_sees_the_data_of_another_thread() {
    for (checks, turns) in [(&CHECKS, 200), (&LARGE, 20)] {
        in_threads(checks, turns);
    }
}

fn in_threads(checks: &[(Check, Value)], turns: usize) {
    let patient = patient().deadline;
    std::thread::scope(|scope| {
        for (index, (check, settings)) in checks.iter().enumerate() {
            scope.spawn(move || {
                let expected = Err(AuthorizationError::new(settings.to_string()));
                for turn in 0..turns {
                    let request = request(&format!("secret {turn} of {index}"));
                    let report = AuthChecks::new(&[check]).deadline(patient).unwrap().explain_blocking(&request);
                    assert_eq!(report.decision.clone().into_result(), expected, "{report:?}");
                }
            });
        }
    });
}

#[test]
fn the_witness_detects_changed_memory() {
    // In a batch, the second context runs in the memory of the first.
    let (check, _) = &CHECKS[0];
    let checks = [check];
    let reports = AuthChecks::new(&checks)
        .deadline(patient().deadline)
        .unwrap()
        .explain_batch_blocking(&[request("first"), request("second")]);
    // The witness trapped and was evaluated again alone, so the answer is the same.
    assert_eq!(reports[0].decision.clone().into_result(), reports[1].decision.clone().into_result());
    let text = replaced(&fixture("witness"), "(global.set $sum (call $sum-of-all))", "");
    let broken = Guest::from_text("a witness with another sum", &text);
    assert!(matches!(broken.outcome(&request("secret")), Outcome::Failed(_)));
}
