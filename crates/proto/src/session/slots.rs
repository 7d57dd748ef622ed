//! Room for messages, each of which keeps its place while others come and go.

use alloc::vec::Vec;
use core::num::NonZeroUsize;

use super::queue::Queued;

/// Places of a page; one bit each says which are taken.
const PAGE: usize = u64::BITS as usize;

/// Where a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(NonZeroUsize);

/// Messages in pages. The memory of a page is given back when its last message
/// leaves, so that no call gives back much at once; that of one page is kept.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pages: Vec<Page>,
    /// The pages that have room, of which the last is taken first.
    open: Vec<usize>,
}

#[derive(Debug, Default)]
struct Page {
    taken: u64,
    places: Vec<Option<Queued>>,
}

impl Slot {
    const fn of(page: usize, place: usize) -> Option<Self> {
        match NonZeroUsize::new(page * PAGE + place + 1) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    const fn page(self) -> usize {
        (self.0.get() - 1) / PAGE
    }

    const fn place(self) -> usize {
        (self.0.get() - 1) % PAGE
    }
}

impl Slots {
    pub(super) const fn new() -> Self {
        Self { pages: Vec::new(), open: Vec::new() }
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> Option<&Queued> {
        self.pages.get(slot.page())?.places.get(slot.place())?.as_ref()
    }

    pub(super) fn insert(&mut self, queued: Queued) -> Option<Slot> {
        let index = match self.open.last() {
            Some(index) => *index,
            None => self.add_page(),
        };
        let page = self.pages.get_mut(index)?;
        let place = page.taken.trailing_ones() as usize;
        match page.places.get_mut(place) {
            Some(free) => *free = Some(queued),
            None => {
                // The first one grows as it is needed: most queues are short.
                if place == 0 && index > 0 {
                    page.places.reserve_exact(PAGE);
                }
                page.places.push(Some(queued));
            }
        }
        page.taken |= 1 << place;
        if page.taken == u64::MAX {
            self.open.pop();
        }
        Slot::of(index, place)
    }

    #[inline]
    pub(super) fn take(&mut self, slot: Slot) -> Option<Queued> {
        let page = self.pages.get_mut(slot.page())?;
        if page.taken == u64::MAX {
            self.open.push(slot.page());
        }
        page.taken &= !(1 << slot.place());
        if page.taken == 0 && slot.page() > 0 {
            return core::mem::take(&mut page.places).into_iter().nth(slot.place())?;
        }
        page.places.get_mut(slot.place())?.take()
    }

    /// Forgets the empty pages but one, if nothing is left.
    #[cold]
    pub(super) fn clear(&mut self) {
        self.pages.truncate(1);
        self.pages.shrink_to(1);
        self.open.truncate(0);
        self.open.shrink_to(1);
        self.open.extend(self.pages.first().map(|_| 0));
    }

    #[cold]
    fn add_page(&mut self) -> usize {
        let index = self.pages.len();
        self.pages.push(Page::default());
        self.open.push(index);
        index
    }
}

#[cfg(test)]
impl Slots {
    /// Messages that there is memory for.
    pub(super) fn capacity(&self) -> usize {
        self.pages.iter().map(|page| page.places.capacity()).sum()
    }
}
