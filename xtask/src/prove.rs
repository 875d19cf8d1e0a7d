//! `cargo xtask prove`: long proofs, which CI does not run. Their last results are in the notes of a release.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::arguments::Arguments;
use crate::bench;
use crate::build::{GUARDHOUSE, Profile, Programs};
use crate::editors;
use crate::packages;
use crate::pages;
use crate::policies;
use crate::process::{cargo, cargo_command, forget_cargo, has_cargo_command, run as run_command};
use crate::python;
use crate::release;
use crate::root;
use crate::sdks;

/// A proof: `cargo xtask prove NAME`.
struct Proof {
    name: &'static str,
    summary: &'static str,
    /// The tools that must be installed.
    needs: &'static str,
    run: fn(&[&str]) -> Result<()>,
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "aarch64",
        summary: "the published crates compile for Linux on aarch64",
        needs: "rustup target add aarch64-unknown-linux-gnu, and a C compiler for it (gcc-aarch64-linux-gnu)",
        run: |_| packages::check(&["--target", "aarch64-unknown-linux-gnu"]),
    },
    Proof {
        name: "clients",
        summary: "the daemon, asked by an AuthZEN client, schemathesis and Prometheus (tests/clients/prove.py)",
        needs: "Python 3.10 or newer, and a package index; promtool and prometheus, if the metrics are to be checked",
        run: |_| clients(),
    },
    Proof {
        name: "clock",
        summary: "the daemon while its wall clock jumps (cli/tests/all/serve_clock.rs)",
        needs: "libfaketime",
        run: |_| ignored("serve_clock::"),
    },
    Proof {
        name: "deny",
        summary: "licenses, sources, bans and advisories of all dependencies (deny.toml)",
        needs: "cargo-deny; the advisories also need the network",
        run: deny,
    },
    Proof {
        name: "editors",
        summary: "a fresh project in each language is clean under pytest, pyright, mypy, tsc, node, go vet and clippy: `prove editors [LANGUAGE…]`",
        needs: "Rust's target for WebAssembly, Node.js 20 or newer, Python 3.10 or newer, and their registries",
        run: editors::prove,
    },
    Proof {
        name: "fastmcp",
        summary: "FastMCP's own tests of authorization, with Guardhouse's checks in place of its own",
        needs: "Python 3.10 or newer, and a package index",
        run: |_| python::test(&["--release", "fastmcp"]),
    },
    Proof {
        name: "fuzz",
        summary: "a fuzz target for 20 minutes: `prove fuzz TARGET [-- OPTION…]` (fuzz/README.md)",
        needs: "cargo-fuzz and a C++ compiler",
        run: fuzz,
    },
    Proof {
        name: "idle",
        summary: "the daemon with 10,000 and 15,000 idle connections (cli/tests/all/serve_idle.rs)",
        needs: "16,000 open files (`ulimit -Hn`)",
        run: |_| ignored("serve_idle::"),
    },
    Proof {
        name: "isolation",
        summary: "a good tenant of the daemon keeps its latency beside 1, 4 and 40 hostile ones",
        needs: "two processors that do nothing else",
        run: |_| bench::prove_isolation(),
    },
    Proof {
        name: "load",
        summary: "10,000 requests of 50 clients to a FastMCP server: `prove load [--plugin FILE]` (bindings/python/tests/load.py)",
        needs: "Python 3.10 or newer, and a package index",
        run: |arguments| python::test(&[&["--release", "load"], arguments].concat()),
    },
    Proof {
        name: "matrix",
        summary: "every kind of component in every wiring of FastMCP 4 and 3, against FastMCP's own checks",
        needs: "Python 3.10 or newer, and a package index",
        run: |_| python::test(&["matrix"]),
    },
    Proof {
        name: "old-glibc",
        summary: "the command of the wheel, in the oldest Debian that can be downloaded",
        needs: "root, debootstrap (or `--install`), unshare, Python 3.10 or newer, and a package index",
        run: release::prove_old_glibc,
    },
    Proof {
        name: "packages",
        summary: "the crates, the wheel and the npm package, used outside the repository: `prove packages [STEP…]`",
        needs: "the target wasm32-unknown-unknown of the compiler, Python 3.10 or newer, npm, and package indexes",
        run: packages::prove,
    },
    Proof {
        name: "pages",
        summary: "the page of each language, on a Debian system with nothing installed: `prove pages [LANGUAGE…]`",
        needs: "root, debootstrap, unshare, rustup with Rust's target for WebAssembly, and Debian's and all other registries",
        run: pages::prove,
    },
    Proof {
        name: "policies",
        summary: "the larger checks of plugins/, in every language: `prove policies [CHECK|LANGUAGE…]`",
        needs: "the tools that `cargo xtask languages` has installed, cargo's target wasm32-unknown-unknown, and npm",
        run: policies::prove,
    },
    Proof {
        name: "proxies",
        summary: "the daemon behind Envoy, nginx and Caddy, as docs/proxies/ has it: `prove proxies [PART…]` (tests/proxies/prove.py)",
        needs: "Debian's apt-get and dpkg, or nginx and h2load; Python 3.11 or newer, and a package index",
        run: proxies,
    },
    Proof {
        name: "sdks",
        summary: "projects with published SDKs in Rust, JavaScript, TypeScript and Python, from packages made here",
        needs: "Rust's target for WebAssembly, Node.js 20 or newer, Python 3.10 or newer, and their registries",
        run: |_| sdks::prove(),
    },
    Proof {
        name: "wheel",
        summary: "all tests of the wheel as it is published, and what a check costs in Python",
        needs: "Python 3.10 or newer, and a package index",
        run: |_| {
            python::test(&["--release"])?;
            python::test(&["--release", "bench"])
        },
    },
];

