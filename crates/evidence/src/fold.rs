//! A fast hash with a secret key: payloads are gigabytes, and a capture's
//! addresses are chosen by whoever is in it.
//!
//! It multiplies and folds, as wyhash does. It is for telling things apart within
//! one run, and for nothing that is shown or kept: it is no cryptography.

use std::hash::{BuildHasher, Hasher, RandomState};

/// What is taken in at a time.
const BLOCK: usize = 32;

/// A key, drawn anew for each reader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoldKey([u64; 4]);

impl Default for FoldKey {
    fn default() -> Self {
        let random = RandomState::new();
        Self([0_u8, 1, 2, 3].map(|number| random.hash_one(number)))
    }
}

impl BuildHasher for FoldKey {
    type Hasher = Fold;

    fn build_hasher(&self) -> Fold {
        let Self([.., a, b]) = *self;
        Fold { key: *self, lanes: [a, b], rest: [0; BLOCK], rest_len: 0, len: 0 }
    }
}

/// Hashes bytes: the same whatever the pieces in which they come.
#[derive(Clone, Debug)]
pub(crate) struct Fold {
    key: FoldKey,
    lanes: [u64; 2],
    /// What does not fill a block.
    rest: [u8; BLOCK],
    rest_len: usize,
    len: u64,
}

/// Both halves of a product, one on the other.
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    (product >> 64) as u64 ^ product as u64
}

/// The words of a block.
fn words(block: &[u8; BLOCK]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

impl FoldKey {
    /// The hash of bytes that are all there.
    pub(crate) fn hash(&self, bytes: &[u8]) -> u64 {
        let Self([.., a, b]) = *self;
        let (blocks, rest) = bytes.as_chunks();
        let lanes = blocks.iter().fold([a, b], |lanes, block| self.take(lanes, block));
        let mut last = [0; BLOCK];
        for (byte, at) in rest.iter().zip(&mut last) {
            *at = *byte;
        }
        self.finish(lanes, &last, bytes.len() as u64)
    }

    fn finish(&self, lanes: [u64; 2], last: &[u8; BLOCK], len: u64) -> u64 {
        let Self([k, l, ..]) = *self;
        let [a, b] = self.take(lanes, last);
        fold(a ^ l, b ^ len ^ k)
    }

    /// The lanes after a block. Before the first one they are not the words that
    /// are used here: words that change places would not show.
    fn take(&self, [a, b]: [u64; 2], block: &[u8; BLOCK]) -> [u64; 2] {
        let Self([k, l, ..]) = *self;
        let [w, x, y, z] = words(block);
        [fold(w ^ k, x ^ a), fold(y ^ l, z ^ b)]
    }
}

impl Fold {
    /// Fills up the rest; returns what is left of the bytes.
    fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let n = bytes.len().min(BLOCK - self.rest_len);
        let (now, after) = bytes.split_at(n);
        if let Some(room) = self.rest.get_mut(self.rest_len..self.rest_len + n) {
            room.copy_from_slice(now);
        }
        self.rest_len += n;
        if self.rest_len == BLOCK {
            self.lanes = self.key.take(self.lanes, &self.rest);
            (self.rest, self.rest_len) = ([0; BLOCK], 0);
        }
        after
    }
}

impl Hasher for Fold {
    fn write(&mut self, mut bytes: &[u8]) {
        self.len = self.len.wrapping_add(bytes.len() as u64);
        if self.rest_len > 0 {
            bytes = self.fill(bytes);
        }
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            self.lanes = self.key.take(self.lanes, block);
        }
        if !rest.is_empty() {
            self.fill(rest);
        }
    }

    /// Words are for keys of maps: they are not as their bytes.
    fn write_u64(&mut self, word: u64) {
        let (FoldKey([k, ..]), [a, b]) = (self.key, self.lanes);
        self.lanes = [b, fold(a ^ word, k)];
        self.len = self.len.wrapping_add(1);
    }

    fn finish(&self) -> u64 {
        self.key.finish(self.lanes, &self.rest, self.len)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn hash(key: FoldKey, pieces: &[&[u8]]) -> u64 {
        let mut hasher = key.build_hasher();
        pieces.iter().for_each(|piece| hasher.write(piece));
        hasher.finish()
    }

    #[test]
    fn pieces_say_what_the_whole_says() {
        let key = FoldKey::default();
        let bytes: Vec<u8> = (0..=130).collect();
        for len in 0..bytes.len() {
            let whole = key.hash(&bytes[..len]);
            assert_eq!(hash(key, &[&bytes[..len]]), whole, "{len}");
            for cut in 0..len {
                let (one, other) = bytes[..len].split_at(cut);
                assert_eq!(hash(key, &[one, other]), whole, "{len} at {cut}");
            }
            let each: Vec<&[u8]> = bytes[..len].chunks(7).collect();
            assert_eq!(hash(key, &each), whole, "{len}");
        }
    }

    /// Of 64 bits, the upper 32 are used.
    #[test]
    fn what_differs_in_one_bit_or_in_length_differs() {
        let key = FoldKey::default();
        let mut seen = HashSet::new();
        for len in 0..100 {
            let mut bytes = vec![0; len];
            assert!(seen.insert(hash(key, &[&bytes]) >> 32), "{len} zeros");
            for bit in 0..len * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(seen.insert(hash(key, &[&bytes])), "bit {bit} of {len}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn words_differ_in_value_and_place() {
        let key = FoldKey::default();
        let mut seen = HashSet::new();
        for one in 0..40_u64 {
            for other in 0..40_u64 {
                assert!(seen.insert(key.hash_one((one, other, one))), "{one} {other}");
            }
        }
    }

    #[test]
    fn keys_differ() {
        let (one, other) = (FoldKey::default(), FoldKey::default());
        assert_ne!(hash(one, &[b"payload"]), hash(other, &[b"payload"]));
    }
}
