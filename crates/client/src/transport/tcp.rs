//! TCP connections.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use evenkeel_proto::ConnectPhase;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use super::error::{ConfigError, ConnectError};
use super::happy_eyeballs::race;
use super::progress::ConnectProgress;
use super::resolver;
use super::route::Route;
use crate::url::Host;

/// The delay that RFC 8305 (section 8) recommends.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Settings of TCP connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    nodelay: bool,
    bind_address: Option<IpAddr>,
    /// The interface of the local address, by name or number.
    bind_zone: Option<String>,
    keepalive: Option<Duration>,
    attempt_delay: Duration,
    /// Names, in lower case, with their addresses.
    resolved: Vec<(String, Vec<SocketAddr>)>,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            nodelay: true,
            bind_address: None,
            bind_zone: None,
            keepalive: None,
            attempt_delay: ATTEMPT_DELAY,
            resolved: Vec::new(),
        }
    }
}

impl TcpOptions {
    /// Makes the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends small packets at once (`TCP_NODELAY`) instead of waiting for acknowledgements of
    /// earlier ones. On by default, as packets are written in batches anyway.
    #[must_use]
    pub const fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = on;
        self
    }

    /// Connects from this local address, which also chooses the family: addresses of the other
    /// one are left out. A link-local IPv6 address needs [`Self::bind_zone`] beside it.
    #[must_use]
    pub const fn bind_address(mut self, address: IpAddr) -> Self {
        self.bind_address = Some(address);
        self
    }

    /// Sets the zone of a link-local [`Self::bind_address`]: its interface, by name or number, as
    /// what follows the `%` of `fe80::1%eth0`. It is looked for at each attempt, as interfaces
    /// come and go.
    #[must_use]
    pub fn bind_zone(mut self, interface: impl Into<String>) -> Self {
        self.bind_zone = Some(interface.into());
        self
    }

    /// Lets the operating system probe a connection that has been idle for this long
    /// (`SO_KEEPALIVE`). Off by default: MQTT's own keep-alive sees more. Whole seconds count.
    #[must_use]
    pub const fn keepalive(mut self, idle: Duration) -> Self {
        self.keepalive = Some(idle);
        self
    }

    /// Sets how long one address is tried alone before the next joins (RFC 8305); 250 ms by
    /// default.
    #[must_use]
    pub const fn attempt_delay(mut self, delay: Duration) -> Self {
        self.attempt_delay = delay;
        self
    }

    /// Takes these addresses for a name instead of asking the resolver, as `--resolve` of curl
    /// does. A port of 0 is that of the URL. The same name again replaces its addresses.
    #[must_use]
    pub fn resolve_to(
        mut self,
        host: impl Into<String>,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Self {
        let host = host.into().to_ascii_lowercase();
        self.resolved.retain(|(known, _)| *known != host);
        self.resolved.push((host, addresses.into_iter().collect()));
        self
    }

    fn resolved(&self, name: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let (_, addresses) =
            self.resolved.iter().find(|(host, _)| host.eq_ignore_ascii_case(name))?;
        let with_port = |address: &SocketAddr| match address.port() {
            0 => SocketAddr::new(address.ip(), port),
            _ => *address,
        };
        Some(addresses.iter().map(with_port).collect())
    }

    /// Checks that addresses which mean another host on each interface name theirs; `host` is
    /// where a connection is opened to.
    pub(super) fn check(&self, host: &Host) -> Result<(), ConfigError> {
        let bind = match self.bind_address {
            Some(IpAddr::V6(bind)) if bind.is_unicast_link_local() => Some(bind),
            _ => None,
        };
        match (bind, &self.bind_zone) {
            (Some(bind), None) => return Err(ConfigError::BindWithoutZone { bind }),
            (None, Some(_)) => return Err(ConfigError::ZoneWithoutBind),
            _ => {}
        }
        match host {
            // The system takes the interface of the local address then.
            Host::Ipv6 { address, zone: None } if address.is_unicast_link_local() => {
                let address = *address;
                bind.map(drop).ok_or(ConfigError::HostWithoutZone { address })
            }
            _ => Ok(()),
        }
    }
}

