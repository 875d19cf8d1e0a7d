//! The native half of the Python package `guardhouse`. What it offers is private to the package: `guardhouse/` is the
//! public half.

mod bell;
mod check;
mod decide;
mod error;
mod host;
mod limits;
mod process;
mod report;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::bell::Bell;
    #[pymodule_export]
    use crate::check::{Check, Plugin, builtin_component};
    #[pymodule_export]
    use crate::decide::{Question, ask, ask_and_wait};
    #[pymodule_export]
    use crate::error::{GuardhouseError, HostError, LoadError, ConfigError};
    #[pymodule_export]
    use crate::host::Host;
    #[pymodule_export]
    use crate::report::{CheckReport, Report};
}
