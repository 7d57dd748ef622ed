//! A stream that is joined in its middle: does a packet begin here?

use evenkeel_doctor::Side;

use super::fast::Head;
use crate::capture::cursor::Cursor;

/// Whether the bytes of a segment are whole packets that this side may send,
/// from their first byte to their last. Senders write so nearly always, and
/// the middle of a payload hardly ever looks so.
pub(super) fn are_packets(from: Side, bytes: &[u8]) -> bool {
    let mut rest = Cursor(bytes);
    while !rest.0.is_empty() {
        let Ok(Some(head)) = Head::read(rest.0) else { return false };
        let packet = usize::try_from(head.size()).ok().and_then(|size| rest.take(size));
        let Some(packet) = packet else { return false };
        let fits = head.flags_fit() && head.forbidden_from(from).is_none() && !head.is_connect();
        if !fits || !is_likely(&head, packet) {
            return false;
        }
    }
    true
}

/// Whether the length is one that a packet of this type can have.
fn is_likely(head: &Head, packet: &[u8]) -> bool {
    let body = packet.len();
    match head.kind() {
        3 => topic(packet).is_some(),
        4..=7 => body >= 4,
        8 => body >= 8,
        9 | 10 => body >= 5,
        11 => body >= 4,
        12 | 13 => body == 2,
        14 => body == 2 || (3..=200).contains(&body),
        _ => body >= 4,
    }
}

fn topic(packet: &[u8]) -> Option<&str> {
    let mut rest = Cursor(packet);
    rest.u8()?;
    while rest.u8()? & 0x80 != 0 {}
    let topic = std::str::from_utf8(rest.after_u16()?).ok()?;
    let odd = |byte: u8| byte < 0x20 || matches!(byte, b'+' | b'#');
    Some(topic).filter(|topic| !topic.bytes().any(odd))
}
