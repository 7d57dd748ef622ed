//! What most packets are, read without a copy: pings, plain acknowledgements,
//! and PUBLISH. Whatever is odd about one is left to the codec.

use std::hash::{BuildHasher, Hasher};

use evenkeel_codec::Version;
use evenkeel_doctor::{PacketSeen, PublishSeen, Side};

use crate::capture::cursor::Cursor;
use crate::capture::out::Out;
use crate::fold::{Fold, FoldKey};

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;

/// The fixed header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    first: u8,
    /// Its own length, and that of what follows.
    len: usize,
    body: u64,
}

impl Head {
    /// `None` if more bytes are needed; an error names the rule that is broken.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<Self>, &'static str> {
        let Some((&first, rest)) = bytes.split_first() else { return Ok(None) };
        if first >> 4 == 0 {
            return Err("section 2.1.2");
        }
        let mut body = 0;
        for (at, byte) in rest.iter().take(4).enumerate() {
            body |= u64::from(byte & 0x7F) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(Some(Self { first, len: at + 2, body }));
            }
        }
        if rest.len() < 4 { Ok(None) } else { Err("section 1.5.5") }
    }

    pub(super) fn size(&self) -> u64 {
        self.len as u64 + self.body
    }

    pub(super) fn kind(&self) -> u8 {
        self.first >> 4
    }

    pub(super) fn is_connect(&self) -> bool {
        self.kind() == CONNECT
    }

    pub(super) fn is_publish(&self) -> bool {
        self.kind() == PUBLISH
    }

    /// Whether the reserved flags are as they must be.
    pub(super) fn flags_fit(&self) -> bool {
        match self.kind() {
            PUBLISH => self.first & 0b0110 != 0b0110,
            6 | 8 | 10 => self.first & 0x0F == 2,
            _ => self.first & 0x0F == 0,
        }
    }

    /// The rule that this side breaks with a packet of this type.
    pub(super) fn forbidden_from(&self, from: Side) -> Option<&'static str> {
        match (from, self.kind()) {
            (Side::Client, 2 | 9 | 11 | 13) | (Side::Server, 1 | 8 | 10 | 12) => {
                Some("section 2.1.2")
            }
            _ => None,
        }
    }
}

/// A whole packet of a frequent form; `None` if the codec has to look.
pub(super) fn packet(
    head: &Head,
    packet: &[u8],
    version: Version,
    out: &mut Out<'_>,
) -> Option<PacketSeen> {
    match (head.first, packet) {
        (0xC0, [_, 0]) => Some(PacketSeen::PingReq),
        (0xD0, [_, 0]) => Some(PacketSeen::PingResp),
        (0x40 | 0x50 | 0x62 | 0x70, [_, 2, high, low]) => {
            let id = u16::from_be_bytes([*high, *low]);
            match head.kind() {
                _ if id == 0 => None,
                4 => Some(PacketSeen::PubAck(id, 0)),
                5 => Some(PacketSeen::PubRec(id, 0)),
                6 => Some(PacketSeen::PubRel(id, 0)),
                _ => Some(PacketSeen::PubComp(id, 0)),
            }
        }
        (0x30..=0x3F, _) => {
            let (mut publish, payload) = publish(head, packet, version, out)?;
            publish.payload = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            publish.digest = digest(&out.ground.digests, payload);
            Some(PacketSeen::Publish(publish))
        }
        _ => None,
    }
}

/// The head of a PUBLISH and what there is of its payload.
fn publish<'a>(
    head: &Head,
    packet: &'a [u8],
    version: Version,
    out: &mut Out<'_>,
) -> Option<(PublishSeen, &'a [u8])> {
    let mut rest = Cursor(packet.get(head.len..)?);
    let topic = std::str::from_utf8(rest.after_u16()?).ok()?;
    let qos = head.first >> 1 & 3;
    let id = if qos == 0 { 0 } else { rest.u16()? };
    let mut alias = 0;
    if version == Version::V5 {
        alias = topic_alias(&mut rest)?;
    }
    // Whether these are allowed, the codec says.
    let odd = topic.is_empty() && alias == 0
        || topic.bytes().any(|byte| matches!(byte, 0 | b'+' | b'#'))
        || qos == 3
        || (qos > 0 && id == 0)
        || (qos == 0 && head.first & 8 != 0);
    if odd {
        return None;
    }
    let (dup, retain) = (head.first & 8 != 0, head.first & 1 != 0);
    let topic = out.keep(topic);
    Some((PublishSeen { id, qos, dup, retain, topic, alias, payload: 0, digest: 0 }, rest.0))
}

/// The alias, if the properties have at most that; others are the codec's.
fn topic_alias(rest: &mut Cursor<'_>) -> Option<u16> {
    match rest.after_u8()? {
        [] => Some(0),
        [0x23, high, low] => Some(u16::from_be_bytes([*high, *low])).filter(|alias| *alias > 0),
        _ => None,
    }
}

/// A number that differs when the bytes differ, from which they cannot be had.
pub(super) fn digest(key: &FoldKey, bytes: &[u8]) -> u32 {
    short(key.hash(bytes))
}

/// A shorter number says less of its bytes.
pub(super) fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// A PUBLISH that is too large to be held: its payload passes by.
#[derive(Debug)]
pub(super) struct Large {
    publish: PublishSeen,
    hasher: Fold,
    left: u64,
    size: u64,
}

impl Large {
    /// From its first bytes; `None` if they do not hold its head, or the head is odd.
    pub(super) fn begin(
        head: &Head,
        bytes: &[u8],
        version: Version,
        out: &mut Out<'_>,
    ) -> Option<Box<Self>> {
        let (mut publish, payload) = publish(head, bytes, version, out)?;
        let size = head.size();
        let left = size - bytes.len() as u64;
        publish.payload = u32::try_from(left + payload.len() as u64).unwrap_or(u32::MAX);
        let mut hasher = out.ground.digests.build_hasher();
        hasher.write(payload);
        Some(Box::new(Self { publish, hasher, left, size }))
    }

    /// Takes in what belongs to it; returns how much.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let (mine, _) = bytes.split_at(n);
        self.hasher.write(mine);
        self.left -= n as u64;
        n
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// The packet and its size, once it has passed by.
    pub(super) fn whole(&self) -> Option<(PublishSeen, u64)> {
        let digest = short(self.hasher.finish());
        (self.left == 0).then_some((PublishSeen { digest, ..self.publish }, self.size))
    }
}
