//! Swap: whether the kernel can move memory of this process to a swap area, be it a disk, a file or compressed memory.
//!
//! After an instance, wasmtime asks `PAGEMAP_SCAN` for the pages that were written, to write only those over. It asks
//! for present pages only: a page that was swapped out in the meantime would be left as it is, and the next instance
//! would read it. Where there is swap, the memory of each instance is given back to the kernel instead (`host/advice.rs`).

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Whether the kernel can move memory of this process to a swap area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swap {
    Off,
    On,
    /// The kernel does not say.
    Unknown,
}

impl Swap {
    /// The state now. Swap may be turned on later.
    pub(crate) fn here() -> Self {
        Self::of(fs::read_to_string("/proc/swaps").ok().as_deref(), || {
            let group = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
            is_forbidden(&group, |limit| fs::read_to_string(Path::new("/sys/fs/cgroup").join(limit)).ok())
        })
    }

    /// The state that `/proc/swaps` describes: a heading, and a line for each swap area. With an area, this process may still be in a
    /// group that `is_forbidden` to use it.
    fn of(areas: Option<&str>, is_forbidden: impl FnOnce() -> bool) -> Self {
        let Some(areas) = areas else { return Self::Unknown };
        let mut lines = areas.lines();
        if !lines.next().is_some_and(|heading| heading.starts_with("Filename")) {
            return Self::Unknown;
        }
        let has_area = lines.any(|line| !line.trim().is_empty());
        if has_area && !is_forbidden() { Self::On } else { Self::Off }
    }
}

/// Whether `memory.swap.max` is 0 for the control group (version 2) of this process or for one that it is in. `group` is
/// the content of `/proc/self/cgroup`, and `read` reads a file under the root of all groups.
fn is_forbidden(group: &str, read: impl Fn(&Path) -> Option<String>) -> bool {
    let Some(path) = group.lines().find_map(|line| line.strip_prefix("0::/")) else { return false };
    let is_plain = |path: &Path| path.components().all(|part| matches!(part, Component::Normal(_)));
    let groups = Path::new(path).ancestors();
    is_plain(Path::new(path))
        && groups
            .map(|group| PathBuf::from(group).join("memory.swap.max"))
            .any(|limit| read(&limit).is_some_and(|limit| limit.trim() == "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    #[test]
    fn a_swap_area_of_any_kind_is_swap_and_a_heading_alone_is_none() {
        assert_eq!(Swap::of(Some(HEADING), || false), Swap::Off);
        for area in ["/dev/zram0 partition 8388604 0 100", "/swapfile file 2097148 0 -2", "/dev/dm-1\\040(deleted) x"] {
            assert_eq!(Swap::of(Some(&format!("{HEADING}{area}\n")), || false), Swap::On, "{area}");
            assert_eq!(Swap::of(Some(&format!("{HEADING}\n{area}")), || true), Swap::Off, "{area}");
        }
    }

    #[test]
    fn without_a_readable_list_it_is_unknown_whether_there_is_swap() {
        for list in [None, Some(""), Some("\n"), Some("/swapfile file 2097148 0 -2\n")] {
            assert_eq!(Swap::of(list, || true), Swap::Unknown, "{list:?}");
        }
    }

    #[test]
    fn a_control_group_without_swap_forbids_it_to_all_groups_inside() {
        let read = |file: &Path| match file.to_str()? {
            "system.slice/memory.swap.max" => Some("max\n".to_owned()),
            "system.slice/guardhouse.service/memory.swap.max" => Some("0\n".to_owned()),
            _ => None,
        };
        for (group, forbidden) in [
            ("0::/system.slice/guardhouse.service\n", true),
            ("1:name=x:/y\n0::/system.slice/guardhouse.service/inner\n", true),
            ("0::/system.slice/other.service\n", false),
            ("0::/\n", false),
            ("0::/../system.slice/guardhouse.service\n", false),
            ("4:memory:/system.slice/guardhouse.service\n", false),
            ("", false),
        ] {
            assert_eq!(is_forbidden(group, read), forbidden, "{group}");
        }
        // The group of a container is the root of what it sees.
        assert!(is_forbidden("0::/\n", |file| (file == Path::new("memory.swap.max")).then(|| "0\n".to_owned())));
    }
}
