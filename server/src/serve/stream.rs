//! Streams: the bytes of one connection, with a record of their progress.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::progress::{Phase, Progress};
use super::socket::Socket;

/// The stream that hyper reads and writes.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Arc<Socket>,
    progress: Arc<Progress>,
    /// Whether the caller does not take what was written last.
    is_blocked: bool,
}

impl Stream {
    pub(super) fn new(socket: Arc<Socket>, progress: Arc<Progress>) -> Self {
        Self { socket, progress, is_blocked: false }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // hyper looks for the next request once it has written the answer to the last one.
        if !self.is_blocked && self.progress.phase().0 == Phase::Answer {
            self.progress.enter(Phase::Idle);
        }
        let read = std::task::ready!(self.as_mut().socket.poll_read(cx, buffer))?;
        if read > 0 && self.progress.phase().0 == Phase::Idle {
            self.progress.enter(Phase::Head);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.socket.poll_write(cx, slices);
        self.is_blocked = written.is_pending();
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.shut_down())
    }
}
