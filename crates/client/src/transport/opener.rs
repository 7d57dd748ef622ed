//! Opening endpoints.

use std::fmt;
use std::sync::{Arc, LazyLock};

use evenkeel_proto::ConnectPhase;

use super::endpoint::{Endpoint, Target};
use super::error::{ConfigError, ConnectError};
use super::layers::{Secured, Transport};
use super::options::TransportOptions;
use super::progress::ConnectProgress;
use super::proxy;
use super::route::Route;
use super::socket::{Kind, Socket};
use super::tcp;
#[cfg(feature = "websocket")]
use super::websocket;
#[cfg(feature = "tls")]
use crate::tls::{TlsFiles, Unprepared};

/// Opens connections with one set of options. Clones share what was made of the options, such as
/// trusted certificates and TLS sessions to resume, so many clients do well to share one opener.
#[derive(Clone)]
pub struct Opener {
    options: Arc<TransportOptions>,
    #[cfg(feature = "tls")]
    tls: TlsFiles,
}

/// One copy for all that have them, however many clients there are.
static DEFAULTS: LazyLock<Arc<TransportOptions>> = LazyLock::new(Arc::default);

impl Default for Opener {
    fn default() -> Self {
        Self::with(DEFAULTS.clone())
    }
}

impl Opener {
    /// Makes an opener. Nothing is read or checked yet.
    pub fn new(options: TransportOptions) -> Self {
        Self::with(Arc::new(options))
    }

    fn with(options: Arc<TransportOptions>) -> Self {
        Self {
            options,
            #[cfg(feature = "tls")]
            tls: TlsFiles::default(),
        }
    }

    /// Returns the options.
    pub fn options(&self) -> &TransportOptions {
        &self.options
    }

    /// Checks everything about an endpoint that needs no network, and reads the certificate
    /// files that it needs.
    ///
    /// [`Self::open`] does the same, each time anew; called ahead, it finds mistakes early.
    /// It blocks while it reads.
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        self.check_settings(endpoint)?;
        self.check_tls(endpoint)
    }

    fn check_settings(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        let is_network = matches!(endpoint.target, Target::Network { .. });
        if self.options().proxy.is_some() && !is_network {
            return Err(ConfigError::ProxyWithoutNetwork);
        }
        if cfg!(not(unix)) && matches!(endpoint.target, Target::Unix(_)) {
            return Err(ConfigError::UnixNotSupported);
        }
        #[cfg(unix)]
        if let Target::Unix(path) = &endpoint.target {
            super::unix::check(path)?;
        }
        let tcp = &self.options().tcp;
        match (&self.options().proxy, &endpoint.target) {
            (Some(proxy), _) => proxy.check(tcp)?,
            (None, Target::Network { host, .. }) => tcp.check(host)?,
            (None, _) => {}
        }
        self.check_websocket(endpoint)
    }

    /// Opens an endpoint: resolves, connects and does the handshakes of its layers.
    ///
    /// Takes as long as network and server take; the caller bounds the time. `progress` shows
    /// the phase under way. Cancel-safe: dropped, it closes everything that it has opened; only
    /// a name that the operating system is looking up keeps a thread of the library's until that
    /// answers, for which nobody waits.
    pub async fn open(
        &self,
        endpoint: &Endpoint,
        progress: &ConnectProgress,
    ) -> Result<Transport, ConnectError> {
        self.open_by(endpoint, progress, &Route::default()).await
    }

    /// The same by addresses of which something may be known.
    pub(crate) async fn open_by(
        &self,
        endpoint: &Endpoint,
        progress: &ConnectProgress,
        route: &Route,
    ) -> Result<Transport, ConnectError> {
        // Boxed so that the handshakes' large state does not stay part of the task that calls
        // this for as long as the connection lives.
        Box::pin(self.open_layers(endpoint, progress, route)).await
    }

    async fn open_layers(
        &self,
        endpoint: &Endpoint,
        progress: &ConnectProgress,
        route: &Route,
    ) -> Result<Transport, ConnectError> {
        self.check_settings(endpoint)?;
        let tls = self.read_tls(endpoint, progress).await?;
        let socket = self.open_socket(&endpoint.target, progress, route).await?;
        let secured = self.secure(tls, socket, progress).await?;
        self.frame(endpoint, secured, progress).await
    }

    async fn open_socket(
        &self,
        target: &Target,
        progress: &ConnectProgress,
        route: &Route,
    ) -> Result<Socket, ConnectError> {
        let options = self.options();
        let kind = match target {
            Target::Network { host, port } => Kind::Tcp(match &options.proxy {
                Some(proxy) => {
                    proxy::connect(proxy, host, *port, &options.tcp, progress, route).await?
                }
                None => tcp::connect(host, *port, &options.tcp, progress, route).await?,
            }),
            #[cfg(unix)]
            Target::Unix(path) => {
                progress.enter(ConnectPhase::Connect);
                Kind::Unix(super::unix::connect(path).await?)
            }
            #[cfg(not(unix))]
            Target::Unix(_) => return Err(ConfigError::UnixNotSupported.into()),
            Target::Memory(connector) => {
                progress.enter(ConnectPhase::Connect);
                Kind::Memory(connector.connect().map_err(|e| stream_failed("in-memory server", e))?)
            }
            Target::Custom(connector) => {
                progress.enter(ConnectPhase::Connect);
                let opened = connector.connect().await;
                Kind::Custom(opened.map_err(|e| stream_failed("user-supplied stream", e))?)
            }
        };
        Ok(kind.into())
    }
}

