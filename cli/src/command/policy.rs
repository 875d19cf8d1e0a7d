//! `guardhouse policy`

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, Subcommand, ValueHint};
use guardhouse::Host;
use guardhouse_server::policy::cases::Case;
use guardhouse_server::policy::folder::Folder;
use guardhouse_server::policy::read_folder::{TenantFolders, read_folder, tenant_folders};
use guardhouse_server::policy::{Policy, locate};
use guardhouse_server::problem::Problem;
use guardhouse_server::snapshot::{Snapshot, cases};
use guardhouse_server::tenant_name::TenantName;
use serde::Serialize;

use crate::exit::Exit;
use crate::host_options::HostOptions;
use crate::output::{self, Output};
use crate::text::{escaped, escaped_lines};

/// Check the policies of tenants
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guardhouse policy check policies/acme
  guardhouse policy check policies --json")]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(CheckArgs),
}

/// Check the policy of a tenant, or those of all tenants
///
/// Prints every problem with its file, line and key, and how to mend it. Without an error, all plugins are loaded and
/// configured, and the cases of the policy are run, as when a server activates it.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  every policy can be activated; there may be warnings
  1  the command failed, and nothing was checked
  2  a policy has an error, or one of its cases fails

Examples:
  guardhouse policy check policies/acme
  guardhouse policy check policies --json")]
struct CheckArgs {
    /// The folder of one tenant, with a `policy.toml`, or a folder with the folders of tenants
    #[arg(default_value = ".", value_hint = ValueHint::DirPath)]
    folder: PathBuf,

    /// Print one line of JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    host: HostOptions,
}

pub(crate) fn run(args: &PolicyArgs) -> Result<Output> {
    match &args.action {
        Action::Check(args) => check(args),
    }
}

/// Everything that was found.
#[derive(Debug, Serialize)]
struct Answer {
    tenants: Vec<Checked>,
    errors: usize,
    warnings: usize,
    cases: usize,
    failed_cases: usize,
}

/// What was found in the folder of one tenant.
#[derive(Debug, Default, Serialize)]
struct Checked {
    /// The name of the tenant, or of a folder that has no name of a tenant.
    tenant: String,
    /// The folder, as files of it are shown.
    #[serde(skip)]
    folder: PathBuf,
    errors: Vec<Problem>,
    warnings: Vec<Problem>,
    cases: usize,
    failed_cases: usize,
}

fn check(args: &CheckArgs) -> Result<Output> {
    let folder = &args.folder;
    ensure!(folder.is_dir(), "`{}` is not a folder", folder.display());
    let found = tenants(folder)?;
    let host = args.host.host()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.context("cannot start the runtime for async code")?;
    let mut checked: Vec<Checked> = Vec::new();
    for problem in found.problems {
        let folder = folder.join(&problem.file);
        let tenant = problem.file.clone();
        let problem = Problem::new(".", problem.message).with_help(problem.help.unwrap_or_default());
        checked.push(Checked { tenant, folder, errors: vec![problem], ..Checked::default() });
    }
    for (tenant, folder) in found.tenants {
        checked.push(runtime.block_on(Checked::new(&host, &tenant, folder)));
    }
    let sum = |count: fn(&Checked) -> usize| checked.iter().map(count).sum();
    let answer = Answer {
        errors: sum(|checked| checked.errors.len()),
        warnings: sum(|checked| checked.warnings.len()),
        cases: sum(|checked| checked.cases),
        failed_cases: sum(|checked| checked.failed_cases),
        tenants: checked,
    };
    let exit = if answer.errors == 0 { Exit::Success } else { Exit::PolicyFails };
    let text = if args.json { output::json_line(&answer)? } else { answer.text() };
    Ok(Output { text, exit })
}

/// The folders of tenants that a folder stands for, and a problem for each that has no name of a tenant.
fn tenants(folder: &Path) -> Result<TenantFolders> {
    if folder.join(Folder::POLICY).symlink_metadata().is_ok() {
        let path = folder.canonicalize().with_context(|| format!("cannot read `{}`", folder.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        // The name is not part of the policy, and another server may give it another one.
        let name = name.parse().or_else(|_| "tenant".parse()).context("no name for the tenant")?;
        let mut found = TenantFolders::default();
        found.tenants.push((name, folder.to_owned()));
        return Ok(found);
    }
    let found = tenant_folders(folder)?;
    if found.tenants.is_empty() && found.problems.is_empty() {
        bail!(
            "`{}` has neither a `{}` nor a folder of a tenant; `guardhouse new-policy` writes a first one",
            folder.display(),
            Folder::POLICY
        );
    }
    Ok(found)
}

impl Checked {
    /// Checks the policy in a folder, as far as it can be read.
    async fn new(host: &Host, tenant: &TenantName, path: PathBuf) -> Self {
        let mut checked = Self { tenant: tenant.to_string(), folder: path, ..Self::default() };
        if let Err(errors) = checked.check(host, tenant).await {
            checked.errors = errors;
        }
        checked
    }

    async fn check(&mut self, host: &Host, tenant: &TenantName) -> Result<(), Vec<Problem>> {
        let folder = read_folder(&self.folder)?;
        let (policy, warnings) = Policy::read(&folder)?;
        self.warnings = warnings;
        let cases = Case::read_all(&folder, &policy)?;
        let snapshot = Snapshot::load(host, tenant, 1, policy).await;
        let snapshot = snapshot
            .map_err(|problems| problems.into_iter().map(|problem| locate(&folder, problem)).collect::<Vec<_>>())?;
        let failed = cases::run(&snapshot, &cases).await;
        (self.cases, self.failed_cases) = (cases.len(), failed.len());
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }

    /// The lines of a problem: `acme/policy.toml:3:8: error: mode: …`.
    fn line(&self, word: &str, problem: &Problem) -> String {
        let path = match problem.file.as_str() {
            "." => self.folder.clone(),
            file => self.folder.join(file),
        };
        let path = shown(&path);
        let position = problem.position.map_or(String::new(), |at| format!(":{}:{}", at.line, at.column));
        let key = if problem.key.is_empty() { String::new() } else { format!("{}: ", problem.key) };
        let help = problem.help.as_ref().map_or(String::new(), |help| format!("  help: {}\n", escaped(help)));
        let message = escaped_lines(problem.message.trim_end());
        format!("{}{position}: {word}: {}{message}\n{help}", escaped(&path), escaped(&key))
    }
}

/// A path as it is shown: without the folder that the command runs in.
fn shown(path: &Path) -> String {
    match path.strip_prefix(".") {
        Ok(inside) if !inside.as_os_str().is_empty() => inside.display().to_string(),
        _ => path.display().to_string(),
    }
}

impl Answer {
    fn text(&self) -> String {
        let mut text = String::new();
        for checked in &self.tenants {
            checked.errors.iter().for_each(|problem| text.push_str(&checked.line("error", problem)));
            checked.warnings.iter().for_each(|problem| text.push_str(&checked.line("warning", problem)));
        }
        let passed = self.cases - self.failed_cases;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}, {}, {}, {passed} of {} cases passed",
            counted(self.tenants.len(), "tenant"),
            counted(self.errors, "error"),
            counted(self.warnings, "warning"),
            self.cases
        );
        text
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
