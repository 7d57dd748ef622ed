//! Which servers, out of --host and its like, --url and the environment.

use std::path::{Path, PathBuf};

use evenkeel::url::{Scheme, ServerUrl, UrlError};

use super::Context;
use crate::args::{Protocol, Target, TlsFlags};
use crate::error::Failure;

/// The servers in the order to try them, and the topics their URLs named.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) servers: Vec<ServerUrl>,
    pub(super) topics: Vec<String>,
}

/// Works the servers out; without any flag it is the MQTT port of this machine.
pub(super) fn collect(
    target: &Target,
    tls: &TlsFlags,
    context: Context<'_>,
) -> Result<Servers, Failure> {
    if target.srv {
        return Err(Failure::usage("--srv is not supported")
            .why("the program does not look SRV records up")
            .hint("ask for them with 'dig SRV _mqtt._tcp.DOMAIN' and give the host by --host"));
    }
    let by_parts = target.host.is_some() || target.unix.is_some();
    let urls: Vec<String> = match (context.variable)("EVENKEEL_URL") {
        Some(urls) if target.url.is_empty() && !by_parts && !context.is_mosquitto() => {
            urls.split_whitespace().map(str::to_owned).collect()
        }
        _ => target.url.iter().map(|url| url.0.clone()).collect(),
    };
    if urls.is_empty() {
        return Ok(Servers { servers: vec![from_parts(target, tls)?], topics: Vec::new() });
    }
    let has_parts = by_parts || target.port.is_some() || target.protocol.is_some();
    if has_parts && !context.is_mosquitto() {
        return Err(Failure::usage("--url excludes --host, --port, --protocol and --unix")
            .why("a URL says all of that by itself")
            .hint(
                "write mqtt://host:port, mqtts://host:port, ws://host/path or mqtt+unix:///path",
            ));
    }
    from_urls(&urls, tls)
}

fn from_urls(texts: &[String], tls: &TlsFlags) -> Result<Servers, Failure> {
    let mut found = Servers { servers: Vec::new(), topics: Vec::new() };
    for text in texts {
        let (url, topic) = ServerUrl::parse_with_topic(text).map_err(|error| bad_url(&error))?;
        if tls_is_asked_for(tls) && !url.scheme().is_tls() {
            return Err(Failure::usage(format!("the TLS flags do nothing for {url}"))
                .why("this URL is not for TLS")
                .hint("write mqtts:// or wss://"));
        }
        found.servers.push(url);
        found.topics.extend(topic);
    }
    Ok(found)
}

fn from_parts(target: &Target, tls: &TlsFlags) -> Result<ServerUrl, Failure> {
    if let Some(path) = &target.unix {
        if tls_is_asked_for(tls) {
            return Err(Failure::usage("--unix goes without TLS")
                .hint("for TLS over a unix socket write --url mqtts+unix:///path"));
        }
        if target.protocol.is_some_and(|protocol| protocol != Protocol::Mqtt) {
            return Err(Failure::usage("--unix and --protocol contradict each other")
                .why("a unix socket is spoken to in plain MQTT")
                .hint("leave one of them out"));
        }
        return Ok(ServerUrl::unix(socket_path(path)));
    }
    let scheme = match target.protocol {
        Some(Protocol::Ws) => Scheme::Ws,
        Some(Protocol::Wss) => Scheme::Wss,
        Some(Protocol::Mqtts) => Scheme::Mqtts,
        Some(Protocol::Mqtt) => Scheme::Mqtt,
        None if tls_is_asked_for(tls) || target.port == Some(8883) => Scheme::Mqtts,
        None => Scheme::Mqtt,
    };
    if tls_is_asked_for(tls) && !scheme.is_tls() {
        return Err(Failure::usage(format!(
            "the TLS flags do nothing for --protocol {}",
            scheme.name()
        ))
        .hint("use --protocol mqtts or wss"));
    }
    let host = target.host.as_deref().unwrap_or("localhost");
    ServerUrl::new(scheme, host, target.port).map_err(|error| bad_host(host, &error))
}

/// On Linux `@NAME` is a name in the abstract namespace, as `ss` and systemd write it.
fn socket_path(path: &Path) -> PathBuf {
    match path.to_str().and_then(|path| path.strip_prefix('@')) {
        Some(name) if cfg!(target_os = "linux") => format!("\0{name}").into(),
        _ => path.to_owned(),
    }
}

/// A host that is none; it is shown only if no password can be in it.
pub(super) fn bad_host(host: &str, error: &UrlError) -> Failure {
    if host.contains("://") {
        return Failure::usage("--host takes a host, not a URL")
            .hint("give the URL by --url (-L), in place of --host, --port and --protocol");
    }
    if let Some((name, port)) = host.split_once(':')
        && port.parse::<u16>().is_ok()
        && ServerUrl::new(Scheme::Mqtt, name, None).is_ok()
    {
        return Failure::usage("--host takes a host without a port")
            .hint(format!("write -h {name} -p {port}"));
    }
    let failure = Failure::usage("--host is no host").why(error.fact());
    match error {
        UrlError::InvalidIpv6 | UrlError::UnbracketedIpv6 => {
            failure.hint("write an IPv6 address like 2001:db8::1, and a port by --port")
        }
        _ => match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        },
    }
}

/// Any of these flags turns TLS on, as in mosquitto's tools.
fn tls_is_asked_for(tls: &TlsFlags) -> bool {
    let trusts = tls.cafile.is_some() || tls.capath.is_some() || tls.tls_pin.is_some();
    trusts || tls.cert.is_some() || tls.tls_use_os_certs
}

fn bad_url(error: &UrlError) -> Failure {
    let failure = Failure::usage(error.fact());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
