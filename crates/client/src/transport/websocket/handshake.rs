//! The HTTP request that turns a byte stream into a WebSocket.

use std::io;

use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response, generate_key};
use tokio_tungstenite::tungstenite::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::http::uri::{PathAndQuery, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, error::CapacityError, error::ProtocolError};

use super::bytes::{LARGEST_FRAME, WebSocketBytes};
use super::{WebSocketError, WebSocketOptions};
use crate::tls::TlsError;
use crate::transport::custom::ByteStream;
use crate::transport::error::{ConfigError, ConnectError};
use crate::transport::retry_after::retry_after;

/// What is read at once, and kept per connection. tungstenite's default is 128 KiB.
const READ_BUFFER: usize = 8 << 10;
/// The longest redirect target that an error keeps.
const LONGEST_LOCATION: usize = 256;
/// Headers that make the handshake what it is.
const RESERVED: [HeaderName; 5] = [
    header::CONNECTION,
    header::UPGRADE,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_PROTOCOL,
];

/// Makes the request for path and query `target`, or those of the settings where it is empty.
pub(in crate::transport) fn request(
    authority: &str,
    target: &str,
    options: &WebSocketOptions,
) -> Result<Request, ConfigError> {
    let of_options = options.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    let target = if target.is_empty() { of_options } else { target };
    let mut request = Request::new(());
    *request.uri_mut() = uri(target).ok_or(ConfigError::WebSocketPath)?;
    let headers = request.headers_mut();
    let host = HeaderValue::from_str(authority).map_err(|_| bad_header("Host"))?;
    headers.insert(header::HOST, host);
    for (name, value) in &options.headers {
        add_header(headers, name, value)?;
    }
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let key =
        HeaderValue::from_str(&generate_key()).map_err(|_| bad_header("Sec-WebSocket-Key"))?;
    headers.insert(header::SEC_WEBSOCKET_KEY, key);
    //= [MQTT-6.0.0-3]
    //= [MQTT311-6.0.0-3]
    let subprotocol = HeaderValue::from_static(options.subprotocol.name());
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, subprotocol);
    Ok(request)
}

/// tungstenite wants a full URI but uses its path alone: the host is in the header.
fn uri(target: &str) -> Option<Uri> {
    if !target.starts_with('/') {
        return None;
    }
    let target: PathAndQuery = target.parse().ok()?;
    Uri::builder().scheme("ws").authority("localhost").path_and_query(target).build().ok()
}

fn add_header(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), ConfigError> {
    let parsed: HeaderName = name.parse().map_err(|_| bad_header(name))?;
    if RESERVED.contains(&parsed) {
        return Err(ConfigError::ReservedHeader { name: name.to_owned() });
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| bad_header(name))?;
    value.set_sensitive(true);
    if parsed == header::HOST {
        headers.insert(parsed, value);
    } else {
        headers.append(parsed, value);
    }
    Ok(())
}

fn bad_header(name: &str) -> ConfigError {
    ConfigError::WebSocketHeader { name: name.to_owned() }
}

pub(in crate::transport) async fn handshake<S: ByteStream>(
    request: Request,
    stream: S,
    options: &WebSocketOptions,
) -> Result<WebSocketBytes<S>, ConnectError> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        // Every write is a whole batch already, so that keeping it back would only cost a copy.
        .write_buffer_size(0)
        .max_write_buffer_size(2 * LARGEST_FRAME)
        .max_frame_size(Some(options.maximum_message_size))
        .max_message_size(Some(options.maximum_message_size));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((frames, _)) => Ok(WebSocketBytes::new(frames)),
        Err(error) => Err(classify(error, options)),
    }
}

fn classify(error: Error, options: &WebSocketOptions) -> ConnectError {
    match error {
        Error::Io(error) => match TlsError::in_stream(&error) {
            // TLS 1.3 servers reject client certificates only after the TLS handshake.
            Some(error) => ConnectError::Tls(error),
            None if error.kind() == io::ErrorKind::UnexpectedEof => {
                WebSocketError::ClosedInHandshake.into()
            }
            None => WebSocketError::Io(error.into()).into(),
        },
        Error::Http(response) => refused(&response).into(),
        Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            WebSocketError::ClosedInHandshake.into()
        }
        //= [MQTT-6.0.0-4]
        //= [MQTT311-6.0.0-4]
        Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            WebSocketError::SubprotocolRefused { offered: options.subprotocol.name() }.into()
        }
        error => WebSocketError::NotWebSocket { detail: detail(&error) }.into(),
    }
}

fn detail(error: &Error) -> String {
    match error {
        Error::Protocol(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn refused(response: &Response) -> WebSocketError {
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let location = text(header::LOCATION).filter(|_| response.status().is_redirection());
    WebSocketError::Refused {
        status: response.status().as_u16(),
        location: location.map(|text| text.chars().take(LONGEST_LOCATION).collect()),
        retry_after: retry_after(text(header::RETRY_AFTER), text(header::DATE)),
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
        error => WebSocketError::Protocol { detail: detail(&error) },
    };
    io::Error::new(io::ErrorKind::InvalidData, error)
}
