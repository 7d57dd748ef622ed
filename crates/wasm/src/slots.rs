//! Numbers from 1 for things that are kept, the free ones used again.

use alloc::vec::Vec;

/// Things with numbers.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    taken: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self { taken: Vec::new(), free: Vec::new() }
    }

    /// The number of `value`; `None` if as many as `limit` have one.
    pub(crate) fn put(&mut self, value: T, limit: u32) -> Option<u32> {
        if let Some(number) = self.free.pop() {
            *self.taken.get_mut(index(number)?)? = Some(value);
            return Some(number);
        }
        let number = u32::try_from(self.taken.len()).ok()?.checked_add(1)?;
        if number > limit {
            return None;
        }
        self.taken.push(Some(value));
        Some(number)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&T> {
        self.taken.get(index(number)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        self.taken.get_mut(index(number)?)?.as_mut()
    }

    pub(crate) fn take(&mut self, number: u32) -> Option<T> {
        let value = self.taken.get_mut(index(number)?)?.take()?;
        self.free.push(number);
        if self.free.len() == self.taken.len() {
            *self = Self::new();
        }
        Some(value)
    }
}

fn index(number: u32) -> Option<usize> {
    number.checked_sub(1).map(|index| index as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_used_again_up_to_the_limit() {
        let mut slots = Slots::new();
        assert_eq!(
            [slots.put('a', 2), slots.put('b', 2), slots.put('c', 2)],
            [Some(1), Some(2), None]
        );
        assert_eq!((slots.take(1), slots.take(1), slots.take(0)), (Some('a'), None, None));
        assert_eq!((slots.put('c', 2), slots.get(1), slots.get(3)), (Some(1), Some(&'c'), None));
        assert_eq!((slots.take(2), slots.take(1)), (Some('b'), Some('c')));
        assert_eq!(slots.put('d', 1), Some(1));
    }
}