/// The fuzz targets, with the longest input of each and the options of libFuzzer that suit it.
const FUZZ_TARGETS: &[(&str, u32, Option<&str>)] = &[
    ("context", 2048, Some("-dict=fuzz/json.dict")),
    // A short input is a module with nothing in it.
    ("generated", 4096, Some("-len_control=0")),
    ("plugin", 20_000, None),
    ("result", 1024, None),
    ("settings", 2048, Some("-dict=fuzz/json.dict")),
];

pub(crate) fn run(arguments: &Arguments<'_>) -> Result<()> {
    let Some((name, operands)) = arguments.operands.split_first() else {
        println!("usage: cargo xtask prove NAME\n");
        for proof in PROOFS {
            println!("  {:<10} {}\n  {:<10} needs {}", proof.name, proof.summary, "", proof.needs);
        }
        println!("\n`cargo xtask bench` measures, and `cargo xtask bench --quick` tests that it does.");
        return Ok(());
    };
    let proof = PROOFS.iter().find(|proof| proof.name == *name);
    let proof =
        proof.with_context(|| format!("proof `{name}` does not exist; `cargo xtask prove` lists those that do"))?;
    ensure!(
        operands.is_empty() || ["editors", "fuzz", "packages", "pages", "policies", "proxies"].contains(&proof.name),
        "proof `{name}` does not take operands"
    );
    let options = arguments.forwarded();
    ensure!(options.is_empty() || proof.name == "old-glibc", "proof `{name}` does not take `{}`", options.join(" "));
    let words: Vec<&str> = operands.iter().chain(&arguments.rest).chain(&options).copied().collect();
    (proof.run)(&words).with_context(|| format!("proof `{name}`, which needs {}", proof.needs))
}

/// Asks a daemon with programs that others wrote.
fn clients() -> Result<()> {
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let mut prove = Command::new(root()?.join("tests/clients/prove"));
    prove.arg(programs.path(GUARDHOUSE)?);
    forget_cargo(&mut prove);
    run_command(&mut prove)
}

/// Puts real proxies in front of a daemon.
fn proxies(parts: &[&str]) -> Result<()> {
    let programs = Programs::build(&[GUARDHOUSE], Profile::Dev)?;
    let mut prove = Command::new(root()?.join("tests/proxies/prove"));
    prove.arg(programs.path(GUARDHOUSE)?).args(parts);
    forget_cargo(&mut prove);
    run_command(&mut prove)
}

/// Runs tests that take too long for CI, or need what it does not have, one after the other.
fn ignored(tests: &str) -> Result<()> {
    let run = ["test", "--workspace", "--locked", "--test", "all", "--", "--ignored", "--nocapture"];
    cargo(run.into_iter().chain(["--test-threads", "1", tests]))
}

/// Runs all checks of cargo-deny, or all but the advisories without a network.
fn deny(_: &[&str]) -> Result<()> {
    ensure!(has_cargo_command("deny"), "cargo-deny is not installed: cargo install --locked cargo-deny");
    cargo(["deny", "--locked", "check", "bans", "licenses", "sources"])?;
    cargo(["deny", "--locked", "check", "advisories"])
        .context("bans, licenses and sources passed; the advisories were not checked if github.com cannot be reached")
}

fn fuzz(words: &[&str]) -> Result<()> {
    let known = || FUZZ_TARGETS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    let Some((name, options)) = words.split_first() else { bail!("name a target: {}", known()) };
    let target = FUZZ_TARGETS.iter().find(|(target, ..)| target == name);
    let (target, length, option) = target.with_context(|| format!("target `{name}` does not exist: {}", known()))?;
    ensure!(has_cargo_command("fuzz"), "cargo-fuzz is not installed: cargo install --locked cargo-fuzz");
    let mut fuzz = cargo_command()?;
    fuzz.args(["fuzz", "run", "--sanitizer", "none", "--no-cfg-fuzzing", "--codegen-units", "16", target, "--"]);
    // WebAssembly traps are signals, and wasmtime handles them.
    fuzz.args(["-handle_segv=0", "-handle_bus=0", "-handle_ill=0", "-handle_fpe=0"]);
    fuzz.args(["-rss_limit_mb=4096", "-timeout=20", "-max_total_time=1200"]);
    fuzz.arg(format!("-max_len={length}"));
    run_command(fuzz.args(*option).args(options))
}
