//! What a Server Reference names (MQTT 5 section 4.11).

use core::net::{Ipv4Addr, Ipv6Addr};

/// The longest name that DNS can carry, in bytes.
const LONGEST_NAME: usize = 253;
/// The longest part between two dots of such a name.
const LONGEST_LABEL: usize = 63;

/// A server that another one names. That a host of this name exists is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedServer<'a> {
    /// In lower case or not; `None` if the reference has none.
    pub scheme: Option<&'a str>,
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: &'a str,
    /// Never 0; `None` if the reference has none.
    pub port: Option<u16>,
}

impl<'a> NamedServer<'a> {
    /// The servers that a reference names, in its order: entries between white
    /// space, each `host`, `host:port` or `scheme://host:port` with a scheme of
    /// MQTT. Entries that name no server are left out.
    pub fn all_of(reference: &'a str) -> impl Iterator<Item = Self> {
        reference.split_whitespace().filter_map(Self::parse)
    }

    fn parse(entry: &'a str) -> Option<Self> {
        let scheme = entry
            .split_once(':')
            .and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("//")?)));
        let (scheme, place) = match scheme {
            Some((scheme, place)) => (Some(scheme), place.strip_suffix('/').unwrap_or(place)),
            None => (None, entry),
        };
        if !scheme.is_none_or(is_known_scheme) {
            return None;
        }
        let (host, port) = split_port(place)?;
        let port = match port {
            Some(port) => Some(parse_port(port)?),
            None => None,
        };
        is_host(host).then_some(Self { scheme, host, port })
    }

    /// True if the scheme asks for TLS.
    pub fn is_secure(&self) -> bool {
        let secure = ["mqtts", "ssl", "tls", "wss"];
        self.scheme.is_some_and(|scheme| is_one_of(scheme, &secure))
    }
}

fn is_known_scheme(scheme: &str) -> bool {
    is_one_of(scheme, &["mqtt", "mqtts", "tcp", "tls", "ssl", "ws", "wss"])
}

fn is_one_of(scheme: &str, known: &[&str]) -> bool {
    known.iter().any(|name| name.eq_ignore_ascii_case(scheme))
}

/// Parts `host`, `host:port`, `[IPv6]`, `[IPv6]:port` and a bare IPv6 address.
fn split_port(place: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        is_ipv6(host).then_some(())?;
        return match rest {
            "" => Some((host, None)),
            rest => Some((host, Some(rest.strip_prefix(':')?))),
        };
    }
    if is_ipv6(place) {
        return Some((place, None));
    }
    match place.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((place, None)),
    }
}

fn parse_port(port: &str) -> Option<u16> {
    // A sign is no part of a port.
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port != 0)
}

fn is_host(host: &str) -> bool {
    if is_ipv6(host) {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() > LONGEST_NAME || !name.split('.').all(is_label) {
        return false;
    }
    // A name that ends in a number is an address, or nothing.
    let last = name.rsplit_once('.').map_or(name, |(_, last)| last);
    !last.bytes().all(|byte| byte.is_ascii_digit()) || host.parse::<Ipv4Addr>().is_ok()
}

fn is_ipv6(host: &str) -> bool {
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    address.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn named(reference: &str) -> Vec<(Option<&str>, &str, Option<u16>)> {
        NamedServer::all_of(reference)
            .map(|server| (server.scheme, server.host, server.port))
            .collect()
    }

    /// Those of section 4.11 first.
    #[test]
    fn hosts_ports_and_schemes_are_understood() {
        for (reference, expected) in [
            ("myserver.xyz.org", (None, "myserver.xyz.org", None)),
            ("myserver.xyz.org:8883", (None, "myserver.xyz.org", Some(8883))),
            ("10.10.151.22:8883", (None, "10.10.151.22", Some(8883))),
            ("[fe80::9610:3eff:fe1c]:1883", (None, "fe80::9610:3eff:fe1c", Some(1883))),
            ("[::1]", (None, "::1", None)),
            ("fe80::1%eth0", (None, "fe80::1%eth0", None)),
            ("localhost", (None, "localhost", None)),
            ("broker_1.example.", (None, "broker_1.example.", None)),
            ("mqtt://other:1884", (Some("mqtt"), "other", Some(1884))),
            ("MQTTS://other/", (Some("MQTTS"), "other", None)),
            ("  wss://[::1]:443\t", (Some("wss"), "::1", Some(443))),
        ] {
            assert_eq!(named(reference), [expected], "{reference:?}");
        }
        let two = named("a:1 nonsense:: b");
        assert_eq!(two, [(None, "a", Some(1)), (None, "b", None)]);
    }

    #[test]
    fn what_names_no_host_is_left_out() {
        let long = "a".repeat(64);
        for reference in [
            "",
            " ",
            "\t\n",
            ":1883",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:b",
            "[::1",
            "[a]:1",
            "[::1]1883",
            "::nonsense:: //",
            "http://a",
            "://a",
            "a/b",
            "mqtt://a/b",
            "user@a",
            "mqtt://u:p@a:1",
            "a..b",
            ".",
            "-a",
            "a?b",
            "1.2.3.4.5",
            "300.1.1.1",
            "a\u{1b}[2J",
            "ho\u{e9}",
            long.as_str(),
        ] {
            assert_eq!(named(reference), [], "{reference:?}");
        }
    }

    #[test]
    fn schemes_that_ask_for_tls_are_known() {
        for (scheme, secure) in [
            ("mqtt", false),
            ("tcp", false),
            ("ws", false),
            ("mqtts", true),
            ("Wss", true),
            ("ssl", true),
        ] {
            let reference = std::format!("{scheme}://a");
            let servers: Vec<_> = NamedServer::all_of(&reference).collect();
            assert_eq!(servers[0].is_secure(), secure, "{scheme}");
        }
        assert!(!NamedServer::all_of("a").any(|server| server.is_secure()));
    }
}
