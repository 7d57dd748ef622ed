//! What the application is asked before and while connecting.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use crate::arguments::IntoBytes;
use crate::transport::Endpoint;

/// A future that a hook returns.
pub type HookFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// User name and password for one attempt to connect. `Debug` shows neither.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The user name; `None` sends none.
    pub username: Option<String>,
    /// The password, up to 65,535 bytes; `None` sends none.
    pub password: Option<Bytes>,
}

impl Credentials {
    /// A user name with its password; a literal or a borrowed one is copied.
    pub fn new(username: impl Into<String>, password: impl IntoBytes) -> Self {
        Self { username: Some(username.into()), password: Some(password.into_bytes()) }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// The credentials hook failed; its text is shown to people, so it must hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsError(pub String);

impl std::fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no credentials: {}", self.0)
    }
}

impl std::error::Error for CredentialsError {}

/// Asked for credentials before every attempt, on every transport (law R8).
pub(crate) type CredentialsHook =
    Arc<dyn Fn() -> HookFuture<Result<Credentials, CredentialsError>> + Send + Sync>;

/// Asked for the client's certificate and key before every attempt over TLS (laws R8 and R12).
#[cfg(feature = "tls")]
pub(crate) type IdentityHook =
    Arc<dyn Fn() -> HookFuture<Result<crate::tls::TlsIdentity, CredentialsError>> + Send + Sync>;

/// The endpoint hook failed; its text is shown to people, so it must hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError(pub String);

impl std::fmt::Display for EndpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no endpoint: {}", self.0)
    }
}

impl std::error::Error for EndpointError {}

/// Asked where to go before every attempt, on every transport (law R8).
pub(crate) type EndpointHook =
    Arc<dyn Fn(Endpoint) -> HookFuture<Result<Endpoint, EndpointError>> + Send + Sync>;

/// The authenticator failed. Its text is shown to people and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticatorError(pub String);

impl std::fmt::Display for AuthenticatorError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no authentication: {}", self.0)
    }
}

impl std::error::Error for AuthenticatorError {}

/// Does enhanced authentication (MQTT 5 section 4.12), one exchange at a time:
/// [`start`](Self::start), [`respond`](Self::respond) to each challenge, and
/// [`finish`](Self::finish). An exchange that is cut off is followed by a new
/// one. One authenticator serves one client.
///
/// Each answer has the time of [`hook_timeout`](crate::ClientBuilder::hook_timeout).
/// A panic, or an answer that is late, ends the connection, and the client tries
/// again like after any failure of a hook. The example `scram` does
/// SCRAM-SHA-256.
pub trait Authenticator: Send + Sync + 'static {
    /// The method's name, as CONNECT gives it.
    fn method(&self) -> &str;

    /// Begins an exchange, before each CONNECT and at each re-authentication.
    /// Its data may be empty.
    fn start(&self) -> Bytes;

    /// The answer to the server's data; `None` gives up the connection.
    fn respond(&self, challenge: Bytes) -> HookFuture<Option<Bytes>>;

    /// Judges the server's last data, that of CONNACK or of the last AUTH; empty
    /// if there is none. `false` ends the connection: nothing was sent on it
    /// behind CONNACK, and nothing received. Believes the server unless
    /// overridden; methods that authenticate the server too, such as SCRAM, have
    /// to verify here.
    fn finish(&self, data: Bytes) -> HookFuture<bool> {
        drop(data);
        Box::pin(std::future::ready(true))
    }
}
