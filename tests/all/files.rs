//! Damaged and random files: an error, whatever they are, and never a panic.

use guardhouse::{Check, CheckConfig, LoadError, Plugin, builtin};
use guardhouse_tests::guest;

use crate::harness::{fixture, host, host_with, neighbour_is_unharmed, small};

/// A generator that gives the same bytes on every machine (SplitMix64).
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()).flatten().take(count).collect()
    }
}

#[test]
fn a_truncated_plugin_does_not_load_wherever_it_is_cut() {
    for name in builtin::NAMES {
        let bytes = builtin::bytes(name).unwrap();
        for end in (0..bytes.len()).step_by(97) {
            let error = Plugin::load(host(), &bytes[..end]).unwrap_err();
            assert!(error.to_string().len() < 1_000, "{name} at {end}: {error}");
        }
    }
    neighbour_is_unharmed(host());
}

#[test]
fn a_small_plugin_does_not_load_wherever_it_is_cut() {
    let bytes = guest::assemble(&fixture("stdout-flood").replace("(@length)", "1")).unwrap();
    for end in 0..bytes.len() {
        // Without the custom sections at its end, names and the like, it is another plugin that says the same.
        let is_custom = bytes[end] == 0;
        assert!(is_custom || Plugin::load(host(), &bytes[..end]).is_err(), "at {end}");
    }
}

#[test]
fn random_bytes_do_not_load() {
    let mut random = Bytes(1);
    for length in [0, 1, 4, 7, 8, 9, 100, 1_000, 100_000] {
        for header in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x0d\0\x01\0"] {
            for _ in 0..20 {
                let bytes = [header, &random.take(length)].concat();
                assert!(Plugin::load(host(), &bytes).is_err());
            }
        }
    }
    neighbour_is_unharmed(host());
}

#[test]
fn fifty_megabytes_of_garbage_are_refused_unread() {
    let garbage = Bytes(2).take(50_000_000);
    let error = Plugin::load(host(), &garbage).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: "plugin_bytes", found: 50_000_000, .. }), "{error}");
    let with_header = [b"\0asm\x0d\0\x01\0", &garbage[..30_000_000]].concat();
    assert!(Plugin::load(host(), &with_header).is_err());
}

#[test]
fn a_plugin_with_one_byte_changed_loads_as_another_plugin_or_not_at_all() {
    let bytes = guest::assemble(&fixture("token")).unwrap();
    let original = Plugin::load(host(), &bytes).unwrap().digest();
    let host = host_with(small());
    let context = crate::harness::nobody();
    let mut random = Bytes(3);
    let mut loaded = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (random.next() % 8);
        let Ok(plugin) = Plugin::load(&host, &changed) else { continue };
        loaded += 1;
        assert_ne!(plugin.digest(), original);
        // Whatever it has become, it is asked in peace.
        let config = CheckConfig { limits: crate::harness::patient(), ..CheckConfig::default() };
        let limits = guardhouse::Limits { fuel: Some(100_000), ..config.limits };
        if let Ok(check) = Check::new(&plugin, CheckConfig { limits, ..CheckConfig::default() }) {
            let _ = guardhouse::blocking::run_auth_checks(&[check], &context).is_allow();
        }
    }
    println!("{loaded} of {} changed plugins load", bytes.len());
    neighbour_is_unharmed(&host);
}
