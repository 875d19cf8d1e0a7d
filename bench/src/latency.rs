//! The time of one decision.

use anyhow::Result;
use guardhouse::{
    AuthContext, Check, CheckConfig, Host, ImagePolicy, Plugin, builtin, native, run_auth_checks_blocking,
};
use std::hint::black_box;

use crate::meter::{Case, Effort, take_turns};
use crate::raw::{Fresh, Protections};
use crate::requests::{allows, builtin_plugin, check, check_with, denies, patterns, real, scopes, tiny, two_scopes};
use crate::table::Row;

/// A reused instance without protections, with each protection alone, and with all of them.
const PROTECTED: [(&str, Protections); 6] = [
    ("reused_real_bare", Protections::NONE),
    ("reused_real_epochs", Protections { epochs: true, ..Protections::NONE }),
    ("reused_real_fuel", Protections { fuel: true, ..Protections::NONE }),
    ("reused_real_limiter", Protections { limiter: true, ..Protections::NONE }),
    ("reused_real_fiber", Protections { fiber: true, ..Protections::NONE }),
    ("reused_real_all", Protections::ALL),
];

/// Decisions with a fresh instance, with a reused instance, and without an instance.
pub(crate) fn decisions(effort: Effort) -> Result<Vec<Row>> {
    let real = real()?;
    let host = Host::new()?;
    let bytes = builtin::bytes("require-scopes").unwrap_or_default();
    let settings = two_scopes().to_string();
    let plugin = builtin_plugin(&host, "require-scopes")?;
    let image = check(&plugin, two_scopes(), ImagePolicy::Eager)?;
    let configures = check(&plugin, two_scopes(), ImagePolicy::Never)?;
    let warm = check_with(
        &plugin,
        CheckConfig { warm_up: Some(real.clone()), image: ImagePolicy::Eager, ..CheckConfig::from(two_scopes()) },
    )?;
    let bare = Check::new(&builtin_plugin(&host, "require-auth")?, CheckConfig::default())?;
    let raw = Fresh::new(bytes, Protections::ALL)?;
    let (mut reused_tiny, mut reused_real) = (raw.reused(&settings)?, raw.reused(&settings)?);
    let protected: Vec<_> = PROTECTED
        .iter()
        .map(|(name, protections)| Ok((*name, Fresh::new(bytes, *protections)?.reused(&settings)?)))
        .collect::<Result<_>>()?;
    let native = native::require_scopes(["read", "scope-17"]);

    let mut cases = vec![
        Case::new("native", || assert!(holds(black_box(&real)))),
        Case::new("native_check", || assert!(run_auth_checks_blocking(&[&native], &real).is_allow())).against("native"),
        Case::new("reused_tiny", || reused_tiny.allows(&TINY)).against("native"),
        Case::new("reused_real", || reused_real.allows(&real)).against("native"),
        Case::new("instantiate_only", || raw.instantiate()),
        Case::new("fresh_tiny", || allows(&image, &TINY)).against("reused_tiny"),
        Case::new("fresh_real", || allows(&image, &real)).against("reused_real"),
        Case::new("fresh_real_warmed_up", || allows(&warm, &real)).against("reused_real"),
        Case::new("fresh_without_settings_real", || allows(&bare, &real)).against("reused_real"),
        Case::new("configure_each_tiny", || allows(&configures, &TINY)).against("reused_tiny"),
        Case::new("configure_each_real", || allows(&configures, &real)).against("reused_real"),
        Case::new("check_new_same_plugin", || drop(check(&plugin, two_scopes(), ImagePolicy::Never))),
    ];
    for (name, mut instance) in protected {
        let real = &real;
        cases.push(Case::new(name, move || instance.allows(real)).against("reused_real_bare"));
    }
    Ok(take_turns(cases, effort))
}

static TINY: std::sync::LazyLock<AuthContext> = std::sync::LazyLock::new(tiny);

/// Whether the token has both scopes: the minimal work of the check.
fn holds(context: &AuthContext) -> bool {
    context.token.as_ref().is_some_and(|token| ["read", "scope-17"].iter().all(|scope| token.has_scope(scope)))
}

/// Decisions with settings of different sizes, from an image and configured each time.
pub(crate) fn settings(regexes: &[u8], effort: Effort) -> Result<Vec<Row>> {
    let real = real()?;
    let host = Host::new()?;
    let plugin = builtin_plugin(&host, "require-scopes")?;
    let regexes = Plugin::load(&host, regexes)?;
    let both = |plugin: &Plugin, settings: serde_json::Value| -> Result<[Check; 2]> {
        Ok([check(plugin, settings.clone(), ImagePolicy::Eager)?, check(plugin, settings, ImagePolicy::Never)?])
    };
    let [two, _] = both(&plugin, two_scopes())?;
    let [image_10k, each_10k] = both(&plugin, scopes(10_000))?;
    let [cold_11, each_11] = both(&regexes, patterns(10))?;
    let [cold_201, each_201] = both(&regexes, patterns(200))?;
    // The warm-up builds the automata of the regular expressions, so that the image has them.
    let warm = |count| {
        let warm_up = Some(real.clone());
        check_with(&regexes, CheckConfig { warm_up, image: ImagePolicy::Eager, ..CheckConfig::from(patterns(count)) })
    };
    let (warm_11, warm_201) = (warm(10)?, warm(200)?);
    let cases = vec![
        Case::new("fresh_2_scopes", || allows(&two, &real)),
        Case::new("fresh_10k_scopes", || denies(&image_10k, &real)).against("fresh_2_scopes"),
        Case::new("configure_each_10k_scopes", || denies(&each_10k, &real)).against("fresh_10k_scopes"),
        Case::new("fresh_11_regexes", || allows(&warm_11, &real)).against("fresh_2_scopes"),
        Case::new("configure_each_11_regexes", || allows(&each_11, &real)).against("fresh_11_regexes"),
        Case::new("fresh_11_regexes_not_warmed_up", || allows(&cold_11, &real)).against("fresh_11_regexes"),
        Case::new("fresh_201_regexes", || allows(&warm_201, &real)).against("fresh_2_scopes"),
        Case::new("configure_each_201_regexes", || allows(&each_201, &real)).against("fresh_201_regexes"),
        Case::new("fresh_201_regexes_not_warmed_up", || allows(&cold_201, &real)).against("fresh_201_regexes"),
    ];
    Ok(take_turns(cases, effort))
}
