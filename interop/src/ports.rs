//! Free ports for servers that cannot choose one themselves.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Finds `N` different free ports of the loopback address.
///
/// Another process may take one before the server does: whoever starts a
/// server tries again with other ports.
pub fn free<const N: usize>() -> io::Result<[u16; N]> {
    // All are held until all are found, so that no two are the same.
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        *port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(ports)
}
