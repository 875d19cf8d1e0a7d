//! The command `guardhouse` of the packages, used as the author of a plugin uses it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::steps::Place;
use super::target;
use crate::build::{GUARDHOUSE, Profile, Programs};
use crate::process::{forget_cargo, run as run_command};
use crate::root;

/// The steps of an author. `$SDK` is the unpacked SDK.
const SCRIPT: &str = r#"
guardhouse new my-check --lang rust
cd my-check
sed -i "s|^guardhouse-sdk = .*|guardhouse-sdk = { path = \"$SDK\" }|" Cargo.toml
grep -q "$SDK" Cargo.toml
rm -rf third_party
cargo test --quiet
guardhouse build --release
guardhouse test
request() { echo '{"component": {"kind": "tool", "name": "pay"}, "token": {"client_id": "alice", "scopes": ["'$1'"]}}'; }
decide() { guardhouse check --plugin build/my-check.wasm --settings '{"scopes": ["pay"]}' --context "$(request $1)"; }
test "$(decide pay)" = allow
code=0
decide read || code=$?
test $code -eq 2
"#;

pub(super) fn run(place: &Place) -> Result<()> {
    run_command(place.unpacked.cargo()?.args(["build", "--workspace", "--bin", "guardhouse"]))?;
    // A copy, because the build of the repository's own command writes to the same path.
    let programs = place.folder.join("bin");
    let guardhouse = programs.join("guardhouse");
    fs::create_dir_all(&programs)?;
    fs::copy(target()?.join("debug/guardhouse"), &guardhouse).context("cargo did not build the command")?;

    let mut path = programs.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut script = Command::new("bash");
    script.args(["-euxc", SCRIPT]).current_dir(&place.folder);
    forget_cargo(&mut script);
    script.env("PATH", path).env("CARGO_TARGET_DIR", target()?).env("SDK", place.unpacked.path("guardhouse-sdk")?);
    run_command(&mut script)?;
    compare_projects(place, &guardhouse)
}

/// Fails if a new project of the packaged command differs from one of the repository's command in any language.
fn compare_projects(place: &Place, packaged: &Path) -> Result<()> {
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let plugins = root()?.join("plugins/spending-limit");
    let entries = fs::read_dir(&plugins).with_context(|| format!("cannot read `{}`", plugins.display()))?;
    for language in entries {
        let language = language?;
        if !language.path().is_dir() {
            continue;
        }
        let language = language.file_name().to_string_lossy().into_owned();
        let mut folders = Vec::new();
        for (name, program) in [("packaged", packaged), ("own", programs.path(GUARDHOUSE)?)] {
            let folder = place.folder.join("projects").join(name);
            fs::create_dir_all(&folder)?;
            run_command(Command::new(program).args(["new", "my-check", "--lang", &language]).current_dir(&folder))?;
            folders.push(folder.join("my-check"));
        }
        run_command(Command::new("diff").arg("--recursive").args(&folders))
            .with_context(|| format!("a project in {language} of the package differs from one of the repository"))?;
        folders.iter().try_for_each(fs::remove_dir_all)?;
    }
    Ok(())
}
