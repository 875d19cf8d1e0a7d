//! The hostile plugins of `cargo xtask demo`. They are assembled beforehand, so that the demo need not build an assembler.

use std::path::Path;

use guardhouse_tests::guest;

/// With this variable, the test writes the files instead of comparing them.
const WRITE: &str = "GUARDHOUSE_WRITE_FIXTURES";

#[test]
fn the_plugins_of_the_demo_are_assembled_from_their_texts() {
    let plugins =
        [("loop", include_str!("../fixtures/loop.wat")), ("unreachable", include_str!("../fixtures/unreachable.wat"))];
    for (name, text) in plugins {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo").join(name).with_extension("wasm");
        let bytes = guest::assemble(text).unwrap();
        if std::env::var_os(WRITE).is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let existing = std::fs::read(&path).unwrap_or_default();
        assert!(existing == bytes, "`{}` is out of date; run this test with {WRITE}=1", path.display());
    }
}
