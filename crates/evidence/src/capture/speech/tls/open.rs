//! Opens encrypted records with the secrets of a key log.

use std::fmt;

use evenkeel_doctor::Side;
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305};
use ring::aead::{Algorithm, LessSafeKey, Nonce, UnboundKey};
use ring::{hkdf, hmac};

use super::keys::Secrets;
use super::suite::{Cipher, Suite};
use super::{ALERT, HANDSHAKE};

const DATA: u8 = 23;
const KEY_UPDATE: u8 = 24;
/// What a key has beside itself: the secret that the next is made of.
const BESIDE: usize = 64;
/// The length of an authentication tag.
const TAG: usize = 16;

/// What a record holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Data(&'a [u8]),
    /// The code of an alert.
    Alert(u8),
    /// Of no interest.
    Other,
    /// It does not open: nothing that follows will.
    Lost,
}

/// Opens the records of both sides.
#[derive(Debug)]
pub(super) struct Opener {
    suite: Suite,
    client: Option<Box<Key>>,
    server: Option<Box<Key>>,
}

/// The key of one side.
struct Key {
    key: LessSafeKey,
    iv: [u8; 12],
    /// The number of the next record.
    number: u64,
    /// TLS 1.3: what the next key is made of.
    secret: Vec<u8>,
    /// A record was opened: before, those of the handshake do not open.
    begun: bool,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(record {})", self.number)
    }
}

impl Opener {
    /// `None` if the suite cannot be opened here, or the log lacks the secrets.
    pub(super) fn new(
        suite: Suite,
        secrets: &Secrets,
        client: &[u8; 32],
        server: &[u8; 32],
    ) -> Option<Self> {
        let algorithm = algorithm(suite)?;
        if !suite.is_13 {
            return Self::of_12(suite, algorithm, secrets.master.as_deref()?, client, server);
        }
        let key = |secret: &Option<Vec<u8>>| {
            secret.as_ref().and_then(|secret| Key::of_13(suite, algorithm, secret.clone()))
        };
        let opener = Self { suite, client: key(&secrets.client), server: key(&secrets.server) };
        (opener.client.is_some() || opener.server.is_some()).then_some(opener)
    }

    fn of_12(
        suite: Suite,
        algorithm: &'static Algorithm,
        master: &[u8],
        client: &[u8; 32],
        server: &[u8; 32],
    ) -> Option<Self> {
        let fixed = if suite.cipher == Cipher::ChaCha20 { 12 } else { 4 };
        let len = algorithm.key_len();
        let seed = [&b"key expansion"[..], server, client].concat();
        let block = expand_12(suite, master, &seed, 2 * (len + fixed));
        let (keys, ivs) = block.split_at_checked(2 * len)?;
        let key = |at: usize| {
            let key = keys.get(at * len..(at + 1) * len)?;
            let mut iv = [0; 12];
            iv.get_mut(..fixed)?.copy_from_slice(ivs.get(at * fixed..(at + 1) * fixed)?);
            Key::new(algorithm, key, iv, Vec::new())
        };
        Some(Self { suite, client: key(0), server: key(1) })
    }

    fn key(&mut self, side: Side) -> &mut Option<Box<Key>> {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Bytes in memory of keys.
    pub(super) fn held(&self) -> usize {
        let all = [&self.client, &self.server];
        all.iter().filter(|key| key.is_some()).count() * (size_of::<Key>() + BESIDE)
    }

    /// A record whose bytes are missing: how much it held, if it was data.
    pub(super) fn passed_over(&mut self, from: Side, len: u32) -> u32 {
        if let Some(key) = self.key(from) {
            key.number += 1;
        }
        len.saturating_sub(self.suite.overhead().unwrap_or_default())
    }

    /// Records are missing: the number of the next is unknown.
    pub(super) fn lost(&mut self, from: Side) {
        *self.key(from) = None;
    }

    /// Opens a record.
    pub(super) fn open<'a>(&mut self, from: Side, kind: u8, body: &'a mut [u8]) -> Content<'a> {
        let suite = self.suite;
        let Some(key) = self.key(from) else { return Content::Other };
        let opened = if suite.is_13 { key.open_13(body) } else { key.open_12(suite, kind, body) };
        match opened {
            Some((DATA, data)) => Content::Data(data),
            Some((ALERT, [_, code])) => Content::Alert(*code),
            Some((HANDSHAKE, [KEY_UPDATE, ..])) if suite.is_13 => {
                *self.key(from) = self.key(from).take().and_then(|key| key.next(suite));
                Content::Other
            }
            Some(_) => Content::Other,
            // Those of the handshake have keys of their own.
            None if suite.is_13 && !key.begun => Content::Other,
            None => {
                self.lost(from);
                Content::Lost
            }
        }
    }
}

