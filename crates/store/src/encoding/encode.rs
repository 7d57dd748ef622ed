//! Records to bytes.

use alloc::vec;
use alloc::vec::Vec;

use evenkeel_proto::codec::{
    EncodeError, Packet, PacketId, QoS, ReasonCode, Subscribe, SubscribeFilter, SubscribeOptions,
    TopicAliasUse, Transfer,
};
#[cfg(feature = "std")]
use evenkeel_proto::record::BootId;
use evenkeel_proto::record::{Accepted, Outcome, Record, Serial, StoredSubscription};

use super::{
    AGED, EXPIRES, NO_LOCAL, RETAIN_AS_PUBLISHED, RETAIN_HANDLING, VERSION, kind, outcome, varint,
};

/// Appends a record; leaves `out` as it was if the record holds what no
/// packet can.
pub(crate) fn encode_record(record: &Record, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match record {
        Record::Accepted(message) => return put_message(message, out),
        Record::Subscribed(subscription) => return put_subscription(subscription, out),
        _ => {}
    }
    entry(kind_of(record), out, |out| put_fields(record, out));
    Ok(())
}

/// Appends the entry that begins a snapshot; the serials ascend.
pub(crate) fn encode_live(
    next_serial: Serial,
    mut live: impl Iterator<Item = u64>,
    out: &mut Vec<u8>,
) {
    entry(kind::LIVE, out, |out| {
        varint::put(next_serial.0, out);
        let (mut end, mut next) = (0, live.next());
        while let Some(first) = next {
            let mut count = 1;
            next = live.next();
            while next == first.checked_add(count) {
                count += 1;
                next = live.next();
            }
            varint::put(first - end, out);
            varint::put(count, out);
            end = first + count;
        }
    });
}

/// Appends an exchange of which the identifier alone is left.
pub(crate) fn encode_releasing(serial: Serial, packet_id: PacketId, out: &mut Vec<u8>) {
    entry(kind::RELEASING, out, |out| {
        varint::put(serial.0, out);
        varint::put(packet_id.get().into(), out);
    });
}

/// Appends the boot in which a segment is written.
#[cfg(feature = "std")]
pub(crate) fn encode_boot(boot: BootId, out: &mut Vec<u8>) {
    entry(kind::BOOT, out, |out| out.extend(boot.0));
}

/// Appends a message that is encoded already.
#[cfg(feature = "std")]
pub(crate) fn encode_contents(contents: &[u8], out: &mut Vec<u8>) {
    out.push(kind::ACCEPTED);
    varint::put(contents.len() as u64, out);
    out.extend_from_slice(contents);
}

const fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Identity { .. } => kind::IDENTITY,
        Record::Accepted(_) => kind::ACCEPTED,
        Record::Sent { .. } => kind::SENT,
        Record::Released { .. } => kind::RELEASED,
        Record::Done { .. } => kind::DONE,
        Record::Quarantined { .. } => kind::QUARANTINED,
        Record::Received { .. } => kind::RECEIVED,
        Record::Finished { .. } => kind::FINISHED,
        Record::Subscribed(_) => kind::SUBSCRIBED,
        Record::Unsubscribed { .. } => kind::UNSUBSCRIBED,
        Record::SessionLost => kind::SESSION_LOST,
        Record::Unproven => kind::UNPROVEN,
        Record::Proven => kind::PROVEN,
        Record::Clearing { .. } => kind::CLEARING,
        Record::Freed { .. } => kind::FREED,
        Record::Time(_) => kind::TIME,
        Record::ReleasedAndKept { .. } => kind::RELEASED_AND_KEPT,
        Record::SessionUnknown => kind::SESSION_UNKNOWN,
    }
}

