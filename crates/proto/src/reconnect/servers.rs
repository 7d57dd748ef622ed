//! Which server the next attempt goes to (R10).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::time::Duration;

use evenkeel_codec::{Text, Version};

use crate::cause::{CauseClass, DisconnectCause};
use crate::io::Served;
use crate::reference::NamedServer;
use crate::time::Instant;

use super::version::Spoken;

/// How long a server that failed comes behind the others.
const REMEMBERED: Duration = Duration::from_secs(600);
/// A connection that lived shorter counts as one that failed.
const SHORT_LIFE: Duration = Duration::from_secs(30);
/// Hosts of one server reference that are tried; more are left out.
const NAMED_HOSTS: usize = 16;
/// How often servers that refused are asked again because the credentials are
/// others, until one accepts: a hook may answer otherwise each time.
const RENEWALS: u8 = 3;

/// The servers of one client: which is next, and what is known of each (R10, R14).
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    count: u32,
    /// The server of the list that was chosen last.
    index: u32,
    /// One for each server, once there is something to know: a client whose one
    /// server does as it should keeps nothing.
    known: Box<[Standing]>,
    /// All there is to know of the only server: it speaks MQTT 5.
    speaks_v5: bool,
    /// The next attempt goes elsewhere.
    moves_on: bool,
    renewals: u8,
    /// Begins anew if refusals of before count no more.
    round: u32,
    /// Hosts that a server named, in place of that server.
    named: Option<Box<Named>>,
}

/// What is known of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    spoken: Spoken,
    /// When it refused for good, and in which round.
    refused: Option<(Instant, u32)>,
    /// Its last failure, and whether it had taken a connection.
    failed: Option<(Instant, Served)>,
}

/// What a server reference names.
#[derive(Clone, Debug)]
struct Named {
    here: Option<Text>,
    hosts: VecDeque<Text>,
    /// Each host so far has refused for good.
    all_refused: bool,
    spoken: Spoken,
}

/// Where an attempt goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) server: usize,
    /// A host that it named, in its place.
    pub(crate) redirect: Option<Text>,
    pub(crate) round: u32,
}

/// How an attempt or a connection ended, as the choice of servers sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parting<'a> {
    pub(crate) cause: &'a DisconnectCause,
    /// How long it was online; `None` if it never was.
    pub(crate) lived: Option<Duration>,
    /// The policy would halt for it, if it were that of all servers.
    pub(crate) is_final: bool,
    /// Addresses of the same host that have not failed in this round.
    pub(crate) alternatives: u32,
}

