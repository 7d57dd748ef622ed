//! One client as its binding sees it: the core, and what a number stands for.

use alloc::vec::Vec;

use evenkeel_codec::{
    PacketType, Publish, RetainHandling, SubscribeFilter, SubscribeOptions, Text, TopicFilter,
    TopicName, Version,
};
use evenkeel_proto::record::Priority;
use evenkeel_proto::{Accepted, AckKey, Client, ConnectionId, Instant, Token, Transmit};

use crate::arguments::{self, Arguments, NONE};
use crate::failure::Failure;
use crate::payloads::Payloads;
use crate::published::OnTheirWay;
use crate::read::ReadBuffer;
use crate::sessions::Kept;
use crate::slots::Slots;

/// Messages that may wait to be acknowledged; far more than a server may send.
const MOST_ACKS: u32 = 1 << 24;

/// A client and what belongs to it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) core: Client,
    /// If the caller keeps the session.
    pub(crate) store: Option<Kept>,
    pub(crate) read: ReadBuffer,
    pub(crate) acks: Slots<AckKey>,
    pub(crate) on_their_way: OnTheirWay,
    /// What is being written; empty between two calls, its memory is kept.
    pub(crate) batch: Transmit,
    /// The topic of the last message that was told.
    pub(crate) last_topic: Text,
    /// The version that was spoken last, for packets of a trace.
    pub(crate) version: Version,
    /// Packets are told.
    pub(crate) traced: bool,
    /// The last publish: the next one may have its topic.
    publish: Publish,
}

/// The arguments of a publish.
pub(crate) struct Publishing {
    pub(crate) token: u32,
    pub(crate) flags: u32,
    pub(crate) topic: u32,
    pub(crate) properties: u32,
    pub(crate) payload: u32,
}

const RETAIN: u32 = 4;
const IDENTIFIED: u32 = 8;
const HELD: u32 = 16;

impl Bound {
    pub(crate) fn new(core: Client, store: Option<Kept>) -> Self {
        Self {
            core,
            store,
            read: ReadBuffer::default(),
            acks: Slots::new(),
            on_their_way: OnTheirWay::default(),
            batch: Transmit::default(),
            last_topic: Text::new(),
            version: Version::V5,
            traced: false,
            publish: Publish::default(),
        }
    }

    /// The packet identifier, or 0.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        given: &Publishing,
        mut arguments: Arguments<'_>,
        payloads: &mut Payloads,
    ) -> Result<u32, Failure> {
        // It is used up, whatever comes of the publish.
        let held = match given.flags & HELD {
            0 => None,
            _ => Some(payloads.publish(given.payload)?),
        };
        if held.is_some() && self.store.is_some() {
            return Err(Failure::Argument("a session that is kept needs the payload's bytes"));
        }
        if given.flags > RETAIN + IDENTIFIED + HELD + 2 {
            return Err(Failure::Argument("there are no such flags of a publish"));
        }
        let qos = arguments::qos(given.flags & 3)?;
        if given.topic != NONE {
            let topic = arguments.text(given.topic)?;
            self.publish.topic = valid_topic(topic)?;
        }
        let properties = arguments.properties(given.properties, PacketType::Publish)?;
        self.publish.qos = qos;
        self.publish.retain = given.flags & RETAIN != 0;
        self.publish.properties = properties;
        let token = if given.token == NONE { None } else { Some(Token(given.token.into())) };
        let (core, priority) = (&mut self.core, Priority::Normal);
        let mut identifier = 0;
        let accepted = if given.flags & IDENTIFIED == 0 && held.is_none() {
            let payload = arguments.bytes(given.payload)?;
            core.publish_slice(now, &self.publish, payload, priority, token)?
        } else {
            let mut publish = self.publish.clone();
            publish.payload = match held {
                Some(payload) => payload,
                None => arguments.owned(given.payload)?,
            };
            if given.flags & IDENTIFIED == 0 || given.flags & 3 == 0 {
                core.publish(now, &mut publish, priority, token)?
            } else {
                let (accepted, id) = core.publish_identified(now, &mut publish, priority, token)?;
                identifier = id.get().into();
                accepted
            }
        };
        if let (Accepted::Sent { conn, offset }, Some(token)) = (accepted, token) {
            self.on_their_way.add(conn, offset, token);
        }
        Ok(identifier)
    }

    /// What the application is to acknowledge, taken out.
    pub(crate) fn take_ack(&mut self, number: u32) -> Result<AckKey, Failure> {
        self.acks.take(number).ok_or(Failure::NoSuchNumber(number))
    }

    /// The number by which it will be acknowledged.
    pub(crate) fn put_ack(&mut self, key: AckKey) -> Option<u32> {
        self.acks.put(key, MOST_ACKS)
    }
}

/// An empty topic may stand beside a topic alias, as the core will see.
fn valid_topic(topic: Text) -> Result<Text, Failure> {
    if topic.is_empty() {
        return Ok(topic);
    }
    TopicName::new(topic).map(TopicName::into_text).map_err(Failure::Topic)
}

/// So many filters with their options.
pub(crate) fn filters(
    count: u32,
    len: u32,
    arguments: &mut Arguments<'_>,
) -> Result<Vec<SubscribeFilter>, Failure> {
    let mut section = arguments.section(len)?;
    let mut filters = Vec::new();
    for _ in 0..count {
        let options = options(section.number()?)?;
        let len = section.number()?;
        let filter = TopicFilter::new(arguments::text(section.padded(len)?)?);
        filters.push(SubscribeFilter { filter: filter.map_err(Failure::Filter)?, options });
    }
    Ok(filters)
}

/// As they are on the wire.
fn options(byte: u32) -> Result<SubscribeOptions, Failure> {
    let retain_handling = match byte >> 4 {
        0 => RetainHandling::OnSubscribe,
        1 => RetainHandling::OnNewSubscribe,
        2 => RetainHandling::Never,
        _ => return Err(Failure::Argument("retain handling is 0, 1 or 2, in bits 4 and 5")),
    };
    Ok(SubscribeOptions {
        qos: arguments::qos(byte & 3)?,
        no_local: byte & 4 != 0,
        retain_as_published: byte & 8 != 0,
        retain_handling,
    })
}

pub(crate) const fn connection(number: u32) -> ConnectionId {
    ConnectionId(number as u64)
}
