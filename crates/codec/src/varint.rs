//! The variable byte integer: seven bits a byte, least significant first.

use alloc::vec::Vec;

/// The largest value four bytes hold: 268,435,455.
pub(crate) const MAX: u32 = 0x0fff_ffff;

/// What the front of a byte string holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Varint {
    /// A value and the number of bytes it took, 1 to 4.
    Value(u32, usize),
    /// The string ends before the integer does.
    Incomplete,
    /// The fourth byte announces a fifth.
    TooLong,
}

/// Reads the integer at the front of `bytes`.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Varint {
    match bytes {
        [byte @ 0..0x80, ..] => Varint::Value((*byte).into(), 1),
        bytes => read_several(bytes),
    }
}

fn read_several(bytes: &[u8]) -> Varint {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(4).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Varint::Value(value, index + 1);
        }
    }
    if bytes.len() < 4 { Varint::Incomplete } else { Varint::TooLong }
}

/// The number of bytes the shortest form of `value` takes.
#[inline]
pub(crate) const fn len(value: u32) -> usize {
    match value {
        0..=0x7f => 1,
        0x80..=0x3fff => 2,
        0x4000..=0x001f_ffff => 3,
        _ => 4,
    }
}

/// Appends the shortest form; `value` is at most [`MAX`].
//= [MQTT-1.5.5-1]
#[inline]
pub(crate) fn write(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    //= [MQTT-1.5.5-1] test
    #[test]
    fn takes_the_shortest_form_at_both_sides_of_each_bound() {
        let bounds: [(u32, &[u8]); 9] = [
            (0, &[0x00]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 0x01]),
            (2_097_151, &[0xff, 0xff, 0x7f]),
            (2_097_152, &[0x80, 0x80, 0x80, 0x01]),
            (268_435_454, &[0xfe, 0xff, 0xff, 0x7f]),
            (MAX, &[0xff, 0xff, 0xff, 0x7f]),
        ];
        for (value, wire) in bounds {
            let mut out = Vec::new();
            write(value, &mut out);
            assert_eq!(out, wire);
            assert_eq!(len(value), wire.len());
            assert_eq!(read(wire), Varint::Value(value, wire.len()));
        }
    }

    #[test]
    fn tells_an_incomplete_integer_from_one_too_long() {
        assert_eq!(read(&[]), Varint::Incomplete);
        assert_eq!(read(&[0x80, 0x80, 0x80]), Varint::Incomplete);
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80]), Varint::TooLong);
        assert_eq!(read(&[0x80, 0x80, 0x80, 0x80, 0x01]), Varint::TooLong);
    }
}
