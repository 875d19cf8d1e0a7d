//! A check, in one process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use guardhouse::native::NativeError;
use guardhouse::{AuthCheck, CheckConfig, Document, Grant, Grants, Json, builtin, compose, native};
use pyo3::prelude::*;

use crate::error::{ConfigError, LoadError};
use crate::host::{DEFAULT_TICK, Host};
use crate::limits;
use crate::named::Named;
use crate::pace::Pace;
use crate::process::Owned;

/// A plugin in one process, which all checks of the plugin share.
#[pyclass(frozen, weakref, module = "guardhouse_checks._native")]
pub(crate) struct Plugin {
    plugin: Owned<guardhouse::Plugin>,
    tick: Duration,
}

/// A check in one process.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct Check {
    inner: Owned<Arc<Inner>>,
    /// Python references plugins weakly: this reference keeps the plugin for as long as it has a check.
    _plugin: Option<Py<Plugin>>,
}

pub(crate) struct Inner {
    pub(crate) check: Arc<dyn AuthCheck>,
    pub(crate) pace: Pace,
    /// The plugins behind it: none for a native check, and several for a composed one.
    plugins: Vec<guardhouse::Plugin>,
    documents: Vec<Document>,
    reads_raw_token: bool,
}

impl Inner {
    /// The time that an answer is expected to take, if it is short, and the check has nothing to wait for.
    pub(crate) fn expected(&self, now: Instant) -> Option<Duration> {
        self.pace.expected(now).filter(|_| self.can_be_fast(now))
    }

    /// Whether it has nothing to wait for, and did not meet a tick in the last second.
    pub(crate) fn can_be_fast(&self, now: Instant) -> bool {
        !self.pace.is_paused(now) && self.plugins.iter().all(|plugin| plugin.is_small() && plugin.is_resident())
    }
}

#[pymethods]
impl Plugin {
    #[new]
    fn new(py: Python<'_>, host: &Host, component: Vec<u8>) -> PyResult<Self> {
        let (host, tick) = (host.host()?, host.threads()?.tick);
        let plugin = py.detach(|| guardhouse::Plugin::load(host, &component));
        let plugin = plugin.map_err(|error| LoadError::new_err(error.to_string()))?;
        Ok(Self { plugin: Owned::new(plugin), tick })
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
        let Plugin { plugin, tick } = plugin.get();
        let plugin = plugin.get()?;
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
        let inner = Inner {
            check: Arc::new(check),
            pace: Pace::new(*tick),
            plugins: vec![plugin.clone()],
            documents: plugin.documents().to_vec(),
            reads_raw_token,
        };
        Ok(Self { inner: Owned::new(Arc::new(inner)), _plugin: kept })
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
        let documents = if name == "require-roles" { vec![Document::Claim] } else { Vec::new() };
        let pace = Pace::new(DEFAULT_TICK);
        let inner = Inner { check, pace, plugins: Vec::new(), documents, reads_raw_token: false };
        Ok(Self { inner: Owned::new(Arc::new(inner)), _plugin: None })
    }

    /// Makes a check of others by `rule`: `any_of`, `all_of` or `negate`, which takes one.
    #[staticmethod]
    fn of_members(rule: &str, members: Vec<Bound<'_, Self>>, id: Option<String>) -> PyResult<Self> {
        let members = members.iter().map(|member| member.get().get().cloned()).collect::<PyResult<Vec<_>>>()?;
        let reads = |document: &&Document| members.iter().any(|member| member.documents.contains(document));
        let documents = Document::ALL.iter().filter(reads).copied().collect();
        let plugins = members.iter().flat_map(|member| member.plugins.clone()).collect();
        let fast = members.iter().map(|member| member.pace.tick()).min().unwrap_or(DEFAULT_TICK);
        let pace = Pace::new(fast);
        let reads_raw_token = members.iter().any(|member| member.reads_raw_token);
        let mut checks = members.iter().map(|member| Arc::clone(&member.check));
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
        let inner = Inner { check: Arc::new(check), pace, plugins, documents, reads_raw_token };
        Ok(Self { inner: Owned::new(Arc::new(inner)), _plugin: None })
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

    /// The documents that the check can read: `claim`, `detail`, `argument`, `attribute`.
    #[getter]
    fn documents(&self) -> PyResult<Vec<&'static str>> {
        Ok(self.get()?.documents.iter().map(|document| document.as_str()).collect())
    }

    /// Whether the check can read the bearer secret, by its grant.
    #[getter]
    fn reads_raw_token(&self) -> PyResult<bool> {
        Ok(self.get()?.reads_raw_token)
    }
}

impl Check {
    pub(crate) fn get(&self) -> PyResult<&Arc<Inner>> {
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
