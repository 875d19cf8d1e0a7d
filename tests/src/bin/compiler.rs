//! Compiles one plugin in this process, as a host orders it on the standard input.

use std::process::ExitCode;

fn main() -> ExitCode {
    guardhouse::CompilerProcess::serve()
}
