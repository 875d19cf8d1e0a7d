//! A server under test, on ports of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use guardhouse::{Host, HostLimits};
use guardhouse_server::config::ServerConfig;
use guardhouse_server::config::credentials::Credentials;
use guardhouse_server::config::listener::Address;
use guardhouse_server::door::Doors;
use guardhouse_server::observe::Observers;
use guardhouse_server::policy::Policy;
use guardhouse_server::policy::folder::{Bytes, Folder};
use guardhouse_server::serve::inherited::Inherited;
use guardhouse_server::serve::{ConnectionCounts, Server, Stop};
use guardhouse_server::snapshot::Snapshot;
use guardhouse_server::tenants::Tenants;
use guardhouse_server::tls::Certificates;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::client::{Client, Reply};
use super::host_with;

/// A policy of a text of `policy.toml`, with other files.
pub(crate) fn policy(text: &str, files: &[(&str, &[u8])]) -> Policy {
    let files = files.iter().copied().chain([(Folder::POLICY, text.as_bytes())]);
    let files: BTreeMap<String, Bytes> =
        files.map(|(path, bytes)| (path.to_owned(), Bytes::copy_from_slice(bytes))).collect();
    Policy::read(&Folder::new(files)).unwrap().0
}

/// A policy by which one plugin decides every request.
pub(crate) fn decided_by(plugin: &[u8]) -> Policy {
    let text = "version = 1\n[checks.only]\nplugin = \"only.wasm\"\n[[rules]]\nwhen = {}\ncheck = \"only\"\n";
    policy(text, &[("only.wasm", plugin)])
}

/// A server that runs until it is stopped.
pub(crate) struct Daemon {
    /// The address for decisions.
    pub(crate) address: SocketAddr,
    /// The address for health and metrics.
    pub(crate) operator: SocketAddr,
    pub(crate) tenants: Tenants,
    /// The certificates of its listeners.
    pub(crate) certificates: Certificates,
    doors: Doors,
    counts: Box<dyn Fn() -> ConnectionCounts>,
    stop: oneshot::Sender<Stop>,
    running: JoinHandle<()>,
    runtime: Runtime,
}

impl Daemon {
    /// A server with tenants, on a host of its own.
    pub(crate) fn start(policies: Vec<(&str, Policy)>) -> Self {
        Self::start_with(policies, |_| {})
    }

    /// A server whose configuration is changed.
    pub(crate) fn start_with(policies: Vec<(&str, Policy)>, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let host = host_with(HostLimits { instances: 16, ..HostLimits::default() });
        Self::start_on(&host, policies, change)
    }

    pub(crate) fn start_on(host: &Host, policies: Vec<(&str, Policy)>, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut config = ServerConfig::default();
        for listener in &mut config.listeners {
            listener.address = "127.0.0.1:0".parse().unwrap();
        }
        change(&mut config);
        let tenants = Tenants::new(host.clone());
        runtime.block_on(async {
            for (name, policy) in policies {
                let name = name.parse().unwrap();
                let snapshot = Snapshot::load(host, &name, 1, policy).await.unwrap();
                tenants.activate(&name, snapshot);
            }
        });
        let (credentials, errors) = Credentials::read(&config.credentials);
        assert!(errors.is_empty(), "{errors:?}");
        let doors = Doors::new(tenants.clone(), Observers::default(), &config, credentials);
        let server = runtime.block_on(Server::open(&config, &mut Inherited::default())).unwrap();
        let addresses: Vec<SocketAddr> = server
            .listeners()
            .map(|listener| match listener.address {
                Address::Tcp(address) => address,
                _ => panic!("not a TCP listener"),
            })
            .collect();
        let counts = Box::new(server.connection_counts());
        let certificates = server.certificates();
        let serving = doors.clone();
        let (stop, stopped) = oneshot::channel();
        let running = runtime.spawn(server.run(serving, async move { stopped.await.unwrap_or(Stop::Now) }));
        let (address, operator) = (addresses[0], *addresses.last().unwrap());
        Self { address, operator, tenants, certificates, doors, counts, stop, running, runtime }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Asks on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let mut client = self.connect();
        client.request(method, path, headers, body);
        client.reply()
    }

    /// Posts a JSON document.
    pub(crate) fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, &[], body)
    }

    pub(crate) fn counts(&self) -> ConnectionCounts {
        (self.counts)()
    }

    /// Runs a task on the runtime of the server.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// The metrics.
    pub(crate) fn metrics(&self) -> String {
        self.doors.observers().metrics_text()
    }

    /// Tells the server to end.
    pub(crate) fn stop(self, how: Stop) -> Stopping {
        self.stop.send(how).unwrap();
        Stopping { running: self.running, runtime: self.runtime }
    }
}

/// A server that was told to end.
pub(crate) struct Stopping {
    running: JoinHandle<()>,
    runtime: Runtime,
}

impl Stopping {
    /// Waits until the server has ended.
    pub(crate) fn wait(self) {
        self.runtime.block_on(self.running).unwrap();
        self.runtime.shutdown_background();
    }
}
