//! The format of Wireshark: sections of blocks.

use evenkeel_doctor::Time;

use super::error::CaptureFault;
use super::record::{Captured, PACKET, Record};

/// Interfaces of a section that are followed.
pub(super) const INTERFACES: usize = 1024;
/// Headers, options and all: what a block that is looked at may take.
pub(super) const BLOCK: u32 = PACKET + (1 << 20);

const SECTION: u32 = 0x0A0D_0D0A;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET_BLOCK: u32 = 6;
const SECRETS: u32 = 10;
const TLS_KEY_LOG: u32 = 0x544C_534B;

/// The newest section and its interfaces.
#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    big_endian: bool,
    interfaces: Vec<Interface>,
    /// The time of the newest packet: a simple one has none of its own.
    newest: Time,
}

/// How the packets of an interface are to be read.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: u32,
    /// 0 for none.
    snap: u32,
    /// Units of time in a second.
    units: u64,
    /// Seconds to add.
    offset: i64,
}

impl Interface {
    fn time(&self, high: u32, low: u32) -> Time {
        let units = u64::from(high) << 32 | u64::from(low);
        let (seconds, rest) = (units / self.units, units % self.units);
        let nanos = u128::from(rest) * 1_000_000_000 / u128::from(self.units);
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(self.offset);
        let nanos = i64::try_from(nanos).unwrap_or_default();
        Time(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }
}

impl Pcapng {
    /// Whether a file that begins so is one of these.
    pub(super) fn begins(magic: [u8; 4]) -> bool {
        u32::from_be_bytes(magic) == SECTION
    }

    pub(super) fn next<'a>(&mut self, input: &'a [u8]) -> Result<Record<'a>, CaptureFault> {
        let Some((header, _)) = input.split_first_chunk::<12>() else {
            return Ok(Record::Need(12));
        };
        let [k0, k1, k2, k3, l0, l1, l2, l3, o0, o1, o2, o3] = *header;
        // The mark of a section reads the same in both byte orders.
        if u32::from_be_bytes([k0, k1, k2, k3]) == SECTION {
            self.big_endian = match u32::from_be_bytes([o0, o1, o2, o3]) {
                0x1A2B_3C4D => true,
                0x4D3C_2B1A => false,
                _ => return Err(CaptureFault::ByteOrder),
            };
            self.interfaces.clear();
        }
        let kind = self.u32([k0, k1, k2, k3]);
        let len = self.u32([l0, l1, l2, l3]);
        if len < 12 || !len.is_multiple_of(4) {
            return Err(CaptureFault::BlockLength { bytes: len });
        }
        let looked_at =
            matches!(kind, INTERFACE | OLD_PACKET | SIMPLE_PACKET | PACKET_BLOCK | SECRETS);
        if !looked_at || (kind == SECRETS && len > BLOCK) {
            return Ok(Record::Skip(len.into()));
        }
        if len > BLOCK {
            return Err(CaptureFault::BlockLength { bytes: len });
        }
        let whole = len as usize;
        let Some(body) = input.get(..whole).and_then(|block| block.get(8..whole - 4)) else {
            return Ok(Record::Need(whole));
        };
        let broken = Err(CaptureFault::BlockLength { bytes: len });
        match kind {
            INTERFACE => self.interface(body).map(|()| Record::Skip(len.into())),
            SECRETS => Ok(self
                .secrets(body)
                .map_or_else(|| Record::Skip(len.into()), |keys| Record::Keys(keys, whole))),
            _ => match self.packet(kind, body)? {
                Some(packet) => Ok(Record::Packet(packet, whole)),
                None => broken,
            },
        }
    }

    fn interface(&mut self, body: &[u8]) -> Result<(), CaptureFault> {
        if self.interfaces.len() >= INTERFACES {
            return Err(CaptureFault::TooManyInterfaces);
        }
        let link = self.u16_at(body, 0).unwrap_or_default().into();
        let snap = self.u32_at(body, 4).unwrap_or_default();
        let mut interface = Interface { link, snap, units: 1_000_000, offset: 0 };
        let mut options = body.get(8..).unwrap_or_default();
        while let (Some(code), Some(len)) = (self.u16_at(options, 0), self.u16_at(options, 2)) {
            let len = usize::from(len);
            let Some(value) = options.get(4..4 + len) else { break };
            match (code, value) {
                (0, _) => break,
                (9, [resolution]) => interface.units = units(*resolution),
                (14, value) => interface.offset = self.i64_at(value).unwrap_or_default(),
                _ => {}
            }
            options = options.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        }
        self.interfaces.push(interface);
        Ok(())
    }

    fn packet<'a>(
        &mut self,
        kind: u32,
        body: &'a [u8],
    ) -> Result<Option<Captured<'a>>, CaptureFault> {
        let number = match kind {
            SIMPLE_PACKET => Some(0),
            OLD_PACKET => self.u16_at(body, 0).map(u32::from),
            _ => self.u32_at(body, 0),
        };
        let Some(number) = number else { return Ok(None) };
        let Some(interface) = self.interfaces.get(number as usize).copied() else {
            return Err(CaptureFault::UnknownInterface { number });
        };
        if kind == SIMPLE_PACKET {
            let original = self.u32_at(body, 0).unwrap_or_default();
            let snap = if interface.snap == 0 { u32::MAX } else { interface.snap };
            let data = body.get(4..).unwrap_or_default();
            let len = (original.min(snap) as usize).min(data.len());
            return Ok(data.get(..len).map(|bytes| Captured {
                at: self.newest,
                link: interface.link,
                bytes,
            }));
        }
        let fields = (self.u32_at(body, 4), self.u32_at(body, 8), self.u32_at(body, 12));
        let (Some(high), Some(low), Some(len)) = fields else { return Ok(None) };
        if len > PACKET {
            return Err(CaptureFault::PacketTooLarge { bytes: len });
        }
        self.newest = interface.time(high, low);
        let bytes = body.get(20..).and_then(|data| data.get(..len as usize));
        Ok(bytes.map(|bytes| Captured { at: self.newest, link: interface.link, bytes }))
    }

    /// A TLS key log inside the capture.
    fn secrets<'a>(&self, body: &'a [u8]) -> Option<&'a [u8]> {
        let (kind, len) = (self.u32_at(body, 0)?, self.u32_at(body, 4)?);
        (kind == TLS_KEY_LOG).then(|| body.get(8..)?.get(..len as usize))?
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    fn u32_at(&self, body: &[u8], at: usize) -> Option<u32> {
        body.get(at..)?.first_chunk().map(|bytes| self.u32(*bytes))
    }

    fn u16_at(&self, body: &[u8], at: usize) -> Option<u16> {
        let bytes = *body.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn i64_at(&self, value: &[u8]) -> Option<i64> {
        let bytes = *value.first_chunk()?;
        Some(if self.big_endian { i64::from_be_bytes(bytes) } else { i64::from_le_bytes(bytes) })
    }
}

/// Units in a second: a power of ten, or of two with the highest bit. What is
/// finer than 64 bits hold is as microseconds.
fn units(resolution: u8) -> u64 {
    let power = u32::from(resolution & 0x7F);
    let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
    base.checked_pow(power).unwrap_or(1_000_000)
}

#[cfg(test)]
#[path = "pcapng_tests.rs"]
mod tests;
