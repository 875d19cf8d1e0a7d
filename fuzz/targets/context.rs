//! Fuzzes requests as JSON.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| guardhouse_tests::fuzz::context(bytes));
