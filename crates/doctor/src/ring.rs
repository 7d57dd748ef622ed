//! The last few of something.

use alloc::collections::VecDeque;

/// Keeps the last `N`; what is pushed beyond replaces the oldest.
#[derive(Clone, Debug)]
pub(crate) struct Ring<T, const N: usize>(VecDeque<T>);

impl<T, const N: usize> Default for Ring<T, N> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T, const N: usize> Ring<T, N> {
    /// The bytes of a full one.
    pub(crate) const FULL: usize = N * size_of::<T>();

    pub(crate) fn push(&mut self, item: T) {
        if self.0.len() == N {
            self.0.pop_front();
        }
        if self.0.len() == self.0.capacity() {
            // Twice as many, and never room for more than `N`: there are many rings.
            let more = self.0.len().max(1).min(N.saturating_sub(self.0.len()));
            self.0.reserve_exact(more);
        }
        self.0.push_back(item);
    }

    /// Keeps the newest of them.
    pub(crate) fn keep_newest(&mut self, kept: usize) {
        let over = self.0.len().saturating_sub(kept);
        self.0.drain(..over);
        self.0.shrink_to(kept);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// For how many there is memory.
    pub(crate) fn room(&self) -> usize {
        self.0.capacity()
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.0.back()
    }

    /// From the oldest to the newest; `rev()` for the other way.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator + Clone {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.0.iter_mut()
    }

    /// The newest `n`, from the oldest of them on.
    pub(crate) fn newest(
        &self,
        n: usize,
    ) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
        self.0.iter().skip(self.0.len().saturating_sub(n))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::Ring;

    #[test]
    fn the_newest_are_kept_and_no_room_for_more() {
        let mut ring: Ring<u32, 12> = Ring::default();
        for n in 0..40 {
            ring.push(n);
            assert!(ring.0.capacity() <= 12, "{}", ring.0.capacity());
        }
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), (28..40).collect::<Vec<_>>());
        ring.keep_newest(3);
        assert_eq!(ring.iter().copied().collect::<Vec<_>>(), [37, 38, 39]);
        assert_eq!(ring.0.capacity(), 3);
    }
}
