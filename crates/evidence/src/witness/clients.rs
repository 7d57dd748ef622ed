//! Which connections of two sources may be the same ones.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_doctor::{Address, TextId, Time};

use super::align::{Aligned, Pair};
use super::seen::{Seen, Witness};

/// The connections of a source that can be matched, by who they are of.
#[derive(Debug)]
pub(super) struct Clients<'a> {
    /// Those with a CONNECT, or what stands for it, in the order of its times.
    pub(super) all: Vec<(Time, &'a Seen)>,
    by_id: BTreeMap<TextId, Vec<usize>>,
    by_address: BTreeMap<Address, Vec<usize>>,
    /// The identifier of all of them and their numbers, if the source shows one
    /// client alone.
    only: Option<(TextId, Vec<usize>)>,
    /// When connections began of which it does not say whose they are.
    unnamed: Vec<Time>,
}

impl<'a> Clients<'a> {
    pub(super) fn of(witness: &'a Witness) -> Self {
        let connected = |seen: &'a Seen| Some((seen.connect?, seen));
        let mut all: Vec<(Time, &Seen)> =
            witness.connections.iter().filter_map(connected).collect();
        all.sort_by_key(|(at, _)| *at);
        let mut by_id: BTreeMap<TextId, Vec<usize>> = BTreeMap::new();
        let mut by_address: BTreeMap<Address, Vec<usize>> = BTreeMap::new();
        for (number, (_, seen)) in all.iter().enumerate() {
            if seen.id.same(seen.id) {
                by_id.entry(seen.id).or_default().push(number);
            }
            if has_port(seen) {
                by_address.entry(seen.client).or_default().push(number);
            }
        }
        let mut who: Vec<_> = all.iter().map(|(_, seen)| (seen.id, seen.client.host)).collect();
        who.sort_unstable();
        who.dedup();
        let only = match who.as_slice() {
            [(id, _)] => Some((*id, (0..all.len()).collect())),
            _ => None,
        };
        let unnamed = witness.connections.iter().filter(|seen| seen.connect.is_none());
        let mut unnamed: Vec<Time> = unnamed.map(|seen| seen.began).collect();
        unnamed.sort_unstable();
        Self { all, by_id, by_address, only, unnamed }
    }

    /// Which connections of `self` one of another source may be; `only`: it is
    /// of the only client of that source.
    pub(super) fn like(&self, seen: &Seen, only: bool) -> &[usize] {
        // Nothing is kept by an identifier or address that is not known.
        if let Some(of_id) = self.by_id.get(&seen.id) {
            return of_id;
        }
        // One of them may not know identifiers, as under TLS.
        let nameless = seen.id.is_none() || self.by_id.is_empty();
        match (self.by_address.get(&seen.client), &self.only) {
            (Some(of_address), _) if nameless => of_address,
            (_, Some((id, all))) if only && (id.is_none() || seen.id.is_none()) => all,
            _ => &[],
        }
    }

    /// Whether they may have a client in common.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let only = self.has_one_client();
        self.all.iter().any(|(_, seen)| !other.like(seen, only).is_empty())
    }

    pub(super) fn has_one_client(&self) -> bool {
        self.only.is_some()
    }

    /// Whether a connection begins at about this time of which the source does
    /// not say whose it is.
    pub(super) fn has_unnamed(&self, at: Time, slack: Duration) -> bool {
        let first = self.unnamed.partition_point(|began| began.plus(slack) < at);
        self.unnamed.get(first).is_some_and(|began| *began <= at.plus(slack))
    }

    /// When the connections began whose address and port no other one has.
    pub(super) fn once(&self) -> BTreeMap<Address, Time> {
        let once = |(address, all): (&Address, &Vec<usize>)| match all.as_slice() {
            [only] => Some((*address, self.all.get(*only)?.0)),
            _ => None,
        };
        self.by_address.iter().filter_map(once).collect()
    }

    /// How many of its connections could be one of the other source's, from one
    /// time to another.
    pub(super) fn shared(&self, other: &Self, from: Time, to: Time) -> usize {
        let only = self.has_one_client();
        let shared = |(at, seen): &&(Time, &Seen)| {
            (from..=to).contains(at) && !other.like(seen, only).is_empty()
        };
        self.all.iter().filter(shared).count()
    }
}

/// Which clients are at which hosts, by connections of two sources of which one
/// shows no identifiers.
#[derive(Debug, Default)]
pub(super) struct Hosts(BTreeMap<TextId, TextId>);

impl Hosts {
    pub(super) fn of(&mut self, pair: &Pair<'_>, aligned: &Aligned) {
        for (here, there) in &aligned.matching.joined {
            if let Some(((_, one), (_, other))) =
                pair.here.all.get(*here).zip(pair.there.all.get(*there))
            {
                self.add(one.client.host, one.id, other.id);
                self.add(other.client.host, other.id, one.id);
            }
        }
    }

    fn add(&mut self, host: TextId, none: TextId, id: TextId) {
        if none.is_none() && host.same(host) && id.same(id) {
            let known = self.0.entry(host).or_insert(id);
            *known = if *known == id { id } else { TextId::OTHER };
        }
    }

    /// Hosts of one client alone.
    pub(super) fn into_vec(self) -> Vec<(TextId, TextId)> {
        self.0.into_iter().filter(|(_, id)| *id != TextId::OTHER).collect()
    }
}

/// Whether the client's port is known, which tells connections apart.
fn has_port(seen: &Seen) -> bool {
    seen.client.host.same(seen.client.host) && seen.client.port > 0
}

/// Whether two are the same connection by address and port.
pub(super) fn same_address(one: &Seen, other: &Seen) -> bool {
    has_port(one) && one.client == other.client
}

/// Whether two may be the same connection. Addresses may differ, as a router
/// may stand between the sources; ports of one address may not.
pub(super) fn may_be_same(one: &Seen, other: &Seen) -> bool {
    let ids = one.id == other.id || one.id.is_none() || other.id.is_none();
    let known = has_port(one) && has_port(other) && one.client.host == other.client.host;
    ids && (!known || one.client.port == other.client.port)
}
