//! Which connection a line is about, and its number.

use std::collections::{BTreeSet, HashMap, VecDeque};

use evenkeel_doctor::{
    Address, Bounds, CloseHow, ConnectionId, Event, PacketSeen, Place, Side, SourceId, TextId,
    Time, What, Words,
};

use crate::Sink;
use crate::fold::FoldKey;

/// How a line names a connection: any of these, or none if the log is about
/// one connection at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who<'a> {
    /// The client identifier.
    pub(crate) id: &'a str,
    /// The client's address and port.
    pub(crate) peer: &'a str,
    /// A number or pointer that the program gives the connection.
    pub(crate) instance: &'a str,
}

impl<'a> Who<'a> {
    /// The only connection of the log.
    pub(crate) const ONLY: Self = Self { id: "", peer: "", instance: "" };

    pub(crate) const fn id(id: &'a str) -> Self {
        Self { id, ..Self::ONLY }
    }

    pub(crate) const fn peer(peer: &'a str) -> Self {
        Self { peer, ..Self::ONLY }
    }

    pub(crate) const fn instance(instance: &'a str) -> Self {
        Self { instance, ..Self::ONLY }
    }
}

/// Connections at one time. At the limit one gives way to a new one.
const LIMIT: usize = Bounds::CONNECTIONS;

/// Connections that have ended and of which more words may come.
const ENDED: usize = 1024;

/// What a line calls a connection: a peer, an instance, a client, or nothing.
type Key = (u64, u64);

/// A connection of the log.
#[derive(Debug, Default)]
struct Thread {
    keys: Vec<Key>,
    ended: bool,
    /// The client identifier has been told.
    named: bool,
    /// CONNACK has been told.
    accepted: bool,
    /// The time of its newest event.
    last: Option<Time>,
    /// The connection from which it took the session, until the log says so.
    older: Option<u32>,
}

/// The instant and the place of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moment {
    pub(crate) at: Time,
    pub(crate) place: Place,
}

/// The connections of one log, and their events.
#[derive(Debug)]
pub(crate) struct Threads {
    source: SourceId,
    all: Vec<Option<Thread>>,
    /// The key of the hashes of names.
    names: FoldKey,
    numbers: HashMap<Key, u32, FoldKey>,
    free: Vec<u32>,
    /// Those that have not ended. A log may say often that all are over: who
    /// is asked then are these, not all numbers.
    open: BTreeSet<u32>,
    /// Those that have.
    ended: VecDeque<u32>,
    /// Who gives way next.
    next: usize,
}

