//! Records from bytes.

use alloc::vec::Vec;

use bytes::{Buf, Bytes, BytesMut};
use evenkeel_proto::Instant;
use evenkeel_proto::codec::{
    DecodeError, Decoder, Packet, PacketId, QoS, ReasonCode, RetainHandling, SubscribeFilter,
    SubscribeOptions, Text, TopicFilter,
};
use evenkeel_proto::record::{
    Accepted, Age, BootId, Outcome, Priority, Record, Serial, StoredSubscription, StoredTime,
    UnixMillis,
};

use super::{
    AGED, EXPIRES, Entry, Live, NO_LOCAL, PRIORITY, QOS, RETAIN_AS_PUBLISHED, RETAIN_HANDLING,
    VERSION, kind, outcome, varint,
};

/// Bytes whose checksum is right and which say nothing this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Cuts the body of a frame into entries: kind and contents of each.
pub(crate) struct Entries(pub(crate) Bytes);

impl Iterator for Entries {
    type Item = Result<(u8, Bytes), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() { None } else { Some(self.entry().ok_or(Malformed)) }
    }
}

impl Entries {
    fn entry(&mut self) -> Option<(u8, Bytes)> {
        let mut rest: &[u8] = &self.0;
        let (kind, after) = rest.split_first()?;
        rest = after;
        let length = usize::try_from(varint::take(&mut rest)?).ok()?;
        if length > rest.len() {
            return None;
        }
        let (kind, head) = (*kind, self.0.len() - rest.len());
        self.0.advance(head);
        Some((kind, self.0.split_to(length)))
    }
}

/// The serial of an entry that is an accepted message; `None` for others.
#[cfg(feature = "std")]
pub(crate) fn peek_serial(kind: u8, mut contents: &[u8]) -> Result<Option<u64>, Malformed> {
    match kind {
        kind::ACCEPTED => varint::take(&mut contents).map(Some).ok_or(Malformed),
        _ => Ok(None),
    }
}

/// Reads the contents of an accepted message, which are copied: they do not
/// keep the frame they came from.
#[cfg(feature = "std")]
pub(crate) fn decode_message(contents: &[u8]) -> Result<Accepted, Malformed> {
    message(contents).ok_or(Malformed)
}

/// Reads the contents of any entry.
pub(crate) fn decode_entry(kind: u8, contents: &[u8]) -> Result<Entry, Malformed> {
    let entry = match kind {
        kind::LIVE => live(contents).map(Entry::Live),
        kind::RELEASING => {
            exchange(contents).map(|(serial, packet_id)| Entry::Releasing { serial, packet_id })
        }
        kind::BOOT => contents.try_into().ok().map(|boot| Entry::Boot(BootId(boot))),
        kind::ACCEPTED => message(contents).map(Record::Accepted).map(Entry::Record),
        kind::SUBSCRIBED => subscription(contents).map(Record::Subscribed).map(Entry::Record),
        _ => record(kind, contents).map(Entry::Record),
    };
    entry.ok_or(Malformed)
}

fn record(kind: u8, mut contents: &[u8]) -> Option<Record> {
    let from = &mut contents;
    let record = match kind {
        kind::IDENTITY => Record::Identity { client_id: text(from)? },
        kind::SENT => {
            let (serial, packet_id) = exchange(core::mem::take(from))?;
            Record::Sent { serial, packet_id }
        }
        kind::RELEASED => Record::Released { serial: serial(from)? },
        kind::DONE => Record::Done { serial: serial(from)?, outcome: outcome(from)? },
        kind::QUARANTINED => Record::Quarantined {
            serial: serial(from)?,
            deaths: byte(from)?,
            attempts: varint::take(from)?.try_into().ok()?,
        },
        kind::RECEIVED => Record::Received { packet_id: packet_id(from)? },
        kind::FINISHED => Record::Finished { packet_id: packet_id(from)? },
        kind::UNSUBSCRIBED => Record::Unsubscribed { filter: TopicFilter::new(text(from)?).ok()? },
        kind::SESSION_LOST => Record::SessionLost,
        kind::UNPROVEN => Record::Unproven,
        kind::PROVEN => Record::Proven,
        kind::CLEARING => Record::Clearing { packet_id: packet_id(from)? },
        kind::FREED => Record::Freed { packet_id: packet_id(from)? },
        kind::TIME => Record::Time(time(core::mem::take(from))?),
        kind::RELEASED_AND_KEPT => Record::ReleasedAndKept { serial: serial(from)? },
        kind::SESSION_UNKNOWN => Record::SessionUnknown,
        _ => return None,
    };
    contents.is_empty().then_some(record)
}

