//! The keys that tokens are signed with.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::super::der::{Der, from_pem, tag};

/// The object identifier of RSA keys: 1.2.840.113549.1.1.1.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A public RSA key of 2048 bits or more.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(Vec<u8>);

impl TokenKey {
    /// Reads the key from PEM: a block `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = from_pem(text, "PUBLIC KEY").ok_or(KeyError::NoPem)?;
        let key = rsa_key(&der).ok_or(KeyError::NoRsa)?;
        let modulus = modulus_bits(key).ok_or(KeyError::NoRsa)?;
        if (2048..=8192).contains(&modulus) {
            Ok(Self(key.to_vec()))
        } else {
            Err(KeyError::Size(modulus))
        }
    }

    /// True if this signature, in base64, is of the token.
    #[must_use]
    pub fn has_signed(&self, token: &str, signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        let signature = STANDARD.decode(signature);
        signature.is_ok_and(|signature| key.verify(token.as_bytes(), &signature).is_ok())
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenKey").finish_non_exhaustive()
    }
}

/// The RSA key inside the description of a public key.
fn rsa_key(der: &[u8]) -> Option<&[u8]> {
    let mut description = Der(der).inside(tag::SEQUENCE)?;
    let kind = description.inside(tag::SEQUENCE)?.take(tag::OBJECT_IDENTIFIER)?;
    if kind == RSA { description.bits() } else { None }
}

fn modulus_bits(key: &[u8]) -> Option<usize> {
    let modulus = Der(key).inside(tag::SEQUENCE)?.take(tag::INTEGER)?;
    let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let first = modulus.get(zeros)?;
    let bits = (modulus.len() - zeros) * 8;
    Some(bits - usize::try_from(first.leading_zeros()).ok()?)
}

/// Why a text is no key for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// It has no block `PUBLIC KEY`.
    NoPem,
    /// The key is of another kind than RSA.
    NoRsa,
    /// The key has too few bits, or too many.
    Size(usize),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPem => {
                f.write_str("no public key in PEM; hint: openssl rsa -in private.pem -pubout")
            }
            Self::NoRsa => f.write_str("no RSA key; hint: openssl genrsa 2048"),
            Self::Size(bits) => write!(f, "a key of {bits} bits; hint: 2048 to 8192"),
        }
    }
}

impl std::error::Error for KeyError {}
