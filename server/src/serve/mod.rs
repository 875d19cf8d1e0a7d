//! Serving: listeners, connections, and the end of the server.

mod accept;
mod accepting;
mod clock;
mod connection;
pub mod daemon;
mod handshake;
mod http1;
mod http2;
pub mod inherited;
mod listen;
mod open_files;
mod progress;
mod reload;
mod socket;
mod stream;
mod streams;
mod transport;
mod version;

use std::io;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::accept::ConnectionCounts;
use self::accept::{Connections, accept};
use self::accepting::Accepting;
use self::connection::Shared;
use self::inherited::Inherited;
pub use self::open_files::raise_open_files;
use crate::config::ServerConfig;
use crate::config::drain::Drain;
use crate::config::listener::{Address, Door, ListenerConfig};
use crate::door::{Doors, Listener};
use crate::tls::{Certificates, CurrentTls};

/// A server whose listeners are open, and take no connections yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Opened>,
    connections: Arc<Connections>,
    drain: Drain,
}

/// A listener that is open.
#[derive(Debug)]
struct Opened {
    accepting: Accepting,
    config: ListenerConfig,
    tls: Option<Arc<CurrentTls>>,
}

/// A listener that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on `{address}`: {error}")]
pub struct ListenError {
    /// Its address.
    pub address: Address,
    /// The reason.
    pub error: io::Error,
}

/// How a server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// After the time in which load balancers notice.
    Drain,
    /// Without that time.
    Now,
}

impl Server {
    /// Opens all listeners of a configuration.
    ///
    /// # Errors
    /// [`ListenError`] for the first one that cannot be opened.
    pub async fn open(config: &ServerConfig, inherited: &mut Inherited) -> Result<Self, ListenError> {
        let mut listeners = Vec::with_capacity(config.listeners.len());
        for listener in &config.listeners {
            let failed = |error| ListenError { address: listener.address.clone(), error };
            let tls = listener.tls.as_ref().map(|tls| CurrentTls::read(tls, listener.doors)).transpose();
            let tls = tls.map_err(|error| failed(io::Error::other(error)))?.map(Arc::new);
            let accepting = listen::open(&listener.address, inherited).await.map_err(failed)?;
            let address = accepting.address(&listener.address);
            listeners.push(Opened { accepting, config: ListenerConfig { address, ..listener.clone() }, tls });
        }
        for index in inherited.unused() {
            tracing::warn!(
                target: "guardhouse::server",
                "no listener has the address `systemd:{index}`: nobody answers on this socket"
            );
        }
        let connections = Arc::new(Connections::new(config.connections.clone()));
        Ok(Self { listeners, connections, drain: config.drain.clone() })
    }

    /// The listeners, with the ports that were chosen for port 0.
    pub fn listeners(&self) -> impl Iterator<Item = &ListenerConfig> {
        self.listeners.iter().map(|opened| &opened.config)
    }

    /// The certificates of the listeners with TLS, which are read again by their holder.
    #[must_use]
    pub fn certificates(&self) -> Certificates {
        self.listeners.iter().filter_map(|opened| opened.tls.clone()).collect()
    }

    /// The URL of the first listener over TCP that offers AuthZEN.
    fn url(&self) -> Option<String> {
        self.listeners().filter(|listener| listener.doors.has(Door::Authzen)).find_map(|listener| {
            match &listener.address {
                Address::Tcp(address) if listener.tls.is_some() => Some(format!("https://{address}")),
                Address::Tcp(address) => Some(format!("http://{address}")),
                Address::Unix(_) | Address::Inherited(_) => None,
            }
        })
    }

    /// What becomes of the connections of this server, from now on.
    pub fn connection_counts(&self) -> impl Fn() -> ConnectionCounts + Send + Sync + 'static {
        let connections = Arc::clone(&self.connections);
        move || connections.counts()
    }

    /// Serves until `stop` is ready. Then the server is not ready any more; it takes connections for the notice of
    /// [`Drain`], and ends when no connection is left, or after its time.
    pub async fn run(self, doors: Doors, stop: impl Future<Output = Stop>) {
        let Self { listeners, connections, drain } = self;
        let (closing, is_closing) = watch::channel(false);
        let (stopping, is_stopping) = watch::channel(false);
        let limits = &connections.limits;
        let start = |Opened { accepting, config, tls }: Opened| {
            let listener = Listener { doors: config.doors, anonymous: config.anonymous, tenant: config.tenant };
            let shared = Shared {
                doors: doors.clone(),
                listener: Arc::new(listener),
                tls,
                limits: Arc::clone(limits),
                metrics: doors.observers().metrics().listener(&config.address.to_string()),
                stopping: is_stopping.clone(),
            };
            tokio::spawn(accept(accepting, Arc::clone(&connections), shared, is_closing.clone()))
        };
        let accepting: Vec<JoinHandle<()>> = listeners.into_iter().map(start).collect();
        let how = stop.await;
        doors.health().drain();
        if how == Stop::Drain {
            tokio::time::sleep(drain.notice).await;
        }
        closing.send_replace(true);
        for task in accepting {
            // A listener whose task panicked takes no connections either.
            let _ = task.await;
        }
        stopping.send_replace(true);
        // A client that has not gone by then is cut off, when the runtime ends.
        let _ = tokio::time::timeout(drain.time, connections.all_closed()).await;
    }
}
