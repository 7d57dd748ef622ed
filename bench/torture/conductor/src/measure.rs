//! The figures of one cell, from the broker's own record.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use evenkeel_broker::{By, ConnectionId, Event, EventKind, Instant};
use evenkeel_codec::PacketType;

use crate::adapter::Told;
use crate::stage::WITNESS;

/// What one client did in one scenario.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measure {
    /// The keep-alive asked for.
    pub(crate) keep_alive: Duration,
    /// From the first opened connection to the end.
    pub(crate) ran: Duration,
    /// True if the client was stopped because it stormed.
    pub(crate) cut: bool,
    /// When each CONNECT came, since the first opened connection.
    pub(crate) connects: Vec<Duration>,
    /// When each connection was accepted.
    pub(crate) accepted: Vec<Duration>,
    /// When a rule first made the broker silent.
    pub(crate) silenced: Option<Duration>,
    /// True if an accepted connection was open at the end.
    pub(crate) online: bool,
    /// How long accepted connections were open, all together.
    pub(crate) online_for: Duration,
    /// Connections that the broker closed for silence.
    pub(crate) cut_for_silence: u64,
    pub(crate) pings: u64,
    /// PINGREQs on one connection since its last PINGRESP, at most.
    pub(crate) unanswered: u64,
    /// Least time between two PINGREQs of one connection.
    pub(crate) ping_distance: Option<Duration>,
    /// Longest time without a packet from the client on an accepted connection.
    /// Zero if no keep-alive was in force.
    pub(crate) silence: Duration,
    /// Messages that should have come through, in either direction.
    pub(crate) expected: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// The messages that came to the broker, the poison not counted.
    pub(crate) arrived: BTreeSet<u64>,
    /// Answers that came to the broker.
    pub(crate) answers: u64,
    /// Packets of the client that broke the limit which the broker enforces.
    pub(crate) over_limit: u64,
    pub(crate) told: Told,
    /// How late the conductor's own timers were at worst.
    pub(crate) lag: Duration,
}

/// One connection on the broker's side.
#[derive(Debug)]
struct Link {
    /// When the client said something last; from the accepted CONNECT on, and
    /// only if a keep-alive is in force.
    heard: Option<Instant>,
    /// When it was accepted.
    accepted: Option<Instant>,
    pinged: Option<Instant>,
    unanswered: u64,
}

/// Goes through a broker's record.
#[derive(Debug, Default)]
struct Reader {
    measure: Measure,
    start: Instant,
    links: BTreeMap<ConnectionId, Link>,
    /// Messages that came to the broker, and how often.
    arrived: BTreeMap<u64, u64>,
    /// The last of them, until the broker has judged it.
    latest: Option<u64>,
}

/// Takes the record of a broker whose first connection was opened at `start`.
/// `sent` are the numbers of the messages the broker published.
pub(crate) fn measure(
    events: &[Event],
    start: Instant,
    end: Instant,
    sent: &[u64],
    told: Told,
) -> Measure {
    let mut reader = Reader { start, ..Reader::default() };
    for event in events {
        reader.read(event);
    }
    reader.finish(end, sent, told)
}

