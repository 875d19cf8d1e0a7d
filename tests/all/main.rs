//! All tests of Guardhouse in one binary. Rules are cited by their numbers: S (the engine), B (the built-in checks), U
//! (step-up).

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests are tests")]

mod ahead;
mod answers;
mod batch;
mod bombs;
mod builtins;
mod cache;
mod cache_damage;
mod cache_folder;
mod cache_processes;
mod cache_residents;
mod compiler;
mod compiler_bombs;
mod compiler_rights;
mod deadlines;
mod demo;
mod determinism;
mod documents;
mod engine;
mod faults;
mod files;
mod fuzz;
mod grants;
mod harness;
mod image_state;
mod images;
mod interleaved;
mod isolated;
mod json;
mod limit_docs;
mod loading;
mod memory;
mod merge;
mod output;
mod pools;
mod properties;
mod quick;
mod records;
mod room;
mod runtimes;
mod settings;
mod state;
mod step_up;
mod storm;
mod tenants;
mod time;
mod too_large;
mod versions;
mod wasi;

mod context_schema;
mod corpus;
mod traps;
