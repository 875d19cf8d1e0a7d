//! Measures what a decision costs in other systems, and prints each measurement as one line of JSON. `README.md`
//! describes the measurements.

mod casbin;
mod cedar;
mod context;
mod extism;
mod extism_library;
mod fastmcp;
mod meter;
mod python;
mod regorus;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::meter::Meter;
use crate::python::Environment;

/// The scopes that a token must hold.
const REQUIRED: [&str; 2] = ["read", "scope-17"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match duration(&arguments).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The time of each measurement.
fn duration(arguments: &[String]) -> Result<Duration> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        [] => Ok(Duration::from_millis(200)),
        ["--milliseconds", number] => {
            let milliseconds = number.parse().with_context(|| format!("`{number}` is not a number of milliseconds"))?;
            Ok(Duration::from_millis(milliseconds))
        }
        _ => bail!("usage: peers [--milliseconds N]"),
    }
}

fn run(duration: Duration) -> Result<()> {
    let meter = Meter::new(duration, context::allowed()?, context::denied()?);
    match Environment::set_up() {
        Ok(environment) => {
            // Extism first: it sets an environment variable, which is only safe before the process has other threads.
            report("extism", extism::measure(&meter, &environment));
            report("FastMCP", fastmcp::measure(duration, &environment));
        }
        Err(error) => report("extism and FastMCP", Err(error)),
    }
    report("regorus", regorus::measure(&meter));
    report("cedar-policy", cedar::measure(&meter));
    report("casbin", casbin::measure(&meter));
    Ok(())
}

/// Reports a peer that is left out, with the reason.
fn report(peer: &str, measured: Result<()>) {
    if let Err(error) = measured {
        eprintln!("left out: {peer}: {error:#}");
    }
}

/// The folder of this crate.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
