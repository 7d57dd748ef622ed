//! TLS towards the clients, by an authority of this run alone.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::relay::Stream;
use crate::emulator::Authority;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::private;

/// How long a client may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// Accepts TLS. Its folder goes with it.
pub(super) struct Acceptor {
    acceptor: TlsAcceptor,
    folder: PathBuf,
}

impl Acceptor {
    /// Makes an authority whose certificate, not its key, is written to a folder
    /// of this run: its owner's alone, and removed at the end.
    pub(super) fn make(printer: Printer) -> Result<Self, Failure> {
        let failed = |error: &dyn fmt::Display| {
            Failure::new(Exit::Failed, "a certificate for the proxy cannot be made").why(error)
        };
        let (authority, root) = Authority::make().map_err(|error| failed(&error))?;
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let issued = authority.server(&names).map_err(|error| failed(&error))?;
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes())
            .map_err(|error| failed(&error))?;
        let key =
            PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).map_err(|error| failed(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .map_err(|error| failed(&error))?;
        config.alpn_protocols =
            ["mqtt", "x-amzn-mqtt-ca", "http/1.1"].map(|name| name.as_bytes().to_vec()).into();
        let folder = std::env::temp_dir().join(format!("evenkeel-doctor-{}", std::process::id()));
        private::create_folder(&folder).map_err(|error| failed(&error))?;
        let acceptor = Self { acceptor: TlsAcceptor::from(Arc::new(config)), folder };
        let file = acceptor.folder.join("ca.pem");
        private::write_new(&file, root.certificate.as_bytes()).map_err(|error| failed(&error))?;
        printer.say(&format!("clients trust the proxy by {}", file.display()));
        Ok(acceptor)
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What the client sends, out of TLS if the proxy speaks it.
pub(super) async fn accept(
    acceptor: Option<&Acceptor>,
    stream: TcpStream,
) -> io::Result<Box<dyn Stream>> {
    let Some(acceptor) = acceptor else { return Ok(Box::new(stream)) };
    let accepted = timeout(HANDSHAKE, acceptor.acceptor.accept(stream)).await;
    Ok(Box::new(accepted.map_err(|_| io::ErrorKind::TimedOut)??))
}
