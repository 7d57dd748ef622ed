//! The verifiers that verify something else than name and issuer.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::spki;

/// What all of them check: that the server has the key of its certificate.
macro_rules! verifies_signatures {
    (|$verifier:ident| $algorithms:expr) => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let $verifier = self;
            verify_tls12_signature(message, certificate, signature, &$algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            let $verifier = self;
            verify_tls13(message, certificate, signature, &$algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            let $verifier = self;
            $algorithms.supported_schemes()
        }
    };
}

/// Lets every certificate pass that a trusted authority has signed, whatever names it has, and
/// those that are trusted themselves, even if they are certificates of authorities.
#[derive(Debug)]
pub(super) struct AcceptAnyName {
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Lets one certificate pass, whatever it says: its names, its time and who signed it are not
/// looked at.
pub(super) struct AcceptOne {
    pub(super) pinned: Pinned,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// How the one certificate is known.
pub(super) enum Pinned {
    Certificate(CertificateDer<'static>),
    /// A digest, and what makes one.
    Sha256([u8; 32], &'static dyn rustls::crypto::hash::Hash),
}

/// Lets every certificate pass. That the server has the certificate's key is still checked, as a
/// wrong signature means a broken server rather than an unknown one.
pub(super) struct AcceptAnything(pub(super) WebPkiSupportedAlgorithms);

/// Why a certificate is refused that is not the one that is pinned.
#[derive(Debug)]
pub(super) struct NotPinned;

impl fmt::Display for NotPinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is another one than the pinned")
    }
}

impl std::error::Error for NotPinned {}

impl ServerCertVerifier for AcceptAnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.trusted.contains(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        let (roots, chain) = (&self.roots, intermediates);
        verify_server_cert_signed_by_trust_anchor(&certificate, roots, chain, now, algorithms)?;
        Ok(ServerCertVerified::assertion())
    }

    verifies_signatures!(|verifier| verifier.algorithms);
}

impl ServerCertVerifier for AcceptOne {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_pinned = match &self.pinned {
            Pinned::Certificate(pinned) => pinned == end_entity,
            Pinned::Sha256(digest, hash) => hash.hash(end_entity).as_ref() == digest,
        };
        if is_pinned {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(NotPinned))).into())
    }

    verifies_signatures!(|verifier| verifier.algorithms);
}

impl ServerCertVerifier for AcceptAnything {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    verifies_signatures!(|verifier| verifier.0);
}

/// Checks a signature of TLS 1.3 also by the key of a certificate that rustls does not parse,
/// such as one of X.509 version 1.
fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    if ParsedCertificate::try_from(certificate).is_err()
        && let Some(key) = spki::of_certificate(certificate)
    {
        let key = SubjectPublicKeyInfoDer::from(key);
        return verify_tls13_signature_with_raw_key(message, &key, signature, algorithms);
    }
    verify_tls13_signature(message, certificate, signature, algorithms)
}

impl fmt::Debug for AcceptOne {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AcceptOne")
    }
}

impl fmt::Debug for AcceptAnything {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AcceptAnything")
    }
}
