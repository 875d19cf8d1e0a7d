//! Instances that start from an image of a configured one answer as those that configure themselves, and are as fresh
//! (rule S7).

use std::time::{Duration, Instant};

use guardhouse::{
    AuthChecks, AuthContext, Cause, Check, CheckConfig, Decision, Grants, HostLimits, ImagePolicy, Json, Outcome,
    StartMode, blocking,
};
use serde_json::json;

use crate::harness::{Guest, builtin, nobody, patient, small, somebody, with_settings};

fn config(settings: Option<serde_json::Value>, image: ImagePolicy) -> CheckConfig {
    CheckConfig { settings: settings.map(Json::from), image, limits: patient(), ..CheckConfig::default() }
}

fn reason(check: &Check) -> String {
    match check.start_mode() {
        StartMode::Configure { reason } => reason,
        StartMode::Image => panic!("there is an image"),
    }
}

fn outcomes(check: &Check, context: &AuthContext) -> (Outcome, Vec<String>) {
    let mut report = blocking::explain(&AuthChecks::new(&[check]).name_missing_scopes(), context);
    let report = report.checks.remove(0);
    (report.outcome, report.missing_scopes)
}

#[test]
fn an_image_answers_as_the_plugin_does() {
    let cases = [
        ("require-scopes", json!({ "scopes": ["read", "", "straße"] })),
        ("require-scopes", json!({ "scopes": (0..2_000).map(|n| format!("scope-{n}")).collect::<Vec<_>>() })),
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
        let plain = Check::new(builtin(name), config(Some(settings.clone()), ImagePolicy::Never)).unwrap();
        let image = Check::new(builtin(name), config(Some(settings), ImagePolicy::Eager)).unwrap();
        assert_eq!(image.start_mode(), StartMode::Image, "{name}");
        for context in &contexts {
            // Twice: the first evaluation must leave nothing to the second.
            for _ in 0..2 {
                assert_eq!(outcomes(&image, context), outcomes(&plain, context), "{name} {context:?}");
            }
        }
    }
}

#[test]
fn an_image_spares_the_configuring() {
    let settings = json!({ "scopes": (0..2_000).map(|n| format!("scope-{n}")).collect::<Vec<_>>() });
    let fuel = |policy| {
        let check = Check::new(builtin("require-scopes"), config(Some(settings.clone()), policy)).unwrap();
        blocking::explain_auth_checks(&[check], &somebody(&["read"])).checks[0].usage.fuel
    };
    assert!(fuel(ImagePolicy::Eager) * 100 < fuel(ImagePolicy::Never));
}

