//! Images: an instance that starts from the image of a configured instance answers as one that configures itself, and is
//! as fresh (rule S7).

use guardhouse::{
    AuthChecks, AuthContext, Cause, Check, CheckConfig, Decision, Grant, Grants, HostLimits, ImagePolicy, StartMode,
    run_auth_checks_blocking,
};
use serde_json::{Value, json};

use crate::harness::{
    Guest, builtin, builtin_on, cause, eventually, host_with, nobody, reproducible, settings, small, somebody,
};

fn config(values: Value, image: ImagePolicy) -> CheckConfig {
    CheckConfig { image, ..settings(values) }
}

fn require_scopes(scopes: &[&str], image: ImagePolicy) -> Check {
    Check::new(builtin("require-scopes"), config(json!({ "scopes": scopes }), image)).unwrap()
}

/// Settings with this many scopes, `scope-0` and so on.
fn scopes(count: usize) -> Value {
    json!({ "scopes": (0..count).map(|n| format!("scope-{n}")).collect::<Vec<_>>() })
}

/// Why the instances of a check do not start from an image.
fn reason(check: &Check) -> String {
    match check.start_mode() {
        StartMode::Configure { reason, .. } => reason,
        other => panic!("the check {other}"),
    }
}

fn answer(check: &Check, context: &AuthContext) -> String {
    reproducible(&AuthChecks::new(&[check]).name_missing_scopes().explain_blocking(context))
}

#[test]
fn an_instance_from_an_image_answers_as_one_that_configures_itself() {
    let cases = [
        ("require-scopes", json!({ "scopes": ["read", "", "straße"] })),
        ("require-scopes", scopes(2_000)),
        ("restrict-tag", json!({ "tag": "admin", "scopes": ["read"] })),
        ("require-roles", json!({ "roles": ["admin"], "claim": "/roles" })),
        ("argument-limit", json!({ "argument": "/amount", "max": 10 })),
        ("deny-with-message", json!({ "message": "closed\u{0} for\nto-day" })),
    ];
    let mut contexts = vec![nobody(), somebody(&[]), somebody(&["read", "", "straße"]), somebody(&["read"])];
    for context in contexts.clone() {
        let mut tagged = context;
        tagged.component.tags = vec!["admin".to_owned()];
        tagged.arguments = Some(json!({ "amount": 11 }).into());
        if let Some(token) = &mut tagged.token {
            token.claims = json!({ "roles": ["admin", "other"] }).into();
        }
        contexts.push(tagged);
    }
    for (name, settings) in cases {
        let plain = Check::new(builtin(name), config(settings.clone(), ImagePolicy::Never)).unwrap();
        let image = Check::new(builtin(name), config(settings, ImagePolicy::Eager)).unwrap();
        assert_eq!(image.start_mode(), StartMode::Image, "{name}");
        for context in &contexts {
            // Twice: the second evaluation must not see anything of the first.
            for _ in 0..2 {
                assert_eq!(answer(&image, context), answer(&plain, context), "{name} {context:?}");
            }
        }
    }
}

#[test]
fn an_image_saves_the_fuel_of_configure() {
    let fuel = |policy| {
        let check = Check::new(builtin("require-scopes"), config(scopes(2_000), policy)).unwrap();
        AuthChecks::new(&[check]).explain_blocking(&somebody(&["read"])).checks[0].evaluation.usage.fuel
    };
    assert!(fuel(ImagePolicy::Eager) * 100 < fuel(ImagePolicy::Never));
}

#[test]
fn memory_that_check_writes_is_not_in_the_image() {
    // `configure` does nothing, and `check` allows only if it is the first call in this memory.
    let guest = Guest::with(
        "configured",
        &[
            ("fields", "(global $calls (mut i32) (i32.const 0))"),
            (
                "check",
                "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                 (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1)))
                 (select (i32.const 16) (i32.const 32) (i32.and
                   (i32.eq (global.get $calls) (i32.const 1))
                   (i32.eq (i32.load (i32.const 2048)) (i32.const 1))))",
            ),
        ],
    );
    for policy in [ImagePolicy::Never, ImagePolicy::Eager] {
        let check = guest.clone().image(policy).check();
        assert_eq!(check.start_mode() == StartMode::Image, policy == ImagePolicy::Eager, "{:?}", check.start_mode());
        for _ in 0..100 {
            assert_eq!(run_auth_checks_blocking(&[&check], &nobody()), Decision::Allow, "{policy:?}");
        }
    }
    // A warm-up, which the operator has to ask for, is the first call.
    let check = guest.image(ImagePolicy::Eager).warm_up(somebody(&[])).check();
    assert_eq!(check.start_mode(), StartMode::Image);
    assert!(!run_auth_checks_blocking(&[&check], &nobody()).is_allow());
}

#[test]
fn an_image_is_made_in_the_background_when_a_check_is_hot() {
    let check = require_scopes(&["hot"], ImagePolicy::WhenHot);
    assert!(reason(&check).contains("fewer than 256 times"));
    let answers = || {
        assert_eq!(run_auth_checks_blocking(&[&check], &somebody(&["hot"])), Decision::Allow);
        assert!(!run_auth_checks_blocking(&[&check], &somebody(&["cold"])).is_allow());
    };
    eventually("the check has an image", || {
        answers();
        check.start_mode() == StartMode::Image
    });
    answers();
}

