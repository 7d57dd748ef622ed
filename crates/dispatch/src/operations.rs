//! Who waits for which outcome: a slab, so that no operation allocates a channel.

use alloc::vec::Vec;
use core::task::{Poll, Waker};

use evenkeel_proto::record::{Serial, StorageFailure};
use evenkeel_proto::{Completion, Delivered, DeliveryError, Token};

use crate::tuning;
use crate::wakers::Wakers;

#[derive(Debug)]
enum Slot {
    Free {
        next: Option<u32>,
    },
    /// With its number in the store, once that has it.
    Waiting(Option<Waker>, Option<Serial>),
    Done(Completion),
    /// The receipt was dropped; the outcome interests no one.
    Detached,
}

#[derive(Debug)]
struct Entry {
    generation: u32,
    /// Someone was woken and has not come.
    expected: bool,
    slot: Slot,
}

/// The operations under way, and who waits for the outcome of each.
#[derive(Debug, Default)]
pub struct Operations {
    slots: Vec<Entry>,
    free: Option<u32>,
    used: u32,
    /// Entries for which someone is expected.
    expected: u32,
}

impl Operations {
    /// The token that [`begin`](Self::begin) will give next.
    #[inline]
    pub fn upcoming(&self) -> Token {
        let index = self.free.map_or(self.slots.len(), |index| index as usize);
        let generation = self.slots.get(index).map_or(0, |entry| entry.generation);
        token(index as u32, following(generation))
    }

