//! What the author of a plugin needs besides a compiler and an SDK: [`start`] makes a project, [`build`] makes its
//! component, and [`componentize`] is the part of that which compilers leave to others.

mod building;
mod componentize;
pub mod contract;
mod language;
mod languages;
mod merge;
mod project;
mod start;
mod tool;
mod world;

pub use building::{build, describe};
pub use componentize::componentize;
pub use language::Language;
pub use merge::merge;
pub use project::{CASES, Project};
pub use start::start;
