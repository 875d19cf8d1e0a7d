//! Limits by name, as Python gives them: a number, or seconds.

use std::time::Duration;

use guardhouse::{HostLimits, Limits};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::error::{HostError, ConfigError};

/// A value that a limit can have.
trait Limit: Sized {
    fn read(value: &Bound<'_, PyAny>) -> PyResult<Self>;
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Limit for $type {
            fn read(value: &Bound<'_, PyAny>) -> PyResult<Self> {
                value.extract()
            }
        }
    )*};
}

number!(u32, u64, usize);

impl Limit for Duration {
    fn read(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        let seconds: f64 = value.extract()?;
        Self::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

impl<T: Limit> Limit for Option<T> {
    fn read(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        T::read(value).map(Some)
    }
}

macro_rules! read {
    ($limits:expr, $given:expr, $error:ty, [$($name:ident),* $(,)?]) => {{
        let mut limits = $limits;
        for (name, value) in $given {
            let name: String = name.extract()?;
            let read = match name.as_str() {
                $(stringify!($name) => Limit::read(&value).map(|value| limits.$name = value),)*
                _ => Err(PyValueError::new_err("there is no such limit")),
            };
            read.map_err(|error| <$error>::new_err(format!("limit `{name}`: {}", error.value($given.py()))))?;
        }
        Ok(limits)
    }};
}

/// The limits of a check: those given, and every other one's default.
pub(crate) fn of_check(given: &Bound<'_, PyDict>) -> PyResult<Limits> {
    read! { Limits::default(), given, ConfigError, [
        deadline, configure_deadline, cpu_time, fuel, memory_bytes, table_elements, core_instances, instances, queue, standby,
        handles, context_bytes, message_bytes, log_bytes, host_call_bytes, settings_bytes,
    ] }
}

/// The limits of a host: those given, and every other one's default.
pub(crate) fn of_host(given: &Bound<'_, PyDict>) -> PyResult<HostLimits> {
    read! { HostLimits::default(), given, HostError, [
        instances, large_instances, small_memory_bytes, large_resident_bytes, standby_checks, queue, memory_bytes,
        table_elements, core_instances, stack_bytes, plugin_bytes, functions, function_bytes, block_nesting,
        loop_nesting, loop_locals, block_locals, block_values, types, imports, items, modules, instantiations, nesting,
        schema_bytes, schema_nodes, schema_patterns, compilers, compiler_time, compiler_bytes, code_bytes, cache_bytes,
        resident_plugins, resident_images, image_bytes,
    ] }
}
