//! Numbers of variable length.

use alloc::vec::Vec;

/// Appends a number.
pub(super) fn put(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes a number off the front; `None` if it is cut or too large.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let group = u64::from(byte & 0x7f);
        if group << shift >> shift != group {
            return None;
        }
        number |= group << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_on_both_sides_of_each_length() {
        for shift in 0..64 {
            for number in [(1_u64 << shift) - 1, 1 << shift, u64::MAX >> shift] {
                let mut out = Vec::new();
                put(number, &mut out);
                assert_eq!(out.len(), (64 - number.leading_zeros() as usize).div_ceil(7).max(1));
                let mut rest = out.as_slice();
                assert_eq!((take(&mut rest), rest), (Some(number), [].as_slice()));
                assert_eq!(take(&mut &out[..out.len() - 1]), None, "{number} cut");
            }
        }
    }

    #[test]
    fn a_number_beyond_64_bits_is_none() {
        let mut largest = vec![0xff; 9];
        largest.push(0x01);
        assert_eq!(take(&mut largest.as_slice()), Some(u64::MAX));
        *largest.last_mut().unwrap() = 0x02;
        assert_eq!(take(&mut largest.as_slice()), None);
        assert_eq!(take(&mut [0x80; 11].as_slice()), None);
    }
}
