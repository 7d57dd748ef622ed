//! HTTP CONNECT (RFC 9110, section 9.3.6).

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::ProxyError;
use crate::transport::http::{HeadError, read_head};
use crate::url::Host;

/// The longest answer that is read before the tunnel begins.
const LONGEST_HEAD: usize = 16 << 10;

pub(super) async fn ask(
    stream: &mut TcpStream,
    host: &Host,
    port: u16,
    credentials: Option<(&str, &[u8])>,
) -> Result<(), ProxyError> {
    let target = match host {
        Host::Ipv6 { address, .. } => format!("[{address}]:{port}"),
        host => format!("{host}:{port}"),
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some((user_name, password)) = credentials {
        let pair = [user_name.as_bytes(), b":", password].concat();
        request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", base64(&pair)));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    // Byte by byte, as what follows the head belongs to the tunnel.
    let (head, _) = read_head(stream, 1, LONGEST_HEAD).await?;
    match (head.status, head.retry_after()) {
        (200..=299, _) => Ok(()),
        (status, Some(after)) => Err(ProxyError::TryLater { status, after }),
        (407, None) => Err(ProxyError::CredentialsRejected),
        (status, None) => Err(ProxyError::HttpRefused { status }),
    }
}

impl From<HeadError> for ProxyError {
    fn from(error: HeadError) -> Self {
        match error {
            HeadError::Closed => Self::Closed,
            HeadError::TooLong | HeadError::Malformed(_) => Self::NotAProxy,
            HeadError::Io(error) => error.into(),
        }
    }
}

/// Encodes as RFC 4648 (section 4) says.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for position in 0..4 {
            let sextet = bits >> (18 - 6 * position) & 0x3f;
            // Three bytes fill four characters; a missing byte is a missing character.
            let is_padding = position > chunk.len();
            let character = if is_padding { b'=' } else { ALPHABET[sextet as usize] };
            encoded.push(char::from(character));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::base64;

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn encodes_base64() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfb]), "//77");
    }
}
