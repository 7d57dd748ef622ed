//! Bytes to one client, and the faults that hold them back.

use std::time::Duration;

use super::time::Instant;

/// A stop by a fault rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pause {
    #[default]
    Off,
    Until(Instant),
    Endless,
}

impl Pause {
    pub(crate) fn new(now: Instant, lasts: Option<Duration>) -> Self {
        match lasts {
            None => Self::Endless,
            Some(Duration::ZERO) => Self::Off,
            Some(lasts) => Self::Until(now + lasts),
        }
    }

    pub(crate) fn is_on(self, now: Instant) -> bool {
        match self {
            Self::Off => false,
            Self::Until(end) => now < end,
            Self::Endless => true,
        }
    }

    pub(crate) const fn end(self) -> Option<Instant> {
        match self {
            Self::Until(end) => Some(end),
            Self::Off | Self::Endless => None,
        }
    }
}

/// Bytes on their way to one client.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Encoded and not yet taken by the transport's side.
    pub(crate) buffer: Vec<u8>,
    /// Taken and not yet written.
    in_transit: usize,
    /// Bytes at the front of the buffer that no fault holds back.
    exempt: usize,
    pause: Pause,
    dribble: Option<Dribble>,
    /// When the transport last took bytes.
    written: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Dribble {
    bytes: usize,
    every: Duration,
    end: Pause,
    next: Instant,
}

impl Output {
    /// Bytes between the core and the wire.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len() + self.in_transit
    }

    /// Holds back what comes from now on.
    pub(crate) fn pause(&mut self, pause: Pause) {
        self.pause = pause;
        self.exempt = self.buffer.len();
    }

    /// Lets what comes from now on leave in small pieces.
    pub(crate) fn dribble(
        &mut self,
        now: Instant,
        bytes: usize,
        every: Duration,
        lasts: Option<Duration>,
    ) {
        self.dribble = Some(Dribble { bytes, every, end: Pause::new(now, lasts), next: now });
        self.exempt = self.buffer.len();
    }

    /// Moves what may leave now into `into` and returns how much that was.
    pub(crate) fn take(&mut self, now: Instant, into: &mut Vec<u8>) -> usize {
        let len = self.allowed(now).min(self.buffer.len());
        if len == 0 {
            return 0;
        }
        if len == self.buffer.len() && into.is_empty() {
            std::mem::swap(&mut self.buffer, into);
        } else {
            into.extend(self.buffer.drain(..len));
        }
        if len > self.exempt
            && let Some(dribble) = &mut self.dribble
        {
            dribble.next = now + dribble.every;
        }
        self.exempt = self.exempt.saturating_sub(len);
        self.in_transit += len;
        len
    }

    pub(crate) fn written(&mut self, now: Instant, bytes: usize) {
        self.in_transit = self.in_transit.saturating_sub(bytes);
        self.written = Some(now);
    }

    /// When the transport last took bytes.
    pub(crate) const fn last_written(&self) -> Option<Instant> {
        self.written
    }

    /// Whether what comes from now on is held back, an end of the stream as well.
    pub(crate) fn is_held(&self, now: Instant) -> bool {
        self.pause.is_on(now)
    }

    /// The end of the pause that holds it back.
    pub(crate) fn held_until(&self, now: Instant) -> Option<Instant> {
        if self.is_held(now) { self.pause.end() } else { None }
    }

    /// When something that waits may leave.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        if self.buffer.is_empty() {
            None
        } else if self.pause.is_on(now) {
            self.pause.end()
        } else {
            self.dribble.map(|dribble| dribble.next)
        }
    }

    fn allowed(&mut self, now: Instant) -> usize {
        if self.pause.is_on(now) {
            return self.exempt;
        }
        self.dribble = self.dribble.filter(|dribble| dribble.end.is_on(now));
        match self.dribble {
            None => usize::MAX,
            Some(dribble) if now >= dribble.next => self.exempt + dribble.bytes,
            Some(_) => self.exempt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_pause_holds_back_what_follows_it() {
        let mut output = Output::default();
        let mut taken = Vec::new();
        output.buffer.extend_from_slice(b"before");
        output.pause(Pause::Until(at(2)));
        output.buffer.extend_from_slice(b"after");
        assert_eq!(output.take(at(0), &mut taken), 6);
        assert_eq!(output.take(at(1), &mut taken), 0);
        assert_eq!(output.deadline(at(1)), Some(at(2)));
        assert_eq!(output.waiting(), 11);
        output.written(at(1), 6);
        assert_eq!(output.take(at(2), &mut taken), 5);
        assert_eq!(taken, b"beforeafter");
        assert_eq!(output.deadline(at(2)), None);
    }

    #[test]
    fn a_dribble_gives_pieces_at_intervals_and_ends() {
        let mut output = Output::default();
        output.buffer.extend_from_slice(b"12");
        output.dribble(at(0), 3, SECOND, Some(3 * SECOND));
        output.buffer.extend_from_slice(b"abcdefghijklmn");
        let mut taken = Vec::new();
        assert_eq!(output.take(at(0), &mut taken), 5);
        assert_eq!(output.take(at(0), &mut taken), 0);
        assert_eq!(output.deadline(at(0)), Some(at(1)));
        assert_eq!(output.take(at(1), &mut taken), 3);
        assert_eq!(output.take(at(2), &mut taken), 3);
        assert_eq!(output.take(at(3), &mut taken), 5, "the dribble is over");
        assert_eq!(taken, b"12abcdefghijklmn");
    }
}
