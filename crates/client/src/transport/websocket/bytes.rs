//! A WebSocket as a stream of bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, error::ProtocolError};

use super::handshake::stream_error;
use super::scan::Scanned;
use super::{WebSocketClose, WebSocketError};
use crate::transport::custom::ByteStream;

/// The largest frame written: the largest whose length fits the short form. Larger ones save
/// nothing, and some services cut connections that send them.
pub(super) const LARGEST_FRAME: usize = 0xffff;
/// What RFC 6455 (section 7.1.5) calls a close frame without a status.
const NO_STATUS: u16 = 1005;

/// The payloads of binary frames, joined; each write becomes one frame.
pub(in crate::transport) struct WebSocketBytes<S> {
    frames: WebSocketStream<Scanned<S>>,
    /// What is left of the last message.
    unread: Bytes,
    ended: bool,
    close_frame: Option<WebSocketClose>,
}

impl<S: ByteStream> WebSocketBytes<S> {
    pub(super) const fn new(frames: WebSocketStream<Scanned<S>>) -> Self {
        Self { frames, unread: Bytes::new(), ended: false, close_frame: None }
    }

    pub(in crate::transport) fn inner(&self) -> &S {
        &self.frames.get_ref().inner
    }

    pub(in crate::transport) fn inner_mut(&mut self) -> &mut S {
        &mut self.frames.get_mut().inner
    }

    pub(in crate::transport) const fn close_frame(&self) -> Option<&WebSocketClose> {
        self.close_frame.as_ref()
    }

    fn error(&self, error: Error) -> io::Error {
        stream_error(error, self.frames.get_config().max_message_size.unwrap_or(usize::MAX))
    }

    /// Reads until there is something in `unread`, or the stream has ended.
    ///
    /// tungstenite answers pings by itself, within reads as well.
    //= [MQTT-6.0.0-2]
    //= [MQTT311-6.0.0-2]
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() && !self.ended {
            match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Message::Binary(payload))) => self.unread = payload,
                Some(Ok(Message::Close(frame))) => self.end(frame, cx),
                //= [MQTT-6.0.0-1]
                //= [MQTT311-6.0.0-1]
                Some(Ok(Message::Text(_))) => {
                    let error = WebSocketError::TextFrame;
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                // Servers that crash, and some that don't, end TCP without a close frame.
                None | Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))) => {
                    self.ended = true;
                }
                Some(Err(error)) => return Poll::Ready(Err(self.error(error))),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, frame: Option<CloseFrame>, cx: &mut Context<'_>) {
        self.ended = true;
        self.close_frame = Some(match frame {
            Some(frame) => {
                WebSocketClose { code: frame.code.into(), reason: frame.reason.to_string() }
            }
            None => WebSocketClose { code: NO_STATUS, reason: String::new() },
        });
        // The answering close frame is a courtesy: it leaves if the socket takes it now.
        let _ = Pin::new(&mut self.frames).poll_flush(cx);
    }

    /// Takes one frame over. The one before must have left, or frames would pile up in memory.
    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        payload: impl FnOnce() -> Bytes,
    ) -> Poll<io::Result<usize>> {
        let flushed = ready!(Pin::new(&mut self.frames).poll_flush(cx));
        flushed.map_err(|error| self.error(error))?;
        let payload = payload();
        let length = payload.len();
        if length > 0 {
            let sent = Pin::new(&mut self.frames).start_send(Message::Binary(payload));
            sent.map_err(|error| self.error(error))?;
        }
        Poll::Ready(Ok(length))
    }
}

impl<S: ByteStream> AsyncRead for WebSocketBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_message(cx))?;
        let length = self.unread.len().min(buf.remaining());
        buf.put_slice(&self.unread[..length]);
        self.unread.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: ByteStream> AsyncWrite for WebSocketBytes<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || Bytes::copy_from_slice(&buf[..buf.len().min(LARGEST_FRAME)]))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, || join(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.frames).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.error(error)))
    }

    /// Sends a close frame and ends the stream below without waiting for the answer.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.frames).poll_close(cx)) {
            Ok(()) | Err(Error::AlreadyClosed) => {}
            Err(error) => return Poll::Ready(Err(self.error(error))),
        }
        Pin::new(self.inner_mut()).poll_shutdown(cx)
    }
}

/// Joins the front of `bufs`, as far as one frame holds.
fn join(bufs: &[IoSlice<'_>]) -> Bytes {
    let total: usize = bufs.iter().map(|buf| buf.len()).sum();
    let mut joined = BytesMut::with_capacity(total.min(LARGEST_FRAME));
    for buf in bufs {
        let space = LARGEST_FRAME - joined.len();
        joined.extend_from_slice(&buf[..buf.len().min(space)]);
    }
    joined.freeze()
}
