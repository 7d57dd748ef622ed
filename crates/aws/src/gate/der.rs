//! The little of DER that certificates and public keys need.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Reads values one behind the other.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

/// Tags of DER.
pub(super) mod tag {
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const NUMERIC_STRING: u8 = 0x12;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;
}

impl<'a> Der<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The tag of the next value.
    pub(super) fn peek(self) -> Option<u8> {
        self.0.first().copied()
    }

    /// The next value's tag and content.
    pub(super) fn any(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            if !(1..=4).contains(&count) {
                return None;
            }
            let (bytes, rest) = rest.split_at_checked(count)?;
            (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next value, which must have this tag.
    pub(super) fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.any()?;
        (found == tag).then_some(content)
    }

    /// The values inside the next one, which must have this tag.
    pub(super) fn inside(&mut self, tag: u8) -> Option<Self> {
        self.take(tag).map(Self)
    }

    /// The bytes of the next BIT STRING, which must be whole bytes.
    pub(super) fn bits(&mut self) -> Option<&'a [u8]> {
        let (unused, bytes) = self.take(tag::BIT_STRING)?.split_first()?;
        (*unused == 0).then_some(bytes)
    }
}

/// A block of PEM.
pub(super) fn to_pem(der: &[u8], label: &str) -> String {
    let text = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem + &format!("-----END {label}-----\n")
}

/// The DER in the first block of this label in a PEM text.
pub(super) fn from_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_all_forms() {
        let mut long = vec![0x04, 0x82, 0x01, 0x00];
        long.extend([7; 256]);
        assert_eq!(Der(&long).take(tag::OCTET_STRING).map(<[u8]>::len), Some(256));
        assert_eq!(Der(&[0x04, 0x81, 0x01, 7]).take(tag::OCTET_STRING), Some(&[7][..]));
        assert_eq!(Der(&[0x04, 0x00]).take(tag::OCTET_STRING), Some(&[][..]));
    }

    #[test]
    fn what_is_cut_or_malformed_is_nothing() {
        for bytes in [
            &[][..],
            &[0x04],
            &[0x04, 0x02, 0],
            &[0x04, 0x80],
            &[0x04, 0x81],
            &[0x04, 0x85, 0, 0, 0, 0, 0],
            &[0x04, 0x84, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert_eq!(Der(bytes).any(), None, "{bytes:?}");
        }
        assert_eq!(Der(&[0x03, 0x02, 4, 0xf0]).bits(), None);
        assert_eq!(Der(&[0x04, 0x00]).take(tag::SEQUENCE), None);
    }

    #[test]
    fn pem_has_its_label() {
        let text = "x\n-----BEGIN PUBLIC KEY-----\nAQ\r\nID\n-----END PUBLIC KEY-----\n";
        assert_eq!(from_pem(text, "PUBLIC KEY"), Some(vec![1, 2, 3]));
        assert_eq!(from_pem(text, "CERTIFICATE"), None);
        for length in [0, 1, 47, 48, 49, 1000] {
            let pem = to_pem(&vec![7; length], "CERTIFICATE");
            assert_eq!(from_pem(&pem, "CERTIFICATE"), Some(vec![7; length]));
            assert!(pem.lines().all(|line| (1..=64).contains(&line.len())), "{pem}");
        }
        assert_eq!(from_pem("-----BEGIN PUBLIC KEY-----\nAQID", "PUBLIC KEY"), None);
    }
}
