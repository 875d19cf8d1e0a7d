//! A check, in one process.

use std::sync::Arc;

use guardhouse::native::NativeError;
use guardhouse::{AuthCheck, CheckConfig, Grant, Grants, Json, builtin, compose, native};
use pyo3::prelude::*;

use crate::error::{ConfigError, LoadError};
use crate::host::Host;
use crate::limits;
use crate::named::Named;
use crate::process::Owned;

/// A plugin in one process, which all checks of the plugin share.
#[pyclass(frozen, weakref, module = "guardhouse_checks._native")]
pub(crate) struct Plugin(Owned<guardhouse::Plugin>);

/// A check in one process.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct Check {
    inner: Owned<Inner>,
    /// Python references plugins weakly: this reference keeps the plugin for as long as it has a check.
    _plugin: Option<Py<Plugin>>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) check: Arc<dyn AuthCheck>,
    reads_request: bool,
    reads_raw_token: bool,
}

#[pymethods]
impl Plugin {
    #[new]
    fn new(py: Python<'_>, host: &Host, component: Vec<u8>) -> PyResult<Self> {
        let host = host.host()?;
        let plugin = py.detach(|| guardhouse::Plugin::load(host, &component));
        let plugin = plugin.map_err(|error| LoadError::new_err(error.to_string()))?;
        Ok(Self(Owned::new(plugin)))
    }
}

#[pymethods]
impl Check {
    /// Makes a check of a plugin.
    #[staticmethod]
    #[pyo3(signature = (plugin, *, settings, limits, grants, id, tenant))]
    fn of_plugin(
        py: Python<'_>,
        plugin: &Bound<'_, Plugin>,
        settings: Option<Vec<u8>>,
        limits: &[u8],
        grants: Vec<String>,
        id: Option<String>,
        tenant: Option<String>,
    ) -> PyResult<Self> {
        let kept = Some(plugin.clone().unbind());
        let plugin = plugin.get().0.get()?;
        let config = CheckConfig {
            id,
            tenant: tenant.map(|name| plugin.host().tenant(name)),
            settings: settings.map(|text| read_settings(&text)).transpose()?,
            grants: read_grants(&grants)?,
            limits: limits::of_check(limits)?,
            ..CheckConfig::default()
        };
        let reads_raw_token = config.grants.has(Grant::RawToken);
        let check = py.detach(|| guardhouse::Check::new(plugin, config));
        let check = check.map_err(|error| ConfigError::new_err(error.to_string()))?;
        let reads_request = plugin.reads_request();
        let inner = Inner { check: Arc::new(check), reads_request, reads_raw_token };
        Ok(Self { inner: Owned::new(inner), _plugin: kept })
    }

    /// Makes one of FastMCP's own checks, rewritten in Rust, without a sandbox.
    #[staticmethod]
    fn of_native(name: &str, settings: Option<Vec<u8>>, id: Option<String>) -> PyResult<Self> {
        let settings = settings.map(|text| read_settings(&text)).transpose()?;
        let check = native::from_settings(name, settings).map_err(|error| match error {
            NativeError::UnknownName(_) => LoadError::new_err(error.to_string()),
            error => ConfigError::new_err(error.to_string()),
        })?;
        let check: Arc<dyn AuthCheck> = match id {
            Some(id) => Arc::new(Named::new(id, check)),
            None => check.into(),
        };
        let inner = Inner { check, reads_request: name == "require-roles", reads_raw_token: false };
        Ok(Self { inner: Owned::new(inner), _plugin: None })
    }

    /// Makes a check of others by `rule`: `any_of`, `all_of` or `negate`, which takes one.
    #[staticmethod]
    fn of_members(rule: &str, members: Vec<Bound<'_, Self>>, id: Option<String>) -> PyResult<Self> {
        let members = members.iter().map(|member| member.get().get().cloned()).collect::<PyResult<Vec<_>>>()?;
        let reads_request = members.iter().any(|member| member.reads_request);
        let reads_raw_token = members.iter().any(|member| member.reads_raw_token);
        let mut checks = members.into_iter().map(|member| member.check);
        let check = match rule {
            "any_of" => compose::any_of(checks),
            "all_of" => compose::all_of(checks),
            "negate" => {
                let member = checks.next().filter(|_| checks.len() == 0);
                compose::negate(member.ok_or_else(|| ConfigError::new_err("a negation has one member"))?)
            }
            _ => return Err(ConfigError::new_err(format!("rule `{rule}` does not exist"))),
        };
        let check = match id {
            Some(id) => check.with_id(id),
            None => check,
        };
        Ok(Self { inner: Owned::new(Inner { check: Arc::new(check), reads_request, reads_raw_token }), _plugin: None })
    }

    /// The name under which the check is logged.
    #[getter]
    fn id(&self) -> PyResult<String> {
        Ok(self.get()?.check.id().to_owned())
    }

    /// The digest of the plugin; none for a native check.
    #[getter]
    fn digest(&self) -> PyResult<Option<String>> {
        Ok(self.get()?.check.identity().plugin.map(|digest| digest.to_string()))
    }

    /// Whether the check can name missing scopes.
    #[getter]
    fn names_missing_scopes(&self) -> PyResult<bool> {
        Ok(self.get()?.check.names_missing_scopes())
    }

    /// Whether the plugin can read claims, details, arguments and attributes.
    #[getter]
    fn reads_request(&self) -> PyResult<bool> {
        Ok(self.get()?.reads_request)
    }

    /// Whether the check can read the bearer secret, by its grant.
    #[getter]
    fn reads_raw_token(&self) -> PyResult<bool> {
        Ok(self.get()?.reads_raw_token)
    }
}

impl Check {
    pub(crate) fn get(&self) -> PyResult<&Inner> {
        self.inner.get()
    }
}

/// The bytes of a plugin that is part of the package.
#[pyfunction]
pub(crate) fn builtin_component(name: &str) -> PyResult<&'static [u8]> {
    builtin::bytes(name).ok_or_else(|| {
        let names = builtin::ALL.iter().map(|found| format!("`{}`", found.name)).collect::<Vec<_>>().join(", ");
        LoadError::new_err(format!("built-in plugin `{name}` does not exist; use one of {names}"))
    })
}

fn read_settings(text: &[u8]) -> PyResult<Json> {
    Json::from_slice(text).map_err(|error| ConfigError::new_err(format!("the settings are not JSON: {error}")))
}

fn read_grants(names: &[String]) -> PyResult<Grants> {
    let grants = names.iter().map(|name| name.parse::<Grant>());
    grants.collect::<Result<_, _>>().map_err(|error| ConfigError::new_err(error.to_string()))
}
