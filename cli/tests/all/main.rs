//! The command from the outside: exit codes, standard output, standard error.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests are tests")]

mod harness;

mod accept;
mod arguments;
mod authoring;
mod build;
mod cache;
mod cases;
mod check;
mod documents;
mod explain;
mod inspect;
mod interrupt;
mod limits;
mod log;
mod policy;
mod print;
mod release;
mod reports;
mod schemas;
mod serve;
mod serve_clock;
mod serve_idle;
mod status;
mod upgrade;
mod watch;
