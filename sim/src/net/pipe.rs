//! One direction of a connection, as TCP gives it: bytes in order, in pieces
//! of any size, none lost while it works.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::rng::Rng;
use crate::time::Time;

/// How a path behaves.
#[derive(Clone, Copy, Debug)]
pub struct PathSpec {
    /// Least time on the way.
    pub latency: Duration,
    /// Most time beyond that.
    pub jitter: Duration,
    /// Bytes in a second.
    pub rate: u64,
    /// Bytes the sender's system takes before they are acknowledged.
    pub send_buffer: usize,
    /// Bytes the receiver's system keeps unread.
    pub receive_buffer: usize,
}

impl Default for PathSpec {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(20),
            jitter: Duration::from_millis(10),
            rate: 2_000_000,
            send_buffer: 64 * 1024,
            receive_buffer: 64 * 1024,
        }
    }
}

/// How a stream ended for its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// In order, behind all bytes.
    Eof,
    /// By a reset.
    Reset,
    /// The system gave up on the peer.
    TimedOut,
}

/// Where a connection breaks by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// When this byte of the stream has arrived.
    pub at: u64,
    /// How both sides learn it.
    pub how: End,
}

/// One direction.
#[derive(Debug)]
pub struct Pipe {
    spec: PathSpec,
    rng: Rng,
    /// Taken from the sender and not on the way.
    unsent: BytesMut,
    flying: VecDeque<(Time, Bytes)>,
    flying_bytes: usize,
    arrived: BytesMut,
    /// Bytes that have arrived since the beginning.
    landed: u64,
    /// When the path can carry the next piece.
    free_at: Time,
    last_arrival: Time,
    /// Nothing passes before this moment.
    blocked_until: Time,
    /// The sender has closed, or something in between has.
    ending: Option<(Time, End)>,
    end: Option<End>,
    /// Where it breaks.
    pub cut: Option<Cut>,
    /// When the world looks at it next.
    pub event_at: Option<Time>,
}

/// Most bytes of one piece.
const SEGMENT: u64 = 1448;

impl Pipe {
    /// An empty one.
    pub fn new(spec: PathSpec, rng: Rng) -> Self {
        Self {
            spec,
            rng,
            unsent: BytesMut::new(),
            flying: VecDeque::new(),
            flying_bytes: 0,
            arrived: BytesMut::new(),
            landed: 0,
            free_at: Time(0),
            last_arrival: Time(0),
            blocked_until: Time(0),
            ending: None,
            end: None,
            cut: None,
            event_at: None,
        }
    }

    /// Takes what the send buffer has room for.
    pub fn write(&mut self, now: Time, bytes: &[u8]) -> usize {
        if self.ending.is_some() || self.end.is_some() {
            return 0;
        }
        let room = self.spec.send_buffer.saturating_sub(self.unsent.len() + self.flying_bytes);
        let count = room.min(bytes.len());
        self.unsent.extend_from_slice(&bytes[..count]);
        self.pump(now);
        count
    }

    /// Sends on their way the bytes that the receiver has room for.
    fn pump(&mut self, now: Time) {
        if now < self.blocked_until {
            return;
        }
        loop {
            let taken = self.flying_bytes + self.arrived.len();
            let room = self.spec.receive_buffer.saturating_sub(taken);
            // Pieces of every size, so that packets are cut anywhere.
            let most = 1 << self.rng.below(12);
            let piece = SEGMENT.min(most) as usize;
            let count = self.unsent.len().min(room).min(piece);
            if count == 0 {
                return;
            }
            let took = Duration::from_micros(count as u64 * 1_000_000 / self.spec.rate.max(1));
            self.free_at = self.free_at.max(now) + took;
            let jitter = self.rng.span(Duration::ZERO, self.spec.jitter);
            let at = (self.free_at + self.spec.latency + jitter).max(self.last_arrival);
            self.last_arrival = at;
            self.flying.push_back((at, self.unsent.split_to(count).freeze()));
            self.flying_bytes += count;
        }
    }

