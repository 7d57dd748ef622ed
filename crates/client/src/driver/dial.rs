//! Opening a transport: credentials, endpoint, and how far it has come.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use evenkeel_codec::Text;
use evenkeel_proto::{ConnectPhase, ConnectionId, Credentials, Open, TransportFailure};

use crate::classify;
use crate::error::TransportError;
use crate::hooks::CredentialsError;
use crate::transport::{self, ConnectProgress, Dialer, Endpoint, Stream};
use crate::url::ServerUrl;

use super::{Failure, Hooks};

/// A server to connect to.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) endpoint: Endpoint,
    /// `None` for an endpoint without a URL.
    pub(crate) url: Option<ServerUrl>,
}

/// An open transport, and the credentials for CONNECT if they differ from the configured.
pub(crate) type Dialed = Result<(Stream, Option<Credentials>), Failure>;

/// One attempt that is under way.
pub(super) struct Dial {
    pub(super) conn: ConnectionId,
    pub(super) future: Pin<Box<dyn Future<Output = Dialed> + Send>>,
    progress: ConnectProgress,
    has_credentials: Arc<AtomicBool>,
}

impl Dial {
    pub(super) fn begin(
        open: Open,
        dialer: &Dialer,
        servers: &Arc<[Server]>,
        hooks: &Hooks,
    ) -> Self {
        let progress = ConnectProgress::new();
        let has_credentials = Arc::new(AtomicBool::new(hooks.credentials.is_none()));
        let conn = open.conn;
        let attempt = attempt(
            open,
            dialer.clone(),
            servers.clone(),
            hooks.clone(),
            progress.clone(),
            has_credentials.clone(),
        );
        Self { conn, future: Box::pin(attempt), progress, has_credentials }
    }

    /// How far the attempt has come, or came.
    pub(super) fn phase(&self) -> ConnectPhase {
        if !self.has_credentials.load(Ordering::Relaxed) {
            return ConnectPhase::Credentials;
        }
        match self.progress.phase() {
            transport::ConnectPhase::Resolve => ConnectPhase::Resolve,
            transport::ConnectPhase::Tcp | transport::ConnectPhase::Stream => ConnectPhase::Connect,
            transport::ConnectPhase::Proxy => ConnectPhase::Proxy,
            transport::ConnectPhase::Tls => ConnectPhase::Tls,
            transport::ConnectPhase::WebSocket => ConnectPhase::WebSocket,
            transport::ConnectPhase::MqttConnect => ConnectPhase::Handshake,
        }
    }
}

async fn attempt(
    open: Open,
    dialer: Dialer,
    servers: Arc<[Server]>,
    hooks: Hooks,
    progress: ConnectProgress,
    has_credentials: Arc<AtomicBool>,
) -> Dialed {
    let Some(server) = servers.get(open.server) else {
        let error = CredentialsError("no such server".to_owned());
        return Err((TransportFailure::Config, TransportError::Credentials(error)));
    };
    let credentials = credentials(&hooks, server).await?;
    has_credentials.store(true, Ordering::Relaxed);
    let endpoints = match &open.redirect {
        Some(reference) => redirected(server, reference),
        None => vec![server.endpoint.clone()],
    };
    let mut failure = None;
    for endpoint in endpoints {
        match dialer.open(&endpoint, &progress).await {
            Ok(stream) => return Ok((stream, credentials)),
            Err(error) => failure = Some(error),
        }
    }
    // A reference that names nothing is a host that cannot be found.
    let error = failure.unwrap_or_else(|| transport::ConnectError::Resolve {
        host: open.redirect.as_ref().map_or_else(String::new, |text| text.as_str().to_owned()),
        error: None,
    });
    Err((classify::connect(&error), TransportError::Connect(error)))
}

/// From the hook, or from the server's URL; `None` leaves the configured ones.
async fn credentials(hooks: &Hooks, server: &Server) -> Result<Option<Credentials>, Failure> {
    let fail = |error: CredentialsError| {
        (TransportFailure::Credentials, TransportError::Credentials(error))
    };
    let given = match &hooks.credentials {
        Some(hook) => hook().await.map_err(fail)?,
        None => match &server.url {
            Some(url) if url.user_name().is_some() || url.password().is_some() => {
                crate::Credentials {
                    username: url.user_name().map(str::to_owned),
                    password: url.password().map(bytes::Bytes::copy_from_slice),
                }
            }
            _ => return Ok(None),
        },
    };
    let username = given
        .username
        .map(Text::try_from)
        .transpose()
        .map_err(|error| fail(CredentialsError(format!("user name: {error}"))))?;
    Ok(Some(Credentials { username, password: given.password }))
}

/// The endpoints that a server reference names: `host` or `host:port`,
/// separated by spaces; scheme and path stay those of the present server.
fn redirected(server: &Server, reference: &Text) -> Vec<Endpoint> {
    let Some(url) = &server.url else { return vec![server.endpoint.clone()] };
    let endpoint = |place: &str| {
        let text = format!("{}://{place}", url.scheme().name());
        let named = ServerUrl::parse(&text).ok()?;
        let endpoint = Endpoint::from(&named);
        Some(match url.websocket_target() {
            Some(target) => endpoint.with_websocket(target),
            None => endpoint,
        })
    };
    reference.as_str().split(' ').filter_map(endpoint).collect()
}
