//! The budget of a tenant: what its checks and plugins may use together.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{optional_duration, optional_size};

/// What the checks and plugins of a tenant may use together, set by [`Tenant::set_budget`](crate::Tenant::set_budget).
/// `None` is the default of everything. It means no bound, or that of the host where the field says so.
///
/// An evaluation of a tenant that has spent its budget fails with
/// [`Cause::OverBudget`](crate::Cause::OverBudget) before it takes an instance or waits for anything, so that it takes
/// nothing from others.
///
/// ```
/// use guardhouse::{Host, TenantBudget};
/// use std::num::NonZeroU32;
/// use std::time::Duration;
///
/// let host = Host::new()?;
/// host.tenant("acme").set_budget(TenantBudget {
///     evaluations_per_second: NonZeroU32::new(1_000),
///     cpu_time_per_second: Some(Duration::from_millis(250)),
///     ..TenantBudget::default()
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In documents it is written like [`Limits`](crate::Limits): every field may be left out, an unknown field is an error, and
/// durations and sizes have their [text form](crate::units).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TenantBudget {
    /// Evaluations per second.
    pub evaluations_per_second: Option<NonZeroU32>,
    /// The evaluations that are possible at once after a pause. `None` means those of one second.
    pub evaluation_burst: Option<NonZeroU32>,
    /// Processor time per second; more than a second is more than one processor. It is that of evaluations, and of
    /// configuring instances: on trial, for standby, and for images. An evaluation may begin while any of it is left, and
    /// is stopped once it has used that, but not before a tick. What is used beyond is paid back before the next
    /// evaluation. Zero permits no evaluation.
    #[serde(with = "optional_duration")]
    pub cpu_time_per_second: Option<Duration>,
    /// The processor time that can be used at once after a pause. `None` means that of one second.
    #[serde(with = "optional_duration")]
    pub cpu_time_burst: Option<Duration>,
    /// Time of compiling plugins and images, per hour: the processor time of compiler processes
    /// ([`HostBuilder::compiler`](crate::HostBuilder::compiler)), or wall-clock time without them. All of an hour can be
    /// used at once; what is used beyond is paid back before the next compilation. Code from the cache takes none of it.
    #[serde(with = "optional_duration")]
    pub compile_time_per_hour: Option<Duration>,
    /// Evaluations that wait: for an instance, or for their first turn on a processor. A further one fails at once, with
    /// [`Cause::QueueFull`](crate::Cause::QueueFull). `None` means that those which wait for a turn have the bound of
    /// [`HostLimits::tenant_queue`](crate::HostLimits::tenant_queue), and those which wait for an instance only that of
    /// their check and of the host.
    pub queue: Option<u32>,
    /// The time that an evaluation waits for an instance and its first turn on a processor, after which it fails with
    /// [`Cause::QueuedTooLong`](crate::Cause::QueuedTooLong). `None` means
    /// [`HostLimits::queue_time`](crate::HostLimits::queue_time).
    #[serde(with = "optional_duration")]
    pub queue_time: Option<Duration>,
    /// Plugins that exist at the same time, of those that were loaded by
    /// [`Plugin::load_for`](crate::Plugin::load_for).
    pub plugins: Option<u32>,
    /// The files of those plugins together, in bytes.
    #[serde(with = "optional_size")]
    pub plugin_bytes: Option<u64>,
    /// Checks that exist at the same time.
    pub checks: Option<u32>,
    /// The settings of those checks together, in bytes.
    #[serde(with = "optional_size")]
    pub settings_bytes: Option<u64>,
    /// Instances in each pool that live at the same time, counted as the pool counts them. `None` means a quarter of the
    /// pool. One instance is always possible, however large it is. Evaluations beyond it wait.
    pub instances: Option<NonZeroU32>,
    /// The linear memory of all live instances together, in bytes, with standby instances.
    #[serde(with = "optional_size")]
    pub memory_bytes: Option<u64>,
    /// The machine code of its plugins, and the images of its checks, that are in memory, in bytes. Beyond it, its own
    /// least recently used ones are evicted, and reloaded or made again when they are needed. Without a
    /// [cache](crate::HostBuilder::cache) only images are evicted, and only they are counted.
    #[serde(with = "optional_size")]
    pub resident_bytes: Option<u64>,
}

impl TenantBudget {
    /// Whether it bounds nothing.
    pub(super) fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}
