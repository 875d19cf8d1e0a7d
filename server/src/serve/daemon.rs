//! The daemon: a server with policies from a folder, from its start to its end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use guardhouse::Host;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;

use super::inherited::Inherited;
use super::reload::Reload;
use super::{ListenError, Server, Stop};
use crate::activation::event::ActivationResult;
use crate::activation::{self, Activation};
use crate::config::credentials::Credentials;
use crate::config::listener::{Door, ListenerConfig};
use crate::config::{ServerConfig, StatusConfig};
use crate::door::Doors;
use crate::last_good::{LastGood, LastGoodError};
use crate::observe::Observers;
use crate::observe::status::socket::StatusSocket;
use crate::observe::status::{ListenerStatus, StatusSource, default_path};
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
    status: Option<StatusSocket>,
}

/// The reason why a daemon does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The state folder cannot be used.
    #[error("cannot use the state folder")]
    State(#[from] LastGoodError),
    /// The decision log cannot be opened.
    #[error("cannot open the decision log: {0}")]
    Log(io::Error),
    /// The socket of the status cannot be opened.
    #[error("cannot open the status socket `{}`: {error}", path.display())]
    Status {
        /// Its path.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
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
        tenants.set_allowances(config.tenants.allowances());
        // Requests may arrive as soon as the listeners are open.
        tenants.begin();
        let log = config.decision_log.start().map_err(StartError::Log)?;
        let observers = log.map_or_else(Observers::default, Observers::with_log);
        observers.metrics().watch(&tenants);
        let status = status_socket(&config.status)?;
        let mut shown = config.clone();
        shown.public_url = shown.public_url.or_else(|| server.url());
        let doors = Doors::new(tenants.clone(), observers, &shown, credentials);
        Ok(Self { config, file, server, doors, tenants, last_good, status })
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
        let status_source = self.status_source();
        let Self { config, file, server, doors, tenants, last_good, status } = self;
        let reload = Reload::new(config.clone(), file, doors.clone(), tenants.clone(), server.certificates());
        let observers = doors.observers().clone();
        let source = Arc::new(Folders::new(config.policies.clone(), FolderOptions::default()));
        let activation = Activation::new(tenants, source, Policy::read_within)
            .last_good(last_good)
            .listener(listener(observers.clone()));
        let mut tasks = JoinSet::new();
        // What is being written to the state folder when the server ends is written as a whole or not at all.
        tasks.spawn(activation.run(std::future::pending()));
        tasks.spawn(reload.run());
        tasks.spawn(doors.tokens().clone().run());
        if let Some(status) = status {
            tasks.spawn(status.serve(status_source));
        }
        server.run(doors, stop).await;
        tasks.shutdown().await;
        let lost = match observers.log() {
            Some(log) => log.shutdown(LOG_TIME),
            None => 0,
        };
        if lost > 0 {
            tracing::warn!(target: "guardhouse::server", lost, "lines of the decision log were not written");
        }
    }

    fn status_source(&self) -> StatusSource {
        let status = |listener: &ListenerConfig| ListenerStatus {
            address: listener.address.to_string(),
            doors: listener.doors.doors().map(Door::as_str).collect(),
        };
        StatusSource {
            tenants: self.tenants.clone(),
            observers: self.doors.observers().clone(),
            health: self.doors.health().clone(),
            listeners: self.server.listeners().map(status).collect(),
            started: SystemTime::now(),
            since: Instant::now(),
        }
    }
}

/// The time in which the last lines of the decision log are written.
const LOG_TIME: Duration = Duration::from_secs(2);

/// Counts activations.
fn listener(observers: Observers) -> Arc<activation::event::Listener> {
    Arc::new(move |event| {
        observers.metrics().activation(event.result.kind(), event.elapsed);
        if event.result == ActivationResult::Removed {
            observers.metrics().forget(&event.tenant);
        }
    })
}

/// The socket of the status. A default that cannot be used is no error.
fn status_socket(config: &StatusConfig) -> Result<Option<StatusSocket>, StartError> {
    let path = match config {
        StatusConfig::Off => return Ok(None),
        StatusConfig::Path(path) => {
            let failed = |error| StartError::Status { path: path.clone(), error };
            return StatusSocket::bind(path).map(Some).map_err(failed);
        }
        StatusConfig::Default => default_path(),
    };
    let Some(path) = path else { return Ok(None) };
    match StatusSocket::bind(&path) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => {
            let path = path.display();
            tracing::info!(target: "guardhouse::server", %path, %error, "there is no status socket");
            Ok(None)
        }
    }
}

/// Waits for a signal to end: Ctrl-C ends a daemon at once, and SIGTERM after its notice.
///
/// # Errors
/// The signals cannot be handled.
pub fn stop_signal() -> io::Result<impl Future<Output = Stop>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => Stop::Now,
            _ = terminate.recv() => Stop::Drain,
        }
    })
}
