//! Sockets that the service manager opened (sd_listen_fds(3)).

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

use rustix::io::FdFlags;
use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::net::{TcpListener, UnixListener};

use super::accepting::Accepting;

/// The sockets that this process was started with, each until a listener takes it.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Inheritance>,
    /// Whether `LISTEN_PID` names another process.
    is_for_another: bool,
}

/// What became of a descriptor of the service manager.
#[derive(Debug)]
enum Inheritance {
    /// No listener has taken it.
    Open(OwnedFd),
    /// A listener has taken it.
    Taken,
    /// It was not open when this process started.
    Missing,
}

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
        let count = number("LISTEN_FDS").and_then(|count| RawFd::try_from(count).ok()).unwrap_or(0).min(MAX);
        if number("LISTEN_PID") != Some(std::process::id()) {
            return Self { sockets: Vec::new(), is_for_another: count > 0 };
        }
        Self { sockets: (0..count).map(|index| Inheritance::of(FIRST + index)).collect(), is_for_another: false }
    }

    /// Takes the socket of an index, from 0.
    pub(super) fn take(&mut self, index: usize) -> io::Result<Accepting> {
        let missing = |reason: String| Err(io::Error::new(io::ErrorKind::NotFound, reason));
        let count = self.sockets.len();
        let socket = match self.sockets.get_mut(index).map(|found| std::mem::replace(found, Inheritance::Taken)) {
            Some(Inheritance::Open(socket)) => socket,
            Some(Inheritance::Taken) => return missing("another listener has this socket".to_owned()),
            Some(Inheritance::Missing) => return missing("the descriptor was not open at the start".to_owned()),
            None if self.is_for_another => return missing("`LISTEN_PID` names another process".to_owned()),
            None => return missing(format!("the service manager passed {count} sockets, numbered from 0")),
        };
        listening(socket)
    }

    /// The indices of the sockets that no listener has taken. Their clients would wait for ever.
    pub(super) fn unused(&self) -> impl Iterator<Item = usize> {
        let is_open = |socket: &Inheritance| matches!(socket, Inheritance::Open(_));
        self.sockets.iter().enumerate().filter(move |(_, socket)| is_open(socket)).map(|(index, _)| index)
    }
}

impl Inheritance {
    fn of(descriptor: RawFd) -> Self {
        // A number that is free now would be that of something else later, which would then be taken for a socket.
        let is_open = PathBuf::from(format!("/proc/self/fd/{descriptor}")).symlink_metadata().is_ok();
        if !is_open {
            return Self::Missing;
        }
        let socket = claim(descriptor);
        // The compilers that this process starts do not get it, whether a listener takes it or not.
        match rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC) {
            Ok(()) => Self::Open(socket),
            Err(_) => Self::Missing,
        }
    }
}

/// The listener of a socket.
fn listening(socket: OwnedFd) -> io::Result<Accepting> {
    let invalid = |reason| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    match sockopt::socket_acceptconn(&socket) {
        Ok(true) => {}
        Ok(false) => return invalid("the socket does not listen"),
        Err(rustix::io::Errno::NOTSOCK) => return invalid("the descriptor is not a socket"),
        Err(error) => return Err(error.into()),
    }
    let is_stream = sockopt::socket_type(&socket)? == SocketType::STREAM;
    match rustix::net::getsockname(&socket)?.address_family() {
        AddressFamily::INET | AddressFamily::INET6 if is_stream => {
            let listener = std::net::TcpListener::from(socket);
            listener.set_nonblocking(true)?;
            Ok(Accepting::Tcp(TcpListener::from_std(listener)?))
        }
        AddressFamily::UNIX if is_stream => {
            let listener = std::os::unix::net::UnixListener::from(socket);
            listener.set_nonblocking(true)?;
            Ok(Accepting::Unix { listener: UnixListener::from_std(listener)?, _file: None })
        }
        _ => invalid("the socket is neither of TCP nor a stream of Unix"),
    }
}

#[expect(unsafe_code, reason = "the service manager passes descriptors by their numbers, and nothing else owns them")]
fn claim(descriptor: RawFd) -> OwnedFd {
    // SAFETY: `LISTEN_PID` names this process, and the descriptor is open, so it was opened for this purpose alone.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