/// The contents of the small records; the two with packets in them have
/// functions of their own.
fn put_fields(record: &Record, out: &mut Vec<u8>) {
    match record {
        Record::Identity { client_id } => out.extend_from_slice(client_id.as_bytes()),
        Record::Sent { serial, packet_id } => {
            varint::put(serial.0, out);
            varint::put(packet_id.get().into(), out);
        }
        Record::Released { serial } | Record::ReleasedAndKept { serial } => {
            varint::put(serial.0, out);
        }
        Record::Done { serial, outcome } => {
            varint::put(serial.0, out);
            put_outcome(*outcome, out);
        }
        Record::Quarantined { serial, deaths, attempts } => {
            varint::put(serial.0, out);
            out.push(*deaths);
            varint::put((*attempts).into(), out);
        }
        Record::Received { packet_id }
        | Record::Finished { packet_id }
        | Record::Clearing { packet_id }
        | Record::Freed { packet_id } => {
            varint::put(packet_id.get().into(), out);
        }
        Record::Time(time) => {
            varint::put(time.at.as_micros(), out);
            varint::put(time.wall.0, out);
            varint::put(time.age.0, out);
            out.extend(time.boot.iter().flat_map(|boot| boot.0));
        }
        Record::Unsubscribed { filter } => out.extend_from_slice(filter.as_str().as_bytes()),
        Record::Accepted(_)
        | Record::Subscribed(_)
        | Record::SessionLost
        | Record::SessionUnknown
        | Record::Unproven
        | Record::Proven => {}
    }
}

fn put_outcome(outcome: Outcome, out: &mut Vec<u8>) {
    let plain = match outcome {
        Outcome::Refused(ReasonCode(code)) => return out.extend([outcome::REFUSED, code]),
        Outcome::Requeued(serial) => {
            out.push(outcome::REQUEUED);
            return varint::put(serial.0, out);
        }
        Outcome::Delivered => outcome::DELIVERED,
        Outcome::Expired => outcome::EXPIRED,
        Outcome::NotAllowed => outcome::NOT_ALLOWED,
        Outcome::Dropped => outcome::DROPPED,
        Outcome::Removed => outcome::REMOVED,
        Outcome::Uncertain => outcome::UNCERTAIN,
    };
    out.push(plain);
}

fn put_message(message: &Accepted, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    // A packet of QoS 1 and 2 has an identifier; the real one comes later.
    let packet_id = match message.publish.qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce | QoS::ExactlyOnce => PacketId::new(1),
    };
    let transfer =
        Transfer { dup: false, packet_id, topic_alias: TopicAliasUse::None, message_expiry: None };
    let mut head = Vec::with_capacity(32);
    varint::put(message.serial.0, &mut head);
    let expires = if message.expires.is_some() { EXPIRES } else { 0 };
    let aged = if message.age.is_some() { AGED } else { 0 };
    head.push(message.priority as u8 | expires | aged);
    varint::put(message.accepted.0, &mut head);
    if let Some(expires) = message.expires {
        varint::put(expires.0, &mut head);
    }
    if let Some(age) = message.age {
        varint::put(age.0, &mut head);
    }
    let packet = message.publish.encoded_len_with(VERSION, &transfer)?;
    out.push(kind::ACCEPTED);
    varint::put((head.len() + packet) as u64, out);
    out.extend_from_slice(&head);
    message.publish.encode_with(VERSION, &transfer, out)
}

/// The options are kept beside the packet: which of them a packet may hold
/// depends on the version, and a store does not judge.
fn put_subscription(
    subscription: &StoredSubscription,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let SubscribeFilter { filter, options } = &subscription.filter;
    let flags = options.qos.level()
        | if options.no_local { NO_LOCAL } else { 0 }
        | if options.retain_as_published { RETAIN_AS_PUBLISHED } else { 0 }
        | (options.retain_handling as u8) << RETAIN_HANDLING;
    let options = SubscribeOptions::default();
    let filters = vec![SubscribeFilter { filter: filter.clone(), options }];
    let packet_id = PacketId::new(1).ok_or(EncodeError::PacketIdentifierMissing)?;
    let properties = subscription.properties.clone();
    let packet = Packet::Subscribe(Subscribe { packet_id, filters, properties });
    let mut contents = vec![flags];
    packet.encode(VERSION, &mut contents)?;
    entry(kind::SUBSCRIBED, out, |out| out.append(&mut contents));
    Ok(())
}

/// Appends an entry whose contents are small.
fn entry(kind: u8, out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let mut contents = Vec::with_capacity(32);
    put(&mut contents);
    out.push(kind);
    varint::put(contents.len() as u64, out);
    out.extend_from_slice(&contents);
}
