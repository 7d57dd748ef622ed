//! The clients of every source, each by its number and by who it is.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::client::Key;
use super::{Client, Population, Round};
use crate::bounds::Bounds;
use crate::source::SourceId;
use crate::texts::TextId;

/// Clients that one event may be about: nobody yet, a host, an identifier, and
/// the only one of its host.
const OF_ONE_EVENT: usize = 4;

/// All clients.
#[derive(Debug)]
pub(crate) struct Registry {
    bounds: Bounds,
    /// A number's last bits are its place here: the rest says how often the
    /// place had another client before.
    all: Vec<Option<Box<Client>>>,
    /// The next numbers of places that are free.
    free: Vec<u32>,
    keys: BTreeMap<(SourceId, Key), u32>,
    populations: Vec<Population>,
    /// The only identifier that any source has seen from a host; `OTHER` if
    /// there are several.
    only_ids: BTreeMap<TextId, TextId>,
    /// Events so far: says who was touched last.
    events: u64,
    /// For how many rounds there is memory.
    rounds: usize,
    /// Clients whose history was forgotten.
    pub(super) forgotten: u64,
}

impl Registry {
    /// The bytes of a client at most, with its places here and in a map of which
    /// half is in use; without its connections.
    pub(crate) const EACH: usize = 2 * size_of::<Option<Box<Client>>>()
        + 2 * size_of::<(SourceId, Key, u32)>()
        + size_of::<Client>()
        + Client::BESIDE;

    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            all: Vec::new(),
            free: Vec::new(),
            keys: BTreeMap::new(),
            populations: Vec::new(),
            only_ids: BTreeMap::new(),
            events: 0,
            rounds: 0,
            forgotten: 0,
        }
    }

    pub(super) fn add_source(&mut self) {
        self.populations.push(Population::default());
    }

    /// Another event comes.
    pub(super) fn next_event(&mut self) {
        self.events = self.events.saturating_add(1);
    }

    /// How many bits of a number are its place, as a mask.
    fn mask(&self) -> usize {
        let places = self.bounds.clients.saturating_add(OF_ONE_EVENT);
        places.checked_next_power_of_two().map_or(usize::MAX, |places| places - 1)
    }

    pub(super) fn get(&self, number: u32) -> Option<&Client> {
        let client = self.all.get(number as usize & self.mask())?.as_deref()?;
        (client.number == number).then_some(client)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Client> {
        let place = number as usize & self.mask();
        let client = self.all.get_mut(place)?.as_deref_mut()?;
        (client.number == number).then_some(client)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.all.iter().flatten().map(|client| &**client)
    }

    /// The client of this name, if it is remembered.
    pub(super) fn named(&self, source: SourceId, key: Key) -> Option<&Client> {
        self.get(*self.keys.get(&(source, key))?)
    }

    /// An event is about this client.
    pub(super) fn touch(&mut self, number: u32) {
        let events = self.events;
        if let Some(client) = self.get_mut(number) {
            client.touched = events;
        }
    }

    /// The client of this name: the one that is known, or a new one.
    pub(super) fn client_for(&mut self, source: SourceId, key: Key) -> u32 {
        if let Some(&known) = self.keys.get(&(source, key)) {
            self.touch(known);
            return known;
        }
        if self.keys.len() >= self.bounds.clients {
            self.forget_some();
        }
        let new = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let number = self.free.pop().unwrap_or(new);
        let client = Some(Box::new(Client::new(number, source, key, self.events)));
        let place = number as usize & self.mask();
        match self.all.get_mut(place) {
            Some(free) => *free = client,
            None => self.all.push(client),
        }
        self.keys.insert((source, key), number);
        if let Some(population) = self.population_mut(source) {
            population.clients = population.clients.saturating_add(1);
        }
        number
    }

    /// Forgets a quarter of the clients: first those without a connection, and
    /// of them those that were not touched for longest; none that this event is
    /// about.
    fn forget_some(&mut self) {
        let others = self.iter().filter(|client| client.touched < self.events);
        let mut order: Vec<(bool, u64, u32)> =
            others.map(|client| (!client.live.is_empty(), client.touched, client.number)).collect();
        order.sort_unstable();
        for (_, _, number) in order.iter().take((order.len() / 4).max(1)) {
            self.forget(*number);
        }
    }

    fn forget(&mut self, number: u32) {
        let mask = self.mask();
        let place = number as usize & mask;
        let Some(client) = self.all.get_mut(place).and_then(Option::take) else { return };
        self.keys.remove(&(client.source, client.key));
        self.rounds = self.rounds.saturating_sub(client.rounds.room());
        self.forgotten = self.forgotten.saturating_add(1);
        let step = u32::try_from(mask).ok().and_then(|mask| mask.checked_add(1));
        let next = step.and_then(|step| number.checked_add(step));
        // Past the last number the first one of the place comes again.
        self.free.extend(next.or_else(|| u32::try_from(place).ok()));
    }

    /// A connection of this client has ended. At the bound each client forgets
    /// the older half of its history.
    pub(super) fn add_round(&mut self, number: u32, round: Round) {
        let Some(client) = self.get_mut(number) else { return };
        let before = client.rounds.room();
        client.add_round(round);
        let after = client.rounds.room();
        self.rounds = self.rounds.saturating_add(after).saturating_sub(before);
        if self.rounds > self.bounds.rounds {
            self.rounds = 0;
            for client in self.all.iter_mut().flatten() {
                let half = client.rounds.len().div_ceil(2);
                client.rounds.keep_newest(half);
                self.rounds = self.rounds.saturating_add(client.rounds.room());
            }
        }
    }

    /// A host has a client of this identifier.
    pub(super) fn saw_id_of(&mut self, host: TextId, id: TextId) {
        if id.same(id) && host.same(host) {
            let only = self.only_ids.entry(host).or_insert(id);
            *only = if *only == id { id } else { TextId::OTHER };
        }
    }

    /// Somebody else knows the only identifier of a host.
    pub(super) fn identify(&mut self, host: TextId, id: TextId) {
        if host.same(host) && id.same(id) && self.only_ids.len() < self.bounds.clients {
            self.only_ids.entry(host).or_insert(id);
        }
    }

    /// The only client identifier that any source has seen from this host.
    pub(super) fn only_id(&self, host: TextId) -> Option<TextId> {
        self.only_ids.get(&host).copied().filter(|id| *id != TextId::OTHER)
    }

    pub(super) fn population(&self, source: SourceId) -> Option<&Population> {
        self.populations.get(usize::from(source.0))
    }

    pub(super) fn population_mut(&mut self, source: SourceId) -> Option<&mut Population> {
        self.populations.get_mut(usize::from(source.0))
    }
}
