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
    pub(crate) fn push(&mut self, item: T) {
        if self.0.len() == N {
            self.0.pop_front();
        }
        self.0.push_back(item);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn last(&self) -> Option<&T> {
        self.0.back()
    }

    /// From the oldest to the newest; `rev()` for the other way.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + ExactSizeIterator {
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
