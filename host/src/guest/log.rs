//! The output of a plugin: stdout, stderr and log calls share one bounded buffer.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::fault::{Cause, Fault};
use crate::guest::fault::HostFault;
use crate::log_line::LogLine;
use crate::util::lock::lock;

/// The lines of one instance. A clone writes to the same buffer.
#[derive(Clone)]
pub(super) struct Log(Arc<Mutex<Buffer>>);

struct Buffer {
    lines: Vec<LogLine>,
    cap: usize,
    left: usize,
}

/// A position in a log.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    lines: usize,
    left: usize,
}

impl Log {
    pub(super) fn new(cap: usize) -> Self {
        Self(Arc::new(Mutex::new(Buffer { lines: Vec::new(), cap, left: cap })))
    }

    /// Adds text. Text of a stream continues the line that the stream left open.
    pub(super) fn write(&self, source: &'static str, text: &str, is_stream: bool) -> Result<(), HostFault> {
        let mut buffer = lock(&self.0);
        // Every line costs memory besides its text, so a flood of empty lines is bounded too.
        let cost = text.len().saturating_add(16);
        let Some(left) = buffer.left.checked_sub(cost) else {
            let detail = format!("wrote more than the cap of {} bytes of log", buffer.cap);
            return Err(HostFault(Fault::new(Cause::LogLimit, detail)));
        };
        buffer.left = left;
        match buffer.lines.last_mut() {
            Some(last) if is_stream && last.source == source && !last.text.ends_with('\n') => {
                last.text.push_str(text);
            }
            _ => buffer.lines.push(LogLine { source, text: text.to_owned() }),
        }
        Ok(())
    }

    /// The current end of the log.
    pub(super) fn mark(&self) -> Mark {
        let buffer = lock(&self.0);
        Mark { lines: buffer.lines.len(), left: buffer.left }
    }

    /// Removes the lines after `mark`.
    pub(super) fn rewind(&self, mark: Mark) {
        let mut buffer = lock(&self.0);
        buffer.lines.truncate(mark.lines);
        buffer.left = mark.left;
    }

    /// All lines so far, without the line feeds at their ends.
    pub(super) fn lines(&self) -> Vec<LogLine> {
        let buffer = lock(&self.0);
        let mut lines = buffer.lines.clone();
        for line in &mut lines {
            line.text.truncate(line.text.trim_end_matches('\n').len());
        }
        lines
    }
}

/// One of the plugin's two standard streams.
pub(super) struct Stream {
    pub(super) log: Log,
    pub(super) source: &'static str,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 uses this stream, and it is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Self { log: self.log.clone(), source: self.source })
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

impl OutputStream for Stream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log
            .write(self.source, &String::from_utf8_lossy(&bytes), true)
            .map_err(|fault| StreamError::Trap(fault.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(4096)
    }
}
