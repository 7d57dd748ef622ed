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
    first: Standing,
    /// In a list of its own, as most clients have one server.
    rest: Box<[Standing]>,
    /// The server of the list that was chosen last.
    index: usize,
    /// Hosts that a server named, in place of that server.
    named: Option<Box<Named>>,
    /// The next attempt goes elsewhere.
    moves_on: bool,
    /// Begins anew where refusals of before count no more.
    round: u32,
    renewals: u8,
}

/// What is known of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Standing {
    spoken: Spoken,
    /// When it refused for good, and in which round.
    refused: Option<(Instant, u32)>,
    failed: Option<Instant>,
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
    /// Addresses of the same host that have not failed in this round.
    pub(crate) alternatives: usize,
}

impl Servers {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            first: Standing::default(),
            rest: (1..count).map(|_| Standing::default()).collect(),
            index: 0,
            named: None,
            moves_on: false,
            round: 1,
            renewals: 0,
        }
    }

    /// Where the next attempt goes.
    pub(crate) fn choose(&mut self, now: Instant) -> Choice {
        if core::mem::take(&mut self.moves_on) {
            self.move_on(now);
        }
        let redirect = self.named.as_ref().and_then(|named| named.here.clone());
        Choice { server: self.index, redirect, round: self.round }
    }

    fn move_on(&mut self, now: Instant) {
        if let Some(named) = &mut self.named {
            if let Some(host) = named.hosts.pop_front() {
                (named.here, named.spoken) = (Some(host), Spoken::default());
                return;
            }
            self.named = None;
        }
        let count = self.rest.len() + 1;
        let in_turn = (1..=count).map(|step| (self.index + step) % count);
        // Of those that are alike, the first in turn.
        self.index = in_turn.min_by_key(|index| self.rank(*index, now)).unwrap_or_default();
    }

    /// Lower ones are tried first: what failed a while ago may work again, and
    /// what refused is the least likely to.
    fn rank(&self, index: usize, now: Instant) -> u8 {
        let standing = self.standing(index);
        let recent = |at: Instant| now.since(at) < REMEMBERED;
        let has_refused = standing.refused.is_some_and(|(at, _)| recent(at));
        let has_failed = standing.failed.is_some_and(recent);
        2 * u8::from(has_refused) + u8::from(has_failed)
    }

    fn standing(&self, index: usize) -> &Standing {
        index.checked_sub(1).and_then(|index| self.rest.get(index)).unwrap_or(&self.first)
    }

    fn standing_mut(&mut self) -> &mut Standing {
        match self.index.checked_sub(1).and_then(|index| self.rest.get_mut(index)) {
            Some(standing) => standing,
            None => &mut self.first,
        }
    }

    /// What is known of the versions of the server that was chosen last.
    pub(crate) fn spoken(&mut self) -> &mut Spoken {
        match self.named {
            Some(ref mut named) => &mut named.spoken,
            None => &mut self.standing_mut().spoken,
        }
    }

    pub(crate) fn on_accepted(&mut self, version: Version) {
        self.spoken().on_accepted(version);
        match &mut self.named {
            Some(named) => named.all_refused = false,
            None => self.standing_mut().refused = None,
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
        for standing in core::iter::once(&mut self.first).chain(&mut self.rest) {
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
                let served = parting.lived.is_some_and(|lived| lived >= SHORT_LIFE);
                let refused = class == CauseClass::Refused || parting.cause.has_expired();
                let refused = refused && parting.alternatives == 0;
                self.note(now, served, refused);
                let others = parting.alternatives > 0 || self.is_any_left();
                (if served { Served::Yes } else { Served::No }, others)
            }
        }
    }

    //= [MQTT-3.2.2-20]
    /// Takes the hosts of a server reference for the next attempts; false
    /// where it names none.
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

    fn note(&mut self, now: Instant, served: bool, refused: bool) {
        let (mut failed, mut refused) = (!served, refused);
        if let Some(named) = &mut self.named {
            named.all_refused &= refused;
            if !named.hosts.is_empty() {
                return;
            }
            // The server that named them leads nowhere else.
            (failed, refused) = (failed, named.all_refused);
        }
        let round = self.round;
        let standing = self.standing_mut();
        standing.failed = failed.then_some(now);
        if refused {
            standing.refused = Some((now, round));
        }
    }

    fn is_any_left(&self) -> bool {
        let is_left =
            |standing: &Standing| standing.refused.is_none_or(|(_, round)| round != self.round);
        let named = self.named.as_ref().is_some_and(|named| !named.hosts.is_empty());
        named || is_left(&self.first) || self.rest.iter().any(is_left)
    }
}
