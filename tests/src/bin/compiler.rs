//! The compiler process of the tests: compiles one plugin, which a host writes to its standard input.

use std::process::ExitCode;

fn main() -> ExitCode {
    guardhouse::CompilerProcess::serve()
}
