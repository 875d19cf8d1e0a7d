//! Damaged and random files: always an error, and never a panic.

use std::path::Path;

use guardhouse::{Check, CheckConfig, HostLimits, Limits, LoadError, Plugin, builtin, run_auth_checks_blocking};

use crate::harness::{Guest, host, host_with, neighbor_is_unharmed, nobody, patient, small};

/// A generator that returns the same bytes on every machine (SplitMix64).
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

/// The offsets at which the sections of a component begin, and those of the modules and components in it. `from` and
/// `to` are the range of its sections.
fn section_starts(bytes: &[u8], from: usize, to: usize) -> Vec<usize> {
    let (mut starts, mut at) = (Vec::new(), from);
    while at < to {
        starts.push(at);
        let id = bytes[at];
        let (mut size, mut shift) = (0, 0);
        loop {
            at += 1;
            size |= usize::from(bytes[at] & 0x7f) << shift;
            shift += 7;
            if bytes[at] < 0x80 {
                break;
            }
        }
        let content = at + 1;
        at = content + size;
        // A core module, or a component: a header of eight bytes, and sections.
        if matches!(id, 1 | 4) && bytes[content..].starts_with(b"\0asm") {
            starts.extend(section_starts(bytes, content + 8, at));
        }
    }
    starts
}

#[test]
fn a_truncated_built_in_does_not_load_wherever_it_is_cut() {
    for builtin::Builtin { name, bytes, .. } in builtin::ALL {
        // Without its last sections, such as names and exports that are optional, a component may be valid.
        let starts = section_starts(bytes, 8, bytes.len());
        for end in (0..bytes.len()).step_by(97).filter(|end| !starts.contains(end)) {
            let error = Plugin::load(host(), &bytes[..end]).unwrap_err();
            assert!(error.to_string().len() < 1_000, "{name} at {end}: {error}");
        }
    }
    neighbor_is_unharmed(host());
}

#[test]
fn a_truncated_small_plugin_does_not_load_wherever_it_is_cut() {
    let guest = Guest::with("stdout-flood", &[("length", "1")]);
    let bytes = guest.bytes();
    for end in 0..bytes.len() {
        // Without the custom sections at its end, such as names, the plugin is valid and does the same.
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
    neighbor_is_unharmed(host());
}

#[test]
fn fifty_megabytes_of_garbage_are_rejected_without_being_read() {
    let garbage = Bytes(2).take(50_000_000);
    let error = Plugin::load(host(), &garbage).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: "plugin_bytes", found: 50_000_000, .. }), "{error}");
    let with_header = [b"\0asm\x0d\0\x01\0", &garbage[..30_000_000]].concat();
    assert!(Plugin::load(host(), &with_header).is_err());
}

#[test]
fn a_plugin_with_a_changed_byte_has_another_digest_or_does_not_load() {
    let guest = Guest::new("token");
    let bytes = guest.bytes();
    let original = guest.load().unwrap().digest();
    let host = host_with(small());
    let mut random = Bytes(3);
    let mut loaded = 0;
    for at in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[at] ^= 1 << (random.next() % 8);
        let Ok(plugin) = Plugin::load(&host, &changed) else { continue };
        loaded += 1;
        assert_ne!(plugin.digest(), original);
        // The plugin may do anything, but it must not harm the host.
        let limits = Limits { fuel: Some(100_000), ..patient() };
        if let Ok(check) = Check::new(&plugin, CheckConfig { limits, ..CheckConfig::default() }) {
            let _ = run_auth_checks_blocking(&[check], &nobody()).is_allow();
        }
    }
    println!("{loaded} of {} changed plugins load", bytes.len());
    neighbor_is_unharmed(&host);
}

#[test]
fn a_plugin_is_loaded_from_its_file_and_nothing_beyond_the_cap_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plugin.wasm");
    std::fs::write(&path, builtin::REQUIRE_AUTH).unwrap();
    let size = builtin::REQUIRE_AUTH.len();
    let host = |plugin_bytes| host_with(HostLimits { plugin_bytes, ..small() });
    assert_eq!(Plugin::load_file(&host(size), &path).unwrap().size(), size);
    let error = Plugin::load_file(&host(size - 1), &path).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: "plugin_bytes", .. }), "{error}");
    // A file of the kernel has no size that could be checked first.
    let error = Plugin::load_file(&host(0), "/proc/self/maps").unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { limit: "plugin_bytes", .. }), "{error}");
}

/// Opening a pipe without a writer waits forever, and a device may have no end.
#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.wasm");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    for path in [folder.path(), &folder.path().join("missing.wasm"), &pipe, Path::new("/dev/zero")] {
        let error = Plugin::load_file(host(), path).unwrap_err();
        let LoadError::Unreadable { file, .. } = &error else { panic!("{error}") };
        assert_eq!(file, path);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
}
