//! Bytes that came and are not taken yet.

use core::ops::Range;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use evenkeel_proto::{Client, ConnectionId, Input, Instant};

use crate::failure::Failure;
use crate::skipped::{Skipped, Skipping};

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
    /// The payload at the end of the buffer that the caller may keep.
    skipping: Option<Skipping>,
    /// Those that were skipped before.
    pub(crate) skipped: Skipped,
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

    /// The caller has written so many bytes into the room it was given. How many of
    /// those to come are payload alone, which it may keep.
    pub(crate) fn received(
        &mut self,
        core: &mut Client,
        now: Instant,
        conn: ConnectionId,
        len: u32,
        may_skip: bool,
    ) -> Result<u32, Failure> {
        let (len, area) = (len as usize, core::mem::take(&mut self.reserved));
        if len > area {
            return Err(Failure::Length { len, area });
        }
        if !core.is_current(conn) {
            // It is counted; what came before on another connection stays.
            core.handle(now, Input::Received(conn, &mut BytesMut::new()));
            return Ok(0);
        }
        if self.skipping.as_ref().is_some_and(Skipping::has_begun) {
            return Err(Failure::Argument(
                "a payload that was begun to be skipped is to be skipped to its end",
            ));
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
        self.skipping = None;
        self.feed(core, now);
        if may_skip {
            self.skipping = Skipping::of(&self.bytes, len, core);
        }
        Ok(self.skipping.as_ref().map_or(0, Skipping::left))
    }

    /// So many bytes came that the caller keeps. How many more there are.
    pub(crate) fn skipped(
        &mut self,
        core: &mut Client,
        now: Instant,
        conn: ConnectionId,
        len: u32,
    ) -> Result<u32, Failure> {
        if !core.is_current(conn) {
            core.handle(now, Input::Received(conn, &mut BytesMut::new()));
            return Err(Failure::Argument("the connection of this payload is over"));
        }
        let skipping = self.skipping.as_mut().ok_or(Failure::Argument(
            "there is no payload to be skipped; hint: see what ek_received returned",
        ))?;
        let left = skipping.skip(len, &mut self.bytes)?;
        if left > 0 {
            core.handle(now, Input::Heard(conn));
            return Ok(left);
        }
        self.skipped.add(&mut self.bytes);
        self.skipping = None;
        (self.chunk, self.reserved) = (0..0, 0);
        self.feed(core, now);
        Ok(0)
    }

    /// Hands the core what it takes.
    pub(crate) fn feed(&mut self, core: &mut Client, now: Instant) {
        let Some(conn) = self.conn else { return };
        // What is being skipped is no packet before its end.
        if self.bytes.is_empty() || self.skipping.is_some() || !core.wants_read() {
            return;
        }
        core.handle(now, Input::Received(conn, &mut self.bytes));
    }

    /// The next connection begins with nothing.
    pub(crate) fn clear(&mut self) {
        // Messages that came before may wait yet.
        let skipped = core::mem::take(&mut self.skipped);
        *self = Self { skipped, ..Self::default() };
    }

    /// Gives memory back that is of no use while nothing comes.
    pub(crate) fn tidy(&mut self, all_told: bool) {
        if all_told && self.bytes.is_empty() {
            self.skipped.forget();
        }
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
