//! Attacks that could crash the whole process: each test runs in a process of its own.

use std::process::Command;

use guardhouse::{Host, LoadError, Plugin};

use crate::harness::{host_with, neighbor_is_unharmed, small};

/// Runs an ignored test of this binary in a process of its own, which must succeed.
pub(crate) fn survives(test: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads", "1"])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {out}{err}", output.status);
    assert!(out.contains("1 passed"), "{out}");
}

/// A component whose first type is nested `depth` levels deep. Its export is never read.
pub(crate) fn deep_type(depth: usize) -> Vec<u8> {
    let mut types = vec![1];
    for _ in 0..depth {
        // A component type (or instance type) with one declaration, which is a type.
        types.extend([0x41, 0x01, 0x01]);
    }
    types.extend([0x41, 0x00]);
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut bytes, 7, &types);
    let name = b"guardhouse:auth/check@0.1.0";
    let mut exports = vec![1, 0, u8::try_from(name.len()).unwrap()];
    exports.extend(name);
    exports.extend([5, 0, 0]);
    section(&mut bytes, 11, &exports);
    bytes
}

fn section(bytes: &mut Vec<u8>, id: u8, content: &[u8]) {
    bytes.push(id);
    let mut left = content.len();
    while left > 0x7f {
        bytes.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
        left >>= 7;
    }
    bytes.push(u8::try_from(left).unwrap());
    bytes.extend(content);
}

fn is_rejected(host: &Host, bytes: &[u8]) {
    let error = Plugin::load(host, bytes).unwrap_err();
    assert!(matches!(error, LoadError::Invalid { .. } | LoadError::TooLarge { .. }), "{error}");
    assert!(error.to_string().len() < 1_000);
    neighbor_is_unharmed(host);
}

#[test]
fn types_nested_a_million_levels_deep_are_rejected() {
    survives("isolated::deep_types");
}

#[test]
#[ignore = "runs in a process of its own"]
pub(crate) fn deep_types() {
    let host = host_with(small());
    for depth in [10, 1_000, 100_000, 1_000_000, 10_000_000] {
        is_rejected(&host, &deep_type(depth));
    }
}
