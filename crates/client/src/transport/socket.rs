//! The lowest layer: what the operating system, or the process itself, gives.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::custom::{BoxedStream, ByteStream};
use super::forward::forward_writes;
use super::memory::MemoryStream;

/// A socket, or what stands in for one.
pub(super) struct Socket {
    kind: Kind,
    /// Whether a read that tokio calls pending asks the operating system itself.
    pub(super) thorough: bool,
    /// Bytes have come since this was cleared.
    pub(super) heard: bool,
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
        Self { kind, thorough: false, heard: false }
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

    fn io_ref(&self) -> &dyn ByteStream {
        match &self.kind {
            Kind::Tcp(stream) => stream,
            #[cfg(unix)]
            Kind::Unix(stream) => stream,
            Kind::Memory(stream) => stream,
            Kind::Custom(stream) => stream,
        }
    }

    /// Waits until a read may give something. Ready at once if that can't be known.
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
        let before = buf.filled().len();
        let polled = match self.as_mut().io().poll_read(cx, buf) {
            Poll::Pending if self.thorough => self.read_now(buf),
            polled => polled,
        };
        self.heard |= buf.filled().len() > before;
        polled
    }
}

forward_writes!(Socket);
