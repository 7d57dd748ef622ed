//! The places of one source's connections.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Live;
use crate::track::Watch;

/// Places of a page. Smaller ones need less memory if few numbers of each page are
/// in use, larger ones if a source's numbers are high.
pub(super) const PAGE: usize = 4;

/// Where a connection is, and what of it is watched.
#[derive(Debug, Default)]
struct Page {
    live: [Option<Box<Live>>; PAGE],
    watch: [Watch; PAGE],
    /// Which of them are in the list of those that are watched.
    listed: [bool; PAGE],
    /// How many places are in use.
    used: u8,
}

/// Connections by their numbers, in pages: one is there as long as a number of it
/// is in use.
#[derive(Debug, Default)]
pub(super) struct Pages {
    all: Vec<Option<Box<Page>>>,
    /// The numbers of those that are watched, and of some that were.
    watched: BTreeSet<u32>,
}

impl Pages {
    /// The bytes of a page, and of a place in a tree whose leaves are half in use.
    pub(super) const EACH: usize = size_of::<Page>() + 4 * size_of::<u32>();
    /// The bytes of a place in the list of pages.
    #[cfg(test)]
    pub(super) const PLACE: usize = size_of::<Option<Box<Page>>>();

    fn page(&self, number: usize) -> Option<&Page> {
        self.all.get(number / PAGE)?.as_deref()
    }

    fn page_mut(&mut self, number: usize) -> Option<&mut Page> {
        self.all.get_mut(number / PAGE)?.as_deref_mut()
    }

    pub(super) fn get(&self, number: usize) -> Option<&Live> {
        self.page(number)?.live.get(number % PAGE)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, number: usize) -> Option<&mut Live> {
        self.page_mut(number)?.live.get_mut(number % PAGE)?.as_deref_mut()
    }

    /// Puts a connection into its place; returns whether that was free.
    pub(super) fn insert(&mut self, number: usize, live: Live) -> bool {
        let pages = (number / PAGE).saturating_add(1);
        if self.all.len() < pages {
            // No room for more: there may be many sources.
            self.all.reserve_exact(pages.saturating_sub(self.all.len()));
            self.all.resize_with(pages, || None);
        }
        let Some(page) = self.all.get_mut(number / PAGE) else { return false };
        let page = page.get_or_insert_default();
        let Some(place) = page.live.get_mut(number % PAGE) else { return false };
        let free = place.replace(Box::new(live)).is_none();
        page.used = page.used.saturating_add(u8::from(free));
        free
    }

    /// Takes a connection out; a page without any is given back, and so is the end
    /// of the list.
    pub(super) fn remove(&mut self, number: usize) -> Option<Box<Live>> {
        let page = self.page_mut(number)?;
        let live = page.live.get_mut(number % PAGE)?.take()?;
        page.used = page.used.saturating_sub(1);
        let last = page.used == 0;
        self.unlist(number);
        if last {
            self.all.get_mut(number / PAGE)?.take();
            while self.all.last().is_some_and(Option::is_none) {
                self.all.pop();
            }
            if self.all.len() < self.all.capacity() / 4 {
                self.all.shrink_to_fit();
            }
        }
        Some(live)
    }

    /// Says what is watched of a connection.
    pub(super) fn watch(&mut self, number: usize, watch: Watch) {
        let Some(page) = self.page_mut(number) else { return };
        let (watches, listed) = (&mut page.watch, &mut page.listed);
        let at = number % PAGE;
        let (Some(now), Some(listed)) = (watches.get_mut(at), listed.get_mut(at)) else { return };
        *now = watch;
        if watch.any() && !core::mem::replace(listed, true) {
            self.watched.extend(u32::try_from(number));
        }
    }

    /// Takes a connection out of the list of those that are watched.
    fn unlist(&mut self, number: usize) {
        let Some(page) = self.page_mut(number) else { return };
        let (watches, listed) = (&mut page.watch, &mut page.listed);
        let at = number % PAGE;
        let (Some(watch), Some(listed)) = (watches.get_mut(at), listed.get_mut(at)) else { return };
        *watch = Watch::default();
        if core::mem::take(listed)
            && let Ok(number) = u32::try_from(number)
        {
            self.watched.remove(&number);
        }
    }

    /// The first one from a number on of which something is watched.
    pub(super) fn next_watched(&mut self, from: u32) -> Option<(u32, &Live, Watch)> {
        loop {
            let number = *self.watched.range(from..).next()?;
            let at = number as usize;
            let watch = self.page(at).and_then(|page| page.watch.get(at % PAGE).copied());
            match watch.filter(|watch| watch.any()) {
                Some(watch) => return Some((number, self.get(at)?, watch)),
                None => self.unlist(at),
            }
        }
    }

    /// All from a number on, with their numbers.
    pub(super) fn from(&self, from: usize) -> impl Iterator<Item = (usize, &Live)> {
        let pages = self.all.iter().enumerate().skip(from / PAGE);
        let pages = pages.filter_map(|(number, page)| Some((number, page.as_deref()?)));
        let all = pages.flat_map(|(number, page)| {
            let numbers = number.saturating_mul(PAGE)..;
            let places = numbers.zip(&page.live);
            places.filter_map(|(number, live)| Some((number, live.as_deref()?)))
        });
        all.skip_while(move |(number, ..)| *number < from)
    }

    /// The bytes of the pages and of their list.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let pages = self.all.iter().flatten().count();
        pages * Self::EACH + self.all.capacity() * Self::PLACE
    }
}
