//! `guardhouse status`

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueHint};
use guardhouse_server::observe::status::{StatusRequest, client, default_path};

use crate::output::{self, Output};
use crate::server_status::ServerStatus;
use crate::text::escaped;

/// Show what a running server does
///
/// Asks a server on this machine over its Unix socket. Only the user of the server and root get an answer.
///
/// Without TENANT, the state of the server is printed, and each tenant with which something is wrong: no policy, or one
/// that was refused, with the reasons. With TENANT, everything that is known of the tenant and of its checks.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  the server answered
  1  it did not, or the tenant does not exist

Examples:
  guardhouse status
  guardhouse status acme
  guardhouse status --json | jq '.tenants[] | select(.refused)'")]
pub(crate) struct StatusArgs {
    /// The name of a tenant
    tenant: Option<String>,

    /// The socket of the server [default: `/run/guardhouse/status.sock` for root, and
    /// `$XDG_RUNTIME_DIR/guardhouse-status.sock` for others]
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    socket: Option<PathBuf>,

    /// Print one line of JSON, with all tenants or with TENANT only
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &StatusArgs) -> Result<Output> {
    let path = args.socket.clone().or_else(default_path).context(
        "the socket of the server is unknown, because `XDG_RUNTIME_DIR` is not set; name it with `--socket PATH`",
    )?;
    let request = StatusRequest { tenant: args.tenant.clone() };
    let answer = client::ask(&path, &request)
        .with_context(|| format!("cannot ask the server on `{}` for its status", path.display()))?;
    let status = ServerStatus::read(&answer).context("the server answers in another form, it has another version")?;
    if let Some(tenant) = &args.tenant {
        ensure!(!status.tenants.is_empty(), "the tenant `{}` does not exist", escaped(tenant));
    }
    Ok(Output::success(match (args.json, &args.tenant) {
        (true, _) => output::json_line(&answer)?,
        (false, None) => status.summary(),
        (false, Some(_)) => status.details(),
    }))
}
