//! Cuts one side's bytes into packets.

use bytes::BytesMut;
use evenkeel_codec::{Decoder, Version};
use evenkeel_doctor::{PacketSeen, Side, What};

use super::fast::{self, Head};
use super::{lost, seen};
use crate::capture::out::Out;
use crate::grow;

/// The largest packet that is held until it is whole. Of a larger PUBLISH the
/// head is read and the payload passes by; others are passed over.
pub(super) const HELD: usize = 64 << 10;

/// One side's bytes.
#[derive(Debug, Default)]
pub(super) struct Reader {
    state: State,
    /// A packet that is not whole.
    held: Vec<u8>,
    /// How many bytes of it are needed to go on.
    need: usize,
    /// A packet was read.
    begun: bool,
}

#[derive(Debug, Default)]
enum State {
    /// The next byte begins a packet.
    #[default]
    Packet,
    /// So many bytes belong to a packet that is passed over.
    Skip(u64),
    /// The rest of a large PUBLISH.
    Payload(Box<fast::Large>),
    /// Packets begin at an unknown place.
    Lost,
    /// What came was no MQTT.
    Dead,
}

/// What is at the front of the bytes.
enum Step {
    Need(usize),
    Took(usize),
    Skip(u64),
    Large(Box<fast::Large>),
    Bad(&'static str),
}

impl Reader {
    pub(super) fn lost() -> Self {
        Self { state: State::Lost, ..Self::default() }
    }

    /// Whether nothing was read so far.
    pub(super) fn is_fresh(&self) -> bool {
        !self.begun && self.held.is_empty() && matches!(self.state, State::Packet)
    }

    pub(super) fn die(&mut self) {
        *self = Self { state: State::Dead, begun: true, ..Self::default() };
    }

    pub(super) fn held(&self) -> usize {
        let large = matches!(self.state, State::Payload(_));
        self.held.capacity() + if large { size_of::<fast::Large>() } else { 0 }
    }

    pub(super) fn let_go(&mut self) {
        if !self.held.is_empty() {
            *self = Self { begun: true, ..Self::lost() };
        }
    }

    pub(super) fn bytes(
        &mut self,
        from: Side,
        mut bytes: &[u8],
        version: &mut Option<Version>,
        sure: bool,
        out: &mut Out<'_>,
    ) {
        while !bytes.is_empty() {
            match &mut self.state {
                State::Dead => return,
                State::Lost => {
                    if !lost::are_packets(from, bytes) {
                        return;
                    }
                    self.state = State::Packet;
                }
                State::Skip(left) => {
                    let n = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= n as u64;
                    if *left == 0 {
                        self.state = State::Packet;
                    }
                    bytes = bytes.get(n..).unwrap_or_default();
                }
                State::Payload(large) => {
                    let n = large.take(bytes);
                    bytes = bytes.get(n..).unwrap_or_default();
                    if let Some((publish, size)) = large.whole() {
                        tell(from, PacketSeen::Publish(publish), size, out);
                        self.state = State::Packet;
                    }
                }
                State::Packet => bytes = self.packet(from, bytes, version, sure, out),
            }
        }
    }

    /// Reads at the front of the bytes; returns what is left of them.
    fn packet<'a>(
        &mut self,
        from: Side,
        bytes: &'a [u8],
        version: &mut Option<Version>,
        sure: bool,
        out: &mut Out<'_>,
    ) -> &'a [u8] {
        if self.held.is_empty() {
            let step = step(from, bytes, version, sure, out);
            return self.follow(step, bytes, bytes, from, sure, out);
        }
        let more = bytes.len().min(self.need.saturating_sub(self.held.len()));
        let (now, rest) = bytes.split_at(more);
        grow::extend(&mut self.held, now, self.need);
        if self.held.len() < self.need {
            return rest;
        }
        let held = std::mem::take(&mut self.held);
        let step = step(from, &held, version, sure, out);
        self.follow(step, &held, rest, from, sure, out)
    }

    /// Does what a step says. `read` is what was looked at, and `rest` what is
    /// left of the bytes: the same ones, or what follows those that were held.
    fn follow<'a>(
        &mut self,
        step: Step,
        read: &[u8],
        rest: &'a [u8],
        from: Side,
        sure: bool,
        out: &mut Out<'_>,
    ) -> &'a [u8] {
        let fresh = std::ptr::eq(read.as_ptr(), rest.as_ptr());
        let after = |taken: usize| {
            if fresh { rest.get(taken..).unwrap_or_default() } else { rest }
        };
        match step {
            Step::Need(need) => {
                self.held = read.to_vec();
                self.need = need;
                after(read.len())
            }
            Step::Took(n) => {
                self.begun = true;
                after(n)
            }
            Step::Skip(n) => {
                self.begun = true;
                let here = usize::try_from(n).unwrap_or(usize::MAX).min(read.len());
                if n > here as u64 {
                    self.state = State::Skip(n - here as u64);
                }
                after(here)
            }
            Step::Large(large) => {
                self.begun = true;
                self.state = State::Payload(large);
                after(read.len())
            }
            Step::Bad(rule) => {
                if sure {
                    out.tell(What::Malformed { from, rule });
                    self.die();
                } else {
                    *self = Self { begun: true, ..Self::lost() };
                }
                &[]
            }
        }
    }

    /// So many bytes are missing.
    pub(super) fn gap(&mut self, bytes: u64) {
        let held = self.held.len() as u64;
        let left = match &self.state {
            State::Skip(left) => *left,
            State::Payload(large) => large.left(),
            State::Packet => match Head::read(&self.held) {
                Ok(Some(head)) => head.size() - held,
                _ => 0,
            },
            State::Dead => return,
            State::Lost => 0,
        };
        self.held = Vec::new();
        self.state = match left.checked_sub(bytes) {
            Some(0) if left > 0 => State::Packet,
            Some(left) if left > 0 => State::Skip(left),
            _ => State::Lost,
        };
    }
}

