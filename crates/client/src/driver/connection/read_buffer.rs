//! Where bytes from the transport become packets: small ones many to a
//! buffer, a large one read to its end into memory of its own.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use evenkeel_proto::Instant;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::packet_memory::PacketMemory;
use crate::tuning::{own_memory_from, read_room};

/// Room for the first read; doubled while reads fill it.
pub(super) const SMALL: usize = 4 * 1024;
/// Memory given to a packet's announced length at once; beyond, as much as
/// has come already, or came in a packet a moment ago: announcing is cheap, sending
/// is not.
const TRUST: usize = 2 * 1024 * 1024;

pub(super) struct ReadBuffer {
    /// What came and is not decoded yet.
    pub(super) bytes: BytesMut,
    /// Room for the next read of small packets.
    room: u32,
    /// Bytes missing for the packet at the front; 0 if unknown.
    missing: u32,
    /// Size of the memory in `bytes` if it belongs to one large packet.
    own: Option<NonZeroUsize>,
    /// Memory of the large packets before.
    reusable: PacketMemory,
}

impl ReadBuffer {
    pub(super) fn new() -> Self {
        Self {
            bytes: BytesMut::new(),
            room: SMALL as u32,
            missing: 0,
            own: None,
            reusable: PacketMemory::default(),
        }
    }

    /// Notes what the packet at the front lacks; within the maximum packet
    /// size, as a larger one is refused by its header.
    pub(super) const fn expect(&mut self, missing: usize) {
        // No packet is larger than what a remaining length can say.
        self.missing = missing as u32;
    }

    const fn missing(&self) -> usize {
        self.missing as usize
    }