impl Reader {
    fn read(&mut self, event: &Event) {
        let Some(id) = event.connection else { return };
        let at = event.time.since(self.start);
        match &event.kind {
            EventKind::Opened { .. } => {
                self.links
                    .insert(id, Link { heard: None, accepted: None, pinged: None, unanswered: 0 });
            }
            EventKind::Connected { keep_alive, .. } => {
                self.measure.accepted.push(at);
                if let Some(link) = self.links.get_mut(&id) {
                    link.accepted = Some(event.time);
                    link.heard = (*keep_alive > 0).then_some(event.time);
                }
            }
            EventKind::Fault { rule, packet: Some(packet), .. } if &**rule == WITNESS => {
                self.came(id, event.time, *packet);
            }
            EventKind::Fault { action: "silence", .. } => {
                self.measure.silenced.get_or_insert(at);
                // What the client says from now on is not read.
                self.leave(id, event.time);
                self.links.remove(&id);
            }
            EventKind::PingAnswered => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.unanswered = 0;
                }
            }
            EventKind::PublishReceived { topic, .. } => self.arrived(topic),
            EventKind::Quota { by: By::Client, limit, .. } => self.over_limit(limit),
            EventKind::KeepAliveTimeout { .. } => self.measure.cut_for_silence += 1,
            EventKind::Closed { .. } => {
                self.leave(id, event.time);
                self.links.remove(&id);
            }
            _ => {}
        }
    }

    fn came(&mut self, id: ConnectionId, time: Instant, packet: PacketType) {
        let measure = &mut self.measure;
        if packet == PacketType::Connect {
            measure.connects.push(time.since(self.start));
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Some(heard) = &mut link.heard {
            measure.silence = measure.silence.max(time.since(*heard));
            *heard = time;
        }
        if packet == PacketType::PingReq {
            measure.pings += 1;
            link.unanswered += 1;
            measure.unanswered = measure.unanswered.max(link.unanswered);
            if let Some(before) = link.pinged.replace(time) {
                let distance = time.since(before);
                measure.ping_distance =
                    Some(measure.ping_distance.map_or(distance, |least| least.min(distance)));
            }
        }
    }

    fn leave(&mut self, id: ConnectionId, time: Instant) {
        let Some(link) = self.links.get(&id) else { return };
        if let Some(heard) = link.heard {
            self.measure.silence = self.measure.silence.max(time.since(heard));
        }
        if let Some(accepted) = link.accepted {
            self.measure.online_for += time.since(accepted);
        }
    }

    fn arrived(&mut self, topic: &str) {
        let number = |prefix| topic.strip_prefix(prefix).and_then(|n| n.parse::<u64>().ok());
        if let Some(number) = number("torture/out/") {
            *self.arrived.entry(number).or_default() += 1;
            self.latest = Some(number);
        } else if number("torture/answer/").is_some() {
            self.measure.answers += 1;
        }
    }

    /// A packet broke the limit. A message is told of before it is judged: now
    /// it has not arrived.
    fn over_limit(&mut self, limit: &str) {
        self.measure.over_limit += 1;
        if limit != "publish_rate" {
            return;
        }
        if let Some(number) = self.latest.take()
            && let Some(times) = self.arrived.get_mut(&number)
        {
            *times -= 1;
            if *times == 0 {
                self.arrived.remove(&number);
            }
        }
    }

    fn finish(mut self, end: Instant, sent: &[u64], told: Told) -> Measure {
        for id in self.links.keys().copied().collect::<Vec<_>>() {
            self.leave(id, end);
        }
        let mut measure = self.measure;
        measure.ran = end.since(self.start);
        measure.online = self.links.values().any(|link| link.accepted.is_some());
        let given = told.offered.iter().filter(|n| !told.failed.contains_key(n));
        let missing = given.clone().filter(|n| !self.arrived.contains_key(n)).count();
        let unread = sent.iter().filter(|n| !told.received.contains_key(n)).count();
        measure.expected = (given.count() + sent.len()) as u64;
        measure.lost = (missing + unread) as u64;
        let twice = self.arrived.values().map(|times| times - 1).sum::<u64>();
        let again = told.received.values().map(|times| u64::from(times - 1)).sum::<u64>();
        measure.duplicated = twice + again;
        measure.arrived = self.arrived.into_keys().collect();
        measure.told = told;
        measure
    }
}

impl Measure {
    /// A time in keep-alives.
    pub(crate) fn in_keep_alives(&self, time: Duration) -> f64 {
        time.as_secs_f64() / self.keep_alive.as_secs_f64()
    }

