//! Large plugins that differ only in their state, such as those of one language runtime, share one compilation.

use guardhouse::{
    AuthChecks, Cause, Check, CheckConfig, Decision, Host, HostLimits, LoadError, Plugin, run_auth_checks_blocking,
};
use guardhouse_tests::guest::{expanded, replaced};

use crate::cache_folder::CacheFolder;
use crate::harness::{Guest, fixture, neighbor_is_unharmed, nobody, patient, small};

/// The size of a module that is large enough, in bytes.
const LARGE: usize = 1 << 20;

/// The text of a plugin whose answer is in a global, with `filler` bytes of data.
fn text(answer: bool, filler: usize, fields: &str) -> String {
    let value = if answer { 16 } else { 32 };
    let plugin = format!("(global $answer (mut i32) (i32.const {value})) {fields}");
    let letter = if answer { "a" } else { "d" };
    let items = format!("(core module $filler (memory 99) (data (i32.const 8) \"{}\"))", letter.repeat(filler));
    let items = format!("{items} (core instance (instantiate $filler))");
    let text = replaced(&fixture("allow"), "(i32.const 16)))", "(global.get $answer)))");
    expanded(&text).replace("(@items)", &items).replace("(@fields)", &plugin)
}

fn large(answer: bool) -> Guest {
    Guest::from_text("large", &text(answer, LARGE, ""))
}

/// The answer of a plugin, without loading anything else into the host.
fn is_allowed(guest: &Guest, host: &Host) -> bool {
    let plugin = Plugin::load(host, guest.bytes()).unwrap();
    let check = Check::new(&plugin, CheckConfig { limits: patient(), ..CheckConfig::default() }).unwrap();
    run_auth_checks_blocking(&[check], &nobody()) == Decision::Allow
}

#[test]
fn the_second_plugin_with_the_same_code_needs_no_compiler() {
    let folder = CacheFolder::new();
    // Without work in the background: it would keep optimized code too, at some time.
    assert!(is_allowed(&large(true), &folder.builder().without_background().build().unwrap()));
    let before = folder.all_files().len();
    let unable = folder.host_without_compiler();
    assert!(!is_allowed(&large(false), &unable));
    assert_eq!(folder.all_files().len(), before + 5, "a source and two states, with an entry each");
    // Another code is not known.
    let other = Guest::from_text("other", &text(true, LARGE, "(func)"));
    assert!(matches!(Plugin::load(&unable, other.bytes()), Err(LoadError::Host(_))));
    // Both load from the cache.
    for answer in [true, false] {
        assert_eq!(is_allowed(&large(answer), &folder.host_without_compiler()), answer);
    }
}

#[test]
fn states_that_are_too_large_are_not_kept_and_the_plugin_is_compiled_as_a_whole() {
    let folder = CacheFolder::new();
    let limits = HostLimits { code_bytes: 512 << 10, ..small() };
    let host = folder.builder().limits(limits).without_background().build().unwrap();
    assert!(is_allowed(&large(true), &host));
    assert_eq!(folder.files("entries").len(), 3, "the source, the code, and the code as a whole");
}

#[test]
fn plugins_share_code_in_memory_without_a_cache() {
    let host = Host::builder().limits(small()).baseline_from(usize::MAX).build().unwrap();
    let [first, second] = [true, false].map(|answer| large(answer).on_host(&host).check());
    for (check, answer) in [(&first, true), (&second, false), (&first, true)] {
        assert_eq!(run_auth_checks_blocking(&[check], &nobody()) == Decision::Allow, answer);
    }
}

#[test]
fn a_plugin_gets_optimized_code_that_another_has_already() {
    let host = Host::builder().limits(small()).baseline_from(0).without_background().build().unwrap();
    let first = large(true).on_host(&host).limits(|limits| limits.fuel = Some(1_000_000)).check();
    assert!(first.plugin().is_optimized());
    assert!(large(false).on_host(&host).check().plugin().is_optimized());
    drop(first);
}

#[test]
fn a_plugin_that_is_split_uses_the_same_fuel_and_memory() {
    let host = Host::builder().limits(small()).baseline_from(usize::MAX).build().unwrap();
    let usage = |filler: usize| {
        let check = Guest::from_text("plugin", &text(true, filler, "")).on_host(&host).check();
        let usage = AuthChecks::new(&[check]).explain_blocking(&nobody()).checks[0].evaluation.usage;
        (usage.fuel, usage.memory_bytes)
    };
    assert_eq!(usage(LARGE), usage(1_000));
}

#[test]
fn a_large_plugin_that_cannot_be_split_is_compiled_as_a_whole() {
    let host = Host::builder().limits(small()).build().unwrap();
    let start = text(true, LARGE, "(func $start (global.set $answer (i32.const 32))) (start $start)");
    assert!(!is_allowed(&Guest::from_text("start", &start), &host));
}

#[test]
fn the_errors_of_a_large_plugin_are_about_its_own_bytes() {
    let bytes = large(true).bytes().to_vec();
    let host = Host::builder().limits(small()).build().unwrap();
    let with = |fields: &str| Guest::from_text("invalid", &text(true, LARGE, fields)).bytes().to_vec();
    assert!(Plugin::load(&host, &bytes).is_ok());
    let bytes = with("(func (result i32) (i64.const 1))");
    let Err(LoadError::Invalid { offset, reason, .. }) = Plugin::load(&host, &bytes) else { panic!("it loads") };
    assert!(reason.contains("type mismatch") && offset < bytes.len(), "{offset}: {reason}");
    // The function is in the plugin's module, which comes after the large one.
    assert!(offset > LARGE, "{offset}: {reason}");
}

#[test]
fn a_plugin_that_is_split_stays_within_its_limits() {
    let host = Host::builder().limits(small()).build().unwrap();
    let over = large(true).on_host(&host).limits(|limits| limits.memory_bytes = 98 << 16);
    over.fails_on_trial(Cause::MemoryLimit);
    neighbor_is_unharmed(&host);
}
