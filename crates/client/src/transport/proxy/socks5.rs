//! SOCKS5 (RFC 1928) with user name and password (RFC 1929).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ProxyError;
use crate::url::Host;

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const USER_NAME_AND_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_METHOD: u8 = 0xff;
const AUTHENTICATION_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;

pub(super) async fn ask(
    stream: &mut TcpStream,
    host: &Host,
    port: u16,
    credentials: Option<(&str, &[u8])>,
) -> Result<(), ProxyError> {
    authenticate(stream, credentials).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    match host {
        Host::Ipv4(address) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        Host::Ipv6 { address, .. } => {
            request.push(IPV6);
            request.extend(address.octets());
        }
        Host::Name(name) => {
            request.push(NAME);
            push_with_length(&mut request, name.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await?;
    read_reply(stream).await
}

async fn authenticate(
    stream: &mut TcpStream,
    credentials: Option<(&str, &[u8])>,
) -> Result<(), ProxyError> {
    let greeting: &[u8] = match credentials {
        None => &[VERSION, 1, NO_AUTHENTICATION],
        Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_NAME_AND_PASSWORD],
    };
    stream.write_all(greeting).await?;
    let mut choice = [0; 2];
    stream.read_exact(&mut choice).await?;
    match (choice, credentials) {
        ([VERSION, NO_AUTHENTICATION], _) => Ok(()),
        ([VERSION, USER_NAME_AND_PASSWORD], Some((user_name, password))) => {
            send_credentials(stream, user_name, password).await
        }
        ([VERSION, NO_ACCEPTABLE_METHOD], _) => Err(ProxyError::NoAuthenticationMethod),
        _ => Err(ProxyError::NotAProxy),
    }
}

async fn send_credentials(
    stream: &mut TcpStream,
    user_name: &str,
    password: &[u8],
) -> Result<(), ProxyError> {
    let mut request = vec![AUTHENTICATION_VERSION];
    push_with_length(&mut request, user_name.as_bytes());
    push_with_length(&mut request, password);
    stream.write_all(&request).await?;
    let mut reply = [0; 2];
    stream.read_exact(&mut reply).await?;
    if reply[1] == SUCCEEDED { Ok(()) } else { Err(ProxyError::CredentialsRejected) }
}

async fn read_reply(stream: &mut TcpStream) -> Result<(), ProxyError> {
    let mut reply = [0; 4];
    stream.read_exact(&mut reply).await?;
    let [VERSION, code, _, kind] = reply else { return Err(ProxyError::NotAProxy) };
    if code != SUCCEEDED {
        return Err(ProxyError::SocksRefused { code });
    }
    let address_length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(ProxyError::NotAProxy),
    };
    // The proxy's own address and port end the reply; nothing needs them.
    let mut rest = vec![0; address_length + 2];
    stream.read_exact(&mut rest).await?;
    Ok(())
}

/// Appends a text of at most 255 bytes; host names and checked credentials are no longer.
fn push_with_length(request: &mut Vec<u8>, text: &[u8]) {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    request.push(length);
    request.extend(&text[..usize::from(length)]);
}
