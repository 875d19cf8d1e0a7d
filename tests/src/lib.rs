//! Code that the tests of Guardhouse share with the benchmarks, the fuzzer and the command line's tests: plugins written
//! as text, recorded events, and the corpus of decisions.

pub mod corpus;
pub mod events;
pub mod fuzz;
pub mod guest;
pub mod makers;

/// The README of the repository, whose programs are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
