//! `cargo xtask demo`: real plugins decide real requests, from the command line and over HTTP.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::build::{GUARDHOUSE, Profile, Programs};
use crate::{demo_server, root};

/// A request, and the plugins that the command line asks about it.
struct Scene {
    title: &'static str,
    arguments: &'static [&'static str],
    context: &'static str,
    exit_code: i32,
}

const READER: &str = r#"{"token": {"client_id": "alice-laptop", "scopes": ["read"]},
  "component": {"kind": "tool", "name": "search"}, "action": "tools/call"}"#;
const SPENDER: &str = r#"{"token": {"client_id": "alice-laptop", "scopes": ["read"]},
  "component": {"kind": "tool", "name": "pay"}, "action": "tools/call", "arguments": {"amount": 5000}}"#;

const SCENES: &[Scene] = &[
    Scene {
        title: "allow: the token has the scope",
        arguments: &["--plugin", "builtin:require-scopes", "--settings", r#"{"scopes": ["read"]}"#],
        context: READER,
        exit_code: 0,
    },
    Scene {
        title: "a denial: the token does not have the scope, and the caller gets no reason",
        arguments: &["--plugin", "builtin:require-scopes", "--settings", r#"{"scopes": ["write"]}"#],
        context: READER,
        exit_code: 2,
    },
    Scene {
        title: "a denial with a message: the first check allows, the second denies and tells the caller why",
        arguments: &[
            "--plugin",
            "builtin:require-auth",
            "--plugin",
            "builtin:argument-limit",
            "--settings",
            r#"{"argument": "/amount", "max": 1000}"#,
        ],
        context: SPENDER,
        exit_code: 2,
    },
    Scene {
        title: "a fault: the plugin traps, the caller sees a denial without a reason, the operator sees the cause",
        arguments: &["--plugin", "tests/fixtures/demo/unreachable.wasm"],
        context: READER,
        exit_code: 2,
    },
    Scene {
        title: "a runaway: the plugin never answers, and is stopped at its deadline",
        arguments: &["--deadline", "50ms", "--plugin", "tests/fixtures/demo/loop.wasm"],
        context: READER,
        exit_code: 2,
    },
];

pub(crate) fn run(_: &Arguments<'_>) -> Result<()> {
    println!("building the command line and the WebAssembly runtime; the first build takes some minutes");
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let guardhouse = programs.path(GUARDHOUSE)?;
    for scene in SCENES {
        play(scene, guardhouse)?;
    }
    demo_server::run(guardhouse)?;
    println!("\nEach answer came from a WebAssembly plugin in a sandbox of its own, made for that one request.");
    println!("Next: {} --help", guardhouse.strip_prefix(root()?).unwrap_or(guardhouse).display());
    Ok(())
}

fn play(scene: &Scene, guardhouse: &Path) -> Result<()> {
    let end = ["--context", scene.context, "--explain", "--quiet"];
    let arguments: Vec<&str> = ["check"].iter().chain(scene.arguments).chain(&end).copied().collect();
    println!("\n# {}", scene.title);
    println!("$ guardhouse {}", quote(&arguments));
    let mut command = Command::new(guardhouse);
    let status = command.args(&arguments).current_dir(root()?).status().context("cannot run the command line")?;
    println!("exit code {}", status.code().unwrap_or(-1));
    if status.code() != Some(scene.exit_code) {
        bail!("expected exit code {}", scene.exit_code);
    }
    Ok(())
}

fn quote(arguments: &[&str]) -> String {
    let quote = |argument: &&str| match argument.contains([' ', '{', '"', '\n']) {
        true => format!("'{argument}'"),
        false => (*argument).to_owned(),
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}
