//! `cargo xtask demo`: real plugins decide real requests, from the command line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{cargo, cargo_command};
use crate::root;

/// One request put to the command line.
struct Scene {
    title: &'static str,
    arguments: &'static [&'static str],
    /// A hostile plugin in `tests/fixtures/`, in the text format.
    fixture: Option<&'static str>,
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
        fixture: None,
        context: READER,
        exit_code: 0,
    },
    Scene {
        title: "a silent denial: it has not, and the caller is told nothing",
        arguments: &["--plugin", "builtin:require-scopes", "--settings", r#"{"scopes": ["write"]}"#],
        fixture: None,
        context: READER,
        exit_code: 2,
    },
    Scene {
        title: "an explicit denial: the first check allows, the second has something to say to the caller",
        arguments: &[
            "--plugin",
            "builtin:require-auth",
            "--plugin",
            "builtin:argument-limit",
            "--settings",
            r#"{"argument": "/amount", "max": 1000}"#,
        ],
        fixture: None,
        context: SPENDER,
        exit_code: 2,
    },
    Scene {
        title: "a masked denial: the plugin traps, the caller sees a silent denial, the operator sees why",
        arguments: &[],
        fixture: Some("unreachable"),
        context: READER,
        exit_code: 2,
    },
    Scene {
        title: "a runaway: the plugin never answers, and is stopped at its deadline",
        arguments: &["--deadline", "50ms"],
        fixture: Some("loop"),
        context: READER,
        exit_code: 2,
    },
];

pub(crate) fn run() -> Result<()> {
    println!("building the command line (some minutes the first time)");
    cargo(["build", "--locked", "--package", "guardhouse-cli"])?;
    for scene in SCENES {
        play(scene)?;
    }
    println!("\nEvery answer came from a WebAssembly plugin in a sandbox of its own, made for that one question.");
    println!("Next: cargo run --package guardhouse-cli -- --help");
    Ok(())
}

fn play(scene: &Scene) -> Result<()> {
    let mut arguments: Vec<String> = vec!["check".to_owned()];
    arguments.extend(scene.arguments.iter().map(ToString::to_string));
    if let Some(fixture) = scene.fixture {
        arguments.extend(["--plugin".to_owned(), assemble(fixture)?.display().to_string()]);
    }
    arguments.extend(["--context", scene.context, "--explain", "--quiet"].map(String::from));

    println!("\n# {}", scene.title);
    println!("$ guardhouse {}", quote(&arguments));
    let status = cargo_command()?
        .args(["run", "--quiet", "--locked", "--package", "guardhouse-cli", "--"])
        .args(&arguments)
        .status()
        .context("cannot run the command line")?;
    println!("exit code {}", status.code().unwrap_or(-1));
    if status.code() != Some(scene.exit_code) {
        bail!("expected exit code {}", scene.exit_code);
    }
    Ok(())
}

/// Turns a fixture from text into bytes; `(@include "name")` in it stands for a file of that name.
fn assemble(fixture: &str) -> Result<PathBuf> {
    let folder = root()?.join("tests/fixtures");
    let mut text = read(&folder.join(fixture))?;
    while let Some((before, rest)) = text.split_once("(@include \"") {
        let (name, after) = rest.split_once("\")").context("an include in a fixture has no end")?;
        text = format!("{before}{}{after}", read(&folder.join("include").join(name))?);
    }
    let bytes = wat::parse_str(&text).with_context(|| format!("cannot assemble the fixture `{fixture}`"))?;
    let target = Path::new("target/demo");
    std::fs::create_dir_all(root()?.join(target))?;
    let path = target.join(fixture).with_extension("wasm");
    std::fs::write(root()?.join(&path), bytes)?;
    Ok(path)
}

fn read(fixture: &Path) -> Result<String> {
    let path = fixture.with_extension("wat");
    std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))
}

fn quote(arguments: &[String]) -> String {
    let quote = |argument: &String| match argument.contains([' ', '{', '"', '\n']) {
        true => format!("'{argument}'"),
        false => argument.clone(),
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}
