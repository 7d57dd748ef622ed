//! Who is to be woken, and who waits.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::num::NonZeroU64;
use core::task::Waker;

/// Wakers collected under the lock, to be woken once it is released. The
/// first one needs no memory of its own: mostly it is the only one.
#[derive(Debug, Default)]
pub struct Wakers {
    first: Option<Waker>,
    more: Vec<Waker>,
}

impl Wakers {
    /// Adds one.
    #[inline]
    pub fn push(&mut self, waker: Waker) {
        match self.first {
            None => self.first = Some(waker),
            Some(_) => self.more.push(waker),
        }
    }

    /// Takes over the wakers of another collection.
    #[inline]
    pub fn append(&mut self, other: &mut Self) {
        if let Some(waker) = other.first.take() {
            self.push(waker);
        }
        self.more.append(&mut other.more);
    }

    /// How many there are.
    #[inline]
    pub const fn len(&self) -> usize {
        self.first.is_some() as usize + self.more.len()
    }

    /// True if there is nobody to wake.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes them all. Not under the lock: a waker may run any code.
    #[inline]
    pub fn wake(&mut self) {
        if let Some(waker) = self.first.take() {
            waker.wake();
        }
        for waker in self.more.drain(..) {
            waker.wake();
        }
    }
}

impl Extend<Waker> for Wakers {
    fn extend<T: IntoIterator<Item = Waker>>(&mut self, wakers: T) {
        wakers.into_iter().for_each(|waker| self.push(waker));
    }
}

/// Tasks that wait for the same thing, in the order in which they came. Each
/// waits once at most, however often it is polled.
#[derive(Debug, Default)]
pub struct Waiters {
    last: u64,
    waiting: BTreeMap<NonZeroU64, Waker>,
}

/// One task among the [`Waiters`]; kept by its future, given back when that is dropped.
#[derive(Debug, Default)]
pub struct Waiter(Option<NonZeroU64>);

impl Waiters {
    /// Waits, in the place that it had before if it had one.
    pub fn wait(&mut self, waiter: &mut Waiter, waker: &Waker) {
        let number = *waiter.0.get_or_insert_with(|| {
            self.last += 1;
            // A program does not live to see it overflow.
            NonZeroU64::new(self.last).unwrap_or(NonZeroU64::MAX)
        });
        self.waiting
            .entry(number)
            .and_modify(|known| known.clone_from(waker))
            .or_insert_with(|| waker.clone());
    }

    /// Waits no more.
    pub fn leave(&mut self, waiter: &mut Waiter) {
        if let Some(number) = waiter.0.take() {
            self.waiting.remove(&number);
        }
    }

    /// Hands out everyone who waits, the first comer first.
    pub fn wake_all(&mut self, wakers: &mut Wakers) {
        while let Some((_, waker)) = self.waiting.pop_first() {
            wakers.push(waker);
        }
    }

    /// As [`Self::wake_all`], and keeps no memory for those to come: they are few.
    pub fn dismiss_all(&mut self, wakers: &mut Wakers) {
        self.wake_all(wakers);
        self.waiting = BTreeMap::new();
    }
}

impl Waiter {
    /// True if the task has waited before.
    pub const fn is_waiting(&self) -> bool {
        self.0.is_some()
    }
}
