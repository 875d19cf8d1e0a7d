//! How an event loop hears that a check has answered.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;

use crate::report::Report;

/// Answers that wait to be fetched, and a file that can be read while there are any.
///
/// A thread that has an answer writes a byte and never waits for the interpreter: the loop, which waits for files
/// anyway, fetches the answer when it gets to it.
#[pyclass(frozen, module = "guardhouse._native")]
pub(crate) struct Bell {
    rope: Arc<Rope>,
    ear: UnixStream,
}

/// An answer, or why there is none.
type Answer = Result<guardhouse::Report, String>;

/// A ticket, a report, and why there is no report.
type Fetched = (u64, Option<Report>, Option<String>);

/// The other end.
pub(crate) struct Rope {
    answers: Mutex<Vec<(u64, Answer)>>,
    stream: UnixStream,
}

#[pymethods]
impl Bell {
    #[new]
    fn new() -> PyResult<Self> {
        let (stream, ear) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Self { rope: Arc::new(Rope { answers: Mutex::default(), stream }), ear })
    }

    /// The file to watch.
    fn fileno(&self) -> i32 {
        self.ear.as_raw_fd()
    }

    /// The answers so far.
    fn take(&self, py: Python<'_>) -> PyResult<Vec<Fetched>> {
        // The file first: an answer that comes after it was emptied rings again.
        let mut bytes = [0; 64];
        loop {
            match (&self.ear).read(&mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let answers = std::mem::take(&mut *self.rope.answers.lock().unwrap_or_else(PoisonError::into_inner));
        let answers = answers.into_iter().map(|(ticket, answer)| match answer {
            Ok(report) => Ok((ticket, Some(Report::new(py, report)?), None)),
            Err(reason) => Ok((ticket, None, Some(reason))),
        });
        answers.collect()
    }
}

impl Bell {
    /// A place for the answer to a question.
    pub(crate) fn expect(&self, ticket: u64) -> Expected {
        Expected { ticket, rope: Arc::clone(&self.rope), answer: Err("it ended without an answer".to_owned()) }
    }
}

/// An answer that somebody waits for. Whatever becomes of the question, it rings.
pub(crate) struct Expected {
    ticket: u64,
    rope: Arc<Rope>,
    answer: Answer,
}

impl Expected {
    pub(crate) fn answer(mut self, answer: Answer) {
        self.answer = answer;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Err(String::new()));
        let mut answers = self.rope.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push((self.ticket, answer));
        if answers.len() == 1 {
            // It fails if nobody listens any more, or if the loop has not yet come to a thousand earlier bytes.
            let _ = (&self.rope.stream).write(&[1]);
        }
    }
}
