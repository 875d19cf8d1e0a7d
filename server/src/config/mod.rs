//! The configuration of the server: `guardhouse.toml`.

mod budget;
pub mod certificate;
pub mod connections;
pub mod credentials;
pub mod drain;
mod field;
mod headers;
pub mod host;
pub mod identity;
pub mod issuer;
pub mod listener;
pub mod log;
pub mod machine;
pub(crate) mod reach;
mod read;
mod read_credential;
mod read_listener;
mod schema;
pub mod tenant;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::connections::ConnectionLimits;
use self::credentials::CredentialConfig;
use self::drain::Drain;
use self::host::HostConfig;
use self::issuer::IssuerConfig;
use self::listener::{Door, ListenerConfig};
use self::log::LogConfig;
use self::tenant::AllTenantSettings;
use crate::observe::health::ReadyRule;

/// The configuration of a server. The doc of each field names its default.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerConfig {
    /// The folder of the policies, with a folder for each tenant. Default: `policies`.
    pub policies: PathBuf,
    /// The folder of the last good policies. Default: `state`.
    pub state: PathBuf,
    /// The folder of the cache of machine code. Default: the one that the commands have.
    pub cache: Option<PathBuf>,
    /// The URL under which callers reach the server, without a slash at its end. Default: that of the first listener.
    pub public_url: Option<String>,
    /// The listeners. Default: see [`ServerConfig::default`].
    pub listeners: Vec<ListenerConfig>,
    /// The limits of connections.
    pub connections: ConnectionLimits,
    /// How the server ends.
    pub drain: Drain,
    /// What plugins may use of this machine together.
    pub host: HostConfig,
    /// The credentials of enforcement points. Default: none.
    pub credentials: Vec<CredentialConfig>,
    /// The issuers of the tokens of end users. Default: none.
    pub issuers: Vec<IssuerConfig>,
    /// The settings of tenants.
    pub tenants: AllTenantSettings,
    /// The settings of the decision log.
    pub decision_log: LogConfig,
    /// The Unix socket of `guardhouse status`.
    pub status: StatusConfig,
    /// When the server is ready although tenants have no policy.
    pub health: ReadyRule,
}

/// The Unix socket of `guardhouse status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StatusConfig {
    /// At [`default_path`](crate::observe::status::default_path), if it can be made.
    #[default]
    Default,
    /// At a path.
    Path(PathBuf),
    /// None.
    Off,
}

impl ServerConfig {
    /// The name of the file.
    pub const FILE: &str = "guardhouse.toml";
    /// The port for decisions, on the loopback interface, by default.
    pub const PORT: u16 = 8180;
    /// The port for health and metrics, on the loopback interface, by default.
    pub const OPERATOR_PORT: u16 = 8181;

    /// The defaults, with paths in a folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self { policies: folder.join("policies"), state: folder.join("state"), ..Self::default() }
    }
}

impl Default for ServerConfig {
    /// Decisions on `127.0.0.1:8180`, and health and metrics on `127.0.0.1:8181`.
    fn default() -> Self {
        let listener = |port: u16, doors: [Door; 2]| ListenerConfig {
            address: listener::Address::Tcp((std::net::Ipv4Addr::LOCALHOST, port).into()),
            doors: doors.into_iter().collect(),
            anonymous: false,
            tls: None,
            tenant: None,
        };
        Self {
            policies: "policies".into(),
            state: "state".into(),
            cache: None,
            public_url: None,
            listeners: vec![
                listener(Self::PORT, [Door::Native, Door::Authzen]),
                listener(Self::OPERATOR_PORT, [Door::Health, Door::Metrics]),
            ],
            connections: ConnectionLimits::default(),
            drain: Drain::default(),
            host: HostConfig::default(),
            credentials: Vec::new(),
            issuers: Vec::new(),
            tenants: AllTenantSettings::default(),
            decision_log: LogConfig::default(),
            status: StatusConfig::Default,
            health: ReadyRule::default(),
        }
    }
}
