//! The classic format of tcpdump.

use evenkeel_doctor::Time;

use super::error::CaptureFault;
use super::record::{Captured, PACKET, Record};

/// The length of the file's header, and of each packet's.
pub(super) const HEADER: usize = 24;
const PACKET_HEADER: usize = 16;

/// What the file's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    big_endian: bool,
    /// Nanoseconds in the unit of the fraction.
    unit: i64,
    link: u32,
}

impl Pcap {
    /// Whether a file that begins so is one of these.
    pub(super) fn begins(magic: [u8; 4]) -> bool {
        Self::with_magic(magic).is_some()
    }

    fn with_magic(magic: [u8; 4]) -> Option<(bool, i64)> {
        match u32::from_be_bytes(magic) {
            0xA1B2_C3D4 => Some((true, 1000)),
            0xA1B2_3C4D => Some((true, 1)),
            0xD4C3_B2A1 => Some((false, 1000)),
            0x4D3C_B2A1 => Some((false, 1)),
            _ => None,
        }
    }

    pub(super) fn new(header: &[u8; HEADER]) -> Option<Self> {
        let [a, b, c, d, .., w, x, y, z] = *header;
        let (big_endian, unit) = Self::with_magic([a, b, c, d])?;
        let mut pcap = Self { big_endian, unit, link: 0 };
        // The upper bits say how long a frame's checksum is.
        pcap.link = pcap.u32([w, x, y, z]) & 0x0FFF_FFFF;
        Some(pcap)
    }

    pub(super) const fn is_nanos(&self) -> bool {
        self.unit == 1
    }

    fn u32(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    pub(super) fn next<'a>(&self, input: &'a [u8]) -> Result<Record<'a>, CaptureFault> {
        let Some((header, rest)) = input.split_first_chunk::<PACKET_HEADER>() else {
            return Ok(Record::Need(PACKET_HEADER));
        };
        let [s0, s1, s2, s3, f0, f1, f2, f3, l0, l1, l2, l3, ..] = *header;
        let len = self.u32([l0, l1, l2, l3]);
        if len > PACKET {
            return Err(CaptureFault::PacketTooLarge { bytes: len });
        }
        let whole = PACKET_HEADER + len as usize;
        let Some(bytes) = rest.get(..len as usize) else { return Ok(Record::Need(whole)) };
        let seconds = i64::from(self.u32([s0, s1, s2, s3]));
        let fraction = i64::from(self.u32([f0, f1, f2, f3]));
        let at = Time(seconds * 1_000_000_000 + fraction * self.unit);
        Ok(Record::Packet(Captured { at, link: self.link, bytes }, whole))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(magic: u32, big: bool, link: u32) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let put = |at: &mut [u8], value: u32| {
            at.copy_from_slice(&if big { value.to_be_bytes() } else { value.to_le_bytes() });
        };
        put(&mut header[..4], magic);
        put(&mut header[20..], link);
        header
    }

    fn packet(big: bool, fields: [u32; 4], bytes: &[u8]) -> Vec<u8> {
        let field = |value: u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut packet: Vec<u8> = fields.into_iter().flat_map(field).collect();
        packet.extend_from_slice(bytes);
        packet
    }

    #[test]
    fn both_byte_orders_and_both_units() {
        for big in [false, true] {
            for (magic, nanos) in [(0xA1B2_C3D4, 7_000), (0xA1B2_3C4D, 7)] {
                let pcap = Pcap::new(&header(magic, big, 0xF000_0001)).unwrap();
                let bytes = packet(big, [2, 7, 3, 1500], b"abc");
                let packet = Captured { at: Time(2_000_000_000 + nanos), link: 1, bytes: b"abc" };
                assert_eq!(pcap.next(&bytes), Ok(Record::Packet(packet, 19)));
                assert_eq!(pcap.is_nanos(), nanos == 7);
            }
        }
        assert_eq!(Pcap::new(&header(0xA1B2_CD34, true, 1)), None);
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        let pcap = Pcap::new(&header(0xA1B2_C3D4, true, 1)).unwrap();
        let bytes = packet(true, [2, 7, 3, 3], b"abc");
        assert_eq!(pcap.next(&bytes[..15]), Ok(Record::Need(16)));
        assert_eq!(pcap.next(&bytes[..18]), Ok(Record::Need(19)));
    }

    #[test]
    fn the_largest_packet_is_believed_and_no_larger_one() {
        let pcap = Pcap::new(&header(0xA1B2_C3D4, true, 1)).unwrap();
        let need = PACKET as usize + 16;
        assert_eq!(pcap.next(&packet(true, [0, 0, PACKET, 0], b"")), Ok(Record::Need(need)));
        let bytes = PACKET + 1;
        let error = Err(CaptureFault::PacketTooLarge { bytes });
        assert_eq!(pcap.next(&packet(true, [0, 0, bytes, 0], b"")), error);
    }
}
