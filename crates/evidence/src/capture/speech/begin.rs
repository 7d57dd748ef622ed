//! What a stream is, by its first bytes.

use evenkeel_doctor::{Begins, Side};

/// The most bytes that are needed to tell.
pub(super) const ENOUGH: usize = 16;

const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;
const METHODS: [&[u8]; 8] =
    [b"GET ", b"POST", b"PUT ", b"HEAD", b"OPTI", b"DELE", b"CONN", b"PATC"];
const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest preface of a proxy that is stepped over.
const PREFACE: usize = 1024;

/// What a proxy puts before the bytes of its client, in two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preface {
    None,
    /// More bytes are needed.
    Part,
    /// So many bytes.
    Whole(usize),
}

/// Whether these bytes begin with the preface of a proxy.
pub(super) fn preface(bytes: &[u8]) -> Preface {
    let begins = |mark: &[u8]| bytes.iter().zip(mark).all(|(one, other)| one == other);
    let len = if begins(b"PROXY ") {
        bytes.windows(2).position(|end| end == b"\r\n").map(|at| at + 2)
    } else if begins(PROXY_2) {
        let len = bytes.get(14..16).and_then(|len| len.first_chunk());
        len.map(|len| 16 + usize::from(u16::from_be_bytes(*len)))
    } else {
        return Preface::None;
    };
    match len {
        Some(len) if len > PREFACE => Preface::None,
        Some(len) if len <= bytes.len() => Preface::Whole(len),
        _ if bytes.len() < PREFACE => Preface::Part,
        _ => Preface::None,
    }
}

/// Whether a connection that begins with these bytes speaks TLS: a client that
/// says hello, or, in the middle, either side with a record.
pub(super) fn is_tls(from: Side, bytes: &[u8], whole: bool) -> bool {
    match bytes {
        [HANDSHAKE, 3, minor, ..] if from == Side::Client => *minor <= 4,
        [HANDSHAKE, 3] | [HANDSHAKE] => from == Side::Client,
        [20..=23, 3, minor, high, ..] if !whole => *minor <= 4 && *high <= 0x41,
        _ => false,
    }
}

/// Whether these bytes begin a connection of MQTT on any port: CONNECT, or a
/// client's hello of TLS, which says more. Other records of a handshake do not.
pub(in crate::capture) fn begins_mqtt(bytes: &[u8]) -> bool {
    let hello = matches!(bytes, [HANDSHAKE, 3, 0..=4, _, _, CLIENT_HELLO, ..]);
    hello || connect(bytes) == Some(true)
}

/// Whether this is CONNECT; `None` if more bytes are needed to tell.
pub(super) fn connect(bytes: &[u8]) -> Option<bool> {
    let Some((0x10, rest)) = bytes.split_first() else { return bytes.first().map(|_| false) };
    let len = match rest.iter().take(4).position(|byte| byte & 0x80 == 0) {
        Some(last) => last + 1,
        None if rest.len() < 4 => return None,
        None => return Some(false),
    };
    let body = rest.get(len..).unwrap_or_default();
    let names = [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"];
    if names.iter().any(|name| body.starts_with(name)) {
        return Some(true);
    }
    if names.iter().any(|name| name.starts_with(body)) { None } else { Some(false) }
}

/// What bytes are that are not MQTT.
pub(super) fn begins(from: Side, bytes: &[u8]) -> Begins {
    match bytes {
        [HANDSHAKE, 3, ..] => Begins::Tls,
        [0x15, 3, ..] if from == Side::Server => Begins::Tls,
        [a, b, c, b' ' | b'-', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => {
            Begins::Greeting
        }
        _ if bytes.starts_with(b"SSH-") => Begins::Ssh,
        _ if bytes.starts_with(b"HTTP/") => Begins::Http,
        // Some web servers answer what is no request with a page alone.
        _ if bytes.starts_with(b"<!DOCTYPE") || bytes.starts_with(b"<html") => Begins::Http,
        _ if METHODS.iter().any(|method| bytes.starts_with(method)) => Begins::Http,
        _ if bytes.starts_with(b"PROXY ") || bytes.starts_with(PROXY_2) => Begins::ProxyPreface,
        _ => Begins::Other,
    }
}

/// Whether this is the request of an upgrade; `None` if more bytes are needed.
pub(super) fn get(bytes: &[u8]) -> Option<bool> {
    if bytes.starts_with(b"GET ") {
        return Some(true);
    }
    if b"GET ".starts_with(bytes) { None } else { Some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connect_is_told_as_soon_as_it_can_be() {
        let old = b"\x10\x80\x01\0\x06MQIsdp\x03";
        assert_eq!(connect(b"\x10\x0c\0\x04MQTT"), Some(true));
        assert_eq!(connect(old), Some(true));
        for end in 1..11 {
            assert_eq!(connect(&old[..end]), None, "{end}");
        }
        assert_eq!(connect(b"\x10\x0c\0\x05"), Some(false));
        assert_eq!(connect(b"\x10\xFF\xFF\xFF\xFF"), Some(false));
        assert_eq!(connect(b"\x20"), Some(false));
    }

    #[test]
    fn other_protocols_have_their_marks() {
        for (bytes, expected) in [
            (&b"\x16\x03\x01\x02"[..], Begins::Tls),
            (b"\x15\x03\x01\0\x02\x02\x46", Begins::Tls),
            (b"HTTP/1.1 400", Begins::Http),
            (b"<!DOCTYPE HTML PUBLIC", Begins::Http),
            (b"<html>\r\n<head>", Begins::Http),
            (b"POST /", Begins::Http),
            (b"SSH-2.0", Begins::Ssh),
            (b"220 hi", Begins::Greeting),
            (b"220-hi", Begins::Greeting),
            (b"PROXY TCP4", Begins::ProxyPreface),
            (PROXY_2, Begins::ProxyPreface),
            (b"22 hi", Begins::Other),
            (b"\x20\x02\0\0", Begins::Other),
        ] {
            assert_eq!(begins(Side::Server, bytes), expected, "{bytes:?}");
        }
    }
}
