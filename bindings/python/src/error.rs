//! The exceptions that the package raises before any request.

use pyo3::create_exception;
use pyo3::exceptions::PyException;

create_exception!(
    guardhouse_checks,
    GuardhouseError,
    PyException,
    "An error before any request. The subclasses name its kinds."
);
create_exception!(guardhouse_checks, HostError, GuardhouseError, "The host cannot start.");
create_exception!(
    guardhouse_checks,
    LoadError,
    GuardhouseError,
    "The plugin cannot be read, or is not one that this host can run."
);
create_exception!(
    guardhouse_checks,
    ConfigError,
    GuardhouseError,
    "The settings, grants or limits of a check are invalid, or the plugin fails with them."
);
