//! The lowest layer: what the operating system, or the process itself, gives.

use std::io::{self, IoSlice, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::custom::{BoxedStream, ByteStream};
use super::memory::MemoryStream;

/// A socket, or what stands in for one.
pub(super) struct Socket {
    kind: Kind,
    /// Whether a read that tokio calls pending asks the operating system itself.
    pub(super) thorough: bool,
}

pub(super) enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Memory(MemoryStream),
    Custom(BoxedStream),
}

impl From<Kind> for Socket {
    fn from(kind: Kind) -> Self {
        Self { kind, thorough: false }
    }
}

impl Socket {
    fn io(self: Pin<&mut Self>) -> Pin<&mut dyn ByteStream> {
        match &mut self.get_mut().kind {
            Kind::Tcp(stream) => Pin::new(stream),
            #[cfg(unix)]
            Kind::Unix(stream) => Pin::new(stream),
            Kind::Memory(stream) => Pin::new(stream),
            Kind::Custom(stream) => Pin::new(stream),
        }
    }

    /// Waits until a read may give something. Ready at once where that can't be known.
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.kind {
            Kind::Tcp(stream) => stream.poll_read_ready(cx),
            #[cfg(unix)]
            Kind::Unix(stream) => stream.poll_read_ready(cx),
            Kind::Memory(_) | Kind::Custom(_) => Poll::Ready(Ok(())),
        }
    }

    pub(super) fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        match &self.kind {
            Kind::Tcp(stream) => stream.local_addr().ok().zip(stream.peer_addr().ok()),
            _ => None,
        }
    }

    /// Reads from the operating system whatever tokio believes about the socket.
    fn read_now(&self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = match &self.kind {
            Kind::Tcp(stream) => SockRef::from(stream),
            #[cfg(unix)]
            Kind::Unix(stream) => SockRef::from(stream),
            Kind::Memory(_) | Kind::Custom(_) => return Poll::Pending,
        };
        match (&*socket).read(buf.initialize_unfilled()) {
            Ok(length) => {
                buf.advance(length);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.as_mut().io().poll_read(cx, buf) {
            Poll::Pending if self.thorough => self.read_now(buf),
            polled => polled,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.kind {
            Kind::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Kind::Unix(stream) => stream.is_write_vectored(),
            Kind::Memory(stream) => stream.is_write_vectored(),
            Kind::Custom(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}
