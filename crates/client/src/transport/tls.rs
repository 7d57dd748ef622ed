//! The TLS layer.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::socket::Socket;
use crate::tls::TlsError;

pub(super) async fn handshake(
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    socket: Socket,
) -> Result<TlsStream<Socket>, TlsError> {
    let connecting = TlsConnector::from(config).connect(server_name, socket);
    let stream = connecting.await.map_err(|error| TlsError::in_handshake(&error))?;
    let (_, session) = stream.get_ref();
    tracing::debug!(
        version = ?session.protocol_version(),
        suite = ?session.negotiated_cipher_suite().map(|suite| suite.suite()),
        "TLS handshake done"
    );
    Ok(stream)
}