impl Threads {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            all: Vec::new(),
            names: FoldKey::default(),
            numbers: HashMap::default(),
            free: Vec::new(),
            open: BTreeSet::new(),
            ended: VecDeque::new(),
            next: 0,
        }
    }

    /// A connection begins. One that has the same name and has not ended is
    /// over: its loss has no line of its own.
    pub(crate) fn open(
        &mut self,
        who: Who<'_>,
        addresses: (Address, Address),
        id: TextId,
        moment: Moment,
        sink: &mut dyn Sink,
    ) -> u32 {
        if let Some(old) = self.find(who)
            && self.thread(old).is_some_and(|thread| thread.ended)
        {
            self.forget(old, moment, sink);
        }
        let number = self.begin(who, moment, sink);
        self.name(number, id, moment, sink);
        let (client, server) = addresses;
        self.emit(number, What::Opening { client, server }, moment, sink);
        number
    }

    /// The connection that a line is about; one whose beginning the log does
    /// not have is joined.
    pub(crate) fn of(
        &mut self,
        who: Who<'_>,
        client: Address,
        id: TextId,
        moment: Moment,
        sink: &mut dyn Sink,
    ) -> u32 {
        let number = match self.find(who) {
            Some(number) => number,
            None => {
                let number = self.begin(who, moment, sink);
                self.name(number, id, moment, sink);
                let joined = What::Joined { client, server: Address::UNKNOWN };
                self.emit(number, joined, moment, sink);
                number
            }
        };
        self.bind(number, who, moment, sink);
        self.name(number, id, moment, sink);
        number
    }

    /// As [`Threads::of`], if all that the line calls the connection is known
    /// of it already: so it is with most lines.
    pub(crate) fn known(&mut self, who: Who<'_>) -> Option<u32> {
        let mut number = None;
        for key in keys(&self.names, who).iter().flatten() {
            let of = *self.numbers.get(key)?;
            if number.is_some_and(|number| number != of) {
                return None;
            }
            number = Some(of);
        }
        if self.thread(number?)?.named || who.id.is_empty() { number } else { None }
    }

    /// A connection that is known is called so, too, from here on.
    pub(crate) fn rename(
        &mut self,
        known: Who<'_>,
        who: Who<'_>,
        moment: Moment,
        sink: &mut dyn Sink,
    ) {
        if let Some(number) = self.find(known) {
            self.bind(number, who, moment, sink);
        }
    }

    /// The connection that gave its session to this one, if the log has not
    /// said so yet: words of a take-over that come late are about that one.
    pub(crate) fn taken_from(&mut self, number: u32) -> u32 {
        let older = self.thread(number).and_then(|thread| thread.older.take());
        older.filter(|older| self.thread(*older).is_some_and(|it| it.ended)).unwrap_or(number)
    }

    /// Whether the connection has ended, as far as the log says.
    pub(crate) fn is_over(&mut self, who: Who<'_>) -> bool {
        self.find(who).and_then(|number| self.thread(number)).is_none_or(|thread| thread.ended)
    }

    /// Whether there is or was a connection that the log calls so.
    pub(crate) fn knows(&mut self, who: Who<'_>) -> bool {
        keys(&self.names, who)
            .iter()
            .flatten()
            .next()
            .is_some_and(|key| self.numbers.contains_key(key))
    }

    /// Whether the client has been let in.
    pub(crate) fn is_accepted(&mut self, who: Who<'_>) -> bool {
        self.find(who).and_then(|number| self.thread(number)).is_some_and(|it| it.accepted)
    }

    /// The time of a connection's newest event.
    pub(crate) fn newest(&mut self, number: u32) -> Option<Time> {
        self.thread(number)?.last
    }

    /// Tells an event. Nothing but words can follow an end.
    pub(crate) fn emit(&mut self, number: u32, what: What, moment: Moment, sink: &mut dyn Sink) {
        let Some(thread) = self.thread(number) else { return };
        let ends = matches!(what, What::Closing { .. } | What::Ended | What::OpenFailed(_));
        if thread.ended && !matches!(what, What::Words(_) | What::Forgotten) {
            return;
        }
        if let What::Packet { packet: PacketSeen::ConnAck(_), .. } = what
            && core::mem::replace(&mut thread.accepted, true)
        {
            return;
        }
        thread.ended |= ends;
        // What waited for a later line may be older than what was told since.
        let at = thread.last.map_or(moment.at, |last| last.max(moment.at));
        thread.last = Some(at);
        let (source, connection) = (self.source, ConnectionId(number));
        let place = moment.place;
        sink.event(&Event { at, source, connection, place, what });
        if ends {
            self.open.remove(&number);
            self.ended.push_back(number);
            if self.ended.len() > ENDED
                && let Some(oldest) = self.ended.pop_front()
                && self.thread(oldest).is_some_and(|thread| thread.ended)
            {
                self.forget(oldest, moment, sink);
            }
        }
    }

    /// The program starts again, or the log does: what was open is not any more.
    pub(crate) fn forget_all(&mut self, moment: Moment, sink: &mut dyn Sink) {
        let mut known = core::mem::take(&mut self.open);
        known.extend(self.ended.drain(..));
        for number in known {
            self.forget(number, moment, sink);
        }
    }

    /// The server stops: whatever is open ends by it.
    pub(crate) fn end_all(&mut self, words: Words, moment: Moment, sink: &mut dyn Sink) {
        for number in core::mem::take(&mut self.open) {
            self.emit(number, What::Words(words), moment, sink);
            let closing = What::Closing { by: Side::Server, how: CloseHow::Unknown };
            self.emit(number, closing, moment, sink);
        }
    }

    fn thread(&mut self, number: u32) -> Option<&mut Thread> {
        self.all.get_mut(number as usize)?.as_mut()
    }

    /// The narrowest name decides: a known client on an unknown address is a
    /// new connection.
    fn find(&mut self, who: Who<'_>) -> Option<u32> {
        let keys = keys(&self.names, who);
        let narrowest = keys.iter().flatten().next()?;
        if let Some(number) = self.numbers.get(narrowest) {
            return Some(*number);
        }
        let number = keys.iter().flatten().find_map(|key| self.numbers.get(key)).copied()?;
        let kind = narrowest.0;
        let other = self.thread(number)?.keys.iter().any(|key| key.0 == kind);
        (!other).then_some(number)
    }

    fn begin(&mut self, who: Who<'_>, moment: Moment, sink: &mut dyn Sink) -> u32 {
        let number = match self.free.pop() {
            Some(number) => number,
            None if self.all.len() < LIMIT => {
                self.all.push(None);
                u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
            }
            None => {
                let number = u32::try_from(self.next).unwrap_or(0);
                self.next = (self.next + 1) % LIMIT;
                self.forget(number, moment, sink);
                self.free.pop().unwrap_or(number)
            }
        };
        if let Some(slot) = self.all.get_mut(number as usize) {
            *slot = Some(Thread::default());
            self.open.insert(number);
        }
        self.bind(number, who, moment, sink);
        number
    }

    /// A connection has these names from here on.
    fn bind(&mut self, number: u32, who: Who<'_>, moment: Moment, sink: &mut dyn Sink) {
        for key in keys(&self.names, who).into_iter().flatten() {
            let before = self.numbers.insert(key, number);
            if before == Some(number) {
                continue;
            }
            if let Some(thread) = self.thread(number) {
                thread.keys.push(key);
            }
            let Some(old) = before else { continue };
            let Some(thread) = self.thread(old) else { continue };
            thread.keys.retain(|other| *other != key);
            // A client has one connection: its older one is over.
            if !thread.ended {
                self.emit(old, What::Ended, moment, sink);
                if let Some(thread) = self.thread(number) {
                    thread.older = Some(old);
                }
            }
        }
    }

    fn name(&mut self, number: u32, id: TextId, moment: Moment, sink: &mut dyn Sink) {
        let Some(thread) = self.thread(number) else { return };
        if !id.is_none() && !core::mem::replace(&mut thread.named, true) {
            self.emit(number, What::Identified(id), moment, sink);
        }
    }

    fn forget(&mut self, number: u32, moment: Moment, sink: &mut dyn Sink) {
        let Some(thread) = self.all.get_mut(number as usize).and_then(Option::take) else { return };
        for key in thread.keys {
            if self.numbers.get(&key) == Some(&number) {
                self.numbers.remove(&key);
            }
        }
        self.free.push(number);
        self.open.remove(&number);
        let (source, connection) = (self.source, ConnectionId(number));
        let Moment { at, place } = moment;
        sink.event(&Event { at, source, connection, place, what: What::Forgotten });
    }
}

/// The keys of a name, the narrowest first.
fn keys(names: &FoldKey, who: Who<'_>) -> [Option<Key>; 3] {
    let key =
        |kind: u64, text: &str| (!text.is_empty()).then(|| (kind, names.hash(text.as_bytes())));
    let all = [key(0, who.peer), key(1, who.instance), key(2, who.id)];
    if all.iter().all(Option::is_none) { [Some((3, 0)), None, None] } else { all }
}
