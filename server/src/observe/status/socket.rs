//! The Unix socket that answers with the status.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net as blocking;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::observe::status::{ANSWER_TIME, MAX_REQUEST_BYTES, REQUEST_TIME, StatusRequest, StatusSource};
use crate::socket_file::SocketFile;

/// The connections that are answered at the same time.
const MAX_CONNECTIONS: usize = 4;

/// The wait after an error of the listener, which may be a lack of file descriptors.
const ERROR_WAIT: Duration = Duration::from_millis(200);

/// A Unix socket that answers with the status of the server. Its file has mode 0600, and only the user of the server and
/// root are answered. The file is removed when the value is dropped.
#[derive(Debug)]
pub struct StatusSocket {
    listener: UnixListener,
    file: SocketFile,
}

#[derive(Serialize)]
struct Refusal<'a> {
    error: &'a str,
}

impl StatusSocket {
    /// Makes the socket. One that nobody listens on any more is replaced, without a moment in which there is none.
    ///
    /// # Errors
    /// The error of the system: [`io::ErrorKind::AddrInUse`] if another process listens on the socket, and
    /// [`io::ErrorKind::AlreadyExists`] if the file is not a socket of this user.
    pub fn bind(path: &Path) -> io::Result<Self> {
        check_unused(path)?;
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}", std::process::id()));
        let temporary = path.with_file_name(name);
        // Left over by a process of the same number.
        match std::fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = blocking::UnixListener::bind(&temporary)?;
        let file = (|| {
            std::fs::set_permissions(&temporary, Permissions::from_mode(0o600))?;
            SocketFile::rename(&temporary, path)
        })();
        let file = file.inspect_err(|_: &io::Error| _ = std::fs::remove_file(&temporary))?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener: UnixListener::from_std(listener)?, file })
    }

    /// The path of the socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Answers until it is dropped.
    pub async fn serve(self, source: StatusSource) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut answering = JoinSet::new();
        loop {
            while answering.try_join_next().is_some() {}
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let source = source.clone();
                    answering.spawn(async move {
                        // A client that asks and goes away misses the answer.
                        let _ = answer(stream, source).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(target: "guardhouse::server", %error, "cannot accept a connection to the status socket");
                    tokio::time::sleep(ERROR_WAIT).await;
                }
            }
        }
    }
}

/// Checks that nobody listens on a path, and that its file may be replaced.
fn check_unused(path: &Path) -> io::Result<()> {
    let metadata = match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata?,
    };
    if !metadata.file_type().is_socket() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists, and is not a socket of this user"));
    }
    match blocking::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens on it")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

async fn answer(mut stream: UnixStream, source: StatusSource) -> io::Result<()> {
    let answer = match timeout(REQUEST_TIME, request(&mut stream)).await {
        Ok(Ok(request)) => {
            // Ten thousand tenants take longer than other tasks of this thread may wait.
            let status = tokio::task::spawn_blocking(move || serde_json::to_vec(&source.status(&request)));
            status.await.map_err(io::Error::other)??
        }
        Ok(Err(error)) => serde_json::to_vec(&Refusal { error })?,
        Err(_) => serde_json::to_vec(&Refusal { error: "no request within 2 seconds" })?,
    };
    timeout(ANSWER_TIME, async {
        stream.write_all(&answer).await?;
        stream.shutdown().await
    })
    .await?
}

/// Reads a request. The error is a reason for the client.
async fn request(stream: &mut UnixStream) -> Result<StatusRequest, &'static str> {
    let is_allowed = |uid: u32| uid == 0 || uid == rustix::process::geteuid().as_raw();
    if !stream.peer_cred().is_ok_and(|peer| is_allowed(peer.uid())) {
        return Err("only the user of the server and root may ask");
    }
    let mut line = Vec::new();
    let mut buffer = [0; 256];
    while !line.contains(&b'\n') {
        let read = stream.read(&mut buffer).await.map_err(|_| "the request cannot be read")?;
        line.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if read == 0 || line.len() > MAX_REQUEST_BYTES {
            return Err("the request is not one line of at most 1 KiB");
        }
    }
    serde_json::from_slice(&line).map_err(|_| "the request is not `{}` or `{\"tenant\":\"NAME\"}`")
}
