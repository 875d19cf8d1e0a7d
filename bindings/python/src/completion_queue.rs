//! The queue through which an event loop receives completed evaluations: the self-pipe pattern.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::report::{Report, reports};

/// Completed evaluations, and a socket that is readable while there are any.
///
/// A thread that completes an evaluation queues the result and writes one byte. It never waits for the interpreter: the
/// event loop polls the socket with its other files and takes the results in its own thread.
#[pyclass(frozen, module = "guardhouse_checks._native")]
pub(crate) struct CompletionQueue {
    sender: Arc<Sender>,
    receiver: UnixStream,
}

/// The reports of an evaluation, or the reason why there are none.
type Outcome = Result<Vec<guardhouse::Report>, String>;

/// The key of an evaluation, and either its reports or the reason why there are none.
type Taken = (u64, Option<Vec<Py<Report>>>, Option<String>);

/// The end that the threads of a host write to.
struct Sender {
    completed: Mutex<Vec<(u64, Outcome)>>,
    stream: UnixStream,
}

#[pymethods]
impl CompletionQueue {
    #[new]
    fn new() -> PyResult<Self> {
        let (stream, receiver) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        receiver.set_nonblocking(true)?;
        Ok(Self { sender: Arc::new(Sender { completed: Mutex::default(), stream }), receiver })
    }

    /// The file descriptor to poll for reading.
    fn fileno(&self) -> i32 {
        self.receiver.as_raw_fd()
    }

    /// Takes the evaluations that have completed so far.
    fn take(&self, py: Python<'_>) -> PyResult<Vec<Taken>> {
        // Empty the socket before the queue: an evaluation that completes in between makes it readable again.
        let mut bytes = [0; 64];
        loop {
            match (&self.receiver).read(&mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let completed = std::mem::take(&mut *self.sender.completed.lock().unwrap_or_else(PoisonError::into_inner));
        let taken = completed.into_iter().map(|(key, outcome)| match outcome {
            Ok(found) => Ok((key, Some(reports(py, found)?), None)),
            Err(reason) => Ok((key, None, Some(reason))),
        });
        taken.collect()
    }
}

impl CompletionQueue {
    /// Reserves the completion of the evaluation with this key.
    pub(crate) fn reserve(&self, key: u64) -> Completion {
        let outcome = Err("the evaluation ended without a decision".to_owned());
        Completion { key, sender: Arc::clone(&self.sender), outcome }
    }
}

/// The completion of one evaluation. It is queued when it is dropped, so an aborted or panicking task completes too.
pub(crate) struct Completion {
    key: u64,
    sender: Arc<Sender>,
    outcome: Outcome,
}

impl Completion {
    /// Queues the outcome.
    pub(crate) fn complete(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let outcome = std::mem::replace(&mut self.outcome, Err(String::new()));
        let mut completed = self.sender.completed.lock().unwrap_or_else(PoisonError::into_inner);
        completed.push((self.key, outcome));
        if completed.len() == 1 {
            // An error is harmless: the receiver is closed, or its buffer is full and hence readable.
            let _ = (&self.sender.stream).write(&[1]);
        }
    }
}
