//! Sockets that the service manager opened (sd_listen_fds(3)).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use rustix::io::FdFlags;
use rustix::net::AddressFamily;
use tokio::net::{TcpListener, UnixListener};

use super::accepting::Accepting;

/// The sockets that this process was started with, each until it is taken.
#[derive(Debug, Default)]
pub struct Inherited(Vec<Option<OwnedFd>>);

/// The first of them.
const FIRST: RawFd = 3;

/// More than a service has.
const MAX: RawFd = 64;

impl Inherited {
    /// The sockets that the environment variables `LISTEN_PID` and `LISTEN_FDS` describe, if they describe this process.
    /// To be called once, before the process opens anything.
    #[must_use]
    pub fn from_environment() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
        let is_for_us = number("LISTEN_PID") == Some(std::process::id());
        let count = number("LISTEN_FDS").filter(|_| is_for_us).and_then(|count| RawFd::try_from(count).ok());
        Self((0..count.unwrap_or(0).min(MAX)).map(|index| Some(claim(FIRST + index))).collect())
    }

    /// Takes the socket of an index, from 0.
    pub(super) fn take(&mut self, index: usize) -> io::Result<Accepting> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, "the service manager did not open this socket");
        let socket = self.0.get_mut(index).and_then(Option::take).ok_or_else(missing)?;
        // The compilers that this process starts do not get it.
        rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
        if !rustix::net::sockopt::socket_acceptconn(&socket)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
        }
        match rustix::net::getsockname(&socket)?.address_family() {
            AddressFamily::INET | AddressFamily::INET6 => {
                let listener = std::net::TcpListener::from(socket);
                listener.set_nonblocking(true)?;
                Ok(Accepting::Tcp(TcpListener::from_std(listener)?))
            }
            AddressFamily::UNIX => {
                let listener = std::os::unix::net::UnixListener::from(socket);
                listener.set_nonblocking(true)?;
                Ok(Accepting::Unix { listener: UnixListener::from_std(listener)?, _file: None })
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a TCP nor a Unix socket")),
        }
    }
}

#[expect(unsafe_code, reason = "the service manager passes descriptors by their numbers, and nothing else owns them")]
fn claim(descriptor: RawFd) -> OwnedFd {
    // SAFETY: `LISTEN_PID` names this process, so the descriptor is open, and was opened for this purpose alone.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
