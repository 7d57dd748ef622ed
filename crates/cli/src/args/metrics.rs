//! `--metrics`, the same for every command that has it.

use clap::Args;

use super::values::{self, BadValue};

/// Where metrics are served.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Watching")]
pub(crate) struct MetricsFlag {
    /// Serve /metrics for Prometheus and /health by HTTP at a port of 127.0.0.1, 0 for any free
    /// one, or at HOST:PORT
    #[arg(long = "metrics", value_name = "ADDRESS", value_parser = address)]
    pub(crate) address: Option<MetricsAddress>,
}

/// Where to listen; loopback unless another host is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MetricsAddress {
    /// A name or a number, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

fn address(text: &str) -> Result<MetricsAddress, BadValue> {
    let is_port = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (host, port) = match text.rsplit_once(':') {
        None if is_port => ("", text),
        Some((host, port)) if is_host(host) => (host, port),
        _ => {
            return Err(BadValue {
                why: "metrics are served at a port, or at HOST:PORT".to_owned(),
                hint: "9464 is a port of 127.0.0.1, 0.0.0.0:9464 one of all addresses".to_owned(),
            });
        }
    };
    let port = values::listen_port(port)?;
    let host = if host.is_empty() { "127.0.0.1" } else { host.trim_matches(['[', ']']) };
    Ok(MetricsAddress { host: host.to_owned(), port })
}

/// Nothing, a name, or a number, which has brackets if it has colons.
fn is_host(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(number) => number.parse::<std::net::Ipv6Addr>().is_ok(),
        None => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_one_of_loopback_unless_a_host_is_named() {
        for (text, host, port) in [
            ("9464", "127.0.0.1", 9464),
            (":9464", "127.0.0.1", 9464),
            ("0", "127.0.0.1", 0),
            ("0.0.0.0:1", "0.0.0.0", 1),
            ("[::1]:65535", "::1", 65535),
            ("pump-17.example:80", "pump-17.example", 80),
        ] {
            let wanted = MetricsAddress { host: host.to_owned(), port };
            assert_eq!(address(text), Ok(wanted), "{text}");
        }
        for text in [
            "",
            ":",
            "localhost",
            "::1:80",
            "::1",
            "[::1]",
            "[]:1",
            "[h]:1",
            "65536",
            "h:65536",
            "h:",
            "h:-1",
            "http://h:80",
            "h:80/metrics",
            "a b:1",
            "\u{1b}[2J:1",
        ] {
            address(text).expect_err(text);
        }
    }
}
