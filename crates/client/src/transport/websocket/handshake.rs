//! The HTTP exchange that turns a byte stream into a WebSocket (RFC 6455, section 4).

use std::io;

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, error::CapacityError, error::ProtocolError};

use super::bytes::{LARGEST_FRAME, WebSocketBytes};
use super::request::Request;
use super::scan::Scanned;
use super::{WebSocketError, WebSocketOptions, server_clock};
use crate::clock;
use crate::tls::TlsError;
use crate::transport::custom::ByteStream;
use crate::transport::error::ConnectError;
use crate::transport::http::{Head, HeadError, read_head};
use crate::url::without_secrets;

/// What is read at once, and kept per connection. tungstenite's default is 128 KiB.
const READ_BUFFER: usize = 8 << 10;
/// The longest answer that is read before the frames begin.
const LONGEST_HEAD: usize = 64 << 10;
const HEAD_AT_ONCE: usize = 4 << 10;
/// The longest redirect target that an error keeps.
const LONGEST_LOCATION: usize = 256;

pub(in crate::transport) async fn handshake<S: ByteStream>(
    request: Request,
    mut stream: S,
    options: &WebSocketOptions,
) -> Result<WebSocketBytes<S>, ConnectError> {
    let asked = async {
        stream.write_all(request.text.as_bytes()).await?;
        stream.flush().await
    };
    asked.await.map_err(broken)?;
    let answer = read_head(&mut stream, HEAD_AT_ONCE, LONGEST_HEAD).await;
    let (head, behind) = answer.map_err(|error| match error {
        HeadError::Closed => WebSocketError::ClosedInHandshake.into(),
        HeadError::TooLong => no_handshake("its head has more than 64 KiB").into(),
        HeadError::Malformed(detail) => no_handshake(detail).into(),
        HeadError::Io(error) => broken(error),
    })?;
    judge(&head, &request.key, options)?;
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        // Every write is a whole batch already, so that keeping it back would only cost a copy.
        .write_buffer_size(0)
        .max_write_buffer_size(2 * LARGEST_FRAME)
        .max_frame_size(Some(options.maximum_message_size))
        .max_message_size(Some(options.maximum_message_size));
    let scanned = Scanned::new(stream, &behind)?;
    let frames =
        WebSocketStream::from_partially_read(scanned, behind, Role::Client, Some(config)).await;
    Ok(WebSocketBytes::new(frames))
}

/// Judges the answer as RFC 6455 says at the end of its section 4.1. Names and most values go by
/// any case; a list may be spread over lines and have blanks and empty elements.
fn judge(head: &Head, key: &str, options: &WebSocketOptions) -> Result<(), WebSocketError> {
    if head.status != 101 {
        return Err(refused(head));
    }
    if head.minor_version == 0 {
        return Err(no_handshake("it is HTTP 1.0"));
    }
    let all = |name: &'static str, wanted: &str| {
        let mut elements = head.list(name).peekable();
        elements.peek().is_some() && elements.all(|element| element.eq_ignore_ascii_case(wanted))
    };
    if !all("Upgrade", "websocket") {
        return Err(no_handshake("its Upgrade is not 'websocket'"));
    }
    if !head.list("Connection").any(|token| token.eq_ignore_ascii_case("Upgrade")) {
        return Err(no_handshake("its Connection does not name Upgrade"));
    }
    let expected = derive_accept_key(key.as_bytes());
    let mut accepts = head.list("Sec-WebSocket-Accept").peekable();
    if accepts.peek().is_none() || accepts.any(|accept| accept != expected) {
        return Err(no_handshake("its Sec-WebSocket-Accept does not fit the request"));
    }
    if head.list("Sec-WebSocket-Extensions").next().is_some() {
        return Err(no_handshake("it has extensions that were not asked for"));
    }
    //= [MQTT-6.0.0-4]
    //= [MQTT311-6.0.0-4]
    let offered = options.subprotocol.name();
    let mut chosen = head.list("Sec-WebSocket-Protocol").peekable();
    if chosen.peek().is_none() || chosen.any(|name| name != offered) {
        return Err(WebSocketError::SubprotocolRefused { offered });
    }
    Ok(())
}

fn no_handshake(detail: &str) -> WebSocketError {
    WebSocketError::NotWebSocket { detail: detail.to_owned() }
}

fn refused(head: &Head) -> WebSocketError {
    let date = head.header("Date");
    if let Some(ahead) = server_clock::ahead(head.status, date, clock::wall()) {
        return WebSocketError::ClockWrong { status: head.status, ahead };
    }
    let is_redirect = (300..400).contains(&head.status);
    let location = if is_redirect { head.header("Location") } else { None };
    let shown = |text: &str| without_secrets(text).chars().take(LONGEST_LOCATION).collect();
    WebSocketError::Refused {
        status: head.status,
        location: location.map(shown),
        retry_after: head.retry_after(),
    }
}

/// What a read or write failed with.
fn broken(error: io::Error) -> ConnectError {
    match TlsError::in_stream(&error) {
        // TLS 1.3 servers reject client certificates only after the TLS handshake.
        Some(error) => ConnectError::Tls(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            WebSocketError::ClosedInHandshake.into()
        }
        None => WebSocketError::Io(error.into()).into(),
    }
}

/// Turns an error of an established WebSocket into one that
/// [`StreamError`](crate::transport::StreamError) recognises.
pub(super) fn stream_error(error: Error, options_limit: usize) -> io::Error {
    let error = match error {
        Error::Io(error) => return error,
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            WebSocketError::MessageTooLarge { limit: options_limit }
        }
        // Only text has an encoding.
        Error::Utf8(_) => WebSocketError::TextFrame,
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::SendAfterClosing) => WebSocketError::Closed,
        Error::Protocol(error) => WebSocketError::Protocol { detail: error.to_string() },
        error => WebSocketError::Protocol { detail: error.to_string() },
    };
    io::Error::new(io::ErrorKind::InvalidData, error)
}
