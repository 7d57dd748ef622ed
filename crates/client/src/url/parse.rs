//! From text to [`ServerUrl`].

use std::path::PathBuf;

use super::percent;
use super::{Host, Location, Scheme, ServerUrl, UrlError, UrlPart};

/// The scheme that an error may show: longer or stranger text could be part of a secret.
const LONGEST_SHOWN_SCHEME: usize = 16;

/// User name and password.
type Credentials = (Option<String>, Option<Vec<u8>>);

/// A URL that names only a server and credentials, as those of proxies do.
pub(crate) struct Authority<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) host: Host,
    pub(crate) port: Option<u16>,
    pub(crate) credentials: Credentials,
}

pub(crate) fn authority(text: &str) -> Result<Authority<'_>, UrlError> {
    let (scheme, rest) = split_at_scheme(text)?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user_info, server) = split_user_info(authority);
    let (host, port) = host_and_port(server).map_err(|e| misplaced(tail, e))?;
    if !tail.is_empty() && tail != "/" {
        return Err(misplaced(tail, UrlError::UnexpectedPath));
    }
    Ok(Authority { scheme, host, port, credentials: credentials(user_info)? })
}

pub(super) fn url(text: &str) -> Result<ServerUrl, UrlError> {
    let (scheme, rest) = split_scheme(text)?;
    if rest.contains('#') {
        return Err(misplaced(rest, UrlError::UnexpectedFragment));
    }
    if scheme.is_unix() { socket(scheme, rest) } else { network(scheme, rest) }
}

pub(super) fn url_with_topic(text: &str) -> Result<(ServerUrl, Option<String>), UrlError> {
    let (scheme, rest) = split_scheme(text)?;
    if scheme.is_unix() || scheme.is_websocket() {
        return Ok((url(text)?, None));
    }
    let (server, topic) = match rest.split_once('/') {
        // `mqtt://host/?clientId=pump` has a query and no topic.
        Some((_, query)) if query.starts_with('?') => (rest, None),
        Some((server, topic)) => (server, Some(topic)),
        None => (rest, None),
    };
    let url = network(scheme, server)?;
    Ok((url, topic.filter(|topic| !topic.is_empty()).map(str::to_owned)))
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), UrlError> {
    let (name, rest) = split_at_scheme(text)?;
    let unknown = || UrlError::UnknownScheme { scheme: name.to_ascii_lowercase() };
    Ok((Scheme::from_name(name).ok_or_else(unknown)?, rest))
}

fn split_at_scheme(text: &str) -> Result<(&str, &str), UrlError> {
    if text.is_empty() {
        return Err(UrlError::Empty);
    }
    let is_blank = |c: char| c.is_whitespace() || c.is_control();
    if let Some(position) = text.find(is_blank) {
        return Err(UrlError::WhiteSpace { position });
    }
    let parts = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme));
    parts.ok_or(UrlError::MissingScheme)
}

/// Looks like a scheme.
pub(super) fn is_scheme(name: &str) -> bool {
    let is_scheme_character = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    (1..=LONGEST_SHOWN_SCHEME).contains(&name.len()) && name.chars().all(is_scheme_character)
}

fn network(scheme: Scheme, rest: &str) -> Result<ServerUrl, UrlError> {
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (user_info, server) = split_user_info(authority);
    let default_port = scheme.default_port().ok_or(UrlError::SocketWithHost)?;
    let (host, port) = host_and_port(server).map_err(|e| misplaced(target, e))?;
    let port = port.unwrap_or(default_port);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let (client_id, target) = if scheme.is_websocket() {
        check_target(target)?;
        (client_id_of_websocket(query)?, normal_target(path, target))
    } else {
        if !path.is_empty() && path != "/" {
            return Err(misplaced(target, UrlError::UnexpectedPath));
        }
        (client_id_only(query).map_err(|e| misplaced(target, e))?, String::new())
    };
    let (user_name, password) = credentials(user_info)?;
    Ok(ServerUrl {
        scheme,
        location: Location::Network { host, port, target },
        user_name,
        password,
        client_id,
    })
}

