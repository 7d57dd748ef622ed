//! What two sources do not agree on, connection by connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_doctor::{Place, Side, SourceId, TextId, Time, Vantage};

use super::align::{Aligned, Pair};
use super::seen::Seen;

/// What takes so long is no difference: an end is not seen by all at once.
const SLACK: Duration = Duration::from_secs(2);

/// How long a source has to go on before a connection without an end is taken to be open.
const GOES_ON: Duration = Duration::from_secs(10);

/// Differences that are kept.
const KEPT: usize = 1024;

/// What two sources do not agree on. The first of the two is the first of
/// [`Difference::sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contrary {
    /// The keep-alives that the client asked for.
    KeepAlive(u16, u16),
    /// The client was let in, says this one alone; the other says refused.
    LetIn(SourceId),
    /// Who ended it.
    EndedBy(Side, Side),
    /// It ended sooner for this source, by so much.
    EndedSooner(SourceId, Duration),
    /// It ended for this source, and the other one goes on for so long without
    /// an end of it.
    EndedFor(SourceId, Duration),
    /// It is in this source alone, although the other one has the client.
    OnlyIn(SourceId),
}

/// What two sources do not agree on of one client, once or more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The two.
    pub sources: (SourceId, SourceId),
    /// The client's identifier; its host, if no source has one.
    pub client: TextId,
    /// In how many connections.
    pub times: u32,
    /// The first one.
    pub contrary: Contrary,
    /// Where each source shows it, and when by its own clock.
    pub places: [Option<(Time, Place)>; 2],
    /// When the last one is shown, by the later of the two clocks.
    pub last: Time,
}

/// Differences of all pairs of sources.
#[derive(Debug, Default)]
pub(super) struct Differences {
    all: BTreeMap<(SourceId, SourceId, TextId, Kind), Difference>,
    pub(super) left_out: usize,
}

/// What is counted together.
type Kind = (u8, bool);

impl Differences {
    /// In the order of their times in the first source.
    pub(super) fn into_vec(self) -> Vec<Difference> {
        let mut all: Vec<Difference> = self.all.into_values().collect();
        all.sort_by_key(|it| (it.sources, it.places.iter().flatten().next().map(|place| place.0)));
        all
    }

    fn add(&mut self, difference: Difference) {
        let (one, other) = difference.sources;
        let kind = match difference.contrary {
            Contrary::KeepAlive(..) => (0, false),
            Contrary::LetIn(of) => (1, of == one),
            Contrary::EndedBy(by, _) => (2, by == Side::Client),
            Contrary::EndedSooner(of, _) => (3, of == one),
            Contrary::EndedFor(of, _) => (4, of == one),
            Contrary::OnlyIn(of) => (5, of == one),
        };
        let key = (one, other, difference.client, kind);
        if let Some(known) = self.all.get_mut(&key) {
            known.times = known.times.saturating_add(1);
            known.last = known.last.max(difference.last);
        } else if self.all.len() < KEPT {
            self.all.insert(key, difference);
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// All that two aligned sources differ in.
    pub(super) fn of(&mut self, pair: &Pair<'_>, aligned: &Aligned) {
        let both = Both { pair, aligned };
        for (here, there) in &aligned.matching.joined {
            let seen = pair.here.all.get(*here).zip(pair.there.all.get(*there));
            if let Some(((_, one), (_, other))) = seen {
                both.connection(one, other).into_iter().flatten().for_each(|it| self.add(it));
            }
        }
        both.only_in_one().into_iter().for_each(|it| self.add(it));
    }
}

/// Two sources with one timeline.
struct Both<'a> {
    pair: &'a Pair<'a>,
    aligned: &'a Aligned,
}

type Where = [Option<(Time, Place)>; 2];

impl Both<'_> {
    fn sources(&self) -> (SourceId, SourceId) {
        (self.pair.one.id, self.pair.other.id)
    }

    fn slack(&self) -> Duration {
        let spread = Duration::from_nanos(self.aligned.matching.spread.unsigned_abs());
        SLACK + self.pair.one.resolution + self.pair.other.resolution + spread * 4
    }

    /// One connection of both.
    fn connection(&self, one: &Seen, other: &Seen) -> [Option<Difference>; 3] {
        let begins = |seen: &Seen| Some((seen.connect?, seen.place));
        let client = name(one, other);
        let found = |contrary, places| {
            let (sources, last) = (self.sources(), latest(&places));
            Some(Difference { sources, client, times: 1, contrary, places, last })
        };
        let begun = [begins(one), begins(other)];
        let keep_alive = match (one.keep_alive, other.keep_alive) {
            (Some(here), Some(there)) if here != there => {
                found(Contrary::KeepAlive(here, there), begun)
            }
            _ => None,
        };
        let let_in = match (one.let_in, other.let_in) {
            (Some(here), Some(there)) if here != there => {
                let who = if here { self.sources().0 } else { self.sources().1 };
                found(Contrary::LetIn(who), begun)
            }
            _ => None,
        };
        let (contrary, places) = self.ends(one, other).unzip();
        let ends = contrary.zip(places).and_then(|(contrary, places)| found(contrary, places));
        [keep_alive, let_in, ends]
    }

