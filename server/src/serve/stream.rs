//! Streams: the bytes of one connection, with a record of their progress.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use bytes::Bytes;

use super::progress::{Phase, Progress};
use super::transport::Transport;

/// The stream that hyper reads and writes.
#[derive(Debug)]
pub(super) struct Stream {
    transport: Transport,
    progress: Arc<Progress>,
    /// What was read already, to find out which version of HTTP the client speaks.
    unread: Bytes,
    /// Whether the caller does not take what was written last.
    is_blocked: bool,
    /// Whether it does not take what TLS has made of that.
    is_flushing: bool,
}

impl Stream {
    pub(super) fn new(transport: Transport, progress: Arc<Progress>) -> Self {
        Self { transport, progress, unread: Bytes::new(), is_blocked: false, is_flushing: false }
    }

    /// Puts back what was read, before anything else is.
    pub(super) fn put_back(&mut self, read: Bytes) {
        self.unread = read;
    }

    /// Notes that the answer is written, unless the caller has not taken all of it.
    fn has_answered(&self) {
        if !self.is_blocked && !self.is_flushing && self.progress.phase().0 == Phase::Answer {
            self.progress.enter(Phase::Idle);
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // hyper looks for the next request once it has written the answer to the last one.
        self.has_answered();
        let unread = self.unread.len().min(buffer.remaining());
        if unread > 0 {
            buffer.put_slice(&self.unread.split_to(unread));
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        std::task::ready!(Pin::new(&mut self.transport).poll_read(cx, buffer))?;
        if buffer.filled().len() > before && self.progress.phase().0 == Phase::Idle {
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
        let written = Pin::new(&mut self.transport).poll_write_vectored(cx, slices);
        self.is_blocked = written.is_pending();
        if self.is_blocked {
            self.progress.set_blocked(true);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.transport).poll_flush(cx);
        self.is_flushing = flushed.is_pending();
        self.progress.set_blocked(self.is_blocked || self.is_flushing);
        std::task::ready!(flushed)?;
        // It may be long before hyper looks for the next request: the wait for that begins here.
        self.has_answered();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Waker;

    use tokio::net::UnixStream;

    use super::super::socket::Socket;
    use super::*;

    #[tokio::test]
    async fn the_wait_for_the_next_request_begins_when_the_answer_is_written() {
        let (socket, caller) = UnixStream::pair().unwrap();
        let progress = Arc::new(Progress::new());
        let mut stream = Stream::new(Transport::plain(Arc::new(Socket::Unix(socket))), Arc::clone(&progress));
        progress.enter(Phase::Answer);
        let mut cx = Context::from_waker(Waker::noop());
        // As much as the caller's side of the socket holds.
        while Pin::new(&mut stream).poll_write(&mut cx, &[0; 4_096]).is_ready() {}
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
        assert_eq!(progress.phase().0, Phase::Answer, "the caller has not taken it");
        caller.readable().await.unwrap();
        assert!(caller.try_read(&mut vec![0; 1 << 20]).unwrap() > 0);
        poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"a")).await.unwrap();
        assert_eq!(progress.phase().0, Phase::Answer);
        assert!(Pin::new(&mut stream).poll_flush(&mut cx).is_ready());
        assert_eq!(progress.phase().0, Phase::Idle);
    }
}
