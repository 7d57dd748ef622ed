//! The connections of every source, by their numbers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Connection;
use crate::bounds::Bounds;
use crate::event::{ConnectionId, Event};
use crate::source::SourceId;

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
    /// By source, then by the connection's number.
    all: Vec<Vec<Option<Box<Live>>>>,
    /// How many there are.
    count: usize,
    /// For how many messages in flight there is memory.
    flights: usize,
}

impl Connections {
    /// The bytes of one at most, with its place; without its messages in flight.
    pub(crate) const EACH: usize =
        2 * size_of::<Option<Box<Live>>>() + size_of::<Live>() + Connection::BESIDE;

    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, all: Vec::new(), count: 0, flights: 0 }
    }

    pub(super) fn add_source(&mut self) {
        self.all.push(Vec::new());
    }

    /// Whether a number is past the bound.
    pub(super) fn is_past(&self, number: ConnectionId) -> bool {
        number.0 as usize >= self.bounds.connections
    }

    pub(super) fn get(&self, source: SourceId, number: ConnectionId) -> Option<&Live> {
        self.all.get(usize::from(source.0))?.get(number.0 as usize)?.as_deref()
    }

    pub(super) fn get_mut(&mut self, source: SourceId, number: ConnectionId) -> Option<&mut Live> {
        self.all.get_mut(usize::from(source.0))?.get_mut(number.0 as usize)?.as_deref_mut()
    }

    /// Follows one more; the place of its number is free.
    pub(super) fn insert(&mut self, event: &Event, client: u32) {
        let Some(all) = self.all.get_mut(usize::from(event.source.0)) else { return };
        let at = event.connection.0 as usize;
        if all.len() <= at {
            all.resize_with(at.saturating_add(1), || None);
        }
        let live = Live { connection: Connection::new(event), client, counted: false };
        if let Some(place) = all.get_mut(at) {
            *place = Some(Box::new(live));
            self.count = self.count.saturating_add(1);
        }
    }

    pub(super) fn remove(&mut self, source: SourceId, number: ConnectionId) -> Option<Box<Live>> {
        let all = self.all.get_mut(usize::from(source.0))?;
        let live = all.get_mut(number.0 as usize)?.take()?;
        cut(all);
        self.count = self.count.saturating_sub(1);
        self.flights = self.flights.saturating_sub(live.connection.flights_room());
        Some(live)
    }

    /// Takes an event of a connection in; `None` if it is not followed.
    pub(super) fn take(&mut self, event: &Event) -> Option<&Live> {
        let room = self.flights < self.bounds.flights();
        let all = self.all.get_mut(usize::from(event.source.0))?;
        let live = all.get_mut(event.connection.0 as usize)?.as_deref_mut()?;
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
            let at = all.iter().position(Option::is_some)?;
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
        let all = self.all.get(usize::from(source.0)).map_or(&[][..], Vec::as_slice);
        all.iter().enumerate().skip(from).filter_map(|(number, live)| {
            let live = live.as_ref().filter(|live| !live.counted)?;
            Some((ConnectionId(u32::try_from(number).ok()?), live.client))
        })
    }
}

/// Gives back the places behind the last connection of a source: of many sources
/// that have ended, each would keep as many as it once had.
fn cut(all: &mut Vec<Option<Box<Live>>>) {
    while all.last().is_some_and(Option::is_none) {
        all.pop();
    }
    if all.len() < all.capacity() / 4 {
        all.shrink_to(all.len().saturating_mul(2));
    }
}