    const fn room(&self) -> usize {
        self.room as usize
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncRead + Unpin),
        now: Instant,
    ) -> Poll<std::io::Result<usize>> {
        if self.missing() >= own_memory_from() || (self.missing > 0 && self.own.is_some()) {
            return self.poll_read_large(cx, stream);
        }
        self.leave_own_memory(now);
        self.make_room();
        let room = self.bytes.capacity() - self.bytes.len();
        let read = ready!(pin!(stream.read_buf(&mut self.bytes)).poll(cx))?;
        let room = match read {
            _ if read >= room => (self.room() * 2).min(read_room()),
            _ if read < self.room() / 8 => (self.room() / 2).max(SMALL),
            _ => self.room(),
        };
        self.room = room as u32;
        Poll::Ready(Ok(read))
    }

    /// Reads no byte beyond the packet, so that its memory is all its own.
    fn poll_read_large(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> Poll<std::io::Result<usize>> {
        let room = self.bytes.capacity() - self.bytes.len();
        let does = room >= self.missing() || (self.own.is_some() && room > 0);
        if !does {
            self.move_to_own_memory();
        }
        let missing = self.missing();
        let mut part = (&mut self.bytes).limit(missing);
        let read = ready!(pin!(stream.read_buf(&mut part)).poll(cx))?;
        // Where one is large, the next may be, and is best met by its header.
        self.room = SMALL as u32;
        Poll::Ready(Ok(read))
    }

    /// Makes room without a thought for earlier buffers' sizes. What is left
    /// is used up first if it does for the packet at the front: to make
    /// room is to copy what has come.
    fn make_room(&mut self) {
        let room = self.bytes.capacity() - self.bytes.len();
        let does = self.missing > 0 && room >= self.missing();
        if !does && room < self.room() && !self.bytes.try_reclaim(self.room()) {
            let mut bytes = BytesMut::with_capacity(self.bytes.len() + self.room());
            bytes.extend_from_slice(&self.bytes);
            self.bytes = bytes;
        }
    }

    /// Copies what has come of a packet to memory with room for all of it, or a
    /// fair part.
    fn move_to_own_memory(&mut self) {
        let come = self.bytes.len();
        let trust = TRUST.max(come).max(self.reusable.largest());
        let (mut bytes, size) = self.reusable.take(come + self.missing()).unwrap_or_else(|| {
            let size = come + self.missing().min(trust);
            (BytesMut::with_capacity(size), size)
        });
        bytes.extend_from_slice(&self.bytes);
        (self.bytes, self.own) = (bytes, NonZeroUsize::new(size));
    }

    /// The large packet is complete; its memory can be used again once the
    /// application has let go of it.
    fn leave_own_memory(&mut self, now: Instant) {
        if let Some(size) = self.own.take_if(|_| self.bytes.is_empty()) {
            self.reusable.keep(std::mem::take(&mut self.bytes), size.get(), now);
        }
    }

    /// Adds what was read elsewhere, whatever it belongs to.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.own = None;
        self.bytes.extend_from_slice(bytes);
    }

    /// When [`ReadBuffer::tidy`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.reusable.due()
    }

    /// Gives back what large packets needed, some time after the last.
    pub(super) fn tidy(&mut self, now: Instant) {
        self.reusable.tidy(now);
    }

    /// An idle connection holds no buffer.
    pub(super) fn release(&mut self, now: Instant) {
        self.leave_own_memory(now);
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            self.bytes = BytesMut::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read(buffer: &mut ReadBuffer, mut input: &[u8]) -> usize {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let Poll::Ready(Ok(read)) = buffer.poll_read(&mut cx, &mut input, Instant::from_micros(0))
        else {
            panic!("a slice can always be read");
        };
        read
    }

    #[test]
    fn a_large_packet_is_read_to_its_end_into_memory_of_its_size() {
        let input = vec![b'x'; 2 * own_memory_from()];
        let mut buffer = ReadBuffer::new();
        assert_eq!(read(&mut buffer, &input), SMALL);
        buffer.expect(own_memory_from());
        assert_eq!(read(&mut buffer, &input[SMALL..]), own_memory_from(), "and not beyond");
        assert_eq!(buffer.bytes.len(), SMALL + own_memory_from());
        assert_eq!(buffer.bytes.capacity(), SMALL + own_memory_from());
    }

    #[test]
    fn small_packets_share_a_buffer_that_grows_while_reads_fill_it() {
        let input = vec![b'x'; 4 * read_room()];
        let mut buffer = ReadBuffer::new();
        for _ in 0..10 {
            buffer.expect(own_memory_from() - 1);
            assert!(read(&mut buffer, &input) <= 2 * read_room());
            let whole = buffer.bytes.len();
            drop(buffer.bytes.split_to(whole));
        }
        assert_eq!(read(&mut buffer, &input), read_room());
    }

    #[test]
    fn an_announced_length_gets_no_more_memory_than_has_come() {
        let input = vec![b'x'; 4 * TRUST];
        let mut buffer = ReadBuffer::new();
        let announced = 256 * 1024 * 1024;
        read(&mut buffer, &input[..100]);
        while buffer.bytes.len() < 16 * TRUST {
            buffer.expect(announced - buffer.bytes.len());
            let before = buffer.bytes.len();
            read(&mut buffer, &input[..1000]);
            let most = TRUST + 2 * before;
            assert!(buffer.bytes.capacity() <= most, "{} bytes", buffer.bytes.capacity());
            let room = buffer.bytes.capacity() - buffer.bytes.len();
            if room > 0 {
                buffer.bytes.put_bytes(b'x', room);
            }
        }
    }

    /// How often the memory of a packet changes while it comes in such parts.
    fn moves(size: usize, part: usize) -> usize {
        let input = vec![b'x'; part];
        let mut buffer = ReadBuffer::new();
        read(&mut buffer, &[b'x'; 100]);
        let mut moves = 0;
        while buffer.bytes.len() < size {
            buffer.expect(size - buffer.bytes.len());
            let before = buffer.bytes.as_ptr();
            read(&mut buffer, &input);
            moves += usize::from(buffer.bytes.as_ptr() != before);
        }
        assert_eq!(buffer.bytes.len(), size, "not beyond its end");
        moves
    }

    #[test]
    fn a_packet_in_small_parts_is_moved_a_few_times_only() {
        for part in [1, 1000, 5000] {
            assert_eq!(moves(TRUST / 2, part), 1, "parts of {part}");
        }
        for part in [100, 1000, 5000] {
            // Twice as much memory each time.
            assert!((4..=5).contains(&moves(8 * TRUST, part)), "parts of {part}");
        }
    }

    #[test]
    fn an_idle_connection_holds_no_buffer() {
        let now = Instant::from_micros(0);
        let mut buffer = ReadBuffer::new();
        read(&mut buffer, b"abc");
        buffer.release(now);
        assert_eq!(buffer.bytes.len(), 3, "what is not decoded stays");
        drop(buffer.bytes.split_to(3));
        buffer.release(now);
        assert_eq!(buffer.bytes.capacity(), 0);
    }

    /// Takes in a packet of such a size, 100 bytes of it before its length is
    /// known, in reads of such parts.
    fn packet(buffer: &mut ReadBuffer, size: usize, part: usize) -> Bytes {
        let input = vec![b'x'; size];
        buffer.expect(0);
        read(buffer, &input[..100]);
        while buffer.bytes.len() < size {
            buffer.expect(size - buffer.bytes.len());
            read(buffer, &input[buffer.bytes.len()..][..part.min(size - buffer.bytes.len())]);
        }
        buffer.expect(0);
        buffer.bytes.split_to(size).freeze()
    }

    #[test]
    fn memory_that_the_application_gave_back_serves_the_next_large_packet() {
        for part in [usize::MAX, 20_000, 5_000] {
            let mut buffer = ReadBuffer::new();
            let first = packet(&mut buffer, 5 * own_memory_from(), part);
            let at = first.as_ptr();
            let second = packet(&mut buffer, 5 * own_memory_from(), part);
            assert_ne!(second.as_ptr(), at, "the first is held");
            assert!(first.iter().all(|byte| *byte == b'x'));
            drop(first);
            let third = packet(&mut buffer, 4 * own_memory_from(), part);
            assert_eq!(third.as_ptr(), at, "parts of {part}");
        }
    }

    #[test]
    fn a_packet_as_large_as_one_before_is_moved_once() {
        let size = 4 * TRUST;
        let mut buffer = ReadBuffer::new();
        let moved = |buffer: &mut ReadBuffer| {
            let input = vec![b'x'; size];
            buffer.expect(0);
            read(buffer, &input[..100]);
            let mut moves = 0;
            while buffer.bytes.len() < size {
                let (came, before) = (buffer.bytes.len(), buffer.bytes.as_ptr());
                buffer.expect(size - came);
                read(buffer, &input[came..][..(TRUST / 4).min(size - came)]);
                moves += usize::from(buffer.bytes.as_ptr() != before);
            }
            buffer.expect(0);
            (moves, buffer.bytes.split_to(size).freeze())
        };
        let (moves, first) = moved(&mut buffer);
        assert!(moves > 2, "{moves} moves of the first");
        let (moves, second) = moved(&mut buffer);
        assert_eq!(moves, 1, "into fresh memory, as the first is held");
        let at = first.as_ptr();
        drop(first);
        let (moves, third) = moved(&mut buffer);
        assert_eq!((moves, third.as_ptr()), (1, at), "into that of the first");
        drop((second, third));
        buffer.release(Instant::from_micros(0));
        buffer.tidy(buffer.due().unwrap());
        assert!(moved(&mut buffer).0 > 2, "trust is gone with the memory");
    }

    #[test]
    fn a_drained_link_gives_memory_back_some_time_after_the_last_large_packet() {
        let mut buffer = ReadBuffer::new();
        let first = packet(&mut buffer, 2 * own_memory_from(), usize::MAX);
        assert_eq!(buffer.due(), None);
        buffer.release(Instant::from_micros(0));
        assert_eq!(buffer.bytes.capacity(), 0);
        let due = buffer.due().unwrap();
        buffer.tidy(Instant::from_micros(due.as_micros() - 1));
        assert_eq!(buffer.due(), Some(due));
        buffer.tidy(due);
        assert_eq!(buffer.due(), None);
        assert!(first.try_into_mut().is_ok(), "nobody else holds it");
    }

    #[test]
    fn bytes_from_elsewhere_make_memory_shared() {
        let mut buffer = ReadBuffer::new();
        let first = packet(&mut buffer, 2 * own_memory_from(), usize::MAX);
        buffer.push(b"abc");
        buffer.release(Instant::from_micros(0));
        drop(buffer.bytes.split_to(3));
        buffer.release(Instant::from_micros(0));
        assert_eq!(buffer.due(), None, "not known to be one packet's");
        drop(first);
    }
}
