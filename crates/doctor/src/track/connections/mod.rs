//! The connections of every source, by their numbers.

mod pages;

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Connection, Watch};
use crate::bounds::Bounds;
use crate::event::{ConnectionId, Event};
use crate::source::SourceId;
use pages::Pages;

/// A connection that is followed, and the number of its client.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) connection: Connection,
    pub(super) client: u32,
    /// Its end has been told to its client.
    pub(super) counted: bool,
}

/// All that are followed.
#[derive(Debug)]
pub(crate) struct Connections {
    bounds: Bounds,
    /// By source.
    all: Vec<Pages>,
    /// How many there are.
    count: usize,
    /// For how many messages in flight there is memory.
    flights: usize,
}

impl Connections {
    /// The bytes of one at most, with a page that it has for itself; without its
    /// messages in flight.
    pub(crate) const EACH: usize = Pages::EACH + size_of::<Live>() + Connection::BESIDE;

    /// The bytes at most of a source's list of pages.
    #[cfg(test)]
    pub(crate) fn of_source(connections: usize) -> usize {
        connections.div_ceil(pages::PAGE) * Pages::PLACE
    }

    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, all: Vec::new(), count: 0, flights: 0 }
    }

    pub(super) fn add_source(&mut self) {
        self.all.push(Pages::default());
    }

    /// Whether a number is past the bound.
    pub(super) fn is_past(&self, number: ConnectionId) -> bool {
        number.0 as usize >= self.bounds.connections
    }

    pub(super) fn get(&self, source: SourceId, number: ConnectionId) -> Option<&Live> {
        self.all.get(usize::from(source.0))?.get(number.0 as usize)
    }

    pub(super) fn get_mut(&mut self, source: SourceId, number: ConnectionId) -> Option<&mut Live> {
        self.all.get_mut(usize::from(source.0))?.get_mut(number.0 as usize)
    }

    /// Follows one more; the place of its number is free.
    pub(super) fn insert(&mut self, event: &Event, client: u32) {
        let Some(all) = self.all.get_mut(usize::from(event.source.0)) else { return };
        let live = Live { connection: Connection::new(event), client, counted: false };
        if all.insert(event.connection.0 as usize, live) {
            self.count = self.count.saturating_add(1);
        }
    }

    pub(super) fn remove(&mut self, source: SourceId, number: ConnectionId) -> Option<Box<Live>> {
        let all = self.all.get_mut(usize::from(source.0))?;
        let live = all.remove(number.0 as usize)?;
        self.count = self.count.saturating_sub(1);
        self.flights = self.flights.saturating_sub(live.connection.flights_room());
        Some(live)
    }

    /// Takes an event of a connection in; `None` if it is not followed.
    pub(super) fn take(&mut self, event: &Event) -> Option<&Live> {
        let room = self.flights < self.bounds.flights();
        let all = self.all.get_mut(usize::from(event.source.0))?;
        let live = all.get_mut(event.connection.0 as usize)?;
        let before = live.connection.flights_room();
        live.connection.take(event, room);
        let after = live.connection.flights_room();
        self.flights = self.flights.saturating_add(after).saturating_sub(before);
        Some(live)
    }

    /// Which one gives way to a new one of `source`, if there is no room: the
    /// first of the first other source, as that may have ended. A source by
    /// itself keeps to the bound by its numbers.
    pub(super) fn gives_way(&self, source: SourceId) -> Option<(SourceId, ConnectionId)> {
        if self.count < self.bounds.connections {
            return None;
        }
        let others = (0..).zip(&self.all).filter(|(number, _)| *number != source.0);
        let mut all = others.filter_map(|(other, all)| {
            let (at, _) = all.from(0).next()?;
            Some((SourceId(other), ConnectionId(u32::try_from(at).ok()?)))
        });
        all.next()
    }

    /// Those of a source that have not ended, from number `from` on: each with
    /// its client.
    pub(super) fn from(
        &self,
        source: SourceId,
        from: usize,
    ) -> impl Iterator<Item = (ConnectionId, u32)> {
        let all = self.all.get(usize::from(source.0)).into_iter().flat_map(move |it| it.from(from));
        let live = all.filter(|(_, live)| !live.counted);
        live.filter_map(|(number, live)| {
            Some((ConnectionId(u32::try_from(number).ok()?), live.client))
        })
    }

    /// Says what is watched of a connection. `had`: whether its client had subscribed
    /// in a session that was kept.
    pub(super) fn watch(
        &mut self,
        source: SourceId,
        number: ConnectionId,
        had: impl FnOnce() -> bool,
    ) {
        let Some(all) = self.all.get_mut(usize::from(source.0)) else { return };
        let Some(live) = all.get(number.0 as usize) else { return };
        let watch = if live.counted { Watch::default() } else { Watch::of(&live.connection, had) };
        all.watch(number.0 as usize, watch);
    }

    /// The first one of a source, from number `from` on, of which something is
    /// watched, with its client.
    pub(super) fn next_watched(
        &mut self,
        source: SourceId,
        from: u32,
    ) -> Option<(ConnectionId, u32, Watch)> {
        let all = self.all.get_mut(usize::from(source.0))?;
        let (number, live, watch) = all.next_watched(from)?;
        Some((ConnectionId(number), live.client, watch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Place, What};
    use crate::time::Time;

    fn event(number: u32) -> Event {
        let (source, connection) = (SourceId(0), ConnectionId(number));
        Event { at: Time(0), source, connection, place: Place(0), what: What::Accepted }
    }

    fn with(numbers: impl Iterator<Item = u32>) -> Connections {
        let mut connections = Connections::new(Bounds::default());
        connections.add_source();
        numbers.for_each(|number| connections.insert(&event(number), 0));
        connections
    }

    fn all(connections: &Connections) -> Vec<u32> {
        connections.from(SourceId(0), 0).map(|(number, _)| number.0).collect()
    }

    #[test]
    fn a_source_holds_places_for_what_is_live_alone() {
        let most = Bounds::CONNECTIONS;
        let mut connections = with(0..most as u32);
        assert_eq!(all(&connections).len(), most);
        for number in 0..most as u32 - 1 {
            assert!(connections.remove(SourceId(0), ConnectionId(number)).is_some());
        }
        // The highest number alone is left.
        assert_eq!(all(&connections), [most as u32 - 1]);
        let bytes = connections.all[0].bytes();
        assert!(bytes <= Pages::EACH + Connections::of_source(most), "{bytes} bytes");
        assert!(connections.remove(SourceId(0), ConnectionId(most as u32 - 1)).is_some());
        assert_eq!(connections.all[0].bytes(), 0);
    }

    #[test]
    fn connections_that_are_far_apart_are_within_the_sum() {
        // One of each page: as many places are empty as can be.
        let numbers = || (0..Bounds::CONNECTIONS as u32).step_by(pages::PAGE);
        let connections = with(numbers());
        assert!(numbers().eq(all(&connections)));
        let most = numbers().count() * Pages::EACH + Connections::of_source(Bounds::CONNECTIONS);
        let bytes = connections.all[0].bytes();
        assert!((most * 9 / 10..=most).contains(&bytes), "{bytes} of {most} bytes");
    }

    #[test]
    fn what_is_watched_no_more_is_passed_over() {
        let mut connections = with(0..9);
        let mut watch = |number: u32, watched: bool| {
            let watch = if watched { Watch::PINGS } else { Watch::default() };
            connections.all[0].watch(number as usize, watch);
        };
        [3, 5, 6, 8].into_iter().for_each(|number| watch(number, true));
        [5, 6].into_iter().for_each(|number| watch(number, false));
        watch(6, true);
        assert!(connections.remove(SourceId(0), ConnectionId(8)).is_some());
        let mut next = |from| connections.next_watched(SourceId(0), from).map(|it| it.0.0);
        assert_eq!([0, 3, 4, 6, 7].map(&mut next), [Some(3), Some(3), Some(6), Some(6), None]);
    }

    #[test]
    fn a_number_is_found_from_the_one_before_on() {
        let connections = with([3, 15, 16, 47].into_iter());
        let from = |from| {
            let next = connections.from(SourceId(0), from).next();
            next.map(|(number, _)| number.0)
        };
        let found = [0, 3, 4, 16, 17, 47].map(from);
        assert_eq!(found, [Some(3), Some(3), Some(15), Some(16), Some(47), Some(47)]);
        assert_eq!(from(48), None);
    }
}
