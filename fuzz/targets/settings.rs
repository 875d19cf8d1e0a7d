//! Fuzzes settings and their schemas.

#![no_main]

use guardhouse_fuzz::dice::Dice;
use guardhouse_fuzz::mutation::mutate_settings;
use guardhouse_fuzz::{changer, put};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|bytes: &[u8]| guardhouse_tests::fuzz::settings(bytes));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    put(&mutate_settings(&data[..size], &mut Dice::new(seed), changer(max_size)), data)
});
