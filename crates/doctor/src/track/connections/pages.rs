//! The places of one source's connections.

use alloc::boxed::Box;
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
    /// How many places are in use.
    used: u8,
}

/// Connections by their numbers, in pages: one is there as long as a number of it
/// is in use.
#[derive(Debug, Default)]
pub(super) struct Pages(Vec<Option<Box<Page>>>);

impl Pages {
    /// The bytes of a page.
    pub(super) const EACH: usize = size_of::<Page>();
    /// The bytes of a place in the list of pages.
    #[cfg(test)]
    pub(super) const PLACE: usize = size_of::<Option<Box<Page>>>();

    fn page(&self, number: usize) -> Option<&Page> {
        self.0.get(number / PAGE)?.as_deref()
    }

    fn page_mut(&mut self, number: usize) -> Option<&mut Page> {
        self.0.get_mut(number / PAGE)?.as_deref_mut()
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
        if self.0.len() < pages {
            // No room for more: there may be many sources.
            self.0.reserve_exact(pages.saturating_sub(self.0.len()));
            self.0.resize_with(pages, || None);
        }
        let Some(page) = self.0.get_mut(number / PAGE) else { return false };
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
        if let Some(watch) = page.watch.get_mut(number % PAGE) {
            *watch = Watch::default();
        }
        if page.used == 0 {
            self.0.get_mut(number / PAGE)?.take();
            while self.0.last().is_some_and(Option::is_none) {
                self.0.pop();
            }
            if self.0.len() < self.0.capacity() / 4 {
                self.0.shrink_to_fit();
            }
        }
        Some(live)
    }

    /// Says what is watched of a connection.
    pub(super) fn watch(&mut self, number: usize, watch: Watch) {
        let place = self.page_mut(number).and_then(|page| page.watch.get_mut(number % PAGE));
        place.into_iter().for_each(|place| *place = watch);
    }

    /// All from a number on, with their numbers and what of them is watched.
    pub(super) fn from(&self, from: usize) -> impl Iterator<Item = (usize, &Live, Watch)> {
        let pages = self.0.iter().enumerate().skip(from / PAGE);
        let pages = pages.filter_map(|(number, page)| Some((number, page.as_deref()?)));
        let all = pages.flat_map(|(number, page)| {
            let numbers = number.saturating_mul(PAGE)..;
            let places = numbers.zip(page.live.iter().zip(&page.watch));
            places.filter_map(|(number, (live, watch))| Some((number, live.as_deref()?, *watch)))
        });
        all.skip_while(move |(number, ..)| *number < from)
    }

    /// The bytes of the pages and of their list.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let pages = self.0.iter().flatten().count();
        pages * Self::EACH + self.0.capacity() * Self::PLACE
    }
}
