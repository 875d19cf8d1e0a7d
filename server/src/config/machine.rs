//! The machine: the memory and the processors that this process may use.

use std::fs;
use std::num::NonZero;
use std::path::{Component, Path, PathBuf};

/// What this process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Memory, in bytes: the least of the machine's and of those that its control groups allow. None if nothing says so.
    pub memory_bytes: Option<u64>,
    /// Processors, as far as the control groups allow them; at least one.
    pub processors: usize,
}

impl Machine {
    /// The machine that this process runs on.
    #[must_use]
    pub fn here() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let total = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
        let limit = limit(&groups, |path| fs::read_to_string(Path::new("/sys/fs/cgroup").join(path)).ok());
        Self {
            memory_bytes: [total, limit].into_iter().flatten().min(),
            // It reads the quotas of the control groups, and the mask of processors.
            processors: std::thread::available_parallelism().map_or(1, NonZero::get),
        }
    }
}

/// `MemTotal`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1_024)
}

/// The least limit of memory of the control groups that this process is in, of version 2 and of version 1. `read` reads a
/// file under the root of all groups.
fn limit(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let (root, file, path) = match line.split_once(':')?.1.split_once(':')? {
            ("", path) => ("", "memory.max", path),
            (controllers, path) if controllers.split(',').any(|name| name == "memory") => {
                ("memory", "memory.limit_in_bytes", path)
            }
            _ => return None,
        };
        let path = Path::new(path.strip_prefix('/')?);
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        // In a container, the path may be that of the machine, where the group itself is the root.
        let groups = path.ancestors().filter(|_| is_plain).chain([Path::new("")]);
        let limit = |group: &Path| read(&PathBuf::from(root).join(group).join(file))?.trim().parse::<u64>().ok();
        groups.filter_map(limit).min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_limit_of_all_groups_counts() {
        let files = [
            ("memory.max", "max\n"),
            ("system.slice/memory.max", "2000\n"),
            ("system.slice/guardhouse.service/memory.max", "3000\n"),
            ("memory/box/memory.limit_in_bytes", "1000\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ];
        let read = |path: &Path| {
            files.iter().find(|(file, _)| Path::new(file) == path).map(|(_, content)| (*content).to_owned())
        };
        for (groups, expected) in [
            ("0::/system.slice/guardhouse.service\n", Some(2_000)),
            ("0::/other.slice\n", None),
            ("0::/\n", None),
            ("1:cpu:/box\n4:memory:/box\n0::/\n", Some(1_000)),
            ("4:memory:/of/the/machine\n", Some(9_223_372_036_854_771_712)),
            ("0::/../system.slice\n", None),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(limit(groups, read), expected, "{groups}");
        }
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(total("MemTotal:       16384 kB\nMemFree: 1 kB\n"), Some(16 << 20));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        let machine = Machine::here();
        assert!(machine.processors >= 1 && machine.memory_bytes.is_some());
    }
}
