//! Opening listeners.

use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tokio::net::{TcpListener, UnixListener, UnixStream};

use super::accepting::Accepting;
use super::inherited::Inherited;
use crate::config::listener::Address;
use crate::socket_file::SocketFile;

/// Opens a listener.
///
/// # Errors
/// The address is in use, or not of this machine, or the service manager did not open the socket.
pub(super) async fn open(address: &Address, inherited: &mut Inherited) -> io::Result<Accepting> {
    match address {
        Address::Tcp(address) => Ok(Accepting::Tcp(TcpListener::bind(address).await?)),
        Address::Unix(path) => {
            remove_unused(path).await?;
            let listener = UnixListener::bind(path)?;
            Ok(Accepting::Unix { listener, _file: Some(SocketFile::at(path)?) })
        }
        Address::Inherited(index) => inherited.take(*index),
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
