//! Timelines in short.

use std::time::Duration;

use evenkeel_aws::advisor::{Moment, Packet, Side, What};
use evenkeel_codec::PacketType;

pub(crate) fn at(seconds: f64, connection: u32, what: What) -> Moment {
    Moment { at: Duration::from_secs_f64(seconds), connection, what }
}

pub(crate) fn received(seconds: f64, connection: u32, packet: Packet) -> Moment {
    at(seconds, connection, What::Received(packet))
}

pub(crate) fn sent(seconds: f64, connection: u32, packet: Packet) -> Moment {
    at(seconds, connection, What::Sent(packet))
}

pub(crate) fn connack(seconds: f64, connection: u32, session_present: bool) -> Moment {
    sent(seconds, connection, Packet { session_present, ..Packet::new(PacketType::ConnAck) })
}

pub(crate) fn closed(seconds: f64, connection: u32, side: Side) -> Moment {
    at(seconds, connection, What::Closed(side))
}

/// CONNECTs at these distances, the first at once.
pub(crate) fn connects(gaps: &[f64]) -> Vec<Moment> {
    let mut now = 0.0;
    let mut moments = vec![received(now, 1, Packet::new(PacketType::Connect))];
    for (connection, gap) in (2..).zip(gaps) {
        now += gap;
        moments.push(received(now, connection, Packet::new(PacketType::Connect)));
    }
    moments
}
