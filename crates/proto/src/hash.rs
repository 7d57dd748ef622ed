//! A number that stands for a topic, or a level of one, where it is looked up.

/// Odd, with bits in no pattern.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// A number that stands for a topic, or a level of one, where it is looked up.
///
/// The same for the same bytes, and mostly another for others: whoever looks something
/// up by it compares the bytes as well. It costs about as much as a copy of the bytes,
/// and keeps nobody from finding some for which it is the same. Another version may
/// give other numbers: it is not for what is stored or sent.
#[inline]
pub fn hash(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = mix(hash ^ u64::from_le_bytes(*word));
    }
    match (rest, bytes.last_chunk::<8>()) {
        ([], _) => hash,
        // What is read twice does no harm.
        (_, Some(last)) => mix(hash ^ u64::from_le_bytes(*last)),
        (_, None) => {
            let last = rest.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
            mix(hash ^ last)
        }
    }
}

/// Each bit of the word may change each bit of the result.
#[inline]
const fn mix(word: u64) -> u64 {
    let product = word as u128 * FACTOR as u128;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::format;

    use super::*;

    /// Of ten thousand topics hardly two fall together, whichever bits are taken.
    #[test]
    fn topics_that_differ_in_one_place_are_far_apart() {
        for form in ["{}", "{}/level", "site/{}", "site/{}/level", "a/very/long/way/to/{}/and/on"] {
            let topics = || (0..10_000).map(|number| form.replace("{}", &format!("{number:05}")));
            let apart = |part: fn(u64) -> u64| {
                topics().map(|topic| part(hash(topic.as_bytes()))).collect::<BTreeSet<_>>().len()
            };
            assert_eq!(apart(|hash| hash), 10_000, "{form}");
            // Of 65,536 places random topics take 9,275.
            assert!(apart(|hash| hash & 0xffff) > 9_000, "{form}, the low bits");
            assert!(apart(|hash| hash >> 48) > 9_000, "{form}, the high bits");
        }
    }

    #[test]
    fn every_byte_counts_whatever_the_length() {
        for len in 0..40 {
            let zeros = [0_u8; 40];
            let plain = hash(&zeros[..len]);
            for place in 0..len {
                let mut other = zeros;
                other[place] = 1;
                assert_ne!(hash(&other[..len]), plain, "byte {place} of {len}");
            }
            assert_ne!(hash(&zeros[..len]), hash(&[0; 41][..=len]), "{len}");
        }
    }
}