    /// The share of the run in which it was online.
    pub(crate) fn online_share(&self) -> f64 {
        self.online_for.as_secs_f64() / self.ran.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// CONNECTs before this moment.
    pub(crate) fn connects_before(&self, moment: Duration) -> usize {
        self.connects.iter().filter(|at| **at < moment).count()
    }

    /// CONNECTs in the last so many keep-alives.
    pub(crate) fn connects_in_last(&self, keep_alives: f64) -> usize {
        let from = self.ran.saturating_sub(self.keep_alive.mul_f64(keep_alives));
        self.connects.iter().filter(|at| **at >= from).count()
    }

    /// The first accepted connection after this moment.
    pub(crate) fn online_after(&self, moment: Duration) -> Option<Duration> {
        self.accepted.iter().find(|at| **at > moment).map(|at| *at - moment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(millis: u64, connection: u64, kind: EventKind) -> Event {
        let connection = Some(ConnectionId::new(connection));
        Event { connection, ..Event::new(Instant::from_micros(millis * 1000), kind) }
    }

    fn came(packet: PacketType) -> EventKind {
        EventKind::Fault { rule: WITNESS.into(), action: "delay", packet: Some(packet) }
    }

    fn connected() -> EventKind {
        EventKind::Connected {
            version: 4,
            number: 1,
            clean_start: true,
            session_present: false,
            keep_alive: 5,
            session_expiry: 0,
        }
    }

    fn out(n: u64) -> EventKind {
        let topic = format!("torture/out/{n}");
        EventKind::PublishReceived { topic, qos: 1, bytes: 1, packet_id: None, dup: false }
    }

    #[test]
    fn a_record_gives_the_figures() {
        let opened = || EventKind::Opened { transport: "tcp", peer: "x".into() };
        let lost = EventKind::Closed {
            why: evenkeel_broker::CloseReason::ConnectionLost,
            closer: evenkeel_broker::Closer::Peer,
        };
        let events = [
            event(100, 1, opened()),
            event(101, 1, came(PacketType::Connect)),
            event(102, 1, connected()),
            event(1102, 1, came(PacketType::PingReq)),
            event(1902, 1, came(PacketType::PingReq)),
            event(1903, 1, EventKind::PingAnswered),
            event(2902, 1, came(PacketType::PingReq)),
            event(5902, 1, lost),
            event(6000, 2, opened()),
            event(6001, 2, came(PacketType::Connect)),
            event(6002, 2, connected()),
            event(6003, 2, out(1)),
            event(6004, 2, out(1)),
            event(6102, 2, came(PacketType::PingReq)),
        ];
        let told = Told {
            offered: [1, 2, 3].into(),
            failed: [(3, String::new())].into(),
            received: [(7, 3)].into(),
            ..Told::default()
        };
        let end = Instant::from_micros(7_000_000);
        let measure = measure(&events, Instant::from_micros(100_000), end, &[7, 8], told);
        assert_eq!(measure.connects, [1, 5901].map(Duration::from_millis));
        assert_eq!(measure.accepted, [2, 5902].map(Duration::from_millis));
        assert_eq!((measure.pings, measure.unanswered), (4, 2));
        assert_eq!(measure.ping_distance, Some(Duration::from_millis(800)));
        assert_eq!(measure.silence, Duration::from_millis(3000));
        assert_eq!((measure.expected, measure.lost, measure.duplicated), (4, 2, 3));
        assert!(measure.online);
        assert_eq!(measure.online_for, Duration::from_millis((5902 - 102) + (7000 - 6002)));
        assert_eq!(
            measure.online_after(Duration::from_millis(10)),
            Some(Duration::from_millis(5892))
        );
    }

    #[test]
    fn a_message_that_breaks_the_limit_has_not_arrived() {
        let over = |limit| EventKind::Quota {
            limit,
            value: String::new(),
            seen: String::new(),
            action: "ignores",
            code: None,
            by: By::Client,
            metric: None,
        };
        let events = [
            event(0, 1, out(1)),
            event(1, 1, out(2)),
            event(1, 1, over("publish_rate")),
            event(2, 1, out(1)),
            event(2, 1, over("publish_rate")),
            event(3, 1, over("connect_floor")),
        ];
        let told = Told { offered: [1, 2].into(), ..Told::default() };
        let measure = measure(&events, Instant::START, Instant::START, &[], told);
        assert_eq!(measure.arrived, [1].into());
        assert_eq!((measure.over_limit, measure.lost, measure.duplicated), (3, 1, 0));
    }

    #[test]
    fn what_is_said_into_a_silent_connection_is_not_judged() {
        let silence = EventKind::Fault { rule: "x".into(), action: "silence", packet: None };
        let events = [
            event(0, 1, EventKind::Opened { transport: "tcp", peer: "x".into() }),
            event(0, 1, connected()),
            event(500, 1, silence),
        ];
        let end = Instant::from_micros(9_000_000);
        let measure = measure(&events, Instant::START, end, &[], Told::default());
        assert_eq!(measure.silence, Duration::from_millis(500));
        assert_eq!(measure.silenced, Some(Duration::from_millis(500)));
        assert!(!measure.online);
    }
}
