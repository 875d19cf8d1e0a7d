//! Opening listeners.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use tokio::net::{TcpListener, TcpSocket, UnixListener, UnixStream};

use super::accepting::Accepting;
use super::inherited::Inherited;
use crate::config::listener::Address;
use crate::socket_file::SocketFile;

/// The connections that may wait to be taken, as far as the kernel allows it (`net.core.somaxconn`, by default as many).
/// One more is delayed by a second, until its client tries again: the usual 128 are too few when all clients reconnect.
const BACKLOG: u32 = 4_096;

/// Opens a listener.
///
/// # Errors
/// The address is in use, or not of this machine, or the service manager did not open the socket.
pub(super) async fn open(address: &Address, inherited: &mut Inherited) -> io::Result<Accepting> {
    match address {
        Address::Tcp(address) => Ok(Accepting::Tcp(listen(*address)?)),
        Address::Unix(path) => {
            remove_unused(path).await?;
            let listener = UnixListener::bind(path)?;
            Ok(Accepting::Unix { listener, _file: Some(SocketFile::at(path)?) })
        }
        Address::Inherited(index) => inherited.take(*index),
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart need not wait for what is left of old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
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
