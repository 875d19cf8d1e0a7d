//! The sections `[[listeners]]`: addresses, and the doors behind them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::tenant_name::TenantName;

/// A listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Its address.
    pub address: Address,
    /// The doors behind it.
    pub doors: DoorSet,
    /// Whether everybody who reaches the address may ask for decisions, without a credential.
    pub anonymous: bool,
    /// TLS; without, the bytes of HTTP are on the connection as they are.
    pub tls: Option<TlsConfig>,
    /// The tenant of requests at [`Door::ExtAuthz`] whose route names none.
    pub tenant: Option<TenantName>,
}

/// The files of a listener with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate of the server in PEM, and then those of the authorities between it and the root.
    pub certificate: PathBuf,
    /// Its private key in PEM: PKCS #8, PKCS #1, or SEC1.
    pub key: PathBuf,
    /// The authorities that sign the certificates of clients, and whether a client must have one.
    pub clients: Option<ClientCertificates>,
}

/// What a listener asks of the certificates of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The file with the certificates of the authorities, in PEM.
    pub authorities: PathBuf,
    /// Whether a client without a certificate is refused. Default: true.
    pub are_required: bool,
}

/// The address of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port: `127.0.0.1:8180`. Port 0 is any free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket: `unix:/run/guardhouse.sock`.
    Unix(PathBuf),
    /// A socket that the service manager opened: `systemd:0` is its first one.
    Inherited(usize),
}

impl Address {
    /// Whether only this machine reaches the address. Nothing is known of an inherited socket.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix(_) => true,
            Self::Inherited(_) => false,
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            // `sun_path` has 108 bytes, the last of which is zero.
            let is_path = path.starts_with('/') && path.len() < 108 && !path.contains('\0');
            return if is_path { Ok(Self::Unix(path.into())) } else { Err(AddressError) };
        }
        if let Some(index) = text.strip_prefix("systemd:") {
            return index.parse().map(Self::Inherited).map_err(|_| AddressError);
        }
        text.parse().map(Self::Tcp).map_err(|_| AddressError)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Inherited(index) => write!(f, "systemd:{index}"),
        }
    }
}

/// A text that is not an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an address: expected an IP address and a port, `unix:` and an absolute path of at most 107 bytes, or \
     `systemd:` and a number"
)]
pub struct AddressError;

/// A door: a group of routes that a listener offers or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Decisions in the JSON of this server.
    Native,
    /// Decisions as in the Authorization API 1.0 of AuthZEN.
    Authzen,
    /// Decisions for proxies that ask about each request with a request of their own: nginx, Caddy, Traefik, and Envoy
    /// over HTTP.
    ForwardAuth,
    /// Decisions for Envoy over gRPC: its external authorization, version 3.
    ExtAuthz,
    /// Whether the server lives, and is ready.
    Health,
    /// Numbers for Prometheus.
    Metrics,
    /// Numbers of each tenant for Prometheus. They name the tenants.
    TenantMetrics,
}

impl Door {
    /// All doors.
    pub const ALL: [Self; 7] = [
        Self::Native,
        Self::Authzen,
        Self::ForwardAuth,
        Self::ExtAuthz,
        Self::Health,
        Self::Metrics,
        Self::TenantMetrics,
    ];

    /// The word for the door.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Authzen => "authzen",
            Self::ForwardAuth => "forward-auth",
            Self::ExtAuthz => "ext-authz",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::TenantMetrics => "tenant-metrics",
        }
    }

    /// Whether it takes requests for decisions.
    #[must_use]
    pub fn decides(self) -> bool {
        matches!(self, Self::Native | Self::Authzen | Self::ForwardAuth | Self::ExtAuthz)
    }

    fn bit(self) -> u8 {
        match self {
            Self::Native => 1,
            Self::Authzen => 2,
            Self::Health => 4,
            Self::Metrics => 8,
            Self::TenantMetrics => 16,
            Self::ForwardAuth => 32,
            Self::ExtAuthz => 64,
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DoorSet(u8);

impl DoorSet {
    /// The same set with one more door.
    #[must_use]
    pub fn with(self, door: Door) -> Self {
        Self(self.0 | door.bit())
    }

    /// Whether the set has the door.
    #[must_use]
    pub fn has(self, door: Door) -> bool {
        self.0 & door.bit() != 0
    }

    /// The doors of the set.
    pub fn doors(self) -> impl Iterator<Item = Door> {
        Door::ALL.into_iter().filter(move |door| self.has(*door))
    }
}

impl FromIterator<Door> for DoorSet {
    fn from_iter<I: IntoIterator<Item = Door>>(doors: I) -> Self {
        doors.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_the_same_after_writing_and_reading_it() {
        for text in ["127.0.0.1:8180", "[::1]:0", "unix:/run/guardhouse.sock", "systemd:1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        let long = format!("unix:/{}", "a".repeat(107));
        for text in ["", "8180", "localhost:8180", ":8180", "127.0.0.1", "unix:run/x", "unix:", "systemd:", &long] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn only_loopback_and_unix_sockets_are_local() {
        for (text, is_local) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("unix:/run/x", true),
            ("0.0.0.0:1", false),
            ("192.0.2.1:1", false),
            ("systemd:0", false),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().is_local(), is_local, "{text}");
        }
    }

    #[test]
    fn a_set_has_the_doors_that_were_put_into_it() {
        let set = DoorSet::default().with(Door::Authzen).with(Door::Health);
        assert_eq!(set.doors().collect::<Vec<_>>(), [Door::Authzen, Door::Health]);
        assert_eq!(Door::ALL.into_iter().collect::<DoorSet>().doors().count(), Door::ALL.len());
    }
}