impl Servers {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            count: u32::try_from(count).unwrap_or(u32::MAX).max(1),
            index: 0,
            known: Box::default(),
            speaks_v5: false,
            moves_on: false,
            renewals: 0,
            round: 1,
            named: None,
        }
    }

    /// Where the next attempt goes.
    pub(crate) fn choose(&mut self, now: Instant) -> Choice {
        if core::mem::take(&mut self.moves_on) {
            self.move_on(now);
        }
        let redirect = self.named.as_ref().and_then(|named| named.here.clone());
        Choice { server: self.index as usize, redirect, round: self.round }
    }

    fn move_on(&mut self, now: Instant) {
        if let Some(named) = &mut self.named {
            if let Some(host) = named.hosts.pop_front() {
                (named.here, named.spoken) = (Some(host), Spoken::default());
                return;
            }
            self.named = None;
        }
        let in_turn = (self.index + 1..self.count).chain(0..=self.index);
        // Of those that are alike, the first in turn.
        self.index = in_turn.min_by_key(|index| self.rank(*index, now)).unwrap_or_default();
    }

    /// Lower ones are tried first: what failed a while ago may work again, and
    /// what refused is the least likely to.
    fn rank(&self, index: u32, now: Instant) -> u8 {
        let standing = self.standing(index);
        let recent = |at: Instant| now.since(at) < REMEMBERED;
        let has_refused = standing.refused.is_some_and(|(at, _)| recent(at));
        let failure = match standing.failed {
            Some((at, served)) if recent(at) => 1 + u8::from(served == Served::No),
            _ => 0,
        };
        3 * u8::from(has_refused) + failure
    }

    fn standing(&self, index: u32) -> Standing {
        let spoken = || if self.speaks_v5 { Spoken::V5 } else { Spoken::default() };
        let known = self.known.get(index as usize).copied();
        known.unwrap_or_else(|| Standing { spoken: spoken(), ..Standing::default() })
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut Standing) -> R) -> Option<R> {
        if self.known.is_empty() {
            self.known = (0..self.count).map(|index| self.standing(index)).collect();
        }
        self.known.get_mut(self.index as usize).map(change)
    }

    /// What is known of the versions of the server that was chosen last.
    pub(crate) fn spoken(&self) -> Spoken {
        self.named.as_ref().map_or_else(|| self.standing(self.index).spoken, |named| named.spoken)
    }

    /// Notes what that server has shown of its versions.
    pub(crate) fn note_spoken<R>(&mut self, note: impl FnOnce(&mut Spoken) -> R) -> Option<R> {
        match &mut self.named {
            Some(named) => Some(note(&mut named.spoken)),
            None => self.change(|standing| note(&mut standing.spoken)),
        }
    }

    /// That server has answered in MQTT 5, whatever it said.
    pub(crate) fn on_v5(&mut self) {
        if self.count == 1 && self.named.is_none() && self.known.is_empty() {
            self.speaks_v5 = true;
        } else {
            self.note_spoken(Spoken::on_v5);
        }
    }

    pub(crate) fn on_accepted(&mut self, version: Version) {
        if self.count == 1 && self.named.is_none() && version == Version::V5 {
            // Whatever was known of it is past.
            (self.known, self.speaks_v5) = (Box::default(), true);
        } else {
            self.note_spoken(|spoken| spoken.on_accepted(version));
            match &mut self.named {
                Some(named) => named.all_refused = false,
                None => drop(self.change(|standing| standing.refused = None)),
            }
        }
        self.round = self.round.wrapping_add(1);
        self.renewals = 0;
    }

    /// The application begins anew: refusals of before count no more.
    pub(crate) fn restart(&mut self) {
        self.renewals = 0;
        self.begin_round();
    }

    /// The credentials are others: who refused the former ones is asked again.
    pub(crate) fn on_fresh_credentials(&mut self) {
        if self.renewals < RENEWALS {
            self.renewals += 1;
            self.begin_round();
        }
    }

    fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
        for standing in &mut self.known {
            standing.refused = None;
        }
        if let Some(named) = &mut self.named {
            named.all_refused = false;
        }
    }

    /// Notes the end of an attempt or a connection. Says what it means for the
    /// address, and whether there is a server, or an address, that has not
    /// refused for good.
    pub(crate) fn on_end(&mut self, now: Instant, parting: Parting<'_>) -> (Served, bool) {
        let class = parting.cause.class();
        match class {
            // Nobody is to blame: the next attempt goes to the same server.
            CauseClass::Local | CauseClass::TakenOver => (Served::Unknown, true),
            CauseClass::Redirect if self.follow(parting.cause.server_reference()) => {
                self.moves_on = true;
                (Served::Unknown, true)
            }
            _ => {
                self.moves_on = true;
                let served = match parting.lived {
                    Some(lived) if lived >= SHORT_LIFE => Served::Yes,
                    Some(_) => Served::Briefly,
                    None => Served::No,
                };
                let refused = parting.is_final && parting.alternatives == 0;
                self.note(now, served, refused);
                let others = parting.alternatives > 0 || self.is_any_left();
                (served, others)
            }
        }
    }

    //= [MQTT-3.2.2-20]
    /// Takes the hosts of a server reference for the next attempts; false
    /// if it names none.
    fn follow(&mut self, reference: Option<&Text>) -> bool {
        let named = reference.map_or("", |text| text.as_str()).split_ascii_whitespace();
        let hosts = named
            .filter(|host| NamedServer::all_of(host).next().is_some())
            .take(NAMED_HOSTS)
            .filter_map(|host| Text::try_from(host).ok());
        let hosts: VecDeque<Text> = hosts.collect();
        let names_any = !hosts.is_empty();
        if names_any {
            let spoken = Spoken::default();
            self.named = Some(Box::new(Named { here: None, hosts, all_refused: true, spoken }));
        }
        names_any
    }

    fn note(&mut self, now: Instant, served: Served, mut refused: bool) {
        if let Some(named) = &mut self.named {
            named.all_refused &= refused;
            if !named.hosts.is_empty() {
                return;
            }
            // The server that named them leads nowhere else.
            refused = named.all_refused;
        }
        if served == Served::Yes && !refused && self.known.is_empty() {
            return;
        }
        let round = self.round;
        self.change(|standing| {
            standing.failed = (served != Served::Yes).then_some((now, served));
            if refused {
                standing.refused = Some((now, round));
            }
        });
    }

    fn is_any_left(&self) -> bool {
        let named = self.named.as_ref().is_some_and(|named| !named.hosts.is_empty());
        named
            || (0..self.count).any(|index| {
                let refused = self.standing(index).refused;
                refused.is_none_or(|(_, round)| round != self.round)
            })
    }
}
