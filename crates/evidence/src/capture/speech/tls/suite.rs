//! Cipher suites: what they add to a record, and how they open it.

/// How a suite encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20,
    /// CCM with a tag of 16 bytes, or of 8.
    Ccm,
    Ccm8,
    /// CBC and others, which pad.
    Other,
}

/// A suite of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub(super) cipher: Cipher,
    pub(super) is_13: bool,
    /// The hash of its key schedule is SHA-384, not SHA-256.
    pub(super) sha384: bool,
}

impl Suite {
    /// `None` of a version that is not known.
    pub(super) fn new(number: u16, version: u16) -> Option<Self> {
        let is_13 = match version {
            0x0301..=0x0303 => false,
            0x0304 => true,
            _ => return None,
        };
        let cipher = match number {
            0x1301 | 0x009C | 0x009E | 0x00A0 | 0x00A2 | 0x00A4 | 0x00A6 | 0x00A8 | 0x00AA
            | 0x00AC | 0xC02B | 0xC02D | 0xC02F | 0xC031 | 0xD001 => Cipher::Aes128Gcm,
            0x1302 | 0x009D | 0x009F | 0x00A1 | 0x00A3 | 0x00A5 | 0x00A7 | 0x00A9 | 0x00AB
            | 0x00AD | 0xC02C | 0xC02E | 0xC030 | 0xC032 | 0xD002 => Cipher::Aes256Gcm,
            0x1303 | 0xCCA8..=0xCCAE => Cipher::ChaCha20,
            0x1304 | 0xC09C..=0xC09F | 0xC0A4..=0xC0A7 | 0xC0AC | 0xC0AD => Cipher::Ccm,
            0x1305 | 0xC0A0..=0xC0A3 | 0xC0A8..=0xC0AB | 0xC0AE | 0xC0AF => Cipher::Ccm8,
            _ => Cipher::Other,
        };
        Some(Self { cipher, is_13, sha384: cipher == Cipher::Aes256Gcm })
    }

    /// How many bytes it adds to those of a record; `None` if it pads.
    pub(super) fn overhead(self) -> Option<u32> {
        Some(match (self.is_13, self.cipher) {
            (_, Cipher::Other) => return None,
            // The tag, and the byte that names the content.
            (true, Cipher::Ccm8) => 9,
            (true, _) => 17,
            // The tag, and the part of the nonce that is sent.
            (false, Cipher::Ccm8 | Cipher::ChaCha20) => 16,
            (false, _) => 24,
        })
    }

    /// The length of a record that holds Finished alone; TLS 1.3 only.
    pub(super) fn finished(self) -> Option<u32> {
        let hash = if self.sha384 { 48 } else { 32 };
        self.is_13.then(|| self.overhead())?.map(|overhead| 4 + hash + overhead)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overheads_are_as_measured() {
        for (number, version, expected) in [
            (0x1301, 0x0304, Some(17)),
            (0x1302, 0x0304, Some(17)),
            (0x1303, 0x0304, Some(17)),
            (0x1304, 0x0304, Some(17)),
            (0x1305, 0x0304, Some(9)),
            (0xC02F, 0x0303, Some(24)),
            (0xC0AC, 0x0303, Some(24)),
            (0xCCA8, 0x0303, Some(16)),
            (0xC0AE, 0x0303, Some(16)),
            (0xC013, 0x0303, None),
        ] {
            let overhead = Suite::new(number, version).and_then(Suite::overhead);
            assert_eq!(overhead, expected, "{number:x}");
        }
        assert_eq!(Suite::new(0x1301, 0x0305), None);
    }
}