    /// Lets everything arrive that is due; the cut, if that was reached.
    pub fn land(&mut self, now: Time) -> Option<Cut> {
        if now < self.blocked_until {
            return None;
        }
        self.blocked_until = Time(0);
        while self.flying.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, bytes)) = self.flying.pop_front() else { break };
            self.flying_bytes -= bytes.len();
            let until = self.cut.map_or(u64::MAX, |cut| cut.at.saturating_sub(self.landed));
            let count = bytes.len().min(usize::try_from(until).unwrap_or(usize::MAX));
            self.arrived.extend_from_slice(&bytes[..count]);
            self.landed += count as u64;
            if let Some(cut) = self.cut.filter(|cut| self.landed >= cut.at) {
                return Some(cut);
            }
        }
        self.pump(now);
        let is_through = self.unsent.is_empty() && self.flying.is_empty();
        if let Some((at, end)) = self.ending
            && at <= now
            && (is_through || end != End::Eof)
        {
            self.end = Some(end);
        }
        None
    }

    /// When [`Pipe::land`] has something to do; `None` while it has not.
    pub fn next(&self) -> Option<Time> {
        if self.end.is_some() || self.blocked_until == Time::NEVER {
            return None;
        }
        let bytes = self.flying.front().map(|(at, _)| *at);
        let is_through = self.unsent.is_empty() && self.flying.is_empty();
        let end = self.ending.filter(|(_, end)| is_through || *end != End::Eof).map(|(at, _)| at);
        // Bytes held back by a block go when it ends.
        let is_held = !self.unsent.is_empty() && self.flying.is_empty();
        let held = (is_held && self.blocked_until > Time(0)).then_some(self.blocked_until);
        Some([bytes, end, held].into_iter().flatten().min()?.max(self.blocked_until))
    }

    /// Bytes that have arrived and were not read.
    pub fn unread(&self) -> usize {
        self.arrived.len()
    }

    /// The number of bytes that have arrived since the beginning.
    pub const fn landed(&self) -> u64 {
        self.landed
    }

    /// Moves up to `most` bytes that have arrived into `buffer`.
    pub fn read(&mut self, now: Time, most: usize, buffer: &mut BytesMut) -> usize {
        let count = self.arrived.len().min(most);
        buffer.extend_from_slice(&self.arrived.split_to(count));
        self.pump(now);
        count
    }

    /// How the stream ended, once nothing is left to read.
    pub fn end(&self) -> Option<End> {
        if self.arrived.is_empty() { self.end } else { None }
    }

    /// The sender closes: in order behind what it wrote, or with a reset.
    pub fn close(&mut self, now: Time, how: End) {
        if self.ending.is_some_and(|(_, end)| end != End::Eof) || self.end.is_some() {
            return;
        }
        let at = match how {
            End::Eof => (now + self.spec.latency).max(self.last_arrival),
            End::Reset | End::TimedOut => {
                self.unsent.clear();
                now + self.spec.latency
            }
        };
        self.ending = Some((at, how));
    }

    /// The reader finds the end at once: something on the way has broken.
    pub fn break_off(&mut self, how: End) {
        self.unsent.clear();
        self.flying.clear();
        self.flying_bytes = 0;
        self.end.get_or_insert(how);
    }

    /// Nothing passes until then. What is on its way is sent again afterwards.
    pub fn block(&mut self, until: Time) {
        self.blocked_until = self.blocked_until.max(until);
        self.take_back();
    }

    /// What is on its way has to be sent again.
    fn take_back(&mut self) {
        let mut unsent = BytesMut::new();
        for (_, bytes) in self.flying.drain(..) {
            unsent.extend_from_slice(&bytes);
        }
        self.flying_bytes = 0;
        unsent.extend_from_slice(&self.unsent);
        self.unsent = unsent;
    }

    /// True if nothing will ever pass again.
    pub const fn is_dead(&self) -> bool {
        self.blocked_until.0 == Time::NEVER.0
    }

    /// Ends a block that is not forever.
    pub fn unblock(&mut self, now: Time) {
        if !self.is_dead() {
            self.blocked_until = self.blocked_until.min(now);
            self.pump(now);
        }
    }

    /// The path behaves like this from now on, for what is on its way as well: the
    /// queue of a path that was slow goes at the new pace.
    pub fn shape(&mut self, now: Time, spec: PathSpec) {
        self.spec = spec;
        self.take_back();
        self.free_at = now;
        self.last_arrival = now;
        self.pump(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe() -> Pipe {
        Pipe::new(PathSpec::default(), Rng::new(1))
    }

    /// Lets everything happen up to a moment; returns what can be read then.
    fn run(pipe: &mut Pipe, until: Time) -> Vec<u8> {
        while let Some(at) = pipe.next().filter(|at| *at <= until) {
            pipe.land(at);
        }
        let mut read = BytesMut::new();
        pipe.read(until, usize::MAX, &mut read);
        read.to_vec()
    }

    #[test]
    fn bytes_arrive_whole_and_in_order() {
        let mut pipe = pipe();
        let sent: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
        assert_eq!(pipe.write(Time(0), &sent), sent.len());
        pipe.close(Time(0), End::Eof);
        assert_eq!(run(&mut pipe, Time(19_999)), [0_u8; 0], "nothing before the latency");
        assert_eq!(run(&mut pipe, Time(2_000_000)), sent);
        assert_eq!(pipe.end(), Some(End::Eof));
    }

    #[test]
    fn an_unread_receiver_stops_the_sender() {
        let mut pipe = pipe();
        let bytes = vec![7; 300 * 1024];
        let mut written = pipe.write(Time(0), &bytes);
        assert_eq!(written, 64 * 1024);
        for second in 1..9 {
            let now = Time(second * 1_000_000);
            while let Some(at) = pipe.next().filter(|at| *at <= now) {
                pipe.land(at);
            }
            written += pipe.write(now, &bytes);
        }
        assert_eq!(written, 128 * 1024, "both buffers full");
        let mut read = BytesMut::new();
        assert_eq!(pipe.read(Time(9_000_000), 1000, &mut read), 1000);
        assert_eq!(pipe.write(Time(9_000_000), &bytes), 0, "still on their way");
    }

    #[test]
    fn a_block_delays_and_a_dead_pipe_delivers_nothing() {
        let mut held = pipe();
        held.write(Time(0), b"hello");
        held.block(Time(5_000_000));
        assert_eq!(run(&mut held, Time(4_999_999)), b"");
        assert_eq!(run(&mut held, Time(6_000_000)), b"hello");
        let mut dead = pipe();
        dead.write(Time(0), b"hello");
        dead.block(Time::NEVER);
        dead.close(Time(0), End::Reset);
        assert_eq!(dead.next(), None, "not even a reset passes");
    }

    /// A seed was called too slow for its faults, of which one had filled the
    /// receive buffer of a path with 50 bytes in a second.
    #[test]
    fn what_a_slow_path_has_queued_goes_at_the_new_pace() {
        let mut pipe = pipe();
        pipe.shape(Time(0), PathSpec { rate: 50, ..PathSpec::default() });
        let sent: Vec<u8> = (0..50_000_u32).map(|n| n as u8).collect();
        assert_eq!(pipe.write(Time(0), &sent), sent.len());
        let mut got = run(&mut pipe, Time(10_000_000));
        assert!(got.len() <= 500, "{} bytes in 10 s", got.len());
        pipe.shape(Time(10_000_000), PathSpec::default());
        got.extend(run(&mut pipe, Time(12_000_000)));
        assert_eq!(got, sent);
    }

    #[test]
    fn a_cut_lets_exactly_the_bytes_before_it_arrive() {
        for at in 0..=5 {
            let mut pipe = pipe();
            pipe.cut = Some(Cut { at, how: End::Reset });
            pipe.write(Time(0), b"hello, world");
            let mut cut = None;
            while cut.is_none() {
                let next = pipe.next().unwrap();
                cut = pipe.land(next);
            }
            assert_eq!((pipe.landed(), pipe.unread()), (at, at as usize));
        }
    }
}
