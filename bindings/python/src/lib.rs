//! The native half of the Python package `guardhouse_checks`. It is private to the package; the public half is the
//! Python code in `guardhouse_checks/`.

mod check;
mod completion_queue;
mod error;
mod evaluate;
mod host;
mod limits;
mod named;
mod pace;
mod process;
mod report;
mod request;
mod thread_clock;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::check::{Check, Plugin, builtin_component};
    #[pymodule_export]
    use crate::completion_queue::CompletionQueue;
    #[pymodule_export]
    use crate::error::{ConfigError, GuardhouseError, HostError, LoadError};
    #[pymodule_export]
    use crate::evaluate::{PendingEvaluation, begin, evaluate_blocking, evaluate_on_the_spot};
    #[pymodule_export]
    use crate::host::Host;
    #[pymodule_export]
    use crate::report::{CheckReport, Report};
}
