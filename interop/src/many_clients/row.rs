//! The messages of one publisher, as they must arrive.

use std::fmt;

use evenkeel::{Bytes, Message};

/// Bytes of the publisher's number and of the place in the row.
const HEAD: usize = 16;

/// Judges the messages of one publisher at its subscriber.
#[derive(Debug)]
pub struct Row {
    publisher: u64,
    next: u64,
    duplicates: u64,
}

/// What must not happen with QoS 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowError {
    /// The payload is not one of these clients'.
    Garbled,
    /// It is another publisher's.
    Stray {
        /// Whose.
        publisher: u64,
    },
    /// Messages are missing, or later ones came first.
    Gap {
        /// The place that was due.
        due: u64,
        /// The place that came.
        came: u64,
    },
    /// A message came again as if it were new.
    UnmarkedDuplicate {
        /// Its place.
        place: u64,
    },
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbled => f.write_str("a payload that nobody sent"),
            Self::Stray { publisher } => write!(f, "a message of publisher {publisher}"),
            Self::Gap { due, came } => write!(f, "message {came} came where {due} was due"),
            Self::UnmarkedDuplicate { place } => {
                write!(f, "message {place} came again without the DUP flag")
            }
        }
    }
}

impl std::error::Error for RowError {}

impl Row {
    /// The row of this publisher, from its first message.
    pub const fn of(publisher: u64) -> Self {
        Self { publisher, next: 0, duplicates: 0 }
    }

    /// Messages that came, repetitions not counted.
    pub const fn delivered(&self) -> u64 {
        self.next
    }

    /// Repetitions.
    pub const fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// The payload at a place of a publisher's row.
    pub fn payload(publisher: u64, place: u64, length: usize) -> Bytes {
        let mut payload = vec![fill(publisher, place); length.max(HEAD)];
        let (head, _) = payload.split_at_mut(HEAD);
        let (first, second) = head.split_at_mut(HEAD / 2);
        first.copy_from_slice(&publisher.to_be_bytes());
        second.copy_from_slice(&place.to_be_bytes());
        payload.into()
    }

    /// Takes the next message; true if it is new.
    pub fn take(&mut self, message: &Message) -> Result<bool, RowError> {
        self.judge(message.payload(), message.dup())
    }

    fn judge(&mut self, payload: &[u8], dup: bool) -> Result<bool, RowError> {
        let (publisher, place) = read(payload).ok_or(RowError::Garbled)?;
        if publisher != self.publisher {
            return Err(RowError::Stray { publisher });
        }
        if place > self.next {
            return Err(RowError::Gap { due: self.next, came: place });
        }
        if place == self.next {
            self.next += 1;
            return Ok(true);
        }
        if !dup {
            return Err(RowError::UnmarkedDuplicate { place });
        }
        self.duplicates += 1;
        Ok(false)
    }
}

/// What the rest of a payload consists of.
const fn fill(publisher: u64, place: u64) -> u8 {
    (publisher.wrapping_mul(31).wrapping_add(place) % 251) as u8
}

fn read(payload: &[u8]) -> Option<(u64, u64)> {
    let (publisher, rest) = payload.split_first_chunk()?;
    let (place, rest) = rest.split_first_chunk()?;
    let (publisher, place) = (u64::from_be_bytes(*publisher), u64::from_be_bytes(*place));
    rest.iter().all(|byte| *byte == fill(publisher, place)).then_some((publisher, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(row: &mut Row, place: u64, dup: bool) -> Result<bool, RowError> {
        row.judge(&Row::payload(7, place, 64), dup)
    }

    #[test]
    fn a_row_in_order_is_delivered() {
        let mut row = Row::of(7);
        assert_eq!(judged(&mut row, 0, false), Ok(true));
        assert_eq!(judged(&mut row, 1, false), Ok(true));
        assert_eq!((row.delivered(), row.duplicates()), (2, 0));
    }

    #[test]
    fn a_missing_message_is_a_gap() {
        let mut row = Row::of(7);
        assert_eq!(judged(&mut row, 0, false), Ok(true));
        assert_eq!(judged(&mut row, 2, false), Err(RowError::Gap { due: 1, came: 2 }));
    }

    #[test]
    fn only_a_marked_duplicate_is_accepted() {
        let mut row = Row::of(7);
        assert_eq!(judged(&mut row, 0, false), Ok(true));
        assert_eq!(judged(&mut row, 0, true), Ok(false));
        assert_eq!((row.delivered(), row.duplicates()), (1, 1));
        let error = RowError::UnmarkedDuplicate { place: 0 };
        assert_eq!(judged(&mut row, 0, false), Err(error));
    }

    #[test]
    fn foreign_and_broken_payloads_are_told_apart() {
        let mut row = Row::of(7);
        let foreign = Row::payload(8, 0, 64);
        assert_eq!(row.judge(&foreign, false), Err(RowError::Stray { publisher: 8 }));
        let mut broken = Row::payload(7, 0, 64).to_vec();
        broken[63] ^= 1;
        assert_eq!(row.judge(&broken, false), Err(RowError::Garbled));
        assert_eq!(row.judge(&[0; 15], false), Err(RowError::Garbled));
    }
}
