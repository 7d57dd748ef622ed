//! Where a server is, and how it is reached.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use evenkeel::Version;
use evenkeel::tls::TlsOptions;

use crate::certificates::Certificates;

/// What bytes travel on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS with a client certificate.
    Tls,
    /// WebSocket over TCP.
    WebSocket,
    /// WebSocket over TLS with a client certificate.
    SecureWebSocket,
    /// A unix socket.
    Unix,
}

impl Transport {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::Tcp, Self::Tls, Self::WebSocket, Self::SecureWebSocket, Self::Unix];

    /// A short name, as in names of tests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::WebSocket => "ws",
            Self::SecureWebSocket => "wss",
            Self::Unix => "unix",
        }
    }

    pub(crate) const fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::SecureWebSocket)
    }

    pub(crate) const fn is_websocket(self) -> bool {
        matches!(self, Self::WebSocket | Self::SecureWebSocket)
    }
}

/// A short name of a protocol version, as in names of tests.
pub const fn version_name(version: Version) -> &'static str {
    match version {
        Version::V31 => "v3.1",
        Version::V311 => "v3.1.1",
        Version::V5 => "v5",
    }
}

/// A place on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A port of the loopback address.
    Port(u16),
    /// A unix socket.
    Socket(PathBuf),
}

/// One way into a server.
#[derive(Clone, Debug)]
pub struct Door {
    /// What bytes travel on.
    pub transport: Transport,
    /// Where.
    pub address: Address,
    /// The only version spoken there; `None` if the server looks at CONNECT.
    pub version: Option<Version>,
}

impl Door {
    /// A door for all versions.
    pub const fn new(transport: Transport, address: Address) -> Self {
        Self { transport, address, version: None }
    }

    /// A door for one version alone.
    #[must_use]
    pub const fn only(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }
}

/// A server as its clients see it.
#[derive(Clone, Default)]
pub struct Site {
    /// Every way in.
    pub doors: Vec<Door>,
    /// What the TLS doors need.
    pub certificates: Option<Arc<Certificates>>,
    /// User name and password, if the server asks for them.
    pub user: Option<(String, String)>,
}

impl Site {
    /// A place to go to with this transport and version. If there are
    /// several, as in a cluster, they take turns.
    pub fn address(
        &self,
        transport: Transport,
        version: Option<Version>,
        turn: usize,
    ) -> Option<&Address> {
        let fits = |door: &&Door| {
            door.transport == transport
                && (door.version.is_none() || version.is_none() || door.version == version)
        };
        let count = self.doors.iter().filter(fits).count();
        let nth = turn.checked_rem(count)?;
        self.doors.iter().filter(fits).nth(nth).map(|door| &door.address)
    }

    /// The URL of [`address`](Self::address).
    pub fn url(
        &self,
        transport: Transport,
        version: Option<Version>,
        turn: usize,
    ) -> Option<String> {
        Some(match (transport, self.address(transport, version, turn)?) {
            (Transport::Tcp, Address::Port(port)) => format!("mqtt://127.0.0.1:{port}"),
            (Transport::Tls, Address::Port(port)) => format!("mqtts://localhost:{port}"),
            (Transport::WebSocket, Address::Port(port)) => format!("ws://127.0.0.1:{port}/mqtt"),
            (Transport::SecureWebSocket, Address::Port(port)) => {
                format!("wss://localhost:{port}/mqtt")
            }
            (Transport::Unix, Address::Socket(path)) => format!("mqtt+unix://{}", path.display()),
            _ => return None,
        })
    }

    /// TLS settings that this server is content with.
    pub fn tls(&self) -> TlsOptions {
        self.certificates.as_ref().map_or_else(TlsOptions::new, |certificates| {
            TlsOptions::new().ca_bytes(certificates.authority.as_str()).client_certificate_bytes(
                certificates.client.certificate.as_str(),
                certificates.client.key.as_str(),
            )
        })
    }
}

impl fmt::Debug for Site {
    /// Shows no key and no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("doors", &self.doors).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_of_one_kind_take_turns() {
        let door = |port| Door::new(Transport::Tcp, Address::Port(port));
        let doors = vec![door(1).only(Version::V311), door(2), door(3).only(Version::V5)];
        let site = Site { doors, ..Site::default() };
        let port = |version, turn| match site.address(Transport::Tcp, version, turn) {
            Some(Address::Port(port)) => *port,
            other => panic!("{other:?}"),
        };
        assert_eq!([0, 1, 2].map(|turn| port(Some(Version::V311), turn)), [1, 2, 1]);
        assert_eq!([0, 1, 2].map(|turn| port(Some(Version::V5), turn)), [2, 3, 2]);
        assert_eq!([0, 1, 2].map(|turn| port(None, turn)), [1, 2, 3]);
        assert_eq!(site.address(Transport::Tls, None, 0), None);
    }
}
