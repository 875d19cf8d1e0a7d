//! The costs of a plugin: measured, kept in a file, and compared with an earlier measurement.

mod baseline;
mod comparison;
mod costs;
mod measure;

pub(crate) use self::baseline::{read, write};
pub(crate) use self::comparison::{Comparison, Tolerances};
pub(crate) use self::costs::Costs;
pub(crate) use self::measure::{Request, Subject, measure};
