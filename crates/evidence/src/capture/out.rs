//! How what is found becomes events.

use std::collections::hash_map::RandomState;

use evenkeel_doctor::{ConnectionId, Event, Place, SourceId, TextId, Time, What};

use super::speech::KeyLog;
use crate::Sink;
use crate::fold::FoldKey;
use crate::recent::Recent;

/// Events of a connection that wait until it is known whose they are: its
/// opening, its hellos, and a few repetitions.
const HELD: usize = 8;

/// Who is told of a connection.
#[derive(Debug)]
pub(super) enum Told {
    /// It is not known yet of which source it is: events wait.
    Held(Vec<(Time, Place, What)>),
    /// A source.
    To(SourceId),
    /// Nobody: it is of no interest, or there are too many sources.
    Nobody,
}

/// What all connections of a capture or a tap share.
#[derive(Debug, Default)]
pub(super) struct Ground {
    pub(super) keys: KeyLog,
    pub(super) texts: Recent,
    /// The key of the digests of payloads.
    pub(super) digests: FoldKey,
    /// The key of the digests of secrets.
    pub(super) secrets: RandomState,
    /// Memory to write into what has no place of its own, such as bytes
    /// without their mask.
    pub(super) scratch: Vec<u8>,
    /// MQTT packets seen, of all connections.
    pub(super) mqtt_packets: u64,
}

/// Where the events of one connection go, at one moment.
pub(super) struct Out<'a> {
    pub(super) sink: &'a mut dyn Sink,
    pub(super) ground: &'a mut Ground,
    pub(super) told: &'a mut Told,
    pub(super) number: ConnectionId,
    pub(super) at: Time,
    pub(super) place: Place,
}

impl Told {
    /// The bytes at most of events that wait.
    pub(super) const BESIDE: usize = HELD * size_of::<(Time, Place, What)>();
}

impl Out<'_> {
    /// Tells what happens now.
    pub(super) fn tell(&mut self, what: What) {
        self.tell_of(self.at, self.place, what);
    }

    /// Tells what happened before.
    pub(super) fn tell_of(&mut self, at: Time, place: Place, what: What) {
        match &mut self.told {
            Told::Held(held) if held.len() < HELD => held.push((at, place, what)),
            Told::Held(_) | Told::Nobody => {}
            Told::To(source) => {
                let (source, connection) = (*source, self.number);
                self.sink.event(&Event { at, source, connection, place, what });
            }
        }
    }

    /// Tells a source what waited for it.
    pub(super) fn decide(&mut self, source: Option<SourceId>) {
        let told = source.map_or(Told::Nobody, Told::To);
        let Told::Held(held) = std::mem::replace(self.told, told) else { return };
        for (at, place, what) in held {
            self.tell_of(at, place, what);
        }
    }

    pub(super) fn keep(&mut self, text: &str) -> TextId {
        self.ground.texts.keep(text, self.sink)
    }
}
