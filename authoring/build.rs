//! Puts the SDKs and the reference plugin into the crate: what `guardhouse new` writes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What compilers and package managers leave beside the sources.
const PRODUCTS: [&str; 7] =
    ["node_modules", "target", "zig-out", ".venv", ".zig-cache", ".pytest_cache", "__pycache__"];

/// What builds and tests leave at the top of a project. Further down a folder of that name may hold sources.
const BUILT: [&str; 2] = ["build", "dist"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let mut text = String::new();
    for (constant, folder) in [("SDKS", "guest-sdk"), ("PLUGINS", "plugins/spending-limit")] {
        let mut files = Vec::new();
        walk(&root.join(folder), Path::new(""), &mut files)?;
        files.sort();
        let _ = writeln!(text, "const {constant}: &[(&str, &[u8])] = &[");
        for (name, path) in files {
            let _ = writeln!(text, "    ({name:?}, include_bytes!({:?})),", path.display().to_string());
        }
        text.push_str("];\n");
    }
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("files.rs"), text)
}

/// Every source below `folder`, by its path from there with slashes.
fn walk(folder: &Path, name: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    println!("cargo:rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        // A project is a folder of a language, below `folder`.
        let is_top = name.components().count() == 2;
        let mut products = PRODUCTS.iter().chain(if is_top { &BUILT[..] } else { &[] });
        if products.any(|product| entry.file_name() == *product) {
            continue;
        }
        // Links are followed: what is written has none.
        if fs::metadata(&path)?.is_dir() {
            walk(&path, &name, files)?;
        } else {
            println!("cargo:rerun-if-changed={}", path.display());
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            files.push((parts.join("/"), path));
        }
    }
    Ok(())
}
