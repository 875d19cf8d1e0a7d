//! Fuzzes modules made of random instructions, run in every way.

#![no_main]

use guardhouse_tests::fuzz::{GENERATED_EXPORTS, generated};
use libfuzzer_sys::arbitrary::Unstructured;
use wasm_smith::{Config, Module};

libfuzzer_sys::fuzz_target!(|entropy: &[u8]| {
    if let Some(module) = module(entropy) {
        generated(&module);
    }
});

/// A module that ends; `None` if there are too few bytes for one.
fn module(entropy: &[u8]) -> Option<Vec<u8>> {
    let config = Config {
        exports: Some(wat::parse_str(GENERATED_EXPORTS).ok()?),
        allow_start_export: false,
        max_funcs: 8,
        max_instructions: 300,
        // Features that a plugin cannot use, or that have no baseline code.
        exceptions_enabled: false,
        gc_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(entropy)).ok()?;
    module.ensure_termination(10_000).ok()?;
    Some(module.to_bytes())
}
