//! The sandbox of one process, and the threads that checks run on.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use guardhouse::CompilerProcess;
use guardhouse::units::parse_duration;
use pyo3::prelude::*;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::HostError;
use crate::limits;
use crate::process::Owned;

/// The default of [`guardhouse::HostBuilder::tick`].
pub(crate) const DEFAULT_TICK: Duration = Duration::from_millis(1);

/// The host of one process.
///
/// Its threads never use the interpreter: they report through a `CompletionQueue`.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct Host(Owned<Inner>);

struct Inner {
    host: guardhouse::Host,
    tick: Duration,
    runtime: Option<Runtime>,
}

/// The threads that checks run on.
#[derive(Clone, Copy)]
pub(crate) struct Threads<'a> {
    pub(crate) handle: &'a Handle,
    /// The interval at which a check that computes yields its thread.
    pub(crate) tick: Duration,
}

#[pymethods]
impl Host {
    #[new]
    fn new(
        py: Python<'_>,
        limits: &[u8],
        compiler: PathBuf,
        cache: Option<PathBuf>,
        tick: Option<&str>,
        budgets: Vec<(String, Vec<u8>)>,
    ) -> PyResult<Self> {
        let limits = limits::of_host(limits)?;
        let budgets = budgets.into_iter().map(|(name, given)| Ok((limits::of_tenant(&name, &given)?, name)));
        let budgets = budgets.collect::<PyResult<Vec<_>>>()?;
        let tick = tick.map_or(Ok(DEFAULT_TICK), parse_duration);
        let tick = tick.map_err(|error| HostError::new_err(format!("`tick`: {error}")))?;
        py.detach(|| {
            let compiler = CompilerProcess::new(compiler).argument("compile-plugin");
            let mut builder = guardhouse::Host::builder().limits(limits).compiler(compiler);
            if let Some(folder) = cache {
                builder = builder.cache(folder);
            }
            builder = builder.tick(tick);
            let host = builder.build().map_err(|error| HostError::new_err(error.to_string()))?;
            // A plugin that computes yields its thread at each tick, so a few threads are enough.
            let threads = std::thread::available_parallelism().map_or(2, NonZero::get).max(2);
            let runtime = Builder::new_multi_thread()
                .worker_threads(threads)
                .thread_name("guardhouse-worker")
                .enable_time()
                .build()
                .map_err(|error| HostError::new_err(format!("cannot start the threads of the checks: {error}")))?;
            for (budget, name) in budgets {
                host.tenant(name).set_budget(budget).map_err(|error| HostError::new_err(error.to_string()))?;
            }
            Ok(Self(Owned::new(Inner { host, tick, runtime: Some(runtime) })))
        })
    }

    /// Changes to this machine that the host advises: pairs of a finding and a change.
    #[getter]
    fn advice(&self) -> PyResult<Vec<(String, String)>> {
        let advice = self.0.get()?.host.advice();
        Ok(advice.iter().map(|advice| (advice.found.to_string(), advice.change.to_string())).collect())
    }
}

impl Host {
    pub(crate) fn host(&self) -> PyResult<&guardhouse::Host> {
        Ok(&self.0.get()?.host)
    }

    pub(crate) fn threads(&self) -> PyResult<Threads<'_>> {
        let Inner { runtime, tick, .. } = self.0.get()?;
        let runtime = runtime.as_ref().ok_or_else(|| HostError::new_err("the threads of the checks have ended"))?;
        Ok(Threads { handle: runtime.handle(), tick: *tick })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Dropping the host must not wait for checks that still run.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
