//! WebSocket servers.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// Accepts a handshake as an MQTT broker does.
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> WebSocketStream<S> {
    accept_as(stream, |_: &Request, response: &mut Response| {
        response.headers_mut().insert("sec-websocket-protocol", "mqtt".parse().unwrap());
    })
    .await
}

/// Accepts a handshake with an answer that `change` completes.
pub(crate) async fn accept_as<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    change: impl FnOnce(&Request, &mut Response) + Unpin,
) -> WebSocketStream<S> {
    let callback = |request: &Request, mut response: Response| {
        change(request, &mut response);
        Ok::<_, ErrorResponse>(response)
    };
    accept_hdr_async(stream, callback).await.unwrap()
}

/// Sends every data message back until the client closes.
pub(crate) async fn echo_messages<S>(mut stream: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = stream.next().await {
        if message.is_binary() && stream.send(message).await.is_err() {
            return;
        }
    }
}
