//! The client of the status socket.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::Value;

use crate::observe::status::{ANSWER_TIME, MAX_ANSWER_BYTES, StatusRequest};

/// A status that could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// Nobody listens on the socket.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// The answer did not arrive within ten seconds, or the connection broke.
    #[error("no answer")]
    Io(#[from] io::Error),
    /// The server refuses to answer.
    #[error("the server refuses to answer: {0}")]
    Refused(String),
    /// The answer is not a status.
    #[error("the answer is not a status")]
    NotStatus,
}

/// Asks the server that listens on the socket `path` for its status: the JSON form of a
/// [`ServerStatus`](crate::observe::status::ServerStatus). Each wait ends after ten seconds.
///
/// # Errors
/// See [`StatusError`].
pub fn ask(path: &Path, request: &StatusRequest) -> Result<Value, StatusError> {
    let mut stream = UnixStream::connect(path).map_err(StatusError::Connect)?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    stream.set_write_timeout(Some(ANSWER_TIME))?;
    let mut line = serde_json::to_vec(request).map_err(io::Error::from)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|_| StatusError::NotStatus)?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(StatusError::Refused(error.to_owned())),
        None if answer.get("tenants").is_some_and(Value::is_array) => Ok(answer),
        None => Err(StatusError::NotStatus),
    }
}
