//! A program outside the repository that depends on the package of `guardhouse`.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::steps::Place;
use super::unpacked::cargo_in;
use crate::process::{output, run as run_command};

const MANIFEST: &str = r#"[package]
name = "embedder"
version = "0.0.0"
edition = "2024"

[dependencies]
guardhouse = "*"
serde_json = "1"

"#;

const PROGRAM: &str = r#"
use guardhouse::{AccessToken, AuthChecks, AuthContext, Check, Component, Decision, Host, Plugin, builtin};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new()?;
    let plugin = Plugin::load(&host, builtin::REQUIRE_SCOPES)?;
    let checks = [Check::new(&plugin, serde_json::json!({ "scopes": ["read"] }))?];
    for scope in ["read", "write"] {
        let context = AuthContext::new(Component::tool("search")).with_token(AccessToken::new("alice", [scope]));
        match AuthChecks::new(&checks).run_blocking(&context) {
            Decision::Allow => println!("{scope}: allow"),
            Decision::Deny(_) => println!("{scope}: deny"),
        }
    }
    Ok(())
}
"#;

/// The first line of the profiles that the README of the crate shows.
const PROFILES: &str = "[profile.dev.package]\n";

pub(super) fn run(place: &Place) -> Result<()> {
    let library = place.unpacked.path("guardhouse")?;
    let readme = fs::read_to_string(library.join("README.md")).context("the package has no README.md")?;
    let (_, profiles) = readme.split_once(PROFILES).context("the README does not show the profiles")?;
    let (profiles, _) = profiles.split_once("```").context("the profiles have no end")?;

    let folder = place.folder.join("embedder");
    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), format!("{MANIFEST}{PROFILES}{profiles}"))?;
    fs::write(folder.join("src/main.rs"), PROGRAM)?;
    // The versions of dependencies that the package was tested with.
    fs::copy(library.join("Cargo.lock"), folder.join("Cargo.lock")).context("the package has no Cargo.lock")?;
    run_command(cargo_in(&folder)?.arg("build"))?;
    let answers = output(cargo_in(&folder)?.args(["run", "--quiet"]))?;
    print!("{answers}");
    ensure!(answers == "read: allow\nwrite: deny\n", "these are not the expected decisions");
    Ok(())
}
