//! Streams that misbehave in ways that no socket can be made to at will.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use evenkeel::transport::Endpoint;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a stream's two directions do; called with everything written so far.
pub(crate) trait Behaviour: Send + 'static {
    /// The next bytes to read; none for now if empty.
    fn read(&mut self, written: &[u8]) -> Vec<u8>;

    /// How much of this the stream takes.
    fn write(&mut self, written: &[u8], bytes: &[u8]) -> io::Result<usize> {
        let _ = written;
        Ok(bytes.len())
    }
}

/// A stream that behaves as the test says.
pub(crate) struct OddStream<B>(Arc<Mutex<Inner<B>>>);

struct Inner<B> {
    behaviour: B,
    written: Vec<u8>,
    unread: Vec<u8>,
    reader: Option<Waker>,
}

impl<B: Behaviour> OddStream<B> {
    pub(crate) fn new(behaviour: B) -> Self {
        let (written, unread) = (Vec::new(), Vec::new());
        Self(Arc::new(Mutex::new(Inner { behaviour, written, unread, reader: None })))
    }

    /// An endpoint whose every connection is this stream.
    pub(crate) fn endpoint(&self) -> Endpoint {
        let stream = Self(self.0.clone());
        Endpoint::custom(move || {
            let stream = Self(stream.0.clone());
            async move { Ok(stream) }
        })
    }

    /// True where these bytes were written at any time.
    pub(crate) fn has_written(&self, bytes: &[u8]) -> bool {
        self.0.lock().unwrap().written.windows(bytes.len()).any(|window| window == bytes)
    }
}

impl<B: Behaviour> AsyncRead for OddStream<B> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut inner = self.0.lock().unwrap();
        let inner = &mut *inner;
        if inner.unread.is_empty() {
            inner.unread = inner.behaviour.read(&inner.written);
        }
        if inner.unread.is_empty() {
            inner.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let length = inner.unread.len().min(buf.remaining());
        buf.put_slice(&inner.unread[..length]);
        inner.unread.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<B: Behaviour> AsyncWrite for OddStream<B> {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.0.lock().unwrap();
        let inner = &mut *inner;
        let length = inner.behaviour.write(&inner.written, buf)?;
        inner.written.extend_from_slice(&buf[..length]);
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
