//! IP packets: IPv4 and IPv6, and what they carry.

mod address;
mod dns;
mod icmp;
mod tcp;

pub(super) use address::{Endpoint, Host};
pub(super) use dns::{Dns, Resolution};
pub(super) use icmp::{Icmp, Notice};
#[cfg(test)]
pub(super) use tcp::Flags;
pub(super) use tcp::Segment;

use super::cursor::Cursor;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;
/// Extension headers of one packet that are followed.
const EXTENSIONS: usize = 8;

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carried<'a> {
    Tcp(Segment<'a>),
    Udp {
        from: Endpoint,
        to: Endpoint,
        payload: &'a [u8],
    },
    Icmp(Icmp),
    /// A fragment: TCP makes none if the path is well, and a name's answer
    /// that is wanted here fits one packet.
    Fragment,
    /// Another protocol, or nothing that can be read.
    Other,
}

/// A packet without its IP header.
struct Packet<'a> {
    from: Host,
    to: Host,
    protocol: u8,
    body: &'a [u8],
    /// The length of the body on the wire, if the capture cut it.
    len: usize,
}

/// Reads an IP packet.
pub(super) fn carried(ip: &[u8]) -> Carried<'_> {
    let packet = match ip.first().map(|first| first >> 4) {
        Some(4) => v4(ip),
        Some(6) => v6(ip),
        _ => None,
    };
    let Some(packet) = packet else { return Carried::Other };
    let Packet { from, to, body, len, .. } = packet;
    let read = match packet.protocol {
        TCP => Segment::read(from, to, body, len).map(Carried::Tcp),
        UDP => udp(from, to, body),
        ICMP => Icmp::read_v4(body).map(Carried::Icmp),
        ICMP_V6 => Icmp::read_v6(body).map(Carried::Icmp),
        FRAGMENT => Some(Carried::Fragment),
        _ => None,
    };
    read.unwrap_or(Carried::Other)
}

/// Stands for the protocol of a fragment; as a header of IPv6 it is 44.
const FRAGMENT: u8 = 44;

fn v4(ip: &[u8]) -> Option<Packet<'_>> {
    let mut header = Cursor(ip);
    let words = usize::from(header.u8()? & 0x0F);
    header.take(1)?;
    let total = usize::from(header.u16()?);
    header.take(2)?;
    let fragment = header.u16()? & 0x3FFF != 0;
    header.take(1)?;
    let protocol = header.u8()?;
    header.take(2)?;
    let (from, to) = (Host::v4(header.array()?), Host::v4(header.array()?));
    let options = (words * 4).checked_sub(20)?;
    header.take(options)?;
    // A length of 0 is that of a packet which the network card will cut.
    let len = if total == 0 { header.0.len() } else { total.checked_sub(words * 4)? };
    let body = header.0.get(..len).unwrap_or(header.0);
    Some(Packet { from, to, protocol: if fragment { FRAGMENT } else { protocol }, body, len })
}

fn v6(ip: &[u8]) -> Option<Packet<'_>> {
    let mut header = Cursor(ip);
    header.take(4)?;
    let payload = usize::from(header.u16()?);
    let mut protocol = header.u8()?;
    header.take(1)?;
    let (from, to) = (Host::v6(header.array()?), Host::v6(header.array()?));
    let mut len = if payload == 0 { header.0.len() } else { payload };
    let mut rest = Cursor(header.0.get(..len).unwrap_or(header.0));
    for _ in 0..EXTENSIONS {
        let before = rest.0.len();
        match protocol {
            // Hop-by-hop, routing, destination options, mobility.
            0 | 43 | 60 | 135 => {
                protocol = rest.u8()?;
                let units = usize::from(rest.u8()?);
                rest.take(6 + units * 8)?;
            }
            // The header of authentication counts otherwise.
            51 => {
                protocol = rest.u8()?;
                let units = usize::from(rest.u8()?);
                rest.take(units * 4 + 6)?;
            }
            FRAGMENT => {
                let next = rest.u8()?;
                rest.u8()?;
                let whole = rest.u16()? & 0xFFF9 == 0;
                rest.take(4)?;
                if !whole {
                    break;
                }
                protocol = next;
            }
            _ => break,
        }
        len = len.checked_sub(before - rest.0.len())?;
    }
    Some(Packet { from, to, protocol, body: rest.0, len })
}

fn udp(from: Host, to: Host, body: &[u8]) -> Option<Carried<'_>> {
    let mut header = Cursor(body);
    let (source, destination) = (header.u16()?, header.u16()?);
    header.take(4)?;
    let (from, to) = (from.port(source), to.port(destination));
    Some(Carried::Udp { from, to, payload: header.0 })
}

#[cfg(test)]
#[path = "packets_tests.rs"]
mod tests;
