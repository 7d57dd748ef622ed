//! The transport of one connection: plain, TLS, or WebSocket.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::setup::{Security, Setup};
use crate::websocket::WebSocket;

pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
    WebSocket(Box<WebSocket>),
}

impl Security {
    /// Makes a certificate if TLS is asked for, and writes its authority.
    pub(crate) fn prepare(&self) -> Option<Arc<ServerConfig>> {
        let Self::Tls { ca } = self else { return None };
        let authority_key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "speed bench CA");
        let authority = params.self_signed(&authority_key).expect("a certificate");
        std::fs::write(ca, authority.pem()).expect("the CA file can be written");
        let issuer = rcgen::Issuer::new(params, authority_key);
        let key = rcgen::KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let leaf = rcgen::CertificateParams::new(names).expect("two names");
        let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
        let secret = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("known versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)
            .expect("certificate and key belong together");
        Some(Arc::new(config))
    }
}

/// Puts the layers that were asked for over a socket.
pub(crate) fn accept(
    socket: TcpStream,
    setup: &Setup,
    tls: &Option<Arc<ServerConfig>>,
) -> io::Result<Stream> {
    Ok(match tls {
        Some(config) => {
            let connection = ServerConnection::new(config.clone()).expect("a valid configuration");
            Stream::Tls(Box::new(StreamOwned::new(connection, socket)))
        }
        None if setup.websocket => Stream::WebSocket(Box::new(WebSocket::accept(socket)?)),
        None => Stream::Plain(socket),
    })
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => match stream.read(buffer) {
                // A client that ends without TLS's goodbye.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
            Self::WebSocket(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
            Self::WebSocket(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