fn live(mut contents: &[u8]) -> Option<Live> {
    let mut live = Live { next_serial: serial(&mut contents)?, runs: Vec::new() };
    let mut end = 0_u64;
    while !contents.is_empty() {
        let first = end.checked_add(varint::take(&mut contents)?)?;
        let count = varint::take(&mut contents)?;
        end = first.checked_add(count)?;
        live.runs.push((first, count));
    }
    (end <= live.next_serial.0).then_some(live)
}

fn message(mut contents: &[u8]) -> Option<Accepted> {
    let from = &mut contents;
    let serial = serial(from)?;
    let flags = byte(from)?;
    let priority = Priority::from_level(flags & PRIORITY)?;
    let accepted = UnixMillis(varint::take(from)?);
    if flags & !(PRIORITY | EXPIRES | AGED) != 0 {
        return None;
    }
    let expires = if flags & EXPIRES != 0 { Some(UnixMillis(varint::take(from)?)) } else { None };
    let age = if flags & AGED != 0 { Some(Age(varint::take(from)?)) } else { None };
    let Packet::Publish(mut publish) = whole(contents, Decoder::decode_from_server)? else {
        return None;
    };
    publish.packet_id = None;
    Some(Accepted { serial, publish, accepted, expires, age, priority })
}

fn subscription(mut contents: &[u8]) -> Option<StoredSubscription> {
    let flags = byte(&mut contents)?;
    let options = SubscribeOptions {
        qos: QoS::from_level(flags & QOS)?,
        no_local: flags & NO_LOCAL != 0,
        retain_as_published: flags & RETAIN_AS_PUBLISHED != 0,
        retain_handling: match flags >> RETAIN_HANDLING {
            0 => RetainHandling::OnSubscribe,
            1 => RetainHandling::OnNewSubscribe,
            2 => RetainHandling::Never,
            _ => return None,
        },
    };
    let subscribe = whole(contents, |decoder, buffer| decoder.decode_subscribe(buffer))?;
    let [SubscribeFilter { filter, .. }] = <[_; 1]>::try_from(subscribe.filters).ok()?;
    let filter = SubscribeFilter { filter, options };
    Some(StoredSubscription { filter, properties: subscribe.properties })
}

/// Exactly one packet. (Each kind by its own function, so that others are not in a small module.)
fn whole<T>(
    bytes: &[u8],
    decode: impl FnOnce(&mut Decoder, &mut BytesMut) -> Result<Option<T>, DecodeError>,
) -> Option<T> {
    let mut buffer = BytesMut::from(bytes);
    let packet = decode(&mut Decoder::new(VERSION, u32::MAX), &mut buffer).ok()??;
    buffer.is_empty().then_some(packet)
}

fn exchange(mut contents: &[u8]) -> Option<(Serial, PacketId)> {
    let exchange = (serial(&mut contents)?, packet_id(&mut contents)?);
    contents.is_empty().then_some(exchange)
}

fn time(mut contents: &[u8]) -> Option<StoredTime> {
    let at = Instant::from_micros(varint::take(&mut contents)?);
    let wall = UnixMillis(varint::take(&mut contents)?);
    let age = Age(varint::take(&mut contents)?);
    let boot = match contents {
        [] => None,
        boot => Some(BootId(boot.try_into().ok()?)),
    };
    Some(StoredTime { boot, at, wall, age })
}

fn outcome(from: &mut &[u8]) -> Option<Outcome> {
    Some(match byte(from)? {
        outcome::DELIVERED => Outcome::Delivered,
        outcome::REFUSED => Outcome::Refused(ReasonCode(byte(from)?)),
        outcome::EXPIRED => Outcome::Expired,
        outcome::NOT_ALLOWED => Outcome::NotAllowed,
        outcome::DROPPED => Outcome::Dropped,
        outcome::REMOVED => Outcome::Removed,
        outcome::REQUEUED => Outcome::Requeued(serial(from)?),
        outcome::UNCERTAIN => Outcome::Uncertain,
        _ => return None,
    })
}

fn serial(from: &mut &[u8]) -> Option<Serial> {
    varint::take(from).map(Serial)
}

fn packet_id(from: &mut &[u8]) -> Option<PacketId> {
    PacketId::new(varint::take(from)?.try_into().ok()?)
}

fn byte(from: &mut &[u8]) -> Option<u8> {
    let (byte, rest) = from.split_first()?;
    *from = rest;
    Some(*byte)
}

/// All that is left.
fn text(from: &mut &[u8]) -> Option<Text> {
    Text::from_bytes(Bytes::copy_from_slice(core::mem::take(from))).ok()
}
