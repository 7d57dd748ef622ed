//! Bytes that wait to be written.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;

/// Bytes on their way to the transport: small packets in one buffer, large
/// payloads spliced in as shared [`Bytes`].
///
/// The core fills one; a driver swaps it for an empty one with
/// [`Client::take_transmit`](crate::Client::take_transmit), writes the
/// [`chunks`](Self::chunks), calls [`advance`](Self::advance), and tells the
/// core how much the transport took.
#[derive(Debug, Default)]
pub struct Transmit {
    small: Vec<u8>,
    /// Made when it is first needed.
    large: Option<Box<Spliced>>,
    /// Bytes of `small` already written.
    done: usize,
    len: usize,
}

/// Offset in the buffer of small packets before which the payload belongs, in order.
#[derive(Debug, Default)]
struct Spliced(VecDeque<(usize, Bytes)>);

impl Transmit {
    /// A payload of this many bytes or more, given to
    /// [`Client::publish`](crate::Client::publish), is a chunk of its own, and lies
    /// where the caller put it.
    pub const SHARED_FROM: usize = crate::tuning::SHARED_FROM;

    /// Bytes not yet written.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True if nothing is left to write.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes in order, as slices for a vectored write.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let mut at = self.done;
        let last = self.large.as_ref().and_then(|large| large.0.back());
        let tail_from = last.map_or(self.done, |(offset, _)| *offset);
        let large = self.large.iter().flat_map(|large| &large.0);
        let spliced = large.flat_map(move |(offset, payload)| {
            let before = self.small.get(at..*offset).unwrap_or_default();
            at = *offset;
            [before, payload.as_ref()]
        });
        let tail = self.small.get(tail_from..).unwrap_or_default();
        spliced.chain([tail]).filter(|chunk| !chunk.is_empty())
    }

    /// Drops the first `written` bytes.
    pub fn advance(&mut self, written: usize) {
        let mut left = written.min(self.len);
        self.len -= left;
        while left > 0 {
            let front = self.large.as_mut().and_then(|large| large.0.front_mut());
            let Some((offset, payload)) = front else {
                self.done += left;
                break;
            };
            let before = *offset - self.done;
            if left < before {
                self.done += left;
                break;
            }
            self.done = *offset;
            left -= before;
            if left < payload.len() {
                *payload = payload.slice(left..);
                break;
            }
            left -= payload.len();
            self.large.as_mut().and_then(|large| large.0.pop_front());
        }
        if self.len == 0 {
            self.clear();
        }
    }

    /// Forgets everything; the buffer's memory is kept for the next packets.
    pub fn clear(&mut self) {
        self.small.clear();
        if let Some(large) = &mut self.large {
            large.0.clear();
        }
        self.done = 0;
        self.len = 0;
    }

    /// Gives back memory beyond `capacity` bytes; for connections gone idle.
    pub fn shrink_to(&mut self, capacity: usize) {
        self.small.shrink_to(capacity);
        self.large = self.large.take().filter(|large| !large.0.is_empty());
    }

    /// Lets `encode` append packets; counts what it appended.
    pub(crate) fn append<E>(
        &mut self,
        encode: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = self.small.len();
        encode(&mut self.small)?;
        self.len += self.small.len() - before;
        Ok(())
    }

    pub(crate) fn append_shared(&mut self, payload: Bytes) {
        self.len += payload.len();
        self.large.get_or_insert_default().0.push_back((self.small.len(), payload));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rope() -> Transmit {
        let mut rope = Transmit::default();
        let push = |text: &'static [u8]| {
            move |out: &mut Vec<u8>| {
                out.extend_from_slice(text);
                Ok::<(), ()>(())
            }
        };
        rope.append(push(b"ab")).unwrap();
        rope.append_shared(Bytes::from_static(b"LARGE"));
        rope.append_shared(Bytes::from_static(b"MORE"));
        rope.append(push(b"cd")).unwrap();
        rope
    }

    fn text(rope: &Transmit) -> Vec<u8> {
        rope.chunks().flatten().copied().collect()
    }

    #[test]
    fn chunks_come_in_order_after_any_advance() {
        let whole = b"abLARGEMOREcd";
        for first in 0..=whole.len() {
            for second in 0..=whole.len() - first {
                let mut rope = rope();
                rope.advance(first);
                assert_eq!(text(&rope), &whole[first..]);
                rope.advance(second);
                assert_eq!(text(&rope), &whole[first + second..]);
                assert_eq!(rope.len(), whole.len() - first - second);
            }
        }
    }

    #[test]
    fn an_advance_beyond_the_end_empties() {
        let mut rope = rope();
        rope.advance(1000);
        assert!(rope.is_empty());
        assert_eq!(rope.chunks().count(), 0);
    }
}
