use anyhow::{Result, ensure};

use crate::building::read;
use crate::project::Project;
use crate::tool::{INSTALL_FROM_PIP, Tool, venv};

/// The longest name of a package, in bytes.
const MAX_NAME_BYTES: usize = 32;

/// The words that are no identifiers.
const KEYWORDS: &str = "addrspace align allowzero and anyframe anytype asm break callconv catch comptime const \
    continue defer else enum errdefer error export extern fn for if inline linksection noalias noinline nosuspend \
    opaque or orelse packed pub resume return struct suspend switch test threadlocal try union unreachable var \
    volatile while";

pub(crate) fn build(project: &Project) -> Result<Vec<u8>> {
    let folder = project.folder();
    Tool::new(venv(folder).join("python"), folder, INSTALL_FROM_PIP).arguments(["-m", "ziglang", "build"]).run()?;
    read(&folder.join("zig-out/bin/plugin.wasm"))
}

/// Whether a package may be called `name`, which every other language takes. An error says what would do.
pub(crate) fn check_name(name: &str) -> Result<()> {
    ensure!(
        name.len() <= MAX_NAME_BYTES,
        "`{name}` has {} bytes, and Zig takes a name of at most {MAX_NAME_BYTES} in `build.zig.zon`; take a shorter one",
        name.len()
    );
    ensure!(
        !KEYWORDS.split(' ').any(|keyword| keyword == name),
        "`{name}` is a keyword of Zig and no name in `build.zig.zon`; take another, such as `{name}-check`"
    );
    Ok(())
}

/// What binds `build.zig.zon` to the name in it, with the number that all plugins start with.
pub(crate) fn fingerprint(identifier: &str) -> String {
    format!("{:#x}", u64::from(crc32fast::hash(identifier.as_bytes())) << 32 | 0x6768_a002)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_that_zig_computes() {
        assert_eq!(fingerprint("spending_limit"), "0xa8c2c3b36768a002");
        assert_eq!(fingerprint("my_check"), "0x50481ed76768a002");
    }

    #[test]
    fn a_name_that_zig_does_not_take_is_refused_with_a_way_out() {
        for name in ["a", "my-check", "tests", &"a".repeat(32)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let long = check_name(&"a".repeat(33)).unwrap_err().to_string();
        assert!(long.contains("33 bytes") && long.contains("at most 32 in `build.zig.zon`"), "{long}");
        let keyword = check_name("test").unwrap_err().to_string();
        assert!(keyword.contains("keyword of Zig") && keyword.contains("`test-check`"), "{keyword}");
    }
}
