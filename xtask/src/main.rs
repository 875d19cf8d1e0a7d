//! The build commands of Guardhouse that cargo does not have: `cargo xtask COMMAND`.

mod bench;
mod bindings;
mod console;
mod corpus;
mod demo;
mod extremes;
mod guests;
mod languages;
mod manifest;
mod process;
mod python;
mod test;
mod toolchain;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

commands:
  demo              watch real plugins decide real requests
  test              run every test
  corpus FILE…      run recorded decisions through the plugins and the native checks
                    --require-scopes PLUGIN  with this plugin in the place of the built-in one, and no native checks
  bench             measure what everything costs, and print tables
                    --json FILE   write the figures down
                    --only GROUP  decisions, settings, counts, threads, neighbour, storm, compile, scale, languages or
                                  peers
                    --no-peers    build and measure no peers
                    --quick       as short as it goes: to see that all of it works
  languages [PAGE…] follow the pages of docs/languages/, and test the SDKs and the hostile checks of each language
  bindings [--check] write what the SDKs know of wit/
                    --check writes nothing and fails if the result would differ
  python [PART]     build the wheel of bindings/python/ and test it with FastMCP; PART is fastmcp (its own tests), load
                    (10,000 requests) or bench
  guests [--check]  build the plugins of plugins/ into host/builtin/
                    --check writes nothing and fails if the result would differ
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["corpus", arguments @ ..] => corpus::run(arguments),
        ["bench", options @ ..] => bench::run(options),
        ["bindings", options @ ..] => bindings::run(options),
        ["languages", pages @ ..] => languages::run(pages),
        ["python", parts @ ..] => python::run(parts),
        ["guests", options @ ..] => guests::run(options),
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        [command, ..] => bail!("no command `{command}`\n\n{USAGE}"),
    }
}

/// The root of the repository.
fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")
}
