//! The tools of plugin authors, besides a compiler and an SDK: [`new_project`] makes a project, [`build`] makes its
//! component, [`upgrade`] sets the version of its SDK, and [`componentize`] and [`merge`] are the steps of a build that
//! compilers do not do.

mod new_project;
mod place;
mod upgrade;

mod sdk_source;
mod vendored;

mod build_environment;
mod build_project;
mod newest;
mod profile;
mod project;
mod runtimes;
mod settings_schema;

mod languages;

mod componentize;
mod core_module;
mod merge;
mod metadata;
mod origin;

pub mod contract;

mod change;
mod embedded;
mod regular_file;
mod version;

pub use build_environment::{BuildEnvironment, Documents, Prepare};
pub use build_project::{build, make_component, make_development_component, verify};
pub use change::{Change, ChangeKind};
pub use componentize::componentize;
pub use languages::Language;
pub use merge::merge;
pub use metadata::add_metadata;
pub use new_project::{NewProject, new_project};
pub use newest::{Newest, newest};
pub use origin::{Origin, OriginPart, PartState, SdkDigest, SourceDigest};
pub use profile::Profile;
pub use project::{CASES, Project};
pub use sdk_source::{SDK_SOURCE, SdkSource};
pub use upgrade::{Upgrade, upgrade};

/// The README, whose program is compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
