//! Blocks made by hand.

use super::*;

fn u32s(big: bool, values: &[u32]) -> Vec<u8> {
    let bytes = |value: &u32| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    values.iter().flat_map(bytes).collect()
}

fn u16s(big: bool, values: &[u16]) -> Vec<u8> {
    let bytes = |value: &u16| if big { value.to_be_bytes() } else { value.to_le_bytes() };
    values.iter().flat_map(bytes).collect()
}

fn block(big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let len = padded as u32 + 12;
    let mut block = u32s(big, &[kind, len]);
    block.extend_from_slice(body);
    block.resize(8 + padded, 0);
    block.extend(u32s(big, &[len]));
    block
}

fn section(big: bool) -> Vec<u8> {
    let mut body = u32s(big, &[0x1A2B_3C4D]);
    body.extend(u16s(big, &[1, 0]));
    body.extend([0xFF; 8]);
    block(big, SECTION, &body)
}

fn interface(big: bool, link: u16, resolution: Option<u8>) -> Vec<u8> {
    let mut body = u16s(big, &[link, 0]);
    body.extend(u32s(big, &[0]));
    if let Some(resolution) = resolution {
        body.extend(u16s(big, &[9, 1]));
        body.extend([resolution, 0, 0, 0]);
        body.extend(u16s(big, &[0, 0]));
    }
    block(big, INTERFACE, &body)
}

fn packet(big: bool, number: u32, units: u64, bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() as u32;
    let mut body = u32s(big, &[number, (units >> 32) as u32, units as u32, len, len]);
    body.extend_from_slice(bytes);
    block(big, PACKET_BLOCK, &body)
}

/// Everything in these bytes.
fn all(file: &[u8]) -> Result<Vec<(i64, u32, Vec<u8>)>, CaptureFault> {
    let (mut pcapng, mut rest, mut all) = (Pcapng::default(), file, Vec::new());
    while !rest.is_empty() {
        let took = match pcapng.next(rest)? {
            Record::Need(n) => panic!("{n} bytes needed"),
            Record::Skip(n) => n as usize,
            Record::Keys(keys, n) => {
                all.push((0, 0, keys.to_vec()));
                n
            }
            Record::Packet(packet, n) => {
                all.push((packet.at.0, packet.link, packet.bytes.to_vec()));
                n
            }
        };
        rest = &rest[took..];
    }
    Ok(all)
}

#[test]
fn interfaces_have_their_own_links_and_units() {
    for big in [false, true] {
        let mut file = section(big);
        file.extend(interface(big, 1, None));
        file.extend(block(big, 0xBAD, b"unknown"));
        file.extend(interface(big, 101, Some(9)));
        file.extend(interface(big, 113, Some(0x80 | 10)));
        file.extend(packet(big, 0, 1_700_000_000_000_001, b"a"));
        file.extend(packet(big, 1, 1_700_000_000_000_000_001, b"bc"));
        file.extend(packet(big, 2, 3 * 1024 + 512, b"def"));
        assert_eq!(
            all(&file).unwrap(),
            [
                (1_700_000_000_000_001_000, 1, b"a".to_vec()),
                (1_700_000_000_000_000_001, 101, b"bc".to_vec()),
                (3_500_000_000, 113, b"def".to_vec()),
            ]
        );
    }
}

#[test]
fn a_new_section_forgets_interfaces_and_may_turn_the_byte_order() {
    let mut file = section(false);
    file.extend(interface(false, 1, None));
    file.extend(section(true));
    let error = [file.clone(), packet(true, 0, 1, b"")].concat();
    assert_eq!(all(&error), Err(CaptureFault::UnknownInterface { number: 0 }));
    file.extend(interface(true, 101, None));
    file.extend(packet(true, 0, 1, b"x"));
    assert_eq!(all(&file).unwrap(), [(1000, 101, b"x".to_vec())]);
}

#[test]
fn simple_packets_have_the_time_of_the_one_before() {
    let mut file = [section(false), interface(false, 1, None)].concat();
    file.extend(packet(false, 0, 5, b"x"));
    file.extend(block(false, SIMPLE_PACKET, &[&u32s(false, &[2])[..], b"yz\0\0"].concat()));
    assert_eq!(all(&file).unwrap(), [(5000, 1, b"x".to_vec()), (5000, 1, b"yz".to_vec())]);
}

#[test]
fn a_key_log_inside_is_found() {
    let body = [&u32s(false, &[TLS_KEY_LOG, 5])[..], b"keys\n\0\0\0"].concat();
    let file = [section(false), block(false, SECRETS, &body)].concat();
    assert_eq!(all(&file).unwrap(), [(0, 0, b"keys\n".to_vec())]);
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    let mut pcapng = Pcapng::default();
    let of = |kind: u32, len: u32| u32s(false, &[kind, len, 0x1A2B_3C4D]);
    for (kind, len) in [(5, 8), (5, 13), (PACKET_BLOCK, BLOCK + 4)] {
        let fault = CaptureFault::BlockLength { bytes: len };
        assert_eq!(pcapng.next(&of(kind, len)), Err(fault), "{kind} {len}");
    }
    assert_eq!(pcapng.next(&of(5, BLOCK + 4)), Ok(Record::Skip((BLOCK + 4).into())));
    assert_eq!(pcapng.next(&of(PACKET_BLOCK, BLOCK)), Ok(Record::Need(BLOCK as usize)));
    let no_order = u32s(false, &[SECTION, 28, 7]);
    assert_eq!(pcapng.next(&no_order), Err(CaptureFault::ByteOrder));
}

#[test]
fn interfaces_are_bounded() {
    let mut file = section(false);
    for _ in 0..INTERFACES {
        file.extend(interface(false, 1, None));
    }
    assert_eq!(all(&file).unwrap(), []);
    file.extend(interface(false, 1, None));
    assert_eq!(all(&file), Err(CaptureFault::TooManyInterfaces));
}