#[test]
fn a_check_that_cannot_have_an_image_gives_the_reason_and_configures_itself() {
    let with_fuel = |policy| {
        let mut config = config(scopes(0), policy);
        config.limits.fuel = Some(10_000_000);
        Check::new(builtin("require-scopes"), config).unwrap()
    };
    let never = require_scopes(&[], ImagePolicy::Never);
    let bare = Check::new(builtin("require-auth"), config(Value::Null, ImagePolicy::Eager)).unwrap();
    let granted =
        CheckConfig { grants: Grants::default().with(Grant::RawToken), ..config(scopes(0), ImagePolicy::Eager) };
    let granted = Check::new(builtin("require-scopes"), granted).unwrap();
    for (check, text) in [
        (&never, "`Never`"),
        (&bare, "nothing to configure"),
        (&granted, "grants"),
        (&with_fuel(ImagePolicy::WhenHot), "fuel"),
    ] {
        assert!(reason(check).contains(text), "{}", reason(check));
        assert_eq!(run_auth_checks_blocking(&[check], &somebody(&[])), Decision::Allow);
    }
    assert_eq!(with_fuel(ImagePolicy::Eager).start_mode(), StartMode::Image);
}

#[test]
fn a_plugin_that_fails_in_its_warm_up_has_no_image() {
    let guest = Guest::with_settings("{}", "", "").image(ImagePolicy::Eager).limits(|limits| {
        (limits.context_bytes, limits.message_bytes, limits.fuel) = (1, 1_000, Some(100_000));
    });
    assert_eq!(guest.check().start_mode(), StartMode::Image);

    let guest = Guest::with("configured", &[("check", "(loop $for-ever (br $for-ever)) unreachable")])
        .limits(|limits| limits.fuel = Some(100_000))
        .image(ImagePolicy::Eager)
        .warm_up(nobody());
    let check = guest.check();
    assert!(reason(&check).contains("out-of-fuel"), "{}", reason(&check));
    let report = AuthChecks::new(&[&check]).explain_blocking(&nobody());
    assert_eq!(cause(&report), Some(Cause::OutOfFuel));
}

#[test]
fn images_are_bounded_in_size_and_number_and_shared_by_equal_checks() {
    let host = host_with(HostLimits { resident_images: 1, image_bytes: 300_000, ..small() });
    let plugin = builtin_on(&host, "require-scopes");
    let check = |n| Check::new(&plugin, config(scopes(n), ImagePolicy::Eager)).unwrap();

    assert!(reason(&check(10_000)).contains("HostLimits::image_bytes"), "{}", reason(&check(10_000)));
    let one = check(1);
    assert_eq!(one.start_mode(), StartMode::Image);
    assert_eq!(check(1).start_mode(), StartMode::Image, "equal plugins with equal settings share an image");
    let two = check(2);
    assert_eq!(two.start_mode(), StartMode::Image);
    assert!(reason(&one).contains("evicted"), "{}", reason(&one));

    // The check still answers, and its image is made again.
    eventually("the first image is made again", || {
        assert_eq!(run_auth_checks_blocking(&[&one], &somebody(&["scope-0"])), Decision::Allow);
        assert!(!run_auth_checks_blocking(&[&one], &somebody(&["scope-1"])).is_allow());
        one.start_mode() == StartMode::Image
    });
    eventually("the second image is evicted", || two.start_mode() != StartMode::Image);
    assert!(reason(&two).contains("evicted"), "{}", reason(&two));
}

#[test]
fn a_memory_that_is_written_all_over_is_refused_before_it_is_copied() {
    // `step` is the distance between the bytes that `configure` writes over 60 MiB.
    let written = |step: u32| {
        // The position is kept in memory, because the function has no locals.
        let (from, to) = (128 << 10, 960 << 16);
        let configure = format!(
            "(drop (memory.grow (i32.const 960))) (i32.store (i32.const 2048) (i32.const {from})) \
             (loop $more (i32.store8 (i32.load (i32.const 2048)) (i32.const 1)) \
             (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const {step}))) \
             (br_if $more (i32.lt_u (i32.load (i32.const 2048)) (i32.const {to}))))"
        );
        Guest::with_settings("{}", "", &configure).image(ImagePolicy::Eager).check()
    };
    assert_eq!(written(1 << 16).start_mode(), StartMode::Image);
    for (step, text) in [(1, "HostLimits::image_bytes"), (6, "places"), (64, "HostLimits::image_bytes")] {
        let check = written(step);
        assert!(reason(&check).contains(text), "{step}: {}", reason(&check));
        assert!(
            matches!(AuthChecks::new(&[check]).run_blocking(&nobody()), Decision::Deny(_)),
            "it answers all the same"
        );
    }
}

#[test]
fn each_of_many_images_answers_for_its_own_settings() {
    let checks: Vec<Check> = (0..100).map(|n| require_scopes(&[&format!("scope-{n}")], ImagePolicy::Eager)).collect();
    assert!(checks.iter().all(|check| check.start_mode() == StartMode::Image));
    for turn in 0..3 {
        for n in 0..checks.len() {
            // In each turn with another distance between one check and the next.
            let n = n * (1 + 6 * turn) % checks.len();
            let (held, other) = (format!("scope-{n}"), format!("scope-{}", n + 1));
            assert_eq!(run_auth_checks_blocking(&[&checks[n]], &somebody(&[&held])), Decision::Allow);
            assert!(!run_auth_checks_blocking(&[&checks[n]], &somebody(&[&other])).is_allow());
        }
    }
}

#[test]
fn a_warm_up_request_that_could_not_be_used_is_an_error() {
    let guest = Guest::new("allow").image(ImagePolicy::Never).warm_up(nobody());
    assert_eq!(guest.configure().unwrap_err(), guardhouse::ConfigError::UnusedWarmUp);
}
