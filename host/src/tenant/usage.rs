//! The usage of a tenant, as it is reported.

use std::time::Duration;

use crate::util::microseconds;

/// The resources of one tenant: those that it holds now, and those that it has used so far. In JSON, the times are
/// `cpu_time_us` and `compile_time_us`, in whole microseconds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct TenantUsage {
    /// The name of the tenant, or `None` for all checks without a tenant.
    pub tenant: Option<String>,
    /// The number of its checks.
    pub checks: u64,
    /// The settings of its checks, in bytes.
    pub settings_bytes: u64,
    /// The number of plugins that were loaded for it.
    pub plugins: u64,
    /// The files of those plugins, in bytes.
    pub plugin_bytes: u64,
    /// The machine code of its plugins and the images of its checks that are in memory and can be evicted, in bytes.
    pub resident_bytes: u64,
    /// The number of its live instances.
    pub instances: u64,
    /// The linear memory of its live instances, in bytes.
    pub memory_bytes: u64,
    /// The number of its evaluations so far, also of those that were cancelled.
    pub evaluations: u64,
    /// The fuel of all its evaluations.
    pub fuel: u64,
    /// The processor time of all its evaluations, and of configuring its instances.
    #[serde(rename = "cpu_time_us", serialize_with = "microseconds::serialize")]
    pub cpu_time: Duration,
    /// The time of compiling its plugins and images: the processor time of compiler processes, or wall-clock time
    /// without them.
    #[serde(rename = "compile_time_us", serialize_with = "microseconds::serialize")]
    pub compile_time: Duration,
    /// The number of evaluations that were denied because its [budget](crate::Tenant::set_budget) was spent.
    pub over_budget: u64,
}