fn socket(scheme: Scheme, rest: &str) -> Result<ServerUrl, UrlError> {
    let Some(start) = rest.find('/') else {
        return Err(if rest.is_empty() {
            UrlError::MissingSocketPath
        } else {
            UrlError::SocketWithHost
        });
    };
    let (authority, path) = rest.split_at(start);
    let (user_info, server) = split_user_info(authority);
    if !server.is_empty() && !server.eq_ignore_ascii_case("localhost") {
        return Err(misplaced(path, UrlError::SocketWithHost));
    }
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (path, None),
    };
    let path = decode_text(path, UrlPart::SocketPath)?;
    if path.ends_with('/') {
        return Err(UrlError::MissingSocketPath);
    }
    let (user_name, password) = credentials(user_info)?;
    Ok(ServerUrl {
        scheme,
        location: Location::Socket(PathBuf::from(path)),
        user_name,
        password,
        client_id: client_id_only(query)?,
    })
}

/// An `@` behind the location where the host should have ended means that the password holds a
/// character that ends hosts; that explains the error better than what was found there.
fn misplaced(rest_of_url: &str, error: UrlError) -> UrlError {
    if rest_of_url.contains('@') { UrlError::UnescapedUserInfo } else { error }
}

fn split_user_info(authority: &str) -> (Option<&str>, &str) {
    match authority.rsplit_once('@') {
        Some((user_info, server)) => (Some(user_info), server),
        None => (None, authority),
    }
}

fn credentials(user_info: Option<&str>) -> Result<Credentials, UrlError> {
    let Some(user_info) = user_info else { return Ok((None, None)) };
    // The first ':' ends the user name, so that passwords may hold more of them.
    let (user_name, password) = match user_info.split_once(':') {
        Some((user_name, password)) => (user_name, Some(password)),
        None => (user_info, None),
    };
    let user_name = match user_name {
        "" => None,
        user_name => Some(decode_text(user_name, UrlPart::UserName)?),
    };
    let bad_escape = |_| UrlError::BadEscape { part: UrlPart::Password };
    let password = password.map(percent::decode).transpose().map_err(bad_escape)?;
    Ok((user_name, password))
}

fn host_and_port(server: &str) -> Result<(Host, Option<u16>), UrlError> {
    let port_at = if server.starts_with('[') {
        server.find(']').ok_or(UrlError::InvalidIpv6)? + 1
    } else {
        server.find(':').unwrap_or(server.len())
    };
    let (host, port) = server.split_at(port_at);
    if host.is_empty() && port.is_empty() {
        return Err(UrlError::MissingHost);
    }
    if port.matches(':').count() > 1 {
        return Err(UrlError::UnbracketedIpv6);
    }
    let host = Host::parse(host)?;
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        None => return Err(UrlError::InvalidIpv6),
        Some(digits) => Some(parse_port(digits)?),
    };
    Ok((host, port))
}

fn parse_port(digits: &str) -> Result<u16, UrlError> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(port) if port > 0 && all_digits => Ok(port),
        _ => Err(UrlError::InvalidPort),
    }
}

fn check_target(target: &str) -> Result<(), UrlError> {
    let is_allowed = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    match target.chars().find(|c| !is_allowed(*c)) {
        Some(character) => Err(UrlError::InvalidPath { character }),
        None => Ok(()),
    }
}

/// A query without a path still needs the `/` that HTTP requests begin with.
fn normal_target(path: &str, target: &str) -> String {
    if path.is_empty() && !target.is_empty() { format!("/{target}") } else { target.to_owned() }
}

/// Other parameters belong to the WebSocket server and are left alone, as is their encoding.
fn client_id_of_websocket(query: Option<&str>) -> Result<Option<String>, UrlError> {
    let mut parameters = query.unwrap_or_default().split('&');
    match parameters.find_map(|parameter| parameter.strip_prefix("clientId=")) {
        Some(value) => decode_text(value, UrlPart::ClientId).map(Some),
        None => Ok(None),
    }
}

fn client_id_only(query: Option<&str>) -> Result<Option<String>, UrlError> {
    let mut client_id = None;
    for parameter in query.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or(("", ""));
        if name != "clientId" || client_id.is_some() {
            // A lone token in Base64 ends with '=', too.
            let is_name = !value.trim_start_matches('=').is_empty();
            let name = if is_name { name.to_owned() } else { String::new() };
            return Err(UrlError::UnexpectedQuery { name });
        }
        client_id = Some(decode_text(value, UrlPart::ClientId)?);
    }
    Ok(client_id)
}

fn decode_text(text: &str, part: UrlPart) -> Result<String, UrlError> {
    let bytes = percent::decode(text).map_err(|_| UrlError::BadEscape { part })?;
    String::from_utf8(bytes).map_err(|_| UrlError::NotUtf8 { part })
}
