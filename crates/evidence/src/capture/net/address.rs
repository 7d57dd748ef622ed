//! Hosts and ports.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::Ipv6Addr;

/// An IP address; one of IPv4 as IPv6 maps it. In two halves, which take less
/// room than a number of 128 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::capture) struct Host(u64, u64);

/// A host and a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::capture) struct Endpoint {
    pub(in crate::capture) host: Host,
    pub(in crate::capture) port: u16,
}

impl Host {
    pub(in crate::capture) fn v4(bytes: [u8; 4]) -> Self {
        Self(0, 0xFFFF_0000_0000 | u64::from(u32::from_be_bytes(bytes)))
    }

    pub(super) fn v6(bytes: [u8; 16]) -> Self {
        let number = u128::from_be_bytes(bytes);
        Self((number >> 64) as u64, number as u64)
    }

    pub(in crate::capture) fn port(self, port: u16) -> Endpoint {
        Endpoint { host: self, port }
    }
}

impl Hash for Endpoint {
    /// Every packet is looked up by its ends.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.host.0);
        state.write_u64(self.host.1);
        state.write_u64(self.port.into());
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ipv6Addr::from(u128::from(self.0) << 64 | u128::from(self.1)).to_canonical().fmt(f)
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
