//! The host part of a URL.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::UrlError;

/// The longest name that DNS can carry, in bytes.
const LONGEST_NAME: usize = 253;
/// The longest part between two dots of such a name.
const LONGEST_LABEL: usize = 63;

/// A host: a name to be resolved, or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A DNS or local name, in ASCII.
    Name(String),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address, with its zone (interface) if it is link-local.
    Ipv6 {
        /// The address.
        address: Ipv6Addr,
        /// The zone, as in `fe80::1%eth0`.
        zone: Option<String>,
    },
}

impl Host {
    /// Parses a host; an IPv6 address may stand in brackets or not.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if let Some(inner) = text.strip_prefix('[') {
            return ipv6(inner.strip_suffix(']').ok_or(UrlError::InvalidIpv6)?);
        }
        if text.contains(':') {
            return ipv6(text);
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Ipv4(address));
        }
        check_name(text)?;
        Ok(Self::Name(text.to_owned()))
    }

    /// Returns the host without brackets and zone, as certificates name it.
    pub fn certificate_name(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Ipv4(address) => address.to_string(),
            Self::Ipv6 { address, .. } => address.to_string(),
        }
    }
}

fn ipv6(text: &str) -> Result<Host, UrlError> {
    let (address, zone) = match text.split_once('%') {
        // RFC 6874 writes the '%' of a zone as %25 in URLs; the bare form is as common.
        Some((address, zone)) => (address, Some(zone.strip_prefix("25").unwrap_or(zone))),
        None => (text, None),
    };
    let address = address.parse().map_err(|_| UrlError::InvalidIpv6)?;
    let is_zone_character = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if zone.is_some_and(|zone| zone.is_empty() || !zone.chars().all(is_zone_character)) {
        return Err(UrlError::InvalidIpv6);
    }
    Ok(Host::Ipv6 { address, zone: zone.map(str::to_owned) })
}

fn check_name(name: &str) -> Result<(), UrlError> {
    if name.is_empty() {
        return Err(UrlError::MissingHost);
    }
    // Underscores are not host name characters by the letter, but container and Windows
    // networks have them, and resolvers take them.
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if let Some(character) = name.chars().find(|c| !is_allowed(*c)) {
        return Err(UrlError::InvalidHost { character });
    }
    // One dot at the end marks a name that is already complete.
    let labels = name.strip_suffix('.').unwrap_or(name);
    let label_fits = |label: &str| (1..=LONGEST_LABEL).contains(&label.len());
    if labels.len() > LONGEST_NAME || !labels.split('.').all(label_fits) {
        return Err(UrlError::InvalidHostLength);
    }
    Ok(())
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ipv4(address) => write!(f, "{address}"),
            Self::Ipv6 { address, zone: None } => write!(f, "[{address}]"),
            Self::Ipv6 { address, zone: Some(zone) } => write!(f, "[{address}%25{zone}]"),
        }
    }
}
