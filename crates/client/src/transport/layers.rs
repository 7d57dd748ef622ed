//! One byte stream, whatever the layers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
#[cfg(feature = "tls")]
use tokio_rustls::client::TlsStream;

use super::custom::ByteStream;
use super::forward::forward_writes;
use super::socket::Socket;
#[cfg(feature = "websocket")]
use super::websocket::WebSocketBytes;
use super::websocket::WebSocketClose;

/// An open connection to a server, as one ordered stream of bytes.
///
/// - The end of the stream is a read of no bytes, however it came about: TCP's end, TLS's with or
///   without its closing alert (MQTT packets know their length, so truncation is noticed), or a
///   WebSocket close frame, which [`Transport::websocket_close`] then shows.
/// - A write has been taken over once it returns; it is on its way only when a flush has
///   finished. On plain TCP and Unix sockets the two are the same.
/// - Vectored writes are the fast way on every layer: on a socket they are one system call, on
///   WebSocket one frame (of at most 64 KiB).
/// - An [`io::Error`] is classified by [`StreamError::from`](super::StreamError).
///
/// Plain TCP and Unix sockets have no buffers of their own.
pub struct Transport {
    layers: Layers,
    /// Whether the last read found nothing, so that no layer holds unread bytes.
    drained: bool,
}

/// The layers over the socket, or the WebSocket over them.
enum Layers {
    Bytes(Secured),
    #[cfg(feature = "websocket")]
    WebSocket(Box<WebSocketBytes<Secured>>),
}

/// The socket, or TLS over it.
pub(super) enum Secured {
    Plain(Socket),
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<Socket>>),
}

/// What a TLS handshake agreed on.
#[cfg(feature = "tls")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsSession {
    /// The version.
    pub version: Option<crate::tls::TlsVersion>,
    /// The application protocol (ALPN) that the server chose.
    pub alpn: Option<Vec<u8>>,
}

impl Transport {
    pub(super) const fn new(secured: Secured) -> Self {
        Self { layers: Layers::Bytes(secured), drained: false }
    }

    #[cfg(feature = "websocket")]
    pub(super) fn websocket(bytes: WebSocketBytes<Secured>) -> Self {
        Self { layers: Layers::WebSocket(Box::new(bytes)), drained: false }
    }

    /// Waits until a read may give bytes, or the end, without a buffer to read into: an idle
    /// connection then needs none.
    ///
    /// A hint: the read that follows may still find nothing. In-memory and user-supplied streams
    /// are always "ready", so a caller reads until a read is pending before it waits here.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.drained || matches!(self.layers, Layers::Bytes(Secured::Plain(_))) {
            self.secured().socket().poll_read_ready(cx)
        } else {
            // A layer above the socket may hold decoded bytes, or the error that ended it.
            Poll::Ready(Ok(()))
        }
    }

    /// Reads like [`AsyncRead::poll_read`], but is pending only when the operating system itself
    /// has nothing.
    ///
    /// tokio answers from what its reactor saw last, and makes busy tasks pause; either way an
    /// ordinary read may be pending although bytes have arrived. Before a link is declared dead,
    /// everything that has arrived must have been read.
    pub fn poll_read_thoroughly(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.secured_mut().socket_mut().thorough = true;
        let polled = self.as_mut().poll_read(cx, buf);
        self.secured_mut().socket_mut().thorough = false;
        polled
    }

    /// True if bytes have come since this was asked last, though a layer may hold them back
    /// until the rest of a TLS record or a WebSocket message has come.
    pub fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.secured_mut().socket_mut().heard)
    }

    /// Returns the local and the server's address of a TCP connection; behind a proxy the
    /// latter is the proxy's.
    pub fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.secured().socket().addresses()
    }

    /// Returns what the TLS handshake agreed on; `None` without TLS.
    #[cfg(feature = "tls")]
    pub fn tls_session(&self) -> Option<TlsSession> {
        let Secured::Tls(stream) = self.secured() else { return None };
        let (_, session) = stream.get_ref();
        let version = session.protocol_version().and_then(crate::tls::TlsVersion::from_rustls);
        Some(TlsSession { version, alpn: session.alpn_protocol().map(<[u8]>::to_vec) })
    }

    /// Returns the close frame that the WebSocket server sent, once a read has met it.
    pub fn websocket_close(&self) -> Option<&WebSocketClose> {
        match &self.layers {
            Layers::Bytes(_) => None,
            #[cfg(feature = "websocket")]
            Layers::WebSocket(bytes) => bytes.close_frame(),
        }
    }

    fn secured(&self) -> &Secured {
        match &self.layers {
            Layers::Bytes(secured) => secured,
            #[cfg(feature = "websocket")]
            Layers::WebSocket(bytes) => bytes.inner(),
        }
    }

    fn secured_mut(&mut self) -> &mut Secured {
        match &mut self.layers {
            Layers::Bytes(secured) => secured,
            #[cfg(feature = "websocket")]
            Layers::WebSocket(bytes) => bytes.inner_mut(),
        }
    }

    fn io_ref(&self) -> &dyn ByteStream {
        match &self.layers {
            Layers::Bytes(secured) => secured,
            #[cfg(feature = "websocket")]
            Layers::WebSocket(bytes) => &**bytes,
        }
    }

    fn io(self: Pin<&mut Self>) -> Pin<&mut dyn ByteStream> {
        match &mut self.get_mut().layers {
            Layers::Bytes(secured) => Pin::new(secured),
            #[cfg(feature = "websocket")]
            Layers::WebSocket(bytes) => Pin::new(bytes.as_mut()),
        }
    }
}

impl Secured {
    fn socket(&self) -> &Socket {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn socket_mut(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_mut().0,
        }
    }

    fn io_ref(&self) -> &dyn ByteStream {
        match self {
            Self::Plain(socket) => socket,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => &**stream,
        }
    }

    fn io(self: Pin<&mut Self>) -> Pin<&mut dyn ByteStream> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream.as_mut()),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = self.as_mut().io().poll_read(cx, buf);
        self.drained = polled.is_pending();
        polled
    }
}

forward_writes!(Transport);

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.as_mut().io().poll_read(cx, buf) {
            // TLS reports an end without its closing alert as an error. Many servers end so.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Poll::Ready(Ok(()))
            }
            polled => polled,
        }
    }
}

forward_writes!(Secured);

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    /// What an idle connection costs beside the socket itself: no buffer may hide in here.
    #[test]
    fn a_stream_is_small() {
        assert!(size_of::<super::Transport>() <= 64);
    }
}
