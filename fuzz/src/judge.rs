//! What every timeline is held to, whatever it was read from.

use std::cell::RefCell;
use std::collections::BTreeMap;

use evenkeel_doctor::{Begins, Event, PacketSeen, Source, SourceId, TextId, Texts, Time, What};
use evenkeel_evidence::Sink;

/// Numbers of connections are below this.
const CONNECTIONS: u32 = 32_768;

/// Notes what it is told, and whether it may be told so.
pub(crate) struct Judge<'a> {
    sources: u16,
    most_sources: u16,
    /// Whether these are packets: they may come after an end, as TCP has two sides,
    /// and the first thing that is told of a connection is its beginning. A log has
    /// nothing but words after an end.
    is_wire: bool,
    /// No place is behind this.
    last_place: u64,
    texts: &'a RefCell<Texts>,
    pub(crate) events: Vec<Event>,
    live: BTreeMap<u32, Live>,
}

/// A connection that was not forgotten.
struct Live {
    source: SourceId,
    newest: Time,
    ended: bool,
}

/// Texts of all readings, so that they have the same numbers.
pub(crate) fn texts() -> RefCell<Texts> {
    RefCell::new(Texts::new(1 << 20))
}

impl<'a> Judge<'a> {
    pub(crate) fn new(
        most_sources: u16,
        is_wire: bool,
        last_place: u64,
        texts: &'a RefCell<Texts>,
    ) -> Self {
        Self {
            sources: 0,
            most_sources,
            is_wire,
            last_place,
            texts,
            events: Vec::new(),
            live: BTreeMap::new(),
        }
    }
}

impl Sink for Judge<'_> {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        self.sources += 1;
        assert!(self.sources <= self.most_sources, "{} sources", self.sources);
        Some(SourceId(self.sources - 1))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.texts.borrow_mut().keep(text)
    }

    fn event(&mut self, event: &Event) {
        let Event { at, source, connection, place, what } = *event;
        assert!(source.0 < self.sources, "an event of a source that was never named");
        assert!(connection.0 < CONNECTIONS);
        assert!(place.0 <= self.last_place, "{place:?} is behind the end");
        self.events.push(Event { what: undigested(what), ..*event });
        let known = self.live.contains_key(&connection.0);
        if matches!(what, What::Forgotten) {
            assert!(known || !self.is_wire, "nothing was told of it");
            self.live.remove(&connection.0);
            return;
        }
        let begins = matches!(what, What::Opening { .. } | What::Joined { .. });
        assert!(known || begins || !self.is_wire, "{what:?} before a beginning");
        let live = Live { source, newest: at, ended: false };
        let live = self.live.entry(connection.0).or_insert(live);
        assert_eq!(live.source, source, "a connection has one source");
        assert!(at >= live.newest, "time goes back with {what:?}");
        live.newest = at;
        let ends = matches!(what, What::Closing { .. } | What::Ended | What::OpenFailed(_));
        let more = if self.is_wire { !ends && !begins } else { matches!(what, What::Words(_)) };
        assert!(!live.ended || more, "{what:?} after the end");
        live.ended |= ends;
    }
}

/// Two readings of the same bytes say the same, wherever it stands in them.
pub(crate) fn assert_same(one: &[Event], other: &[Event]) {
    for (at, (one, other)) in one.iter().zip(other).enumerate() {
        assert_eq!(one, &Event { place: one.place, ..*other }, "event {at}");
    }
    let only = one.get(other.len()..).or_else(|| other.get(one.len()..));
    assert!(one.len() == other.len(), "only one has {only:?}");
}

/// Digests have a key of their run, and what is no MQTT is named by those bytes
/// of it that come first.
fn undigested(what: What) -> What {
    if let What::NotMqtt { from, .. } = what {
        return What::NotMqtt { from, begins: Begins::Other };
    }
    let What::Packet { from, mut packet, bytes, inferred } = what else { return what };
    match &mut packet {
        PacketSeen::Connect(connect) => {
            (connect.credentials_digest, connect.will_digest) = (0, 0);
        }
        PacketSeen::Publish(publish) => publish.digest = 0,
        PacketSeen::Subscribe(topics) | PacketSeen::Unsubscribe(topics) => topics.digest = 0,
        _ => {}
    }
    What::Packet { from, packet, bytes, inferred }
}
