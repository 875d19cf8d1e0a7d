//! `guardhouse completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::output::Output;

/// Print a shell completion script
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse completions bash > ~/.local/share/bash-completion/completions/guardhouse
  guardhouse completions fish > ~/.config/fish/completions/guardhouse.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(crate) fn run<C: CommandFactory>(args: &CompletionsArgs) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut C::command(), "guardhouse", &mut script);
    Output::success(String::from_utf8_lossy(&script).into_owned())
}
