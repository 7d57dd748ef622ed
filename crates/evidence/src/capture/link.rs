//! Link layers: what stands before an IP packet.

use super::cursor::Cursor;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86DD;
/// PPP over Ethernet, once the session is there.
const PPPOE: u16 = 0x8864;
/// Tags in a row that are followed.
const TAGS: usize = 4;

/// Whether frames of this link can be read.
pub(super) fn is_known(link: u32) -> bool {
    matches!(link, 0 | 1 | 9 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
}

/// The IP packet in a frame; `None` if it holds none, or the link is unknown.
pub(super) fn ip(link: u32, frame: &[u8]) -> Option<&[u8]> {
    let mut frame = Cursor(frame);
    match link {
        // BSD loopback: the family in the byte order of the machine, or of the network.
        0 | 108 => {
            let family = frame.array::<4>()?;
            let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
            // IPv6 is 24, 28 or 30, as the system has it.
            matches!(family, 2 | 10 | 24 | 28 | 30).then_some(frame.0)
        }
        1 => {
            frame.take(12)?;
            let kind = frame.u16()?;
            tagged(kind, frame)
        }
        9 => ppp(frame),
        // Raw IP, as three systems number it, and IPv4 or IPv6 alone.
        12 | 14 | 101 | 228 | 229 => Some(frame.0),
        // Linux "cooked": of version 1, the protocol is last; of 2, first.
        113 => {
            frame.take(14)?;
            let kind = frame.u16()?;
            tagged(kind, frame)
        }
        276 => {
            let kind = frame.u16()?;
            frame.take(18)?;
            tagged(kind, frame)
        }
        _ => None,
    }
}

/// Behind VLAN tags.
fn tagged(mut kind: u16, mut frame: Cursor<'_>) -> Option<&[u8]> {
    for _ in 0..TAGS {
        // 802.1Q and 802.1ad, and the two older ones for QinQ.
        if !matches!(kind, 0x8100 | 0x88A8 | 0x9100 | 0x9200) {
            break;
        }
        frame.u16()?;
        kind = frame.u16()?;
    }
    if kind == PPPOE {
        frame.take(6)?;
        return ppp(frame);
    }
    matches!(kind, IPV4 | IPV6).then_some(frame.0)
}

/// PPP, with or without the two bytes that HDLC has before it.
fn ppp(mut frame: Cursor<'_>) -> Option<&[u8]> {
    let mut protocol = frame.u16()?;
    if protocol == 0xFF03 {
        protocol = frame.u16()?;
    }
    matches!(protocol, 0x0021 | 0x0057).then_some(frame.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_link_leads_to_ip() {
        let ethernet = |rest: &[u8]| [&[0xAA; 12][..], rest].concat();
        for (link, frame) in [
            (0, vec![2, 0, 0, 0, b'!']),
            (0, vec![30, 0, 0, 0, b'!']),
            (108, vec![0, 0, 0, 24, b'!']),
            (1, ethernet(&[8, 0, b'!'])),
            (1, ethernet(&[0x86, 0xDD, b'!'])),
            (1, ethernet(&[0x81, 0, 0, 5, 8, 0, b'!'])),
            (1, ethernet(&[0x88, 0xA8, 0, 5, 0x81, 0, 0, 7, 8, 0, b'!'])),
            (1, ethernet(&[0x88, 0x64, 0x11, 0, 0, 7, 0, 3, 0, 0x21, b'!'])),
            (9, vec![0xFF, 3, 0, 0x21, b'!']),
            (9, vec![0, 0x57, b'!']),
            (101, vec![b'!']),
            (113, [&[0; 14][..], &[8, 0, b'!']].concat()),
            (276, [&[8, 0][..], &[0; 18], b"!"].concat()),
        ] {
            assert!(is_known(link), "{link}");
            assert_eq!(ip(link, &frame), Some(&b"!"[..]), "{link} {frame:?}");
            for end in 0..frame.len() - 1 {
                assert_eq!(ip(link, &frame[..end]).unwrap_or_default(), b"", "{link}");
            }
        }
    }

    #[test]
    fn other_frames_hold_no_ip() {
        let arp = [&[0xAA; 12][..], &[8, 6, b'!']].concat();
        assert_eq!(ip(1, &arp), None);
        assert_eq!(ip(0, &[7, 0, 0, 0, b'!']), None);
        assert_eq!(ip(105, b"\x08\x00!"), None);
        let tags = [&[0xAA; 12][..], &[0x81, 0, 0, 5].repeat(5), &[8, 0, b'!']].concat();
        assert_eq!(ip(1, &tags), None);
    }
}