/// Connects to the first address of `host` that answers.
pub(super) async fn connect(
    host: &Host,
    port: u16,
    options: &TcpOptions,
    progress: &ConnectProgress,
    route: &Route,
) -> Result<TcpStream, ConnectError> {
    progress.enter(ConnectPhase::Resolve);
    let addresses = usable(resolve(host, port, options).await?, options)?;
    progress.enter(ConnectPhase::Connect);
    let local = &local_address(options).await?;
    let attempt = |address| async move {
        let result = connect_one(address, *local, options).await;
        match &result {
            Ok(_) => tracing::debug!(%address, "TCP connection opened"),
            Err(error) => tracing::debug!(%address, %error, "TCP connection failed"),
        }
        result.map(|stream| (address, stream))
    };
    let order = route.order(addresses);
    route.tries(&order);
    let won = race(&order, options.attempt_delay, attempt).await;
    let (address, stream) = won.map_err(|attempts| ConnectError::Network { attempts })?;
    route.took(address, &order);
    Ok(stream)
}

pub(super) async fn resolve(
    host: &Host,
    port: u16,
    options: &TcpOptions,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let name = match host {
        Host::Ipv4(address) => return Ok(vec![SocketAddr::new((*address).into(), port)]),
        Host::Ipv6 { address, zone: None } => {
            return Ok(vec![SocketAddr::new((*address).into(), port)]);
        }
        // Only the resolver knows the number of a zone.
        Host::Ipv6 { address, zone: Some(zone) } => format!("{address}%{zone}"),
        Host::Name(name) => name.clone(),
    };
    let unresolved = |error| ConnectError::Resolve { host: name.clone(), error };
    let addresses = match options.resolved(&name, port) {
        Some(addresses) => addresses,
        None => resolver::lookup(&name, port).await.map_err(|e| unresolved(Some(e)))?,
    };
    if addresses.is_empty() { Err(unresolved(None)) } else { Ok(addresses) }
}

fn usable(
    mut addresses: Vec<SocketAddr>,
    options: &TcpOptions,
) -> Result<Vec<SocketAddr>, ConfigError> {
    if let Some(bind) = options.bind_address {
        addresses.retain(|address| address.is_ipv4() == bind.is_ipv4());
        if addresses.is_empty() {
            return Err(ConfigError::BindFamily { bind });
        }
    }
    Ok(addresses)
}

/// The local address to bind, if any, with the number of its zone.
async fn local_address(options: &TcpOptions) -> Result<Option<SocketAddr>, ConnectError> {
    let (address, zone) = match (options.bind_address, &options.bind_zone) {
        (Some(IpAddr::V6(address)), Some(zone)) => (address, zone),
        (address, _) => return Ok(address.map(|address| SocketAddr::new(address, 0))),
    };
    let missing = |error| ConnectError::NoInterface { bind: address, zone: zone.clone(), error };
    // Only the resolver knows the number of a zone.
    let found = resolver::lookup(&format!("{address}%{zone}"), 0).await.map_err(missing)?;
    let scope = found.iter().find_map(|found| match found {
        SocketAddr::V6(found) => Some(found.scope_id()),
        SocketAddr::V4(_) => None,
    });
    let scope = scope.ok_or_else(|| missing(io::Error::from(io::ErrorKind::NotFound).into()))?;
    Ok(Some(SocketAddrV6::new(address, 0, 0, scope).into()))
}

async fn connect_one(
    address: SocketAddr,
    local: Option<SocketAddr>,
    options: &TcpOptions,
) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = local {
        socket.bind(local)?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(options.nodelay)?;
    if let Some(idle) = options.keepalive {
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))?;
    }
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn socket_options_reach_the_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = connect_one(address, None, &TcpOptions::new()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        assert!(!SockRef::from(&stream).keepalive().unwrap());

        let options = TcpOptions::new().nodelay(false).keepalive(Duration::from_secs(77));
        let stream = connect_one(address, None, &options).await.unwrap();
        assert!(!stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(77));
    }
}
