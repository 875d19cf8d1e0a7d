//! Two tenants side by side, in any order: neither ever sees what the other has, or had (rule S7).

use std::sync::LazyLock;

use guardhouse::{
    AccessToken, AuthChecks, AuthContext, AuthorizationError, Check, CheckConfig, Host, HostLimits, ImagePolicy,
    StartMode, blocking,
};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{Guest, host_with, nobody, patient, small};
use crate::properties::config;

/// Checks of one plugin and two tenants, from an image and not, on a host whose few slots all must share. Each denies
/// with its settings, and traps if any byte of its memory is not as `configure` left it.
static CHECKS: LazyLock<Vec<(Check, Value)>> = LazyLock::new(|| {
    let host: Host = host_with(HostLimits { instances: 2, ..small() });
    let mut guest = Guest::new("witness");
    guest.host = host;
    let plugin = guest.load().unwrap();
    let mut checks = Vec::new();
    for tenant in ["acme", "other"] {
        for image in [ImagePolicy::Never, ImagePolicy::Eager] {
            for ahead in [0, 1] {
                let settings = json!({ "of": tenant, "secret": format!("{tenant} {image:?} {ahead}") });
                let mut limits = patient();
                limits.standby = Some(ahead);
                let tenant = Some(plugin.host().tenant(tenant));
                let config = CheckConfig { tenant, image, limits, ..CheckConfig::from(settings.clone()) };
                let check = Check::new(&plugin, config).unwrap();
                assert_eq!(
                    check.start_mode() == StartMode::Image,
                    image == ImagePolicy::Eager,
                    "{:?}",
                    check.start_mode()
                );
                checks.push((check, settings));
            }
        }
    }
    checks
});

/// A request whose first bytes the plugin writes all over its memory.
fn request(secret: &str) -> AuthContext {
    nobody().with_token(AccessToken::new(secret, ["read"]))
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn no_order_of_requests_shows_one_to_another(turns in vec((0..8_usize, "[a-z]{4,12}"), 1..40)) {
        for (index, secret) in turns {
            let (check, settings) = &CHECKS[index];
            let report = blocking::explain(&AuthChecks::new(&[check]).deadline(patient().deadline), &request(&secret));
            let expected = Err(AuthorizationError::new(settings.to_string()));
            assert_eq!(report.decision.clone().into_result(), expected, "{report:?}");
        }
    }
}

#[test]
fn threads_at_the_same_time_do_not_either() {
    let patient = patient().deadline;
    std::thread::scope(|scope| {
        for (index, (check, settings)) in CHECKS.iter().enumerate() {
            scope.spawn(move || {
                let expected = Err(AuthorizationError::new(settings.to_string()));
                for turn in 0..200 {
                    let request = request(&format!("secret {turn} of {index}"));
                    let report = blocking::explain(&AuthChecks::new(&[check]).deadline(patient), &request);
                    assert_eq!(report.decision.clone().into_result(), expected, "{report:?}");
                }
            });
        }
    });
}

#[test]
fn the_witness_notices_what_it_should() {
    // The same memory twice: in a batch, the second context finds what the first left behind.
    let (check, _) = &CHECKS[0];
    let checks = [check];
    let reports = blocking::explain_batch(
        &AuthChecks::new(&checks).deadline(patient().deadline),
        &[request("first"), request("second")],
    );
    // It trapped, and was asked again alone: the answer is the same, and took the fuel of one call.
    assert_eq!(reports[0].decision.clone().into_result(), reports[1].decision.clone().into_result());
    let text = crate::harness::fixture("witness").replace("(global.set $sum (call $sum-of-all))", "");
    let broken = Guest::from_text("a witness with another sum", &text);
    assert!(matches!(broken.outcome(&request("secret")), guardhouse::Outcome::Failed(_)));
}
