//! Which servers, out of --host and its like, --url and the environment.

use std::path::Path;

use evenkeel::url::{Scheme, ServerUrl, UrlError};

use super::Context;
use crate::args::{Protocol, Secret, Target, TlsFlags};
use crate::error::Failure;

/// A server, as the client library takes it and as it may be shown.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The URL without a topic, but with its password.
    pub(crate) text: Secret,
    /// The same, parsed; never shows the password.
    pub(crate) url: ServerUrl,
}

/// The servers in the order to try them, and the topics their URLs named.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) servers: Vec<Server>,
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
        found.servers.push(Server { text: without_topic(text, &url, topic.as_deref()), url });
        found.topics.extend(topic);
    }
    Ok(found)
}

/// Cuts off what belongs to the topic: all from the first `/` after the host.
fn without_topic(text: &str, url: &ServerUrl, topic: Option<&str>) -> Secret {
    let is_path = url.scheme().is_websocket() || url.scheme().is_unix();
    let end = match topic {
        Some(topic) => text.len() - topic.len() - 1,
        None if is_path => text.len(),
        None => text.trim_end_matches('/').len(),
    };
    Secret(text.get(..end).unwrap_or(text).to_owned())
}

fn from_parts(target: &Target, tls: &TlsFlags) -> Result<Server, Failure> {
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
        let text = Secret(format!("mqtt+unix://{}", percent_encoded(path)));
        return Ok(Server { text, url: ServerUrl::unix(path) });
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
    let url = ServerUrl::new(scheme, host, target.port).map_err(|error| bad_url(&error))?;
    Ok(Server { text: Secret(url.to_string()), url })
}

/// A path as it stands in a URL.
fn percent_encoded(path: &Path) -> String {
    let mut encoded = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => encoded.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(*byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Any of these flags turns TLS on, as in mosquitto's tools.
fn tls_is_asked_for(tls: &TlsFlags) -> bool {
    tls.cafile.is_some() || tls.capath.is_some() || tls.cert.is_some() || tls.tls_use_os_certs
}

fn bad_url(error: &UrlError) -> Failure {
    let failure = Failure::usage(error.fact());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
