//! Fuzzes plugins, one piece of a file at a time.

#![no_main]

use guardhouse_fuzz::dice::Dice;
use guardhouse_fuzz::mutation::{cross, mutate};
use guardhouse_fuzz::panics::forgive_foreign;
use guardhouse_fuzz::{changer, put};
use libfuzzer_sys::{fuzz_crossover, fuzz_mutator, fuzz_target};

fuzz_target!(init: forgive_foreign(), |file: &[u8]| guardhouse_tests::fuzz::plugin(file));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    put(&mutate(&data[..size], &mut Dice::new(seed), changer(max_size)), data)
});

fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| {
    put(&cross(one, other, &mut Dice::new(seed)), out)
});
