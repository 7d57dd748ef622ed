//! Memory of large packets, used again once the application has let go of it:
//! fresh memory costs a page fault for each four kilobytes.

use std::time::Duration;

use bytes::BytesMut;
use evenkeel_proto::Instant;

use crate::tuning::{packet_memory_kept, packet_memory_largest};

/// Holds the memory of up to two packets: of one that the application works
/// on, and of one that waits for it.
#[derive(Default)]
pub(super) struct PacketMemory(Option<Box<Kept>>);

struct Kept {
    newer: Memory,
    older: Memory,
    until: Instant,
}

/// What is left of a buffer after its packet was taken off: nothing but a
/// share of the memory, which is free if it is the only one.
#[derive(Default)]
struct Memory {
    share: BytesMut,
    size: usize,
}

impl PacketMemory {
    /// Keeps a share of memory of such a size.
    pub(super) fn keep(&mut self, share: BytesMut, size: usize, now: Instant) {
        if size > packet_memory_largest() {
            return;
        }
        let until = now + Duration::from_millis(packet_memory_kept());
        let memory = Memory { share, size };
        match &mut self.0 {
            Some(kept) => {
                let newest = std::mem::replace(&mut kept.newer, memory);
                if newest.size > 0 {
                    kept.older = newest;
                }
                kept.until = until;
            }
            none => {
                let older = Memory::default();
                *none = Some(Box::new(Kept { newer: memory, older, until }));
            }
        }
    }

    /// Takes memory of at least such a size, and of not much more: a message
    /// that is kept must not hold much memory besides its own.
    pub(super) fn take(&mut self, size: usize) -> Option<(BytesMut, usize)> {
        let kept = self.0.as_mut()?;
        let memory = [&mut kept.older, &mut kept.newer].into_iter().find_map(|memory| {
            let fits = (size..=size * 2).contains(&memory.size);
            (fits && memory.share.try_reclaim(size)).then(|| std::mem::take(memory))
        })?;
        Some((memory.share, memory.size))
    }

    /// The size of the largest that is kept, free or not.
    pub(super) fn largest(&self) -> usize {
        self.0.as_ref().map_or(0, |kept| kept.newer.size.max(kept.older.size))
    }

    /// When [`PacketMemory::tidy`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.as_ref().map(|kept| kept.until)
    }

    /// Gives memory back after a while without large packets.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.0 = self.0.take().filter(|kept| kept.until > now);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const SIZE: usize = 1000;
    const NOW: Instant = Instant::from_micros(0);

    /// Has the memory of a packet of such a size kept; the packet.
    fn keep(reusable: &mut PacketMemory, size: usize) -> Bytes {
        let mut memory = BytesMut::zeroed(size);
        let packet = memory.split().freeze();
        reusable.keep(memory, size, NOW);
        packet
    }

    #[test]
    fn memory_is_free_once_its_packet_is_gone() {
        let mut reusable = PacketMemory::default();
        assert_eq!(reusable.take(SIZE), None);
        let packet = keep(&mut reusable, SIZE);
        assert_eq!(reusable.take(SIZE), None);
        drop(packet);
        let (memory, size) = reusable.take(SIZE).unwrap();
        assert_eq!((memory.len(), size), (0, SIZE));
        assert!(memory.capacity() >= SIZE);
        assert_eq!(reusable.take(SIZE), None, "taken once");
    }

    #[test]
    fn memory_serves_packets_of_its_size_to_half_of_it() {
        for (wanted, fits) in [(SIZE + 1, false), (SIZE, true), (SIZE / 2, true)] {
            let mut reusable = PacketMemory::default();
            drop(keep(&mut reusable, SIZE));
            assert_eq!(reusable.take(wanted).is_some(), fits, "{wanted}");
        }
        let mut reusable = PacketMemory::default();
        drop(keep(&mut reusable, SIZE));
        assert_eq!(reusable.take(SIZE / 2 - 1), None);
    }

    #[test]
    fn the_memory_of_two_packets_is_kept() {
        let mut reusable = PacketMemory::default();
        drop((0..3).map(|_| keep(&mut reusable, SIZE)).collect::<Vec<_>>());
        assert!(reusable.take(SIZE).is_some());
        assert!(reusable.take(SIZE).is_some());
        assert!(reusable.take(SIZE).is_none());
        drop([keep(&mut reusable, SIZE), keep(&mut reusable, SIZE)]);
        assert!(reusable.take(SIZE).is_some() && reusable.take(SIZE).is_some(), "in any order");
    }

    #[test]
    fn very_large_memory_is_given_back_at_once() {
        for (size, is_kept) in
            [(packet_memory_largest(), true), (packet_memory_largest() + 1, false)]
        {
            let mut reusable = PacketMemory::default();
            drop(keep(&mut reusable, size));
            assert_eq!(reusable.due().is_some(), is_kept);
        }
    }
}
