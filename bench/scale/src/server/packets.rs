//! Frames, as far as the server looks into them.

pub(crate) struct Packet<'a> {
    pub(crate) first: u8,
    pub(crate) body: &'a [u8],
}

/// The first packet and its length, if it is here whole.
pub(crate) fn next_packet(bytes: &[u8]) -> Option<(Packet<'_>, usize)> {
    let (first, rest) = bytes.split_first()?;
    let (length, size) = varint(rest)?;
    let body = rest.get(size..size + length)?;
    Some((Packet { first: *first, body }, 1 + size + length))
}

/// A variable byte integer, and how many bytes it takes.
pub(crate) fn varint(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0;
    for (place, byte) in bytes.iter().take(4).enumerate() {
        value |= usize::from(byte & 0x7F) << (7 * place);
        if byte & 0x80 == 0 {
            return Some((value, place + 1));
        }
    }
    None
}

/// The two-byte integer at the start.
pub(crate) fn number(bytes: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Appends a packet.
pub(crate) fn put(first: u8, body: &[u8], out: &mut Vec<u8>) {
    put_header(first, body.len(), out);
    out.extend_from_slice(body);
}

pub(crate) fn put_header(first: u8, mut length: usize, out: &mut Vec<u8>) {
    out.push(first);
    loop {
        let more = length > 0x7F;
        out.push((length & 0x7F) as u8 | if more { 0x80 } else { 0 });
        length >>= 7;
        if !more {
            return;
        }
    }
}
