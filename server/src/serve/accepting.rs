//! Sockets that take connections.

use std::io;

use tokio::net::{TcpListener, UnixListener};

use super::socket::Socket;
use crate::config::listener::Address;
use crate::socket_file::SocketFile;

/// A socket that takes connections.
#[derive(Debug)]
pub(super) enum Accepting {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a Unix socket, with its file unless the service manager has it.
    Unix { listener: UnixListener, _file: Option<SocketFile> },
}

impl Accepting {
    /// The address under which it is reached, with the port that was chosen for port 0.
    pub(super) fn address(&self, configured: &Address) -> Address {
        match self {
            Self::Tcp(listener) => listener.local_addr().map_or_else(|_| configured.clone(), Address::Tcp),
            Self::Unix { .. } => configured.clone(),
        }
    }

    /// Takes the next connection.
    pub(super) async fn accept(&self) -> io::Result<Socket> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // An answer is written at once, and is not to wait for more.
                let _ = stream.set_nodelay(true);
                Ok(Socket::Tcp(stream))
            }
            Self::Unix { listener, .. } => Ok(Socket::Unix(listener.accept().await?.0)),
        }
    }
}
