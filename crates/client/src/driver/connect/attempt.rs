//! Opening a transport: credentials, endpoint, and how far it has come.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_codec::Text;
use evenkeel_proto::{
    ConnectPhase, ConnectionId, Credentials, NamedServer, Open, TransportFailure,
};

use crate::driver::{Failure, classify};
use crate::error::TransportError;
use crate::hooks::EndpointError;
use crate::server::Server;
use crate::tls::TlsRenewal;
use crate::transport::{self, ConnectProgress, Endpoint, Opener, Route, Transport};
use crate::url::{Scheme, ServerUrl};

use super::hooks::{Asked, Asking, Hooks};

/// Where clients connect to, and how; shared by those that are alike.
pub(crate) struct ConnectSettings {
    pub(crate) opener: Opener,
    pub(crate) servers: Vec<Server>,
    pub(crate) hooks: Hooks,
}

/// An open transport, and the credentials for CONNECT if they differ from the configured.
pub(crate) type AttemptEnd = Result<(Transport, Option<Credentials>), Failure>;

/// One attempt that is under way.
pub(crate) struct Attempt {
    pub(crate) conn: ConnectionId,
    pub(crate) future: Pin<Box<dyn Future<Output = AttemptEnd> + Send>>,
    progress: ConnectProgress,
    asking: Asking,
    pub(crate) route: Route,
    pub(crate) round: u32,
}

impl Attempt {
    pub(crate) fn begin(open: Open, settings: &Arc<ConnectSettings>, route: Route) -> Self {
        let progress = ConnectProgress::new();
        let asking = Asking::default();
        let (conn, round) = (open.conn, open.round);
        let signs = (progress.clone(), asking.clone(), route.clone());
        let attempt = attempt(open, settings.clone(), signs);
        Self { conn, future: Box::pin(attempt), progress, asking, route, round }
    }

    /// What tells the credentials for this attempt from others, once the hook has answered.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        self.asking.fingerprint()
    }

    /// What it has found in the files of certificates and keys since this was asked last.
    pub(crate) fn renewal(&self) -> TlsRenewal {
        self.progress.take_tls_renewal()
    }

    /// How far the attempt has come, or came.
    pub(crate) fn phase(&self) -> ConnectPhase {
        match self.asking.get() {
            Asked::Credentials => ConnectPhase::Credentials,
            Asked::Endpoint => ConnectPhase::Endpoint,
            Asked::Nobody => self.progress.phase(),
        }
    }
}

async fn attempt(
    open: Open,
    settings: Arc<ConnectSettings>,
    (progress, asking, route): (ConnectProgress, Asking, Route),
) -> AttemptEnd {
    let ConnectSettings { opener, servers, hooks } = &*settings;
    let Some(server) = servers.get(open.server) else {
        let error = EndpointError("no such server".to_owned());
        return Err((TransportFailure::Config, TransportError::Endpoint(error)));
    };
    let credentials = hooks.credentials(server, &asking).await?;
    let endpoints = match &open.redirect {
        Some(reference) => redirected(server, reference),
        None => vec![server.endpoint.clone()],
    };
    let mut failure = None;
    for endpoint in endpoints {
        asking.set(Asked::Endpoint);
        let endpoint = hooks.endpoint(endpoint).await?;
        asking.set(Asked::Credentials);
        let endpoint = hooks.identified(endpoint).await?;
        asking.set(Asked::Nobody);
        match opener.open_by(&endpoint, &progress, &route).await {
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

/// The endpoints that a server reference names; scheme and path stay those of
/// the present server, but that TLS may come to it.
fn redirected(server: &Server, reference: &Text) -> Vec<Endpoint> {
    let Some(url) = &server.url else { return vec![server.endpoint.clone()] };
    let endpoint = |named: NamedServer<'_>| {
        let scheme = match (url.scheme(), named.is_secure()) {
            (Scheme::Mqtt, true) => Scheme::Mqtts,
            (Scheme::Ws, true) => Scheme::Wss,
            (scheme, _) => scheme,
        };
        let endpoint = Endpoint::from(&ServerUrl::new(scheme, named.host, named.port).ok()?);
        Some(match url.websocket_target() {
            Some(target) => endpoint.with_websocket(target),
            None => endpoint,
        })
    };
    let named = NamedServer::all_of(reference).filter_map(endpoint);
    named.map(Endpoint::named_by_server).collect()
}
