//! The tools of plugin authors, besides a compiler and an SDK: [`new_project`] makes a project, [`build`] makes its
//! component, and [`componentize`] and [`merge`] are the steps of a build that compilers do not do.

mod new_project;

mod build_project;
mod project;

mod languages;

mod componentize;
mod merge;
mod metadata;

pub mod contract;

pub use build_project::build;
pub use componentize::componentize;
pub use languages::Language;
pub use merge::merge;
pub use metadata::add_metadata;
pub use new_project::new_project;
pub use project::{CASES, Project};

/// The README, whose program is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
