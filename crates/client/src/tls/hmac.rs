//! SHA-256 and its HMAC, by the cryptography that TLS uses.

use std::fmt;

use rustls::crypto::CryptoProvider;
use rustls::crypto::hash::HashAlgorithm;
use rustls::crypto::tls13::OkmBlock;
use rustls::{SupportedCipherSuite, Tls13CipherSuite};

use super::{TlsConfigError, TlsOptions, config};

/// What the cipher suites of TLS 1.3 are made with, so that signing needs no cryptography
/// beside that of TLS.
#[derive(Clone, Copy)]
pub(crate) struct HmacSha256(&'static Tls13CipherSuite);

impl HmacSha256 {
    /// That of the provider which these settings use.
    pub(crate) fn of(options: &TlsOptions) -> Result<Self, TlsConfigError> {
        Self::of_provider(&*config::provider(options)?)
    }

    fn of_provider(provider: &CryptoProvider) -> Result<Self, TlsConfigError> {
        let with_sha256 = |suite: &SupportedCipherSuite| match suite {
            SupportedCipherSuite::Tls13(suite) => {
                (suite.common.hash_provider.algorithm() == HashAlgorithm::SHA256).then_some(*suite)
            }
            SupportedCipherSuite::Tls12(_) => None,
        };
        let detail = "the cryptography has no TLS 1.3 cipher suite with SHA-256".to_owned();
        let found = provider.cipher_suites.iter().find_map(with_sha256);
        found.map(Self).ok_or(TlsConfigError::Refused { detail })
    }

    pub(crate) fn hash(&self, data: &[u8]) -> Vec<u8> {
        self.0.common.hash_provider.hash(data).as_ref().to_vec()
    }

    pub(crate) fn sign(&self, key: &[u8], message: &[u8]) -> Vec<u8> {
        // RFC 2104: a key that is longer than a block of the hash is hashed first.
        let key = if key.len() > OkmBlock::MAX_LEN {
            OkmBlock::new(&self.hash(key))
        } else {
            OkmBlock::new(key)
        };
        self.0.hkdf_provider.hmac_sign(&key, message).as_ref().to_vec()
    }
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha256")
    }
}

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The cases of RFC 4231 with SHA-256: keys of 4, 20 and 131 bytes.
    #[test]
    fn signs_as_rfc_4231_says() {
        let hmac = HmacSha256::of(&TlsOptions::new()).unwrap();
        let larger: &[u8] = b"Test Using Larger Than Block-Size Key - Hash Key First";
        for (key, message, expected) in [
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".as_slice(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                vec![0xaa; 131],
                larger,
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(&hmac.sign(&key, message)), expected);
        }
        assert_eq!(
            hex(&hmac.hash(b"")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_provider_without_sha_256_is_refused() {
        let mut provider = CryptoProvider::clone(&config::provider(&TlsOptions::new()).unwrap());
        provider.cipher_suites.retain(|suite| matches!(suite, SupportedCipherSuite::Tls12(_)));
        let options = TlsOptions::new().crypto_provider(Arc::new(provider));
        assert!(matches!(HmacSha256::of(&options), Err(TlsConfigError::Refused { .. })));
    }
}
