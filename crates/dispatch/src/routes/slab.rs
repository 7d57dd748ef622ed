//! A list whose items keep their places.

use alloc::vec::Vec;

pub(super) struct Slab<T> {
    items: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn get(&self, id: u32) -> Option<&T> {
        self.items.get(id as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut T> {
        self.items.get_mut(id as usize)?.as_mut()
    }

    /// Adds an item; returns its place.
    pub(super) fn insert(&mut self, item: T) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.items.push(None);
            // More than 4 billion would not fit into memory.
            u32::try_from(self.items.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(place) = self.items.get_mut(id as usize) {
            *place = Some(item);
        }
        id
    }

    pub(super) fn remove(&mut self, id: u32) {
        if self.items.get_mut(id as usize).and_then(Option::take).is_some() {
            self.free.push(id);
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.items.len() == self.free.len()
    }

    /// Items that it has room for.
    #[cfg(test)]
    pub(super) const fn places(&self) -> usize {
        self.items.len()
    }
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { items: Vec::new(), free: Vec::new() }
    }
}
