//! IP packets made by hand.

use super::tcp::Flags;
use super::*;

fn segment() -> Vec<u8> {
    let mut segment = vec![0x13, 0x88, 0x07, 0x5B, 0, 0, 0, 1, 0, 0, 0, 2, 0x60, 0x18, 1, 0];
    // A checksum that nobody looks at, the urgent pointer, four bytes of options.
    segment.extend([0, 0, 0, 0, 1, 1, 1, 1]);
    segment.extend(b"hi");
    segment
}

fn v4_packet(words: u8, total: u16, fragment: u16, protocol: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x40 | words, 0];
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(fragment.to_be_bytes());
    packet.extend([64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 9]);
    packet.extend(vec![1; usize::from(words) * 4 - 20]);
    packet.extend_from_slice(body);
    packet
}

fn v6_packet(len: u16, next: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend(len.to_be_bytes());
    packet.extend([next, 64]);
    packet.extend([0xFD; 16]);
    packet.extend([0xFE; 16]);
    packet.extend_from_slice(body);
    packet
}

fn expected(from: Host, to: Host) -> Segment<'static> {
    Segment {
        from: from.port(5000),
        to: to.port(1883),
        seq: 1,
        ack: 2,
        flags: Flags(0x18),
        window: 256,
        payload: b"hi",
        len: 2,
    }
}

#[test]
fn options_and_padding_of_ipv4_are_no_payload() {
    let v4 = expected(Host::v4([10, 0, 0, 1]), Host::v4([10, 0, 0, 9]));
    for words in [5, 15] {
        let total = u16::from(words) * 4 + 26;
        let padded = [v4_packet(words, total, 0x4000, 6, &segment()), vec![0; 9]].concat();
        assert_eq!(carried(&padded), Carried::Tcp(v4), "{words}");
    }
    let cut_by_the_card = v4_packet(5, 0, 0, 6, &segment());
    assert_eq!(carried(&cut_by_the_card), Carried::Tcp(v4));
}

#[test]
fn a_snap_length_cuts_the_payload_and_not_its_length() {
    let packet = v4_packet(5, 46, 0, 6, &segment());
    let Carried::Tcp(segment) = carried(&packet[..45]) else { panic!() };
    assert_eq!((segment.payload, segment.len), (&b"h"[..], 2));
    for end in 0..44 {
        assert_eq!(carried(&packet[..end]), Carried::Other, "{end}");
    }
}

#[test]
fn fragments_are_told_apart() {
    for fragment in [0x2000, 0x0001, 0x1FFF] {
        let packet = v4_packet(5, 46, fragment, 6, &segment());
        assert_eq!(carried(&packet), Carried::Fragment);
    }
    let body = [&[6, 0, 0, 1, 0, 0, 0, 0][..], &segment()].concat();
    assert_eq!(carried(&v6_packet(34, 44, &body)), Carried::Fragment);
}

#[test]
fn extension_headers_of_ipv6_are_stepped_over() {
    let v6 = Carried::Tcp(expected(Host::v6([0xFD; 16]), Host::v6([0xFE; 16])));
    assert_eq!(carried(&v6_packet(26, 6, &segment())), v6);
    let hop = [60, 1].into_iter().chain([0; 14]);
    let destination = [51, 0].into_iter().chain([0; 6]);
    let authentication = [44, 4].into_iter().chain([0; 22]);
    let atomic = [6, 0, 0, 0, 0, 0, 0, 9];
    let chain: Vec<u8> = hop.chain(destination).chain(authentication).chain(atomic).collect();
    let packet = v6_packet(26 + 56, 0, &[chain, segment()].concat());
    assert_eq!(carried(&packet), v6);
    for end in 0..packet.len() {
        let _ = carried(&packet[..end]);
    }
}

#[test]
fn routers_say_what_they_could_not_send_on() {
    let inner = v4_packet(6, 50, 0x4000, 6, &segment()[..8]);
    let v4 = expected(Host::v4([10, 0, 0, 1]), Host::v4([10, 0, 0, 9]));
    for (code, notice) in [(1, Notice::Unreachable), (13, Notice::Unreachable), (4, Notice::TooBig)]
    {
        let body = [&[3, code, 0, 0, 0, 0, 5, 0][..], &inner].concat();
        let packet = v4_packet(5, 20 + body.len() as u16, 0, 1, &body);
        let icmp = Icmp { notice, from: v4.from, to: v4.to };
        assert_eq!(carried(&packet), Carried::Icmp(icmp));
    }
    let inner = v6_packet(26, 6, &segment());
    let v6 = expected(Host::v6([0xFD; 16]), Host::v6([0xFE; 16]));
    let body = [&[2, 0, 0, 0, 0, 0, 5, 0][..], &inner].concat();
    let packet = v6_packet(body.len() as u16, 58, &body);
    let icmp = Icmp { notice: Notice::TooBig, from: v6.from, to: v6.to };
    assert_eq!(carried(&packet), Carried::Icmp(icmp));
}

#[test]
fn udp_has_its_ports() {
    let packet = v4_packet(5, 30, 0, 17, &[0, 9, 0, 53, 0, 10, 0, 0, b'h', b'i']);
    let (from, to) = (Host::v4([10, 0, 0, 1]).port(9), Host::v4([10, 0, 0, 9]).port(53));
    assert_eq!(carried(&packet), Carried::Udp { from, to, payload: b"hi" });
}
