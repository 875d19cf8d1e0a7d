//! Metrics of the process, under the names that every client library of Prometheus uses.

use std::time::{Duration, SystemTime};

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::observe::metrics::exposition::Exposition;

/// Writes the metrics of this process. One that the system does not tell is left out.
pub(super) fn write(exposition: &mut Exposition, started: SystemTime) {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    if let (Ok(seconds), Ok(nanoseconds)) = (seconds, nanoseconds) {
        let help = "Processor time of the process, in seconds.";
        exposition.counter("process_cpu_seconds_total", help).sample(&[], Duration::new(seconds, nanoseconds));
    }
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    exposition
        .gauge("process_start_time_seconds", "Start of the process, in seconds since the Unix epoch.")
        .sample(&[], started);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let in_status = [
        ("process_resident_memory_bytes", "Resident memory of the process, in bytes.", "VmRSS:", 1 << 10),
        ("process_virtual_memory_bytes", "Reserved address space of the process, in bytes.", "VmSize:", 1 << 10),
        ("process_threads", "Threads of the process.", "Threads:", 1),
    ];
    for (name, help, key, unit) in in_status {
        if let Some(number) = number_of(&status, key) {
            exposition.gauge(name, help).sample(&[], number.saturating_mul(unit));
        }
    }
    if let Ok(entries) = std::fs::read_dir("/proc/self/fd") {
        // One of them is that of the folder.
        let open = entries.count().saturating_sub(1);
        exposition.gauge("process_open_fds", "Open file descriptors of the process.").sample(&[], open);
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        exposition.gauge("process_max_fds", "File descriptors that the process may open.").sample(&[], most);
    }
}

/// The number behind a key of `/proc/self/status`.
fn number_of(status: &str, key: &str) -> Option<u64> {
    let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}
