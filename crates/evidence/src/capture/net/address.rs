//! Hosts and ports.

use std::fmt;
use std::net::Ipv6Addr;

/// An IP address; one of IPv4 as IPv6 maps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::capture) struct Host([u8; 16]);

/// A host and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::capture) struct Endpoint {
    pub(in crate::capture) host: Host,
    pub(in crate::capture) port: u16,
}

impl Host {
    pub(in crate::capture) fn v4(bytes: [u8; 4]) -> Self {
        let [a, b, c, d] = bytes;
        Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d])
    }

    pub(super) fn v6(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(in crate::capture) fn port(self, port: u16) -> Endpoint {
        Endpoint { host: self, port }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv6Addr::from(self.0).to_canonical().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_shown_as_people_write_them() {
        assert_eq!(Host::v4([10, 0, 0, 1]).to_string(), "10.0.0.1");
        let mut bytes = [0; 16];
        (bytes[0], bytes[15]) = (0xFD, 1);
        assert_eq!(Host::v6(bytes).to_string(), "fd00::1");
    }
}
