//! Who waits for which outcome: a slab, so that no operation allocates a channel.

use std::task::Waker;

use evenkeel_proto::{Completion, Token};

use crate::wakers::Wakers;

#[derive(Debug)]
enum Slot {
    Free {
        next: Option<u32>,
    },
    Waiting(Option<Waker>),
    Done(Completion),
    /// The receipt was dropped; the outcome interests no one.
    Detached,
}

/// Slots kept when no operation is under way.
const KEPT: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Operations {
    slots: Vec<(u32, Slot)>,
    free: Option<u32>,
    used: usize,
}

impl Operations {
    /// The token that [`begin`](Self::begin) will give next.
    pub(crate) fn upcoming(&self) -> Token {
        let index = self.free.map_or(self.slots.len(), |index| index as usize);
        let generation = self.slots.get(index).map_or(0, |(generation, _)| *generation);
        token(index as u32, following(generation))
    }

    /// A token for a new operation.
    pub(crate) fn begin(&mut self) -> Token {
        let index = match self.free {
            Some(index) => index,
            None => {
                self.slots.push((0, Slot::Free { next: None }));
                // More than 4 billion operations would not fit into memory.
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let Some((generation, slot)) = self.slots.get_mut(index as usize) else {
            return Token::NONE;
        };
        if let Slot::Free { next } = slot {
            self.free = *next;
        }
        *slot = Slot::Waiting(None);
        self.used += 1;
        *generation = following(*generation);
        token(index, *generation)
    }

    /// The core reports an outcome; returns who waits for it.
    pub(crate) fn complete(&mut self, completion: Completion) -> Option<Waker> {
        let token = completion.token();
        let slot = self.slot(token)?;
        match slot {
            Slot::Waiting(waker) => {
                let waker = waker.take();
                *slot = Slot::Done(completion);
                waker
            }
            Slot::Detached => {
                self.release(token);
                None
            }
            _ => None,
        }
    }

    /// Takes the outcome, or leaves a waker for it.
    pub(crate) fn poll(&mut self, token: Token, waker: &Waker) -> Option<Completion> {
        let slot = self.slot(token)?;
        match slot {
            Slot::Waiting(waiting) => {
                match waiting {
                    Some(old) if old.will_wake(waker) => {}
                    _ => *waiting = Some(waker.clone()),
                }
                None
            }
            Slot::Done(_) => match self.release(token) {
                Some(Slot::Done(completion)) => Some(completion),
                _ => None,
            },
            _ => None,
        }
    }

    /// No one waits any more; the operation itself goes on.
    pub(crate) fn detach(&mut self, token: Token) {
        match self.slot(token) {
            Some(slot @ Slot::Waiting(_)) => *slot = Slot::Detached,
            Some(Slot::Done(_)) => drop(self.release(token)),
            _ => {}
        }
    }

    /// Gives back a token that the core never took.
    pub(crate) fn cancel(&mut self, token: Token) {
        self.release(token);
    }

    /// Hands out everyone who waits: the driver has ended.
    pub(crate) fn wake_all(&mut self, wakers: &mut Wakers) {
        wakers.extend(self.slots.iter_mut().filter_map(|(_, slot)| match slot {
            Slot::Waiting(waker) => waker.take(),
            _ => None,
        }));
    }

    fn slot(&mut self, token: Token) -> Option<&mut Slot> {
        let (generation, slot) = self.slots.get_mut(token.0 as u32 as usize)?;
        (u64::from(*generation) == token.0 >> 32).then_some(slot)
    }

    fn release(&mut self, token: Token) -> Option<Slot> {
        let next = self.free;
        let slot = self.slot(token)?;
        let old = std::mem::replace(slot, Slot::Free { next });
        self.free = Some(token.0 as u32);
        self.used -= 1;
        if self.used == 0 && self.slots.len() > KEPT {
            // A burst is over. No one holds a token, so none can be mistaken for a new one.
            *self = Self::default();
        }
        Some(old)
    }
}

/// Never all ones, so that no token is taken for [`Token::NONE`].
const fn following(generation: u32) -> u32 {
    generation.wrapping_add(1) & (u32::MAX >> 1)
}

const fn token(index: u32, generation: u32) -> Token {
    Token((generation as u64) << 32 | index as u64)
}
