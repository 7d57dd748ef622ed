//! The public key of a certificate that rustls does not parse.

/// What begins a sequence, and the version of a certificate, in DER.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
/// Serial number, signature algorithm, issuer, validity and subject stand before the key.
const BEFORE_THE_KEY: usize = 5;

/// Returns the SubjectPublicKeyInfo of a certificate (RFC 5280, section 4.1) of any version.
pub(super) fn of_certificate(certificate: &[u8]) -> Option<&[u8]> {
    let signed = Element::first(Element::first(certificate)?.sequence()?)?.sequence()?;
    let mut element = Element::first(signed)?;
    if element.tag == VERSION {
        element = Element::first(element.rest)?;
    }
    for _ in 0..BEFORE_THE_KEY {
        element = Element::first(element.rest)?;
    }
    element.sequence().map(|_| element.whole)
}

/// An element of DER, and what follows it.
struct Element<'a> {
    tag: u8,
    whole: &'a [u8],
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn first(bytes: &'a [u8]) -> Option<Self> {
        let [tag, first, after @ ..] = bytes else { return None };
        let (length, after) = match first {
            0..=0x7f => (usize::from(*first), after),
            // The length of the length: certificates have less than 16 MiB.
            0x81..=0x83 => {
                let (digits, after) = after.split_at_checked(usize::from(first & 0x7f))?;
                (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), after)
            }
            _ => return None,
        };
        let (content, rest) = after.split_at_checked(length)?;
        let whole = bytes.get(..bytes.len() - rest.len())?;
        Some(Self { tag: *tag, whole, content, rest })
    }

    fn sequence(&self) -> Option<&'a [u8]> {
        (self.tag == SEQUENCE).then_some(self.content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = content.len();
        let mut bytes = vec![tag];
        match length {
            0..=0x7f => bytes.push(length as u8),
            0x80..=0xff => bytes.extend([0x81, length as u8]),
            _ => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
        }
        bytes.extend(content);
        bytes
    }

    fn certificate(version: Option<u8>, key: &[u8]) -> Vec<u8> {
        let mut signed =
            version.map(|version| element(VERSION, &[2, 1, version])).unwrap_or_default();
        for tag in [2, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
            signed.extend(element(tag, &[9; 3]));
        }
        signed.extend(key);
        let mut all = element(SEQUENCE, &signed);
        all.extend(element(SEQUENCE, &[1]));
        all.extend(element(3, &[0; 300]));
        element(SEQUENCE, &all)
    }

    #[test]
    fn the_key_is_found_in_each_version() {
        for length in [10, 200, 300] {
            let key = element(SEQUENCE, &vec![7; length]);
            for version in [None, Some(2)] {
                assert_eq!(of_certificate(&certificate(version, &key)), Some(key.as_slice()));
            }
        }
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        use rcgen::PublicKeyData;
        let expected = made.signing_key.subject_public_key_info();
        assert_eq!(of_certificate(made.cert.der()), Some(expected.as_slice()));
    }

    #[test]
    fn what_is_cut_off_has_no_key() {
        let key = element(SEQUENCE, &[7; 10]);
        let whole = certificate(None, &key);
        for length in 0..whole.len() {
            assert_eq!(of_certificate(&whole[..length]), None, "{length} bytes");
        }
        assert_eq!(of_certificate(&certificate(None, &element(2, &[7; 10]))), None, "no sequence");
    }
}