    /// A token for a new operation.
    #[inline]
    pub fn begin(&mut self) -> Token {
        let index = match self.free {
            Some(index) => index,
            None => {
                let slot = Slot::Free { next: None };
                self.slots.push(Entry { generation: 0, expected: false, slot });
                // More than 4 billion operations would not fit into memory.
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let Some(entry) = self.slots.get_mut(index as usize) else {
            return Token(u64::MAX);
        };
        if let Slot::Free { next } = entry.slot {
            self.free = next;
        }
        entry.slot = Slot::Waiting(None, None);
        self.used += 1;
        entry.generation = following(entry.generation);
        token(index, entry.generation)
    }

    /// The core reports an outcome; returns who waits for it.
    #[inline]
    pub fn complete(&mut self, completion: Completion) -> Option<Waker> {
        let token = completion.token();
        let entry = self.entry(token)?;
        match &mut entry.slot {
            Slot::Waiting(waker, _) => {
                let waker = waker.take();
                entry.slot = Slot::Done(completion);
                self.hand_out(token, waker)
            }
            Slot::Detached => {
                self.release(token);
                None
            }
            _ => None,
        }
    }

    /// Hands a waker out: its task is expected from now on.
    fn hand_out(&mut self, token: Token, waker: Option<Waker>) -> Option<Waker> {
        if waker.is_some()
            && let Some(entry) = self.entry(token)
            && !core::mem::replace(&mut entry.expected, true)
        {
            self.expected += 1;
        }
        waker
    }

    /// As [`poll`](Self::poll), for a publish, whose outcome is copied: it need
    /// not be moved out of the slot first.
    #[inline]
    pub fn poll_publish(
        &mut self,
        token: Token,
        waker: &Waker,
    ) -> Option<Result<Delivered, DeliveryError>> {
        match self.come(token)? {
            Slot::Waiting(waiting, _) => {
                wait(waiting, waker);
                None
            }
            Slot::Done(Completion::Publish { result, .. }) => {
                let result = result.clone();
                self.release(token);
                Some(result)
            }
            _ => None,
        }
    }

    /// Takes the outcome, or leaves a waker for it.
    #[inline]
    pub fn poll(&mut self, token: Token, waker: &Waker) -> Option<Completion> {
        let slot = self.come(token)?;
        match slot {
            Slot::Waiting(waiting, _) => {
                wait(waiting, waker);
                None
            }
            Slot::Done(_) => {
                let done = core::mem::replace(slot, Slot::Detached);
                self.release(token);
                match done {
                    Slot::Done(completion) => Some(completion),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The store has the message: who waits for that, and whether nobody
    /// waits for its outcome.
    pub fn on_stored(&mut self, token: Token, serial: Serial) -> (Option<Waker>, bool) {
        match self.entry(token).map(|entry| &mut entry.slot) {
            Some(Slot::Waiting(waker, stored)) => {
                *stored = Some(serial);
                let waker = waker.take();
                (self.hand_out(token, waker), false)
            }
            Some(Slot::Detached) => (None, true),
            _ => (None, false),
        }
    }

    /// Ready if the message is accepted, or not: the store has it, or
    /// could not take it.
    pub fn poll_stored(&mut self, token: Token, waker: &Waker) -> Poll<Result<(), StorageFailure>> {
        match self.come(token) {
            Some(Slot::Waiting(waiting, None)) => {
                wait(waiting, waker);
                Poll::Pending
            }
            Some(Slot::Done(Completion::Publish {
                result: Err(DeliveryError::NotStored(failure)),
                ..
            })) => {
                let failure = *failure;
                self.release(token);
                Poll::Ready(Err(failure))
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    /// No one waits any more; the operation itself goes on. Returns the
    /// number of a message that is in the store.
    pub fn detach(&mut self, token: Token) -> Option<Serial> {
        match self.come(token) {
            Some(slot @ Slot::Waiting(..)) => match core::mem::replace(slot, Slot::Detached) {
                Slot::Waiting(_, stored) => stored,
                _ => None,
            },
            Some(Slot::Done(_)) => {
                self.release(token);
                None
            }
            _ => None,
        }
    }

    /// Gives back a token that the core never took.
    pub fn cancel(&mut self, token: Token) {
        self.release(token);
    }

    /// Operations for which a task was woken that has not come.
    pub const fn expected(&self) -> usize {
        self.expected as usize
    }

    /// Hands out everyone who waits: the driver has ended.
    pub fn wake_all(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.slots.iter_mut().filter_map(|entry| match &mut entry.slot {
            Slot::Waiting(waker, _) => waker.take(),
            _ => None,
        }));
    }

    fn entry(&mut self, token: Token) -> Option<&mut Entry> {
        let entry = self.slots.get_mut(token.0 as u32 as usize)?;
        (u64::from(entry.generation) == token.0 >> 32).then_some(entry)
    }

    /// The task of this operation is here; what there is for it.
    fn come(&mut self, token: Token) -> Option<&mut Slot> {
        let entry = self.slots.get_mut(token.0 as u32 as usize)?;
        if u64::from(entry.generation) != token.0 >> 32 {
            return None;
        }
        self.expected -= u32::from(core::mem::take(&mut entry.expected));
        Some(&mut entry.slot)
    }

    fn release(&mut self, token: Token) {
        let next = self.free;
        let Some(slot) = self.come(token) else { return };
        *slot = Slot::Free { next };
        self.free = Some(token.0 as u32);
        self.used -= 1;
        if self.used == 0 && self.slots.len() > tuning::SLOTS_KEPT {
            // A burst is over. No one holds a token, so none can be mistaken for a new one.
            *self = Self::default();
        }
    }
}

fn wait(waiting: &mut Option<Waker>, waker: &Waker) {
    match waiting {
        Some(old) if old.will_wake(waker) => {}
        _ => *waiting = Some(waker.clone()),
    }
}

/// Never all ones, so that the largest token names no slot.
const fn following(generation: u32) -> u32 {
    generation.wrapping_add(1) & (u32::MAX >> 1)
}

const fn token(index: u32, generation: u32) -> Token {
    Token((generation as u64) << 32 | index as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(token: Token) -> Completion {
        Completion::Publish { token, result: Err(DeliveryError::ConnectionLost) }
    }

    #[test]
    fn whoever_is_woken_is_expected_until_he_comes_or_leaves() {
        let mut operations = Operations::default();
        let tokens = [(); 4].map(|()| operations.begin());
        for token in &tokens[..3] {
            assert!(operations.poll_publish(*token, Waker::noop()).is_none());
        }
        assert!(
            tokens.map(|token| operations.complete(publish(token)).is_some())[..3] == [true; 3]
        );
        assert_eq!(operations.expected(), 3, "nobody waits for the fourth yet");
        assert!(operations.poll_publish(tokens[0], Waker::noop()).is_some());
        assert!(operations.poll(tokens[1], Waker::noop()).is_some());
        assert!(operations.poll(tokens[3], Waker::noop()).is_some());
        assert_eq!(operations.expected(), 1);
        operations.detach(tokens[2]);
        assert_eq!(operations.expected(), 0);
    }
}
