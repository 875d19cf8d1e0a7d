//! How the plugins of each language are built: a file for each, with one function that returns a core module or a
//! component.

pub(crate) mod c;
pub(crate) mod go;
pub(crate) mod javascript;
pub(crate) mod python;
pub(crate) mod rust;
pub(crate) mod zig;
