//! Limits as JSON: durations and sizes are text, such as `"50ms"` and `"16MiB"`.

use guardhouse::{HostLimits, Limits, TenantBudget};
use pyo3::PyResult;
use serde_json::{Map, Result, Value};

use crate::error::{ConfigError, HostError};

/// The limits of a check: those given, and the defaults of all others.
pub(crate) fn of_check(given: &[u8]) -> PyResult<Limits> {
    read(given, serde_json::from_value).map_err(ConfigError::new_err)
}

/// The limits of a host: those given, and the defaults of all others.
pub(crate) fn of_host(given: &[u8]) -> PyResult<HostLimits> {
    read(given, serde_json::from_value).map_err(HostError::new_err)
}

/// The budget of a tenant.
pub(crate) fn of_tenant(name: &str, given: &[u8]) -> PyResult<TenantBudget> {
    let budget = read(given, serde_json::from_value);
    budget.map_err(|error| HostError::new_err(format!("budget of tenant {name:?}: {error}")))
}

/// Reads each limit alone first: serde's errors do not name the field.
fn read<T>(given: &[u8], from_value: impl Fn(Value) -> Result<T>) -> std::result::Result<T, String> {
    let given: Map<String, Value> = serde_json::from_slice(given).map_err(|error| format!("limits: {error}"))?;
    for (name, value) in &given {
        let alone = Map::from_iter([(name.clone(), value.clone())]);
        from_value(Value::Object(alone)).map_err(|error| format!("limit `{name}`: {error}"))?;
    }
    from_value(Value::Object(given)).map_err(|error| format!("limits: {error}"))
}
