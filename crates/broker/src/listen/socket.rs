//! Sockets that can be asked for all that has arrived.

use std::io::{self, IoSlice, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A socket that asks the system itself for what has arrived, if that is
/// wanted: the runtime knows only what it was told when it last looked.
pub(super) struct Socket<S> {
    stream: S,
    /// To be asked, until the system has nothing more.
    asks: Arc<AtomicBool>,
}

/// What the system can be asked about.
pub(super) trait System: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    fn system(&self) -> SockRef<'_>;
}

impl System for TcpStream {
    fn system(&self) -> SockRef<'_> {
        SockRef::from(self)
    }
}

#[cfg(unix)]
impl System for tokio::net::UnixStream {
    fn system(&self) -> SockRef<'_> {
        SockRef::from(self)
    }
}

impl<S: System> Socket<S> {
    pub(super) const fn new(stream: S, asks: Arc<AtomicBool>) -> Self {
        Self { stream, asks }
    }

    /// Reads without the runtime; false if nothing lies there.
    fn read_now(&self, into: &mut ReadBuf<'_>) -> io::Result<bool> {
        loop {
            match (&*self.stream.system()).read(into.initialize_unfilled()) {
                Ok(count) => {
                    into.advance(count);
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }
}

impl<S: System> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Taken back before the system is asked: one who wants it asked
        // meanwhile must not be overheard.
        if self.asks.swap(false, Ordering::AcqRel) && self.read_now(into)? {
            self.asks.store(true, Ordering::Release);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: System> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
