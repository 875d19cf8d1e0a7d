//! The errors of the package: what goes wrong before a request.

use pyo3::create_exception;
use pyo3::exceptions::PyException;

create_exception!(guardhouse, GuardhouseError, PyException, "What goes wrong before a request: see its kinds.");
create_exception!(guardhouse, HostError, GuardhouseError, "The host cannot start.");
create_exception!(guardhouse, LoadError, GuardhouseError, "The bytes are not a plugin that this host can run.");
create_exception!(
    guardhouse,
    ConfigError,
    GuardhouseError,
    "No check can be made of the plugin: its settings, grants or limits do not fit, or it fails with them."
);
