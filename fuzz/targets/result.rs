//! Fuzzes a plugin that answers with arbitrary bits.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| guardhouse_tests::fuzz::result(bytes));
