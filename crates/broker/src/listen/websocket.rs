//! MQTT in the binary frames of WebSocket.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::SystemTime;

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::ByteStream;
use crate::core::{Date, HttpFacts};

/// The subprotocols of MQTT: since 3.1.1, and the name used before.
const SUBPROTOCOLS: [&str; 2] = ["mqtt", "mqttv3.1"];

/// Room for several packets in one frame, beyond the largest packet.
const SEVERAL_PACKETS: usize = 1024 * 1024;

/// The bytes inside binary frames.
pub(super) struct Frames<S> {
    frames: WebSocketStream<S>,
    /// What is left of the last frame received.
    rest: Bytes,
    /// Largest frame to send.
    frame_size: usize,
    is_over: bool,
    /// Tells of a Close frame.
    on_close: Box<dyn Fn() + Send>,
}

/// The server's half of the handshake, on any path that `may` allows: its `Err`
/// is the HTTP status of a refusal.
pub(super) async fn accept<S: ByteStream>(
    stream: S,
    packet_size: u32,
    frame_size: Option<usize>,
    may: impl Fn(HttpFacts) -> Result<(), u16> + Unpin,
    on_close: impl Fn() + Send + 'static,
) -> io::Result<Frames<S>> {
    let largest = usize::try_from(packet_size).unwrap_or(usize::MAX);
    let largest = largest.saturating_add(SEVERAL_PACKETS);
    let config = WebSocketConfig::default()
        .read_buffer_size(16 * 1024)
        .write_buffer_size(0)
        .max_message_size(Some(largest))
        .max_frame_size(Some(largest));
    let answer = |request: &Request, response: Response| {
        let response = choose(request, response)?;
        may(facts(request)).map_err(refusal)?;
        Ok(response)
    };
    let frames =
        tokio_tungstenite::accept_hdr_async_with_config(stream, answer, Some(config)).await;
    Ok(Frames {
        frames: frames.map_err(io::Error::other)?,
        rest: Bytes::new(),
        frame_size: frame_size.unwrap_or(64 * 1024).max(1),
        is_over: false,
        on_close: Box::new(on_close),
    })
}

/// What a gate wants to know of the request. Header values that are no text are left out.
fn facts(request: &Request) -> HttpFacts {
    let headers = request.headers().iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    HttpFacts { target: request.uri().to_string(), headers: headers.collect() }
}

fn refusal(status: u16) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(None);
    *refusal.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
    // A client whose signature is too old learns by it that its clock is wrong.
    let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if let Ok(date) = HeaderValue::try_from(Date::of(unix).http()) {
        refusal.headers_mut().insert(header::DATE, date);
    }
    refusal
}

/// Answers with the subprotocol, or refuses a client that offers none of MQTT's.
//= [MQTT-6.0.0-4]
fn choose(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut names = offered
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    match names.find_map(|name| SUBPROTOCOLS.into_iter().find(|known| *known == name)) {
        Some(name) => {
            let name = HeaderValue::from_static(name);
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
            Ok(response)
        }
        None => {
            let body = "offer the WebSocket subprotocol mqtt\n".to_owned();
            let mut refusal = ErrorResponse::new(Some(body));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            Err(refusal)
        }
    }
}

impl<S: ByteStream> Frames<S> {
    /// Waits for bytes; leaves `rest` empty at the end of the stream.
    //= [MQTT-6.0.0-1]
    //= [MQTT-6.0.0-2]
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.rest.is_empty() && !self.is_over {
            match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                Some(Ok(Message::Text(_))) => {
                    let text = "a text frame on a connection of MQTT";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
                Some(Ok(Message::Close(_))) => {
                    self.is_over = true;
                    (self.on_close)();
                }
                None => self.is_over = true,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(to_io(error))),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: ByteStream> AsyncRead for Frames<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_frame(cx))?;
        let len = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl<S: ByteStream> AsyncWrite for Frames<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Ready only once the frame before has left: nothing piles up.
        ready!(Pin::new(&mut self.frames).poll_flush(cx)).map_err(to_io)?;
        let len = bytes.len().min(self.frame_size);
        let frame = Message::Binary((&bytes[..len]).copy_to_bytes(len));
        Pin::new(&mut self.frames).start_send(frame).map_err(to_io)?;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.frames).poll_flush(cx).map_err(to_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.frames).poll_close(cx).map_err(to_io)
    }
}

fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
