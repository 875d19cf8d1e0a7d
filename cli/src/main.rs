//! The command line of Guardhouse: creates, builds and tests plugins, evaluates them for a request, and inspects them.

mod building;
mod cache_folder;
mod cases;
mod color;
mod command;
mod development;
mod exit;
mod explanation;
mod failure;
mod host_options;
mod input;
mod inspection;
mod interrupt;
mod limit_options;
mod logging;
mod named_limit;
mod notes;
mod object;
mod output;
mod plugin_list;
mod progress;
mod server_status;
mod source;
mod testing;
mod text;
mod vocabulary;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit::Exit;
use crate::interrupt::Interrupted;
use crate::output::Output;

/// Create, build, test and run authorization checks that are WebAssembly components
#[derive(Debug, Parser)]
#[command(name = "guardhouse", version, after_help = AFTER_HELP, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Write only errors of the command itself to standard error
    #[arg(long, short, global = true, display_order = 900)]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Exit codes:
  0  allowed; the plugin loads; every case passes
  1  the command failed, and nothing was decided
  2  denied; the plugin does not load; a case fails; a policy has an error
  128+N  ended by signal N: 130 after Ctrl-C

Environment (an empty variable counts as unset):
  GUARDHOUSE_CACHE  the folder of `--cache`, for commands without that option
  XDG_CACHE_HOME    the user's folder for caches, if it is not `~/.cache`
  GUARDHOUSE_LOG    the events that are written to standard error, for example `info`
                    or `guardhouse::plugin=debug` (default: `warn`, which writes one
                    line for each plugin that fails)";

#[derive(Debug, Subcommand)]
enum Command {
    New(command::new::NewArgs),
    Build(command::build::BuildArgs),
    Test(command::test::TestArgs),
    Upgrade(command::upgrade::UpgradeArgs),
    Check(command::check::CheckArgs),
    Inspect(command::inspect::InspectArgs),
    Plugins(command::plugins::PluginsArgs),
    NewPolicy(command::new_policy::NewPolicyArgs),
    Policy(command::policy::PolicyArgs),
    Schema(command::schema::SchemaArgs),
    Serve(command::serve::ServeArgs),
    Cache(command::cache::CacheArgs),
    Status(command::status::StatusArgs),
    Completions(command::completions::CompletionsArgs),
}

fn main() -> ExitCode {
    // Before anything else is read: this process is about to compile an untrusted plugin.
    let arguments: Vec<OsString> = std::env::args_os().skip(1).take(4).collect();
    match arguments.as_slice() {
        [only] if only == host_options::COMPILE => return guardhouse::CompilerProcess::serve(),
        [first, rest @ ..] if first == building::BUILD => return building::serve(rest),
        _ => {}
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print().is_ok();
            return if error.use_stderr() || !printed { Exit::Failure.into() } else { Exit::Success.into() };
        }
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            failure::print(&error);
            error
                .downcast_ref::<Interrupted>()
                .map_or(Exit::Failure.into(), |interrupted| interrupted.exit_code().into())
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    if cli.quiet {
        notes::silence();
    } else {
        // An explanation contains everything that the warnings would say.
        let default = match &cli.command {
            Command::Check(args) if args.explain => "off",
            Command::Test(_) | Command::Policy(_) => "off",
            // The operator of a server wants to know what it does; each decision stands in the decision log.
            Command::Serve(_) => "warn,guardhouse::server=info,guardhouse::activation=info",
            _ => "warn",
        };
        logging::start(default)?;
    }
    let Output { text, exit } = match cli.command {
        Command::New(args) => command::new::run(&args)?,
        Command::Build(args) => command::build::run(&args)?,
        Command::Test(args) => command::test::run(&args)?,
        Command::Upgrade(args) => command::upgrade::run(&args)?,
        Command::Check(args) => command::check::run(&args)?,
        Command::Inspect(args) => command::inspect::run(&args)?,
        Command::Plugins(args) => command::plugins::run(&args),
        Command::NewPolicy(args) => command::new_policy::run(&args)?,
        Command::Policy(args) => command::policy::run(&args)?,
        Command::Schema(args) => command::schema::run(&args)?,
        Command::Serve(args) => command::serve::run(&args)?,
        Command::Cache(args) => command::cache::run(&args)?,
        Command::Status(args) => command::status::run(&args)?,
        Command::Completions(args) => command::completions::run::<Cli>(&args),
    };
    output::print(&text)?;
    Ok(exit)
}
