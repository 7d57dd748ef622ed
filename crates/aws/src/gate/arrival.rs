//! What is known of a connection when it comes.

use core::net::IpAddr;
use std::fmt;

use super::request::Request;
use crate::Time;

/// A connection before its CONNECT.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// When it came. Signatures and certificates are judged by this time.
    pub at: Time,
    /// The port of AWS that the listener stands for: 8883, 8443 or 443. Without one every
    /// way in is open.
    pub port: Option<u16>,
    /// From where.
    pub peer: IpAddr,
    /// What TLS has settled; nothing without TLS.
    pub tls: Option<TlsFacts<'a>>,
    /// The request to become a WebSocket, or of the HTTP API; nothing without one.
    pub request: Option<Request<'a>>,
}

/// What TLS has settled.
#[derive(Clone, Copy, Debug, Default)]
pub struct TlsFacts<'a> {
    /// The name that the client asked for (SNI).
    pub server_name: Option<&'a str>,
    /// The protocol that both have agreed on (ALPN).
    pub alpn: Option<&'a str>,
    /// The DER of the client's certificate.
    pub certificate: Option<&'a [u8]>,
}

/// What matters of a CONNECT.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The client identifier that counts; the one that the server has made if
    /// the client sends none.
    pub client_id: &'a str,
    /// The user name.
    pub user_name: Option<&'a str>,
    /// The password.
    pub password: Option<&'a [u8]>,
    /// Whether the session outlives the connection.
    pub is_persistent: bool,
    /// Whether there is a will.
    pub has_will: bool,
}

impl fmt::Debug for Login<'_> {
    /// Shows neither the password nor the user name, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("is_persistent", &self.is_persistent)
            .field("has_will", &self.has_will)
            .finish_non_exhaustive()
    }
}
