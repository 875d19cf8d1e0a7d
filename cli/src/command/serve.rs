//! `guardhouse serve`

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::listener::ListenerConfig;
use guardhouse_server::policy::folder::Folder;
use guardhouse_server::serve::daemon::{Daemon, stop_signal};
use guardhouse_server::serve::inherited::Inherited;
use guardhouse_server::serve::raise_open_files;

use crate::exit::Exit;
use crate::host_options::server_host;
use crate::notes::note;
use crate::output::Output;

/// Decide requests over HTTP, by the policies of many tenants
#[derive(Debug, Args)]
#[command(after_help = "\
Without --config, the file is `guardhouse.toml` of this folder. Without that file, the policies are in the folder
`policies` here, or in this folder itself, with a folder for each tenant; decisions are on 127.0.0.1:8180, and health
and metrics on 127.0.0.1:8181.

Signals:
  SIGTERM  not ready any more; ends when all requests are answered
  SIGINT   the same, without waiting for load balancers
  SIGHUP   reads the credentials and the settings of tenants again, and tries refused policies again

Examples:
  guardhouse serve
  guardhouse serve --config /etc/guardhouse/guardhouse.toml --check")]
pub(crate) struct ServeArgs {
    /// The configuration (see `guardhouse schema server`)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: Option<PathBuf>,

    /// Check the configuration and end
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &ServeArgs) -> Result<Output> {
    // The service manager's sockets come first, before anything else is opened.
    let mut inherited = Inherited::from_environment();
    let (file, config) = match args.config.clone().map_or_else(|| find(Path::new("")), |file| Ok(Found::File(file)))? {
        Found::Policies(config) => (None, *config),
        Found::File(file) => match read(&file)? {
            Ok(config) => (Some(file), config),
            Err(problems) => return Ok(Output { text: problems, exit: Exit::Invalid }),
        },
    };
    if args.check {
        let name = file.as_deref().unwrap_or(Path::new(ServerConfig::FILE)).display();
        return Ok(Output::success(format!("`{name}` is valid\n")));
    }
    raise_open_files();
    // A thread for each processor that decides: a guest gives its thread to the runtime at each tick, which then looks
    // for requests before it goes on. A further thread would wait for the kernel to take a processor from a guest.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.host.processors)
        .event_interval(1)
        .global_queue_interval(1)
        .thread_name("guardhouse-serve")
        .enable_all()
        .build()
        .context("cannot start the threads of the server")?;
    let host = server_host(&config)?;
    runtime.block_on(async {
        let stop = stop_signal().context("cannot handle signals")?;
        let daemon = Daemon::open(config, file, host, &mut inherited).await?;
        daemon.listeners().for_each(|listener| note(&listening(listener)));
        daemon.run(stop).await;
        anyhow::Ok(())
    })?;
    // Whatever still runs belongs to clients that were given their time.
    runtime.shutdown_background();
    Ok(Output::success(String::new()))
}

fn listening(listener: &ListenerConfig) -> String {
    let doors: Vec<&str> = listener.doors.doors().map(|door| door.as_str()).collect();
    format!("listening on {} ({})", listener.address, doors.join(", "))
}

/// What a folder has.
#[derive(Debug, PartialEq)]
enum Found {
    /// A configuration.
    File(PathBuf),
    /// Policies, for which everything else has its default.
    Policies(Box<ServerConfig>),
}

/// Finds a configuration, or else policies.
fn find(folder: &Path) -> Result<Found> {
    let file = folder.join(ServerConfig::FILE);
    if file.exists() {
        return Ok(Found::File(file));
    }
    let config = ServerConfig::in_folder(folder);
    if config.policies.is_dir() {
        return Ok(Found::Policies(Box::new(config)));
    }
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if has_policies(here) {
        // A name with a dot is not that of a tenant.
        let (policies, state) = (here.to_owned(), here.join(".state"));
        return Ok(Found::Policies(Box::new(ServerConfig { policies, state, ..config })));
    }
    bail!(
        "there is neither a file `{}` nor a folder `policies` here; `guardhouse new-policy policies` writes the first \
         policy of a tenant `acme`",
        ServerConfig::FILE
    );
}

/// Whether a folder has the folder of a tenant.
fn has_policies(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| entry.path().join(Folder::POLICY).is_file())
}

/// The configuration of a file, or its problems.
fn read(file: &Path) -> Result<Result<ServerConfig, String>> {
    let text = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let lines = |problems: Vec<guardhouse_server::problem::Problem>| {
        problems.iter().map(|problem| crate::text::escaped_lines(&problem.to_string()) + "\n").collect()
    };
    Ok(ServerConfig::read(&text, folder).map_err(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_before_policies_and_neither_is_an_error_that_says_what_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let error = find(folder.path()).unwrap_err().to_string();
        assert!(error.contains("guardhouse.toml") && error.contains("new-policy"), "{error}");
        let policies = |found: Found| match found {
            Found::Policies(config) => (config.policies, config.state),
            Found::File(file) => panic!("{}", file.display()),
        };
        std::fs::create_dir(folder.path().join("acme")).unwrap();
        std::fs::write(folder.path().join("acme/policy.toml"), "").unwrap();
        let expected = (folder.path().to_owned(), folder.path().join(".state"));
        assert_eq!(policies(find(folder.path()).unwrap()), expected);
        std::fs::create_dir(folder.path().join("policies")).unwrap();
        let expected = (folder.path().join("policies"), folder.path().join("state"));
        assert_eq!(policies(find(folder.path()).unwrap()), expected);
        let config = folder.path().join("guardhouse.toml");
        std::fs::write(&config, "version = 1").unwrap();
        assert_eq!(find(folder.path()).unwrap(), Found::File(config));
    }
}