impl Key {
    fn new(
        algorithm: &'static Algorithm,
        key: &[u8],
        iv: [u8; 12],
        secret: Vec<u8>,
    ) -> Option<Box<Self>> {
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        Some(Box::new(Self { key, iv, number: 0, secret, begun: false }))
    }

    fn of_13(suite: Suite, algorithm: &'static Algorithm, secret: Vec<u8>) -> Option<Box<Self>> {
        let key = expand_13(suite, &secret, b"key", algorithm.key_len())?;
        let iv = expand_13(suite, &secret, b"iv", 12)?;
        Self::new(algorithm, &key, iv.try_into().ok()?, secret)
    }

    /// The key after a KeyUpdate.
    fn next(&self, suite: Suite) -> Option<Box<Self>> {
        let len = self.secret.len();
        let secret = expand_13(suite, &self.secret, b"traffic upd", len)?;
        let mut next = Self::of_13(suite, algorithm(suite)?, secret)?;
        next.begun = true;
        Some(next)
    }

    /// The nonce of TLS 1.3, and of ChaCha20 in TLS 1.2.
    fn nonce(&self) -> [u8; 12] {
        let mut nonce = self.iv;
        for (byte, number) in nonce.iter_mut().skip(4).zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    fn open_13<'a>(&mut self, body: &'a mut [u8]) -> Option<(u8, &'a [u8])> {
        let [high, low] = u16::try_from(body.len()).ok()?.to_be_bytes();
        let nonce = Nonce::assume_unique_for_key(self.nonce());
        let aad = Aad::from([DATA, 3, 3, high, low]);
        let opened = self.key.open_in_place(nonce, aad, body).ok()?;
        self.number += 1;
        self.begun = true;
        // Padding of zeros follows the type of the content.
        let end = opened.iter().rposition(|byte| *byte != 0)?;
        Some((*opened.get(end)?, opened.get(..end)?))
    }

    fn open_12<'a>(
        &mut self,
        suite: Suite,
        kind: u8,
        body: &'a mut [u8],
    ) -> Option<(u8, &'a [u8])> {
        let explicit = if suite.cipher == Cipher::ChaCha20 { 0 } else { 8 };
        let mut nonce = self.nonce();
        let (sent, sealed) = body.split_at_mut_checked(explicit)?;
        if explicit > 0 {
            nonce = self.iv;
            nonce.get_mut(4..)?.copy_from_slice(sent);
        }
        let len = u16::try_from(sealed.len().checked_sub(TAG)?).ok()?.to_be_bytes();
        let mut aad = [0; 13];
        aad.get_mut(..8)?.copy_from_slice(&self.number.to_be_bytes());
        aad.get_mut(8..)?.copy_from_slice(&[kind, 3, 3, len[0], len[1]]);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(aad), sealed).ok()?;
        self.number += 1;
        self.begun = true;
        Some((kind, opened))
    }
}

fn algorithm(suite: Suite) -> Option<&'static Algorithm> {
    match suite.cipher {
        Cipher::Aes128Gcm => Some(&AES_128_GCM),
        Cipher::Aes256Gcm => Some(&AES_256_GCM),
        Cipher::ChaCha20 => Some(&CHACHA20_POLY1305),
        Cipher::Ccm | Cipher::Ccm8 | Cipher::Other => None,
    }
}

/// The key schedule of TLS 1.3 (RFC 8446, 7.1), with an empty context.
fn expand_13(suite: Suite, secret: &[u8], label: &[u8], len: usize) -> Option<Vec<u8>> {
    struct Len(usize);
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            self.0
        }
    }
    let hash = if suite.sha384 { hkdf::HKDF_SHA384 } else { hkdf::HKDF_SHA256 };
    let size = u16::try_from(len).ok()?.to_be_bytes();
    let label_len = [u8::try_from(6 + label.len()).ok()?];
    let info = [&size[..], &label_len, b"tls13 ", label, &[0]];
    let mut bytes = vec![0; len];
    hkdf::Prk::new_less_safe(hash, secret).expand(&info, Len(len)).ok()?.fill(&mut bytes).ok()?;
    Some(bytes)
}

/// The pseudo-random function of TLS 1.2 (RFC 5246, 5); the label is in the seed.
fn expand_12(suite: Suite, secret: &[u8], seed: &[u8], len: usize) -> Vec<u8> {
    let hash = if suite.sha384 { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
    let key = hmac::Key::new(hash, secret);
    let mut bytes = Vec::new();
    let mut link = hmac::sign(&key, seed);
    while bytes.len() < len {
        let both = [link.as_ref(), seed].concat();
        bytes.extend_from_slice(hmac::sign(&key, &both).as_ref());
        link = hmac::sign(&key, link.as_ref());
    }
    bytes.truncate(len);
    bytes
}
