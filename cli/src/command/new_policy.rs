//! `guardhouse new-policy`

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use guardhouse_server::policy::first;
use guardhouse_server::tenant_name::TenantName;

use crate::output::Output;
use crate::text::escaped;

/// Write a first policy
///
/// Writes a folder for one tenant, with a policy and its cases: an allow, a silent denial, a denial with a message, and a
/// check that fails, of which a caller sees nothing. No file is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse new-policy
  guardhouse new-policy policies --tenant bank")]
pub(crate) struct NewPolicyArgs {
    /// The folder of the policies, in which the folder of the tenant is made
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// The name of the tenant, and of its folder
    #[arg(long, value_name = "NAME", default_value = "acme")]
    tenant: TenantName,
}

pub(crate) fn run(args: &NewPolicyArgs) -> Result<Output> {
    let folder = args.folder.join(args.tenant.as_str());
    let shown = folder.strip_prefix(".").unwrap_or(&folder).display().to_string();
    match first::write(&folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => bail!("`{shown}` has a policy already"),
        Err(error) => return Err(error).with_context(|| format!("cannot write `{shown}`")),
    }
    let shown = escaped(&shown);
    Ok(Output::success(format!("created `{shown}`; run `guardhouse policy check {shown}`\n")))
}