    /// How one connection ended.
    fn ends(&self, one: &Seen, other: &Seen) -> Option<(Contrary, Where)> {
        let (line, slack) = (&self.aligned.matching.line, self.slack());
        let (one_id, other_id) = self.sources();
        let place = |seen: &Seen| seen.end.map(|end| (end.at, end.place));
        let places = [place(one), place(other)];
        let open = |seen: &Seen, since: Time, of: &super::seen::Witness| {
            let on = of.span?.1.since(since);
            let certain = seen.end.is_none() && !seen.gaps && of.tells_ends();
            (certain && on > slack + GOES_ON).then_some(on)
        };
        let goodbye = one.goodbye || other.goodbye;
        match (one.ended_by(), other.ended_by()) {
            (Some((here, by)), Some((there, other_by))) => {
                let expected = line.there(here.at);
                let (later, sooner) = (there.at.since(expected), expected.since(there.at));
                let contrary = if later > slack {
                    Contrary::EndedSooner(one_id, later)
                } else if sooner > slack {
                    Contrary::EndedSooner(other_id, sooner)
                } else if by != other_by && !goodbye && !self.each_its_own(by, other_by) {
                    Contrary::EndedBy(by, other_by)
                } else {
                    return None;
                };
                Some((contrary, places))
            }
            (Some((here, _)), None) => {
                let on = open(other, line.there(here.at), self.pair.other)?;
                Some((Contrary::EndedFor(one_id, on), places))
            }
            (None, Some((there, _))) => {
                let on = open(one, line.back(there.at), self.pair.one)?;
                Some((Contrary::EndedFor(other_id, on), places))
            }
            (None, None) => None,
        }
    }

    /// Whether each source says that its own side ended it: at one time, both may have.
    fn each_its_own(&self, by: Side, other_by: Side) -> bool {
        let own = |vantage| match vantage {
            Vantage::ClientLog | Vantage::ClientEvents => Some(Side::Client),
            Vantage::BrokerLog => Some(Side::Server),
            Vantage::Plain | Vantage::Encrypted => None,
        };
        own(self.pair.one.vantage) == Some(by) && own(self.pair.other.vantage) == Some(other_by)
    }

    /// Connections of one that the other should have.
    fn only_in_one(&self) -> Vec<Difference> {
        let (line, slack, pair) = (&self.aligned.matching.line, self.slack(), self.pair);
        let Some((from, to)) = pair.overlap(line) else { return Vec::new() };
        let joined = &self.aligned.matching.joined;
        let (here, there) = (pair.here, pair.there);
        let inner = |at: Time| at > from.plus(slack) && at.plus(slack) < to;
        let mut found = Vec::new();
        for (number, (at, seen)) in here.all.iter().enumerate() {
            let known = joined.binary_search_by_key(&number, |pair| pair.0).is_ok();
            let like = !there.like(seen, here.has_one_client()).is_empty();
            let lone = !known && like && inner(*at) && seen.let_in == Some(true);
            if lone && !there.has_unnamed(line.there(*at), slack) {
                found.push(self.lone(seen, *at, true));
            }
        }
        let matched: BTreeSet<usize> = joined.iter().map(|pair| pair.1).collect();
        for (number, (at, seen)) in there.all.iter().enumerate() {
            let like = !here.like(seen, there.has_one_client()).is_empty();
            let lone = !matched.contains(&number) && like && inner(line.back(*at));
            if lone && seen.let_in == Some(true) && !here.has_unnamed(line.back(*at), slack) {
                found.push(self.lone(seen, *at, false));
            }
        }
        found
    }

    fn lone(&self, seen: &Seen, at: Time, first: bool) -> Difference {
        let (one, other) = self.sources();
        let place = Some((at, seen.place));
        let (of, places) = if first { (one, [place, None]) } else { (other, [None, place]) };
        let (contrary, client) = (Contrary::OnlyIn(of), name(seen, seen));
        Difference { sources: (one, other), client, times: 1, contrary, places, last: at }
    }
}

fn latest(places: &Where) -> Time {
    places.iter().flatten().map(|place| place.0).max().unwrap_or_default()
}

/// The client of two connections that are the same.
fn name(one: &Seen, other: &Seen) -> TextId {
    let all = [one.id, other.id, one.client.host, other.client.host];
    all.into_iter().find(|id| id.same(*id)).unwrap_or_default()
}
