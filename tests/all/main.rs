//! All tests of Guardhouse in one binary. Rules are cited by their numbers: S (the engine), B (the built-in checks), U
//! (step-up).

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests are tests")]

mod answers;
mod harness;
mod isolated;
mod memory;
mod output;
mod probe;
mod time;
mod versions;
mod wasi;

mod corpus;
mod traps;