fn step(
    from: Side,
    bytes: &[u8],
    version: &mut Option<Version>,
    sure: bool,
    out: &mut Out<'_>,
) -> Step {
    let head = match Head::read(bytes) {
        Ok(Some(head)) => head,
        Ok(None) => return Step::Need(bytes.len() + 1),
        Err(rule) => return Step::Bad(rule),
    };
    if let Some(rule) = head.forbidden_from(from) {
        return Step::Bad(rule);
    }
    if from == Side::Client && version.is_none() && sure && !head.is_connect() {
        return Step::Bad("MQTT-3.1.0-1");
    }
    let size = head.size();
    let known = version.unwrap_or(Version::V311);
    let Some(packet) = usize::try_from(size).ok().and_then(|size| bytes.get(..size)) else {
        return unfinished(&head, size, known, bytes, out);
    };
    if let Some(packet) = fast::packet(&head, packet, known, out) {
        tell(from, packet, size, out);
        return Step::Took(packet_len(size));
    }
    if size > HELD as u64 {
        return Step::Skip(size);
    }
    match decode(&head, packet, version) {
        Ok(packet) => {
            let packet = seen::packet(&packet, *version, out);
            tell(from, packet, size, out);
            Step::Took(packet_len(size))
        }
        Err(_) if !sure => Step::Skip(size),
        Err(rule) => match unlisted(rule, packet, *version) {
            Some(packet) => {
                tell(from, packet, size, out);
                Step::Took(packet_len(size))
            }
            None => Step::Bad(rule),
        },
    }
}

fn packet_len(size: u64) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A packet of which a part is here.
fn unfinished(head: &Head, size: u64, version: Version, bytes: &[u8], out: &mut Out<'_>) -> Step {
    if size <= HELD as u64 {
        return Step::Need(packet_len(size));
    }
    if !head.is_publish() {
        return Step::Skip(size);
    }
    match fast::Large::begin(head, bytes, version, out) {
        Some(large) => Step::Large(large),
        None if bytes.len() < HELD => Step::Need(HELD),
        None => Step::Skip(size),
    }
}

fn decode(
    head: &Head,
    packet: &[u8],
    version: &mut Option<Version>,
) -> Result<evenkeel_codec::Packet, &'static str> {
    let maximum = u32::try_from(HELD).unwrap_or(u32::MAX);
    let mut decoder = match *version {
        None if head.is_connect() => Decoder::for_server(maximum),
        known => Decoder::new(known.unwrap_or(Version::V311), maximum),
    };
    let mut bytes = BytesMut::from(packet);
    if head.is_connect() {
        without_bridge_mark(&mut bytes);
    }
    let decoded = decoder.decode(&mut bytes).map_err(|error| error.rule())?;
    // CONNECT says it, and so does a CONNACK of an older form.
    if head.is_connect() || version.is_some() {
        *version = decoder.version();
    }
    decoded.ok_or("section 2.1.4")
}

/// A bridge of mosquitto, or of who follows it, marks its CONNECT by the highest
/// bit of the protocol level.
fn without_bridge_mark(connect: &mut [u8]) {
    for name in [&b"\0\x04MQTT"[..], b"\0\x06MQIsdp"] {
        let at = (2..=5).find(|at| connect.get(*at..).is_some_and(|it| it.starts_with(name)));
        if let Some(level) = at.and_then(|at| connect.get_mut(at + name.len())) {
            *level &= 0x7F;
        }
    }
}

/// PUBACK or PUBREC with a refusal that is not in their list: mosquitto says 0x95
/// for a message that is too large. What it means is clear.
fn unlisted(rule: &str, packet: &[u8], version: Option<Version>) -> Option<PacketSeen> {
    let kind: fn(u16, u8) -> PacketSeen = match rule {
        "MQTT-3.4.2-1" => PacketSeen::PubAck,
        "MQTT-3.5.2-1" => PacketSeen::PubRec,
        _ => return None,
    };
    // Behind the remaining length, whose last byte has no mark.
    let length = packet.iter().skip(1).position(|byte| *byte < 0x80)?;
    match packet.get(length + 2..)? {
        [high, low, code, ..] if *code >= 0x80 && version == Some(Version::V5) => {
            Some(kind(u16::from_be_bytes([*high, *low]), *code))
        }
        _ => None,
    }
}

pub(super) fn tell(from: Side, packet: PacketSeen, size: u64, out: &mut Out<'_>) {
    let bytes = u32::try_from(size).unwrap_or(u32::MAX);
    out.ground.mqtt_packets += 1;
    out.tell(What::Packet { from, packet, bytes, inferred: false });
}
