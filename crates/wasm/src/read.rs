//! Bytes that came and are not taken yet.

use core::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use evenkeel_proto::{Client, ConnectionId, Input, Instant};

use crate::failure::Failure;

/// The most that one chunk may be announced with.
const LARGEST_CHUNK: usize = 64 << 20;
/// An empty buffer keeps no more memory than this.
const KEPT: usize = 64 * 1024;

/// The read buffer of one client.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    /// Whose bytes these are.
    conn: Option<ConnectionId>,
    /// Room that the caller was given behind the bytes.
    reserved: usize,
    /// Where in memory the last chunk lies, while it does.
    chunk: Range<usize>,
}

impl ReadBuffer {
    /// Room for a chunk behind what is there.
    pub(crate) fn reserve(&mut self, len: u32) -> Result<*mut u8, Failure> {
        let len = len as usize;
        if len > LARGEST_CHUNK {
            return Err(Failure::Length { len, area: LARGEST_CHUNK });
        }
        self.chunk = 0..0;
        self.bytes.reserve(len);
        self.reserved = len;
        Ok(self.bytes.spare_capacity_mut().as_mut_ptr().cast())
    }

    /// The caller has written so many bytes into the room it was given.
    pub(crate) fn received(
        &mut self,
        core: &mut Client,
        now: Instant,
        conn: ConnectionId,
        len: u32,
    ) -> Result<(), Failure> {
        let (len, area) = (len as usize, core::mem::take(&mut self.reserved));
        if len > area {
            return Err(Failure::Length { len, area });
        }
        if !core.is_current(conn) {
            // It is counted; what came before on another connection stays.
            core.handle(now, Input::Received(conn, &mut BytesMut::new()));
            return Ok(());
        }
        let left = self.bytes.len();
        // SAFETY: there is room for `area` bytes, at least as many, and the caller has
        // written the first `len` of them: `ABI.md` says so at `ek_received`.
        unsafe { self.bytes.advance_mut(len) };
        if self.conn != Some(conn) {
            self.bytes.advance(left);
            self.conn = Some(conn);
        }
        let end = self.bytes.as_ptr() as usize + self.bytes.len();
        self.chunk = end - len..end;
        self.feed(core, now);
        Ok(())
    }

    /// Hands the core what it takes; true if it took anything.
    pub(crate) fn feed(&mut self, core: &mut Client, now: Instant) -> bool {
        let before = self.bytes.len();
        let Some(conn) = self.conn else { return false };
        if before == 0 || !core.wants_read() {
            return false;
        }
        core.handle(now, Input::Received(conn, &mut self.bytes));
        self.bytes.len() < before
    }

    /// The next connection begins with nothing.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives memory back that is of no use while nothing comes.
    pub(crate) fn tidy(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT && self.reserved == 0 {
            self.bytes = BytesMut::new();
            self.chunk = 0..0;
        }
    }

    /// Where in the last chunk these bytes lie, if all of them do.
    pub(crate) fn in_chunk(&self, bytes: &Bytes) -> Option<usize> {
        let from = bytes.as_ptr() as usize;
        let inside = self.chunk.start <= from && from + bytes.len() <= self.chunk.end;
        if inside && !bytes.is_empty() { Some(from - self.chunk.start) } else { None }
    }
}
