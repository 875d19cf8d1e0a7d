//! The build commands of Guardhouse that cargo does not have: `cargo xtask COMMAND`.

mod arguments;
mod bench;
mod build;
mod console;
mod copies;
mod corpus;
mod counts;
mod demo;
mod demo_server;
mod editors;
mod extremes;
mod features;
mod generate;
mod languages;
mod lock;
mod packages;
mod pages;
mod policies;
mod process;
mod prove;
mod python;
mod release;
mod revision;
mod sdks;
mod test;
mod turns;
mod typos;
mod version;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::arguments::{Command, CommandOption};

const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        operands: "",
        summary: "watch real plugins decide real requests",
        options: &[],
        run: demo::run,
    },
    Command { name: "test", operands: "", summary: "run every test", options: &[], run: test::run },
    Command {
        name: "corpus",
        operands: "FILE…",
        summary: "run recorded decisions through the plugins and the native checks",
        options: &[CommandOption {
            name: corpus::REQUIRE_SCOPES,
            value: "PLUGIN",
            summary: "take this plugin instead of the built-in one, and no native checks",
        }],
        run: corpus::run,
    },
    Command {
        name: "bench",
        operands: "[turns [LANGUAGE…]]",
        summary: "measure what everything costs, and print tables; with `turns`, compare two builds in turns",
        options: &[
            CommandOption { name: "--json", value: "FILE", summary: "write the figures to a file as well" },
            CommandOption {
                name: "--only",
                value: "GROUP",
                summary: "decisions, settings, door, counts, threads, neighbor, storm, compile, scale, languages, images, doors or peers",
            },
            CommandOption {
                name: "--quick",
                value: "",
                summary: "measure as little as possible: a test that it works",
            },
            CommandOption { name: bench::NO_PEERS, value: "", summary: "build and measure no peers" },
            CommandOption {
                name: turns::AGAINST,
                value: "REV",
                summary: "with `turns`: the other build, which takes 20 minutes once; without it, this build against itself",
            },
            CommandOption {
                name: turns::ROUNDS,
                value: "COUNT",
                summary: "with `turns`: how often both are measured, 5 times by default",
            },
            INSTALL,
        ],
        run: bench::run,
    },
    Command {
        name: "languages",
        operands: "[PAGE…]",
        summary: "follow the pages of docs/languages/, test the SDK and the hostile check of each language, and hold its counts",
        options: &[CommandOption {
            name: bench::INSTALL,
            value: "",
            summary: "install strace with apt-get, if there is none",
        }],
        run: languages::run,
    },
    Command {
        name: "counts",
        operands: "",
        summary: "compare what a decision takes in each language with bench/counts.json, after `languages` has built it",
        options: &[CommandOption {
            name: counts::WRITE,
            value: "",
            summary: "write the file anew, with the bounds that follow from the counts",
        }],
        run: counts::run,
    },
    Command {
        name: "python",
        operands: "",
        summary: "build the wheel of bindings/python/ and test it with FastMCP",
        options: &[CommandOption {
            name: python::RELEASE,
            value: "",
            summary: "build it as it is published, which takes ten minutes more",
        }],
        run: python::run,
    },
    Command {
        name: "guests",
        operands: "",
        summary: "build the plugins of plugins/ into host/builtin/",
        options: &[
            CommandOption {
                name: generate::CHECK,
                value: "",
                summary: "write nothing, and fail if the bytes would differ",
            },
            INSTALL,
        ],
        run: generate::guests,
    },
    Command {
        name: "bindings",
        operands: "",
        summary: "write the parts of wit/ that the SDKs repeat, and the copies that packages have of other files",
        options: &[CommandOption {
            name: generate::CHECK,
            value: "",
            summary: "write nothing, and fail if a file would differ",
        }],
        run: generate::bindings,
    },
    Command {
        name: "features",
        operands: "",
        summary: "check that every selection of packages builds dependencies with the same features",
        options: &[],
        run: features::run,
    },
    Command {
        name: "lock",
        operands: "",
        summary: "give the lock files of all workspaces the same wasmtime",
        options: &[CommandOption { name: lock::CHECK, value: "", summary: "write nothing, and fail if they differ" }],
        run: lock::run,
    },
    Command {
        name: "package",
        operands: "",
        summary: "package the published crates, and compile each with the files of its package alone",
        options: &[CommandOption {
            name: packages::PUBLISH,
            value: "",
            summary: "publish them instead [-- CARGO-OPTION…]",
        }],
        run: packages::run,
    },
    Command {
        name: "typos",
        operands: "",
        summary: "check the spelling of all files",
        options: &[CommandOption { name: typos::WRITE, value: "", summary: "correct the files" }],
        run: typos::run,
    },
    Command {
        name: "version",
        operands: "[VERSION]",
        summary: "set the version of everything that is released, in all files that have it",
        options: &[CommandOption {
            name: version::CHECK,
            value: "",
            summary: "write nothing, and fail if they differ",
        }],
        run: version::run,
    },
    Command {
        name: "prove",
        operands: "[NAME]",
        summary: "run a long proof, which CI does not run; without a name, list the proofs",
        options: &[CommandOption {
            name: bench::INSTALL,
            value: "",
            summary: "install debootstrap with apt-get, if there is none",
        }],
        run: prove::run,
    },
];

const INSTALL: CommandOption = CommandOption {
    name: bench::INSTALL,
    value: "",
    summary: "install a compiler for WebAssembly with rustup or apt-get, if there is none",
};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    let is_help = |word: &&str| matches!(*word, "-h" | "--help");
    let Some((name, words)) = words.split_first().filter(|(name, _)| **name != "help" && !is_help(name)) else {
        println!("usage: cargo xtask COMMAND\n\ncommands:");
        COMMANDS.iter().for_each(|command| print!("{}", command.help()));
        return Ok(());
    };
    let Some(command) = COMMANDS.iter().find(|command| command.name == *name) else {
        bail!("command `{name}` does not exist; `cargo xtask` lists those that do");
    };
    let (own, _) = words.split_at(words.iter().position(|word| *word == "--").unwrap_or(words.len()));
    if own.iter().any(is_help) {
        print!("{}", command.help());
        return Ok(());
    }
    (command.run)(&command.parse(words)?)
}

/// The root of the repository.
fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the package is not in the repository")
}
