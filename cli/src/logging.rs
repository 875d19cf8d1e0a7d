//! The host's events on standard error.

use std::io::IsTerminal;

use anyhow::{Context, Result, anyhow};
use tracing_subscriber::EnvFilter;

/// The environment variable that selects the events.
const VARIABLE: &str = "GUARDHOUSE_LOG";

/// The levels of the libraries of the network. They warn of single frames, and so anybody who reaches a listener could fill
/// the log. A filter that names them selects more.
const NETWORK: &str = "h2=error,hyper=error,rustls=error";

/// Whether the user asked for events.
pub(crate) fn is_requested() -> bool {
    std::env::var_os(VARIABLE).is_some_and(|filter| !filter.is_empty())
}

/// Starts to write events: those that `GUARDHOUSE_LOG` selects, or those of `default` if it is unset or empty.
pub(crate) fn start(default: &str) -> Result<()> {
    let filter = std::env::var_os(VARIABLE).filter(|filter| !filter.is_empty());
    let filter = match &filter {
        Some(filter) => filter.to_str().with_context(|| format!("`{VARIABLE}` is not UTF-8"))?,
        None => default,
    };
    let network = EnvFilter::try_new(format!("{NETWORK},{filter}"));
    let filter = network.with_context(|| format!("cannot read `{VARIABLE}={filter}`"))?;
    let may_color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(may_color && std::io::stderr().is_terminal())
        .without_time()
        .try_init()
        .map_err(|error| anyhow!("cannot start the log: {error}"))
}