#[test]
fn what_check_leaves_in_memory_is_not_in_the_image() {
    // `configure` does nothing, and `check` allows only if no `check` came before it in this memory.
    let text = crate::harness::fixture("counter")
        .replace("(@include \"check\")", "(@include \"check\")\n  (@include \"settings\")")
        .replace(
            "(func (export \"check\")",
            "(data (i32.const 2048) \"{}\") (data (i32.const 8) \"\\00\\08\\00\\00\\02\\00\\00\\00\")
    (func (export \"schema\") (result i32) (i32.const 8))
    (func (export \"configure\") (param i32 i32) (result i32) (i32.const 64))
    (func (export \"check\")",
        );
    let guest = Guest::from_text("a counter with settings", &text);
    for policy in [ImagePolicy::Never, ImagePolicy::Eager] {
        let check = Check::new(&guest.load().unwrap(), config(None, policy)).unwrap();
        assert_eq!(check.start_mode() == StartMode::Image, policy == ImagePolicy::Eager, "{:?}", check.start_mode());
        for _ in 0..100 {
            assert_eq!(blocking::run_auth_checks(&[&check], &nobody()), Decision::Allow, "{policy:?}");
        }
    }
    // Unless the operator asks for it: the warm-up was the first call.
    let warm = CheckConfig { warm_up: Some(somebody(&[])), ..config(None, ImagePolicy::Eager) };
    let check = Check::new(&guest.load().unwrap(), warm).unwrap();
    assert_eq!(check.start_mode(), StartMode::Image);
    assert!(!blocking::run_auth_checks(&[&check], &nobody()).is_allow());
}

#[test]
fn an_image_is_made_in_the_background_once_a_check_is_hot() {
    let check = Check::new(builtin("require-scopes"), config(Some(json!({ "scopes": ["hot"] })), ImagePolicy::WhenHot))
        .unwrap();
    assert!(reason(&check).contains("times yet"));
    let give_up = Instant::now() + Duration::from_secs(60);
    while check.start_mode() != StartMode::Image {
        assert!(Instant::now() < give_up, "{}", reason(&check));
        assert_eq!(blocking::run_auth_checks(&[&check], &somebody(&["hot"])), Decision::Allow);
        assert!(!blocking::run_auth_checks(&[&check], &somebody(&["cold"])).is_allow());
    }
    assert_eq!(blocking::run_auth_checks(&[&check], &somebody(&["hot"])), Decision::Allow);
    assert!(!blocking::run_auth_checks(&[&check], &somebody(&["cold"])).is_allow());
}

#[test]
fn what_cannot_have_an_image_says_why_and_goes_on_without() {
    let scopes = || Some(json!({ "scopes": [] }));
    let with_fuel = |policy| {
        let mut config = config(scopes(), policy);
        config.limits.fuel = Some(10_000_000);
        Check::new(builtin("require-scopes"), config).unwrap()
    };
    let never = Check::new(builtin("require-scopes"), config(scopes(), ImagePolicy::Never)).unwrap();
    let bare = Check::new(builtin("require-auth"), config(None, ImagePolicy::Eager)).unwrap();
    let granted = CheckConfig { grants: Grants { raw_token: true }, ..config(scopes(), ImagePolicy::Eager) };
    let granted = Check::new(builtin("require-scopes"), granted).unwrap();
    for (check, words) in [
        (&never, "`Never`"),
        (&bare, "nothing to configure"),
        (&granted, "grants"),
        (&with_fuel(ImagePolicy::WhenHot), "fuel"),
    ] {
        assert!(reason(check).contains(words), "{}", reason(check));
        assert_eq!(blocking::run_auth_checks(&[check], &somebody(&[])), Decision::Allow);
    }
    assert_eq!(with_fuel(ImagePolicy::Eager).start_mode(), StartMode::Image);
}

#[test]
fn a_plugin_that_fails_in_its_warm_up_has_no_image() {
    let guest = with_settings("{}", "", "");
    let plugin = guest.load().unwrap();
    let mut config = config(None, ImagePolicy::Eager);
    config.limits.context_bytes = 1;
    config.limits.message_bytes = 1_000;
    config.limits.fuel = Some(100_000);
    assert_eq!(Check::new(&plugin, config).unwrap().start_mode(), StartMode::Image);

    let text = crate::harness::fixture("settings").replace(
        "(call $denied (global.get $settings) (global.get $length))",
        "(loop $for-ever (br $for-ever)) unreachable",
    );
    let blanks = [("(@schema)", "\"{}\""), ("(@length)", "2"), ("(@describe)", ""), ("(@configure)", "")];
    let text = blanks.iter().fold(text, |text, (blank, value)| text.replace(blank, value));
    let guest = Guest::from_text("endless after its settings", &text);
    let mut config = self::config(None, ImagePolicy::Eager);
    config.limits.fuel = Some(100_000);
    config.warm_up = Some(nobody());
    let check = Check::new(&guest.load().unwrap(), config).unwrap();
    assert!(reason(&check).contains("out-of-fuel"), "{}", reason(&check));
    let report = blocking::explain_auth_checks(&[&check], &nobody());
    assert!(matches!(&report.checks[0].outcome, Outcome::Failed(fault) if fault.cause == Cause::OutOfFuel));
}

#[test]
fn images_are_bounded_in_size_and_number_and_shared_by_equals() {
    let scopes = |n: usize| Some(json!({ "scopes": (0..n).map(|n| format!("scope-{n}")).collect::<Vec<_>>() }));
    let host = crate::harness::host_with(HostLimits { resident_images: 1, image_bytes: 300_000, ..small() });
    let plugin = guardhouse::Plugin::load(&host, guardhouse::builtin::bytes("require-scopes").unwrap()).unwrap();
    let check = |n| Check::new(&plugin, config(scopes(n), ImagePolicy::Eager)).unwrap();

    assert!(reason(&check(10_000)).contains("HostLimits::image_bytes"), "{}", reason(&check(10_000)));
    let one = check(1);
    assert_eq!(one.start_mode(), StartMode::Image);
    assert_eq!(check(1).start_mode(), StartMode::Image, "equal plugins with equal settings share one");
    let two = check(2);
    assert_eq!(two.start_mode(), StartMode::Image);
    assert!(reason(&one).contains("left memory"), "{}", reason(&one));

    // It answers all the same, and is back once it is asked.
    let give_up = Instant::now() + Duration::from_secs(60);
    while one.start_mode() != StartMode::Image {
        assert!(Instant::now() < give_up, "{}", reason(&one));
        assert_eq!(blocking::run_auth_checks(&[&one], &somebody(&["scope-0"])), Decision::Allow);
        assert!(!blocking::run_auth_checks(&[&one], &somebody(&["scope-1"])).is_allow());
    }
    // The other one leaves a moment after this one has come.
    while two.start_mode() == StartMode::Image {
        assert!(Instant::now() < give_up, "both are in memory");
        std::thread::yield_now();
    }
    assert!(reason(&two).contains("left memory"), "{}", reason(&two));
}

#[test]
fn of_many_images_each_answers_for_its_own_settings() {
    // Beyond some number they are copied into their instances, and not mapped.
    let checks: Vec<Check> = (0..100)
        .map(|n| {
            let settings = Some(json!({ "scopes": [format!("scope-{n}")] }));
            Check::new(builtin("require-scopes"), config(settings, ImagePolicy::Eager)).unwrap()
        })
        .collect();
    assert!(checks.iter().all(|check| check.start_mode() == StartMode::Image));
    for turn in 0..3 {
        for n in 0..checks.len() {
            // Neighbours, and such as are far apart.
            let n = n * (1 + 6 * turn) % checks.len();
            let (held, other) = (format!("scope-{n}"), format!("scope-{}", n + 1));
            assert_eq!(blocking::run_auth_checks(&[&checks[n]], &somebody(&[&held])), Decision::Allow);
            assert!(!blocking::run_auth_checks(&[&checks[n]], &somebody(&[&other])).is_allow());
        }
    }
}
