//! Thresholds that decide how a host works, and never what it answers: all of them in one place, each with its reason
//! and, where one chose it, the benchmark (`cargo xtask bench --only GROUP`).
//!
//! What bounds a plugin is not here but in [`Limits`](crate::Limits) and [`HostLimits`](crate::HostLimits).

use std::time::Duration;

// Baseline and optimized code.

/// A plugin from this size on, in bytes, starts with baseline code and is optimized in the background. Cranelift
/// optimizes 256 KiB in about a tenth of a second; a smaller plugin is optimized at once. Benchmark: `compile`.
pub(crate) const BASELINE_BYTES: usize = 256 << 10;

// Images.

/// The number of evaluations after which a check gets an image, and between two attempts. Making an image takes a few
/// milliseconds and saves about ten microseconds per evaluation, so it has paid for itself by then. Benchmark:
/// `decisions`.
pub(crate) const EVALUATIONS_BEFORE_IMAGE: u32 = 256;

/// A check whose `configure` takes more fuel than this (about a millisecond) gets an image after its first evaluation.
/// Benchmark: `settings`.
pub(crate) const COSTLY_CONFIGURE_FUEL: u64 = 1_000_000;

/// From this number of images on, new small ones are copied into their instances and not mapped: with many images a
/// pool slot is rarely reused by the same one, so copying beats remapping. Benchmark: `scale`.
pub(crate) const COPY_IMAGES_FROM: usize = 64;

/// A module over this size, in bytes, is mapped in any case: to copy it would take longer than to map it. Benchmark:
/// `scale`.
pub(crate) const MAX_COPIED_MODULE_BYTES: usize = 256 << 10;

/// Two segments of a copied image with less than this between them, in bytes, are copied as one: each segment is a
/// piece of code in every instance, and zeros are cheaper. Benchmark: `scale`.
pub(crate) const MAX_SEGMENT_GAP: usize = 4 << 10;

/// The number of plugins whose image code and instrumented code stay in memory, so that further images of them need no
/// compilation. Arbitrary: an operator configures few plugins at the same time.
pub(crate) const PLUGINS_WITH_IMAGE_CODE: usize = 16;

// Standby instances.

/// Standby instances of a check of a large plugin, unless [`Limits::standby`](crate::Limits::standby) says otherwise:
/// one serves while the next is made. Benchmark: `languages`.
pub(crate) const STANDBY_INSTANCES: u32 = 2;

/// Standby instances take at most one part in this many of a pool's permits, so that half of the pool is left to
/// requests even before any is evicted.
pub(crate) const STANDBY_POOL_DIVISOR: u32 = 2;

// Eviction.

/// A full LRU set evicts one part in this many of its entries at once, so that it does not sort itself at every
/// addition. Benchmark: `scale`.
pub(crate) const EVICTION_BATCH_DIVISOR: usize = 10;

/// The cache folder is measured whenever one part in this many of its cap was written, and is then reduced by as much:
/// other processes may write the same amount until somebody measures again.
pub(crate) const CACHE_SLACK_DIVISOR: u64 = 8;

/// The age from which a file of the cache that no entry names is removed: a younger one may belong to an entry that
/// another process is about to write.
pub(crate) const CACHE_ORPHAN_AGE: Duration = Duration::from_secs(600);

// Background work.

/// The most jobs that wait for the background thread. Arbitrary: a job that is rejected is queued again after a later
/// evaluation.
pub(crate) const BACKGROUND_JOBS: usize = 10_000;

// Time.

/// The time that a check has beyond the decision's deadline to report its own fault: plugins enforce the deadline
/// themselves and know more about it. Two ticks of the slowest advisable host are less.
pub(crate) const DECISION_GRACE: Duration = Duration::from_millis(10);

/// The deadline of a plugin's `schema` export, which runs once per load.
pub(crate) const SCHEMA_DEADLINE: Duration = Duration::from_secs(2);

/// The fuel after which a guest writes its count back. Guest code keeps the count in a local and writes it back only at
/// yields: without an interval, the count of an interrupted guest would be stale. Benchmark: `decisions`.
pub(crate) const FUEL_INTERVAL: u64 = 1_000_000;

// Pools.

/// The memory of a small instance that is kept for the next one and written over, in bytes: all that most small plugins
/// ever write. Benchmark: `decisions`.
pub(crate) const SMALL_RESIDENT_BYTES: usize = 1 << 20;

/// The table elements of an instance that are kept for the next one, in bytes.
pub(crate) const RESIDENT_TABLE_BYTES: usize = 64 << 10;
