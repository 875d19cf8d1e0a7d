//! Zig.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

use super::spec::Spec;
use super::tool::{INSTALL_FROM_PIP, Tool, Unwanted, read_output, venv};
use crate::profile::Profile;
use crate::regular_file::remove_output;

pub(super) const ZIG: Spec = Spec {
    label: "Zig",
    word: "zig",
    aliases: &[],
    sdk: "zig",
    marker: "build.zig.zon",
    dialect_of: None,
    manifest: "build.zig.zon",
    name,
    check_name: Some(check_name),
    fingerprint: Some(fingerprint),
    registry: None,
    update: None,
    develop: None,
    export: "write `comptime { guardhouse.exportPlugin(@This(), .{}); }` in `check.zig`",
    has_llvm_stack: true,
    build,
};

/// The maximum length of a package name, in bytes.
const MAX_NAME_BYTES: usize = 32;

/// The keywords, which are not identifiers.
const KEYWORDS: &str = "addrspace align allowzero and anyframe anytype asm break callconv catch comptime const \
    continue defer else enum errdefer error export extern fn for if inline linksection noalias noinline nosuspend \
    opaque or orelse packed pub resume return struct suspend switch test threadlocal try union unreachable var \
    volatile while";

/// Reads the field `.name` of the outermost struct, which is an enum literal.
fn name(manifest: &str) -> Result<String> {
    let tokens: Vec<&str> = Tokens(manifest).collect();
    let mut depth = 0_usize;
    let mut found = None;
    for (index, token) in tokens.iter().enumerate() {
        match *token {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_field = depth == 1 && matches!(tokens.get(index..index + 4), Some([".", "name", "=", "."]));
        found = found.or_else(|| if is_field { tokens.get(index + 4) } else { None });
    }
    let name = found.context("it has no field `.name = .…`")?;
    Ok(name.trim_start_matches('@').trim_matches('"').to_owned())
}

/// The tokens of a text in the notation of Zig, without comments: names, strings, and single characters.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            self.0 = self.0.trim_start();
            // A line of a string that is written over several lines is left out too.
            if !self.0.starts_with("//") && !self.0.starts_with("\\\\") {
                break;
            }
            self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest);
        }
        let first = self.0.chars().next()?;
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let start = self.0.strip_prefix('@').unwrap_or(self.0);
        let length = if start.starts_with('"') {
            self.0.len() - start.len() + string_length(start)
        } else if is_word(first) {
            self.0.find(|character| !is_word(character)).unwrap_or(self.0.len())
        } else {
            first.len_utf8()
        };
        let (token, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(token)
    }
}

/// The length of the string that `text` begins with, with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        if character == '"' && !is_escaped {
            return index + 1;
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    text.len()
}

/// Checks that a package may have the name of a plugin. The error says which names are accepted.
fn check_name(name: &str) -> Result<()> {
    ensure!(
        name.len() <= MAX_NAME_BYTES,
        "`{name}` is too long for `build.zig.zon`: it has {} bytes, Zig accepts {MAX_NAME_BYTES}; use a shorter name",
        name.len()
    );
    ensure!(
        !KEYWORDS.split(' ').any(|keyword| keyword == name),
        "`{name}` is a keyword of Zig, which `build.zig.zon` cannot use as a name; use another, such as `{name}-check`"
    );
    Ok(())
}

/// The fingerprint in `build.zig.zon`: a checksum of the name, and a package number, which is the same for all plugins.
fn fingerprint(identifier: &str) -> String {
    format!("{:#x}", u64::from(crc32fast::hash(identifier.as_bytes())) << 32 | 0x6768_a002)
}

/// The settings of other builds.
const UNWANTED: Unwanted = Unwanted {
    names: &[
        "CC",
        "CFLAGS",
        "CXX",
        "CXXFLAGS",
        "CPATH",
        "C_INCLUDE_PATH",
        "LDFLAGS",
        "LIBRARY_PATH",
        "PYTHON*",
        "ZIG*",
    ],
    except: &["ZIG_GLOBAL_CACHE_DIR"],
};

fn build(folder: &Path, profile: Profile) -> Result<Vec<u8>> {
    let module = folder.join("zig-out/bin/plugin.wasm");
    remove_output(&module)?;
    if profile == Profile::Release || !build_without_llvm(folder)? {
        zig(folder).run()?;
    }
    read_output(&module)
}

fn zig(folder: &Path) -> Tool {
    let python = Tool::new(venv(folder).join("python"), folder, INSTALL_FROM_PIP).without(&UNWANTED);
    python.arguments(["-m", "ziglang", "build"])
}

/// Builds the project in the same mode as a release, but with the code generator of Zig itself, which takes a tenth of
/// the time of LLVM. Returns false if that code generator lacks something that the project needs.
fn build_without_llvm(folder: &Path) -> Result<bool> {
    let Some(complaint) = zig(folder).arguments(["-Ddevelopment"]).complaint()? else { return Ok(true) };
    if !has_position(&complaint) {
        return Ok(false);
    }
    std::io::stderr().write_all(complaint.as_bytes()).context("cannot write to standard error")?;
    bail!("Zig rejects the project")
}

/// Whether a text has an error with a position in a source. Such an error does not depend on the code generator.
fn has_position(complaint: &str) -> bool {
    complaint.lines().any(|line| {
        let Some((place, _)) = line.split_once(": error: ") else { return false };
        let numbers: Vec<&str> = place.rsplit(':').take(2).collect();
        let is_number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        numbers.len() == 2 && numbers.iter().all(is_number) && place.contains(".zig:")
    })
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
    fn the_name_is_a_field_of_the_manifest() {
        for manifest in [
            ".{\n    .name = .my_check,\n",
            ".{\n.name=.my_check,\n",
            ".{\n    .name = .@\"my_check\",\n",
            ".{ .version = \"1.0.0\", .name = .my_check, // ours\n .paths = .{\"\"} }",
            ".{ .dependencies = .{ .name = .{ .url = \"\\\".name = .other\" } },\n    .name = .my_check }",
        ] {
            assert_eq!(name(manifest).unwrap(), "my_check", "{manifest}");
        }
        assert!(name(".{\n    // .name = .my_check,\n}\n").is_err());
    }

    #[test]
    fn an_error_of_the_source_has_a_position_and_an_error_of_the_code_generator_has_none() {
        for (complaint, expected) in [
            ("install\n+- compile exe plugin\ncheck.zig:33:21: error: expected type 'u8'\n", true),
            ("/p/rules/cidr.zig:1:1: error: unused local constant\nerror: the build failed\n", true),
            ("error: no field `x`\n", false),
            ("thread 12 panic: TODO implement mulWithOverflow for i128\n/zig/src/codegen.zig:3:4: 0x1 in f\n", false),
            ("error: invalid option: -Ddevelopment\nbuild.zig: error: x\n", false),
            ("a:b.zig:1:x: error: y\n", false),
        ] {
            assert_eq!(has_position(complaint), expected, "{complaint}");
        }
    }

    #[test]
    fn a_name_that_zig_rejects_is_an_error_with_an_alternative() {
        for name in ["a", "my-check", "tests", &"a".repeat(32)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let long = check_name(&"a".repeat(33)).unwrap_err().to_string();
        assert!(long.contains("33 bytes, Zig accepts 32"), "{long}");
        let keyword = check_name("test").unwrap_err().to_string();
        assert!(keyword.contains("keyword of Zig") && keyword.contains("`test-check`"), "{keyword}");
    }
}
