//! The daemon: a server with policies from a folder, from its start to its end.

use std::path::PathBuf;
use std::sync::Arc;

use guardhouse::Host;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::inherited::Inherited;
use super::reload::Reload;
use super::{ListenError, Server, Stop};
use crate::activation::Activation;
use crate::config::ServerConfig;
use crate::config::credentials::Credentials;
use crate::config::listener::ListenerConfig;
use crate::door::Doors;
use crate::last_good::{LastGood, LastGoodError};
use crate::observe::Observers;
use crate::policy::Policy;
use crate::source::folders::{FolderOptions, Folders};
use crate::tenants::Tenants;

/// The largest state folder, in bytes.
const STATE_BYTES: u64 = 4 << 30;

/// A daemon whose listeners are open.
#[derive(Debug)]
pub struct Daemon {
    config: ServerConfig,
    /// The file of the configuration; none without one.
    file: Option<PathBuf>,
    server: Server,
    doors: Doors,
    tenants: Tenants,
    last_good: LastGood,
}

/// The reason why a daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The state folder cannot be used.
    #[error("the state folder: {0}")]
    State(#[from] LastGoodError),
    /// A signal cannot be handled.
    #[error("cannot handle signals: {0}")]
    Signal(#[from] std::io::Error),
}

impl Daemon {
    /// Opens the listeners and the state folder of a configuration, which was read from `file`.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn open(
        config: ServerConfig,
        file: Option<PathBuf>,
        host: Host,
        inherited: &mut Inherited,
    ) -> Result<Self, StartError> {
        let server = Server::open(&config, inherited).await?;
        let last_good = LastGood::open(&config.state, STATE_BYTES)?;
        let (credentials, errors) = Credentials::read(&config.credentials);
        for (name, error) in errors {
            tracing::warn!(target: "guardhouse::server", credential = name, %error, "nobody can use the credential");
        }
        let tenants = Tenants::new(host);
        let observers = Observers::default();
        let mut shown = config.clone();
        shown.public_url = shown.public_url.or_else(|| server.url());
        let doors = Doors::new(tenants.clone(), observers, &shown, credentials);
        Ok(Self { config, file, server, doors, tenants, last_good })
    }

    /// The listeners, with the ports that were chosen for port 0.
    pub fn listeners(&self) -> impl Iterator<Item = &ListenerConfig> {
        self.server.listeners()
    }

    /// The tenants.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.tenants
    }

    /// Serves until `stop` is ready, and then ends as [`Server::run`] does.
    pub async fn run(self, stop: impl Future<Output = Stop>) {
        let Self { config, file, server, doors, tenants, last_good } = self;
        let source = Arc::new(Folders::new(config.policies.clone(), FolderOptions::default()));
        let activation = Activation::new(tenants, source, Policy::read).last_good(last_good);
        let (ending, mut is_ending) = watch::channel(false);
        let activating = tokio::spawn(activation.run(async move {
            // If the sender is gone, the daemon has ended.
            let _ = is_ending.wait_for(|ending| *ending).await;
        }));
        let reloading = tokio::spawn(Reload::new(config, file, doors.clone()).run());
        server.run(doors, stop).await;
        reloading.abort();
        ending.send_replace(true);
        // What is being written to the state folder is written as a whole or not at all.
        activating.abort();
    }
}

/// Waits for a signal to end: Ctrl-C ends a daemon at once, and SIGTERM after its notice.
///
/// # Errors
/// The signals cannot be handled.
pub fn stop_signal() -> std::io::Result<impl Future<Output = Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Stop::Now,
            _ = terminate.recv() => Stop::Drain,
        }
    })
}
