//! Thresholds that decide how a host works, and never what it answers: all of them in one place, each with its reason
//! and, where one chose it, the benchmark (`cargo xtask bench --only GROUP`).
//!
//! The limits of plugins are not here: see [`Limits`](crate::Limits) and [`HostLimits`](crate::HostLimits).

use std::time::Duration;

// Baseline and optimized code.

/// A plugin from this size on, in bytes, starts with baseline code and is optimized in the background. Cranelift
/// optimizes 256 KiB in about a tenth of a second; a smaller plugin is optimized immediately. Benchmark: `compile`.
/// On aarch64 no plugin has baseline code: Winch compiles less of WebAssembly there, and wasmtime does not fuzz it.
pub(crate) const BASELINE_BYTES: usize = if cfg!(target_arch = "x86_64") { 256 << 10 } else { usize::MAX };

/// A plugin from this size on, in bytes, is split when it is loaded: plugins of one language runtime have the same code,
/// which is then compiled once. An interpreter has a megabyte of code or more.
pub(crate) const SHARED_CODE_BYTES: usize = 768 << 10;

// Images.

/// The number of evaluations before a check gets an image, and between two attempts to make one. Making an image takes
/// a few milliseconds and saves about ten microseconds per evaluation, so it has paid for itself by then. Benchmark:
/// `decisions`.
pub(crate) const EVALUATIONS_BEFORE_IMAGE: u32 = 256;

/// A check whose `configure` takes more fuel than this (about a millisecond) gets an image after its first evaluation.
/// Benchmark: `settings`.
pub(crate) const COSTLY_CONFIGURE_FUEL: u64 = 1_000_000;

/// The data of an image of a large plugin up to this size, in bytes, is copied into its instances and not mapped: a slot that
/// was used for another image is not mapped anew. Copying more takes longer than mapping, if an instance uses little of it.
/// Benchmark: `images`.
pub(crate) const MAX_COPIED_BYTES: usize = 256 << 10;

/// The data of an image of a small plugin is copied if at most this much of it, in bytes, lies beyond
/// [`SMALL_RESIDENT_BYTES`]: a page below those that is mapped has a page fault when it is written over. Benchmarks:
/// `images`, `scale`.
pub(crate) const MAX_SMALL_COPIED_BYTES: usize = 1 << 20;

/// Two segments of a copied image with less than this between them, in bytes, are copied as one: each segment costs a
/// step in every instantiation, and copying a few zeros costs less. Benchmark: `scale`.
pub(crate) const MAX_SEGMENT_GAP: usize = 4 << 10;

/// The maximum number of zeros that joining adds to the segments of one image.
pub(crate) const MAX_JOINED_ZEROS: usize = 1 << 20;

/// The number of plugins whose image code and instrumented code stay in memory, so that further images of them need no
/// compilation. Arbitrary: an operator configures few plugins at the same time.
pub(crate) const PLUGINS_WITH_IMAGE_CODE: usize = 16;

/// The maximum number of runs of bytes other than zero in the memory of an image: taking a snapshot needs about a
/// hundred bytes for each. The memory of CPython has some hundred thousand.
pub(crate) const IMAGE_RUNS: usize = 2_000_000;

// Settings.

/// The number of results of validations that a host keeps, so that checks with equal settings need one validation.
/// Each takes up to 700 bytes.
pub(crate) const KEPT_VALIDATIONS: usize = 10_000;

// Standby instances.

/// Standby instances of a check of a large plugin while it has no image, unless
/// [`Limits::standby`](crate::Limits::standby) says otherwise: one serves while the next is made. Benchmark: `languages`.
pub(crate) const STANDBY_INSTANCES: u32 = 2;

/// The divisor of a pool's permits that gives the share of its standby instances: half of the pool is left to requests
/// even before any standby instance is evicted.
pub(crate) const STANDBY_POOL_DIVISOR: u32 = 2;

// Eviction.

/// The divisor of the size of an LRU set that gives the number of entries which a full set evicts at once: with a
/// batch, it is not sorted at every addition. Benchmark: `scale`.
pub(crate) const EVICTION_BATCH_DIVISOR: usize = 10;

/// The divisor of the cap of the cache folder that gives its slack. The folder is measured whenever this process has
/// written as much as the slack, and is then reduced to the cap without the slack, because other processes may write as
/// much before the next measurement.
pub(crate) const CACHE_SLACK_DIVISOR: u64 = 8;

/// The age from which a file of the cache that no entry names is removed: a younger one may belong to an entry that
/// another process is about to write.
pub(crate) const CACHE_ORPHAN_AGE: Duration = Duration::from_secs(600);

/// The time after a failed reload of evicted code during which the plugin's evaluations fail at once: another attempt
/// would most likely fail too, after as long.
pub(crate) const RELOAD_RETRY: Duration = Duration::from_secs(1);

// Background work.

/// The maximum number of jobs that wait for background threads of one kind. Arbitrary: a job that is rejected is queued
/// again after a later evaluation.
pub(crate) const BACKGROUND_JOBS: usize = 10_000;

