//! What goes to the transport, and what came from it.

use evenkeel_codec::{Packet, Version};
use evenkeel_proto::{Close, ConnectionId, Direction, Incoming, Served, Traced, Transmit};

use super::{Record, Records, connection, kind, length};
use crate::payloads::Payloads;

const SAME_TOPIC: u32 = 16;
const IN_CHUNK: u32 = 32;
const SKIPPED: u32 = 64;

/// Where the payload of a message is.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In the record.
    Here,
    /// So far from the beginning of the last chunk.
    InChunk(usize),
    /// With the caller, who skipped it: its number.
    Skipped(u32),
}

/// A message: the number by which it is acknowledged, and where its payload is.
pub(crate) fn message(
    records: &mut Records<'_>,
    incoming: &Incoming,
    ack: u32,
    same_topic: bool,
    place: Place,
) {
    let publish = &incoming.publish;
    let mut flags = u32::from(publish.qos.level())
        | u32::from(publish.retain) << 2
        | u32::from(publish.dup) << 3;
    if same_topic {
        flags |= SAME_TOPIC;
    }
    flags |= match place {
        Place::Here => 0,
        Place::InChunk(_) => IN_CHUNK,
        Place::Skipped(_) => SKIPPED,
    };
    records.put(kind::MESSAGE, |record| {
        record.words([
            flags,
            publish.packet_id.map_or(0, |id| id.get().into()),
            ack,
            length(publish.topic.len()),
            length(publish.properties.encoded_len()),
            length(publish.payload.len()),
            match place {
                Place::Here => 0,
                Place::InChunk(at) => length(at),
                Place::Skipped(number) => number,
            },
        ]);
        if !same_topic {
            record.bytes(publish.topic.as_bytes());
        }
        record.encode(|out| publish.properties.to_wire(out));
        if let Place::Here = place {
            record.patch(32, record.len());
            record.bytes(&publish.payload);
        }
    });
}

/// A batch for the transport.
pub(crate) fn write(
    records: &mut Records<'_>,
    conn: ConnectionId,
    batch: &Transmit,
    payloads: &Payloads,
) {
    records.put(kind::WRITE, |record| {
        pieces(record, conn, batch, Served::Unknown, payloads);
    });
}

/// The end of a transport, with what is to be written before.
pub(crate) fn close(records: &mut Records<'_>, close: &Close, payloads: &Payloads) {
    records.put(kind::CLOSE, |record| {
        pieces(record, close.conn, &close.last, close.served, payloads);
    });
}

fn pieces(
    record: &mut Record<'_>,
    conn: ConnectionId,
    batch: &Transmit,
    served: Served,
    payloads: &Payloads,
) {
    record.word(connection(conn));
    record.count(batch.len());
    record.count(batch.chunks().count());
    record.word(match served {
        Served::Yes => 0,
        Served::Briefly => 1,
        Served::No => 2,
        Served::Unknown => 3,
    });
    for chunk in batch.chunks() {
        record.words([payloads.number_of(chunk).unwrap_or(0), length(chunk.len())]);
    }
    for chunk in batch.chunks().filter(|chunk| payloads.number_of(chunk).is_none()) {
        record.bytes(chunk);
    }
}

/// A packet that went by. One that does not encode is left out.
pub(crate) fn packet(
    records: &mut Records<'_>,
    traced: &Traced,
    version: Version,
    payloads: &Payloads,
) {
    let held = match &traced.packet {
        Packet::Publish(publish) => payloads.number_of(&publish.payload),
        _ => None,
    };
    records.put(kind::PACKET, |record| {
        record.word(connection(traced.conn));
        record.word(match traced.direction {
            Direction::Sent => 0,
            Direction::Received => 1,
        });
        record.word(version.level().into());
        record.word(u32::try_from(traced.lost).unwrap_or(u32::MAX));
        record.word(held.unwrap_or(0));
        record.word(0);
        let len = record.encode(|out| {
            // What went by was encoded before, or decoded.
            let _ = match (&traced.packet, held) {
                (Packet::Publish(publish), Some(_)) => {
                    publish.encode_head(version, &publish.transfer(), out)
                }
                (packet, _) => packet.encode(version, out),
            };
        });
        record.patch(28, len);
    });
}
