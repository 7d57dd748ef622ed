//! How far the clocks of sources are apart.
//!
//! One client's connections are seen by several sources. The difference of
//! times that most of its CONNECTs agree on is the offset of the clocks. It is
//! for people, and for pictures: no time of an event is changed.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_doctor::{
    ConnectionId, Event, PacketSeen, Side, Source, SourceId, TextId, Time, What,
};

use crate::Sink;

/// Connections of one client in one source that are compared.
const KEPT: usize = 64;

/// Pairs of source and client that are remembered.
const CLIENTS: usize = 4096;

/// When clients connected, by source.
#[derive(Clone, Debug, Default)]
pub struct Connects {
    resolutions: BTreeMap<SourceId, Duration>,
    names: BTreeMap<(SourceId, ConnectionId), (TextId, bool)>,
    times: BTreeMap<(SourceId, TextId), Vec<Time>>,
}

/// How far a source's clock is ahead of another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The source that is compared with.
    pub of: SourceId,
    /// The source whose clock is ahead.
    pub ahead: SourceId,
    /// By so many nanoseconds; below zero if it is behind.
    pub nanos: i64,
    /// In how many connections it is seen.
    pub seen: usize,
    /// Of how many that could show it.
    pub of_all: usize,
}

impl Connects {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A sink that hands everything on and notes what connects.
    pub fn watch<'a>(&'a mut self, sink: &'a mut dyn Sink) -> Watched<'a> {
        Watched { connects: self, sink }
    }

    /// The offsets of all pairs of sources that show connections of one client.
    pub fn offsets(&self) -> Vec<Offset> {
        let sources: Vec<SourceId> = self.resolutions.keys().copied().collect();
        let mut offsets = Vec::new();
        for (at, of) in sources.iter().enumerate() {
            let others = sources.iter().skip(at.saturating_add(1));
            offsets.extend(others.filter_map(|ahead| self.offset(*of, *ahead)));
        }
        offsets
    }

    fn offset(&self, of: SourceId, ahead: SourceId) -> Option<Offset> {
        let resolution = |source| self.resolutions.get(&source).copied().unwrap_or_default();
        let width = Duration::from_millis(500).max(resolution(of)).max(resolution(ahead));
        let width = i64::try_from(width.as_nanos()).unwrap_or(i64::MAX);
        let (mut all, mut of_all) = (Vec::new(), 0);
        for ((source, client), times) in &self.times {
            let Some(others) = self.times.get(&(ahead, *client)) else { continue };
            if *source != of {
                continue;
            }
            of_all += times.len().min(others.len());
            for time in times {
                all.extend(others.iter().map(|other| other.0.saturating_sub(time.0)));
            }
        }
        all.sort_unstable();
        let (nanos, seen) = densest(&all, width)?;
        // A single pair says nothing if there could be more.
        (seen >= 2 || of_all == 1).then_some(Offset { of, ahead, nanos, seen, of_all })
    }

    fn note(&mut self, event: &Event) {
        let connection = (event.source, event.connection);
        match event.what {
            What::Identified(id) => {
                self.names.insert(connection, (id, false));
            }
            What::Packet { packet: PacketSeen::Connect(connect), from: Side::Client, .. } => {
                self.names.insert(connection, (connect.client_id, true));
                self.connected(event.source, connect.client_id, event.at);
            }
            // A log that shows no CONNECT.
            What::Packet { packet: PacketSeen::ConnAck(_), .. } => {
                if let Some((id, false)) = self.names.insert(connection, (TextId::NONE, true)) {
                    self.connected(event.source, id, event.at);
                }
            }
            What::Forgotten => {
                self.names.remove(&connection);
            }
            _ => {}
        }
    }

    fn connected(&mut self, source: SourceId, client: TextId, at: Time) {
        let key = (source, client);
        if !client.same(client) || (self.times.len() >= CLIENTS && !self.times.contains_key(&key)) {
            return;
        }
        let times = self.times.entry(key).or_default();
        if times.len() < KEPT {
            times.push(at);
        }
    }
}

/// The middle of the window that holds most of the sorted values, and how many
/// it holds; of equal ones the nearest to zero.
fn densest(sorted: &[i64], width: i64) -> Option<(i64, usize)> {
    let mut best: Option<(i64, usize)> = None;
    let mut end = 0;
    for (start, first) in sorted.iter().enumerate() {
        while sorted.get(end).is_some_and(|last| last.saturating_sub(*first) <= width) {
            end += 1;
        }
        let count = end - start;
        let middle = *sorted.get(start + (count - 1) / 2)?;
        let better = best.is_none_or(|(nanos, most)| {
            count > most || (count == most && middle.unsigned_abs() < nanos.unsigned_abs())
        });
        if better {
            best = Some((middle, count));
        }
    }
    best
}

/// A sink that notes what connects, and hands everything on.
pub struct Watched<'a> {
    connects: &'a mut Connects,
    sink: &'a mut dyn Sink,
}

impl Sink for Watched<'_> {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        let resolution = source.resolution;
        let id = self.sink.source(source)?;
        self.connects.resolutions.insert(id, resolution);
        Some(id)
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.sink.keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.connects.note(event);
        self.sink.event(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{Log, Options};
    use evenkeel_doctor::{Bounds, Doctor};
    use evenkeel_profile::Profile;

    /// A mosquitto log in which `pump` connects at these seconds.
    fn log(seconds: &[u32]) -> String {
        let lines = seconds.iter().map(|at| {
            format!(
                "17673230{at:02}: New connection from 10.0.0.1:50{at:02} on port 1883.\n\
                 17673230{at:02}: New client connected from 10.0.0.1:50{at:02} as pump (p2, c1, k60).\n"
            )
        });
        lines.collect()
    }

    fn offsets(logs: &[&[u32]]) -> Vec<Offset> {
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let mut connects = Connects::new();
        for seconds in logs {
            let mut sink = connects.watch(&mut doctor);
            let mut reading = Log::new("log", &Options::default());
            reading.feed(log(seconds).as_bytes(), &mut sink).expect("a known format");
            reading.end(&mut sink).expect("a known format");
        }
        connects.offsets()
    }

    #[test]
    fn most_connections_agree_on_the_offset() {
        let [offset] = &*offsets(&[&[10, 13, 17, 30], &[15, 18, 22, 50]]) else { panic!() };
        assert_eq!((offset.nanos, offset.seen, offset.of_all), (5_000_000_000, 3, 4));
        let [offset] = &*offsets(&[&[10, 13, 17], &[10, 13, 17]]) else { panic!() };
        assert_eq!((offset.nanos, offset.seen), (0, 3));
    }

    #[test]
    fn of_regular_connections_the_nearest_offset_counts() {
        let [offset] = &*offsets(&[&[10, 20, 30, 40], &[11, 21, 31, 41]]) else { panic!() };
        assert_eq!((offset.nanos, offset.seen), (1_000_000_000, 4));
    }

    #[test]
    fn one_pair_counts_only_if_there_is_no_other() {
        assert_eq!(offsets(&[&[10], &[12]]).len(), 1);
        assert_eq!(offsets(&[&[10, 13], &[15, 50]]), []);
        assert_eq!(offsets(&[&[10, 13]]), []);
    }
}
