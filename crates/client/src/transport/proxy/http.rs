//! HTTP CONNECT (RFC 9110, section 9.3.6).

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::ProxyError;
use crate::base64;
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
        request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", base64::encode(&pair)));
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