/// The time of background work for which a tenant may have been served before others when it becomes active again: more
/// is forgiven. Arbitrary: some hundred images.
pub(crate) const BACKGROUND_DEBT: Duration = Duration::from_secs(1);

// Compilers.

/// The time without a compilation after which a tenant may use the last free compiler: a tenant that compiles one plugin
/// after the other leaves one to those that compile rarely.
pub(crate) const COMPILER_PAUSE: Duration = Duration::from_secs(60);

/// The time for which a tenant may have used all compilers before others when it becomes active again: more is forgiven.
/// It is ten times the default limit of one compilation.
pub(crate) const COMPILER_DEBT: Duration = Duration::from_secs(600);

// Blocking work for async callers: loading plugins, making checks.

/// The rest of a tenant by its blocking work, before it may use the last free thread: a tenant that uses a thread for more
/// than a hundredth of the time leaves the last one to those that use less. With it, a hundred tenants whose work always
/// takes as long as it may leave the last thread free for most of the time.
pub(crate) const BLOCKING_REST_TIMES: u32 = 100;

/// The blocking work that needs no rest, and with which a tenant that was idle comes before those that were not: a new
/// policy with some slow checks uses all threads. Arbitrary.
pub(crate) const BLOCKING_REST_FREE: Duration = Duration::from_secs(10);

/// The longest rest of a tenant, before it may use the last free thread again. Arbitrary.
pub(crate) const BLOCKING_REST_MOST: Duration = Duration::from_secs(3_600);

// Time.

/// The time that a check has beyond the deadline of its evaluation to report its own fault: the check of a plugin enforces
/// the deadline itself, and reports a more precise fault, also on a busy machine.
pub(crate) const DEADLINE_GRACE: Duration = Duration::from_millis(100);

/// The time after the deadline from which an answer is late. It is enough for two ticks of up to 5 ms.
pub(crate) const LATE_ANSWER: Duration = Duration::from_millis(10);

/// The deadline of a plugin's `schema` export, which runs once per load.
pub(crate) const SCHEMA_DEADLINE: Duration = Duration::from_secs(30);

/// The processor time of a plugin's `schema` export.
pub(crate) const SCHEMA_CPU_TIME: Duration = Duration::from_secs(2);

/// The fuel after which a guest writes its fuel counter back to the store. Guest code keeps the counter in a local
/// variable and writes it back only when it yields; without an interval, the store would have a stale counter after an
/// interruption. Benchmark: `decisions`.
pub(crate) const FUEL_INTERVAL: u64 = 1_000_000;

// Turns.

/// The processor time that a tenant may be ahead of the others when it becomes active again: more is forgiven, so that
/// a tenant which was alone for long is not shut out later. Arbitrary: half of the default processor time of an
/// evaluation.
pub(crate) const TURN_DEBT: Duration = Duration::from_millis(100);

/// The time within which a turn that was given must be taken. It passes on after that, because the thread that would
/// take it is blocked. Arbitrary: a kernel with many threads to run needs some milliseconds to return to one.
pub(crate) const TURN_TAKEN_WITHIN: Duration = Duration::from_millis(10);

/// The time between two interruptions of running guests on behalf of those that arrive: each takes a guest less than a
/// microsecond. Arbitrary: far less than a tick.
pub(crate) const PREEMPTION_INTERVAL: Duration = Duration::from_micros(50);

/// The longest wait for a turn of work beside evaluations, on a host without a bound of its own. Arbitrary.
pub(crate) const WORK_QUEUE_TIME: Duration = Duration::from_millis(10);

/// The interval of ticks while no guest computes for longer than a tick, if the host's own ticks are shorter.
/// Benchmark: `doors`.
pub(crate) const REST_TICK: Duration = Duration::from_millis(1);

// Pools.

/// The divisor of a pool's permits that gives the share of a check, unless
/// [`Limits::instances`](crate::Limits::instances) says otherwise: four slow checks take a whole pool. A share of more
/// instances than the machine has processors makes a check that computes no faster.
pub(crate) const SHARE_DIVISOR: u32 = 4;

/// The divisor of a pool's units that gives the part which only the first instance of a tenant takes: a tenant that has
/// none finds one free, although others would use all.
pub(crate) const HEADROOM_DIVISOR: u32 = 4;

/// The time for which a tenant may have used all units of a pool before others when it becomes active again: more is
/// forgiven, so that a tenant which was alone for long is not shut out later. Arbitrary: half of the default processor
/// time of an evaluation.
pub(crate) const INSTANCE_DEBT: Duration = Duration::from_millis(100);

/// The memory of a small instance that is kept for the next one and written over, in bytes, written or not: all that a
/// plugin in JavaScript or Go has. Giving it back to the kernel stops the other threads of the process, and a page fault
/// takes about as long as writing fifteen pages over. Benchmarks: `decisions`, `images`, `languages`, `threads`.
pub(crate) const SMALL_RESIDENT_BYTES: usize = 4 << 20;

/// The table elements of an instance that are kept for the next one, in bytes.
pub(crate) const RESIDENT_TABLE_BYTES: usize = 64 << 10;