fn stream_failed(endpoint: &str, error: std::io::Error) -> ConnectError {
    ConnectError::Stream { endpoint: endpoint.to_owned(), error: error.into() }
}

/// What secures one connection.
#[cfg(feature = "tls")]
type Tls = (Arc<rustls::ClientConfig>, rustls::pki_types::ServerName<'static>);

#[cfg(feature = "tls")]
impl Opener {
    fn check_tls(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        if endpoint.tls {
            let checked = self.tls.check(&self.options().tls, endpoint.identity.as_ref());
            checked.map_err(Unprepared::into_error)?;
            self.server_name(endpoint)?;
        }
        Ok(())
    }

    /// Reads the files anew; `None` for an endpoint without TLS.
    async fn read_tls(
        &self,
        endpoint: &Endpoint,
        progress: &ConnectProgress,
    ) -> Result<Option<Tls>, ConnectError> {
        if !endpoint.tls {
            return Ok(None);
        }
        let name = self.server_name(endpoint)?;
        progress.enter(ConnectPhase::Tls);
        let read = self.tls.read(&self.options().tls, endpoint.identity.as_ref()).await;
        let prepared = read.map_err(|error| match error {
            Unprepared::Options(error) => ConnectError::Config(error.into()),
            Unprepared::Given(error) => ConnectError::Identity(error),
        })?;
        progress.tell_tls_renewal(prepared.renewal);
        Ok(Some((prepared.config, name)))
    }

    async fn secure(
        &self,
        tls: Option<Tls>,
        socket: Socket,
        progress: &ConnectProgress,
    ) -> Result<Secured, ConnectError> {
        let Some((config, name)) = tls else { return Ok(Secured::Plain(socket)) };
        progress.enter(ConnectPhase::Tls);
        Ok(Secured::Tls(Box::new(super::tls::handshake(config, name, socket).await?)))
    }

    fn server_name(
        &self,
        endpoint: &Endpoint,
    ) -> Result<rustls::pki_types::ServerName<'static>, ConfigError> {
        let name = match self.options().tls.expected_name() {
            // What the user says of the configured server is not true of one that it names.
            Some(name) if !endpoint.is_named_by_server => name.to_owned(),
            _ => endpoint.certificate_name(),
        };
        Ok(crate::tls::server_name(&name)?)
    }
}

/// There is nothing to shake hands with.
#[cfg(not(feature = "tls"))]
struct NoTls;

#[cfg(not(feature = "tls"))]
impl Opener {
    fn check_tls(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        if endpoint.tls { Err(ConfigError::TlsNotCompiled) } else { Ok(()) }
    }

    async fn read_tls(
        &self,
        endpoint: &Endpoint,
        _progress: &ConnectProgress,
    ) -> Result<NoTls, ConnectError> {
        self.check_tls(endpoint)?;
        Ok(NoTls)
    }

    async fn secure(
        &self,
        _tls: NoTls,
        socket: Socket,
        _progress: &ConnectProgress,
    ) -> Result<Secured, ConnectError> {
        Ok(Secured::Plain(socket))
    }
}

#[cfg(feature = "websocket")]
impl Opener {
    fn check_websocket(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        match &endpoint.websocket {
            Some(target) => self.request(endpoint, target).map(drop),
            None => Ok(()),
        }
    }

    async fn frame(
        &self,
        endpoint: &Endpoint,
        secured: Secured,
        progress: &ConnectProgress,
    ) -> Result<Transport, ConnectError> {
        let Some(target) = &endpoint.websocket else { return Ok(Transport::new(secured)) };
        progress.enter(ConnectPhase::WebSocket);
        let request = self.request(endpoint, target)?;
        let options = &self.options().websocket;
        Ok(Transport::websocket(websocket::handshake(request, secured, options).await?))
    }

    fn request(
        &self,
        endpoint: &Endpoint,
        target: &str,
    ) -> Result<websocket::Request, ConfigError> {
        let authority = endpoint.http_authority();
        websocket::request(&authority, target, &endpoint.headers, &self.options().websocket)
    }
}

#[cfg(not(feature = "websocket"))]
impl Opener {
    fn check_websocket(&self, endpoint: &Endpoint) -> Result<(), ConfigError> {
        match endpoint.websocket {
            Some(_) => Err(ConfigError::WebSocketNotCompiled),
            None => Ok(()),
        }
    }

    async fn frame(
        &self,
        _endpoint: &Endpoint,
        secured: Secured,
        _progress: &ConnectProgress,
    ) -> Result<Transport, ConnectError> {
        Ok(Transport::new(secured))
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Opener").field(self.options()).finish()
    }
}
