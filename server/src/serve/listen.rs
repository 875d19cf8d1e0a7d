//! Listeners: sockets that take connections.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::inherited::Inherited;
use super::socket::Socket;
use crate::config::listener::Address;

/// A socket that takes connections.
#[derive(Debug)]
pub(super) enum Accepting {
    /// Over TCP.
    Tcp(TcpListener),
    /// Over a Unix socket, with its file unless the service manager has it.
    Unix { listener: UnixListener, _file: Option<SocketFile> },
}

/// The file of a Unix socket, which is removed with it.
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that is left over is replaced at the next start.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Accepting {
    /// Opens a listener.
    ///
    /// # Errors
    /// The address is in use, or not of this machine, or the service manager did not open the socket.
    pub(super) async fn open(address: &Address, inherited: &mut Inherited) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => Ok(Self::Tcp(TcpListener::bind(address).await?)),
            Address::Unix(path) => {
                remove_unused(path).await?;
                let listener = UnixListener::bind(path)?;
                Ok(Self::Unix { listener, _file: Some(SocketFile(path.clone())) })
            }
            Address::Inherited(index) => inherited.take(*index),
        }
    }

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

/// Removes the file of a Unix socket that nobody listens on any more.
async fn remove_unused(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => match UnixStream::connect(path).await {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it")),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
            Err(error) => Err(error),
        },
        Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists, and is not a socket")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
