//! Where one packet ends and the next begins.

/// The fixed header of a packet.
pub(crate) struct Header {
    pub(crate) first: u8,
    /// Its own length.
    pub(crate) len: usize,
    /// The length of what follows it.
    pub(crate) body: usize,
}

impl Header {
    /// `None` while it is incomplete.
    #[inline]
    pub(crate) fn read(input: &[u8]) -> Option<Self> {
        let (first, rest) = input.split_first()?;
        let mut body = 0;
        for (place, byte) in rest.iter().take(4).enumerate() {
            body |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Some(Self { first: *first, len: place + 2, body });
            }
        }
        None
    }

    pub(crate) const fn packet_type(&self) -> u8 {
        self.first >> 4
    }
}

/// Appends a fixed header.
pub(crate) fn put_header(first: u8, mut body: usize, out: &mut Vec<u8>) {
    out.push(first);
    while body > 0x7f {
        out.push(body as u8 | 0x80);
        body >>= 7;
    }
    out.push(body as u8);
}

/// The two bytes at this place.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
