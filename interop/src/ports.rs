//! Free ports for servers that cannot choose one themselves.

use std::collections::HashSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Ports given out before: their servers may not have bound them yet.
static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// Finds `N` free ports of the loopback address that no one in this process
/// was given before.
///
/// Another process may take one before the server does: whoever starts a
/// server tries again with other ports.
pub fn free<const N: usize>() -> io::Result<[u16; N]> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // All are held until all are found, so that the system gives each once.
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        while *port == 0 || !given.insert(*port) {
            let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
            *port = listener.local_addr()?.port();
            listeners.push(listener);
        }
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_port_is_given_out_twice() {
        let ports: Vec<u16> = (0..50).flat_map(|_| super::free::<4>().unwrap()).collect();
        let different: std::collections::HashSet<_> = ports.iter().collect();
        assert_eq!(different.len(), 200);
        assert!(!ports.contains(&0));
    }
}
