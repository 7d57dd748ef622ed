//! The server's half of TLS: certificates as the cases want them, and handshakes of
//! which each step is written down.

use std::io::{self, Cursor};
use std::sync::Arc;

use evenkeel_aws::advisor::{HELLO_BYTES, Hello, Side, What};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::files::{Files, unsigned};
use super::notes::Notes;
use super::plan::Server;
use crate::emulator::{Authority, Issued};
use crate::error::Failure;
use crate::exit::Exit;

/// By these names clients reach the server.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];
/// A name that no client asks for.
const OTHER_NAME: &str = "elsewhere.invalid";
/// Names that make a certificate of 6 KiB, a fifth more than the 5 KiB of a usual chain.
const FILLING: usize = 92;

/// What a server of this kind does in a handshake.
pub(super) fn config(files: &Files, server: Server) -> Result<Arc<ServerConfig>, Failure> {
    let Issued { certificate, key, .. } = issue(files, server).map_err(unsigned)?;
    build(&certificate, &key, &files.authority_pem)
        .map(Arc::new)
        .map_err(|error| Failure::new(Exit::Failed, "the case cannot be served by TLS").why(error))
}

fn issue(files: &Files, server: Server) -> Result<Issued, rcgen::Error> {
    let mut names = NAMES.map(str::to_owned).to_vec();
    match server {
        Server::Trusted => files.authority.server(&names),
        Server::Large => {
            let filling = (0..FILLING).map(|number| format!("{number:02}{:x>46}.invalid", ""));
            names.extend(filling);
            files.authority.server(&names)
        }
        Server::Untrusted => Authority::make()?.0.server(&names),
        Server::OtherName => files.authority.server(&[OTHER_NAME.to_owned()]),
        Server::Expired => files.authority.expired_server(&names),
    }
}

/// Clients are asked for a certificate, as AWS does, and may have none.
fn build(
    certificate: &str,
    key: &str,
    authority: &str,
) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()?;
    let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes())?];
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?;
    config.alpn_protocols = vec![b"mqtt".to_vec(), b"x-amzn-mqtt-ca".to_vec()];
    Ok(config)
}

/// Runs the handshake of a connection; nothing if there is none, which is noted.
pub(super) async fn accept(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    notes: &Notes,
) -> Option<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    let begun = match begin(&mut stream, notes).await {
        Ok(begun) => begun,
        Err((side, why)) => return fail(notes, side, why).await,
    };
    let (reader, writer) = stream.into_split();
    let stream = tokio::io::join(Cursor::new(begun).chain(reader), writer);
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(stream) => {
            let connection = stream.get_ref().1;
            let version = connection.protocol_version().map(|version| format!("{version:?}"));
            let suite = connection.negotiated_cipher_suite().map(|suite| suite.suite());
            let suite = suite.map(|suite| format!(" {suite:?}")).unwrap_or_default();
            notes.add(What::Secured(version.unwrap_or_default() + &suite)).await;
            Some(stream)
        }
        Err(error) => {
            let (side, why) = blame(&error);
            fail(notes, side, why).await
        }
    }
}

async fn fail<T>(notes: &Notes, side: Side, why: String) -> Option<T> {
    notes.add(What::Unsecured(why)).await;
    notes.add(What::Closed(side)).await;
    None
}

/// Reads and notes what the client offers; the bytes are for the handshake.
async fn begin(stream: &mut TcpStream, notes: &Notes) -> Result<Vec<u8>, (Side, String)> {
    let mut begun = Vec::new();
    loop {
        // Never more than the judge takes to be a ClientHello.
        let room = HELLO_BYTES.saturating_sub(begun.len()).max(1) as u64;
        match (&mut *stream).take(room).read_buf(&mut begun).await {
            Ok(0) => return Err((Side::Client, "closed before a ClientHello".to_owned())),
            Ok(_) => {}
            Err(error) => return Err((Side::Client, error.to_string())),
        }
        match Hello::read(&begun) {
            Ok(Some(hello)) => {
                notes.add(What::Offered(hello)).await;
                return Ok(begun);
            }
            Ok(None) => {}
            Err(error) => return Err((Side::Judge, error.to_string())),
        }
    }
}

/// Who has ended a handshake, and why.
fn blame(error: &io::Error) -> (Side, String) {
    let below = error.get_ref().and_then(|below| below.downcast_ref::<rustls::Error>());
    match below {
        Some(rustls::Error::AlertReceived(alert)) => (Side::Client, format!("alert {alert:?}")),
        Some(error) => (Side::Judge, error.to_string()),
        None => (Side::Client, format!("closed during the handshake: {}", error.kind())),
    }
}
