//! Files that are damaged, or made to do harm.

use std::path::Path;

use evenkeel_doctor::{Bounds, Doctor};
use evenkeel_evidence::capture::{Capture, CaptureError, CaptureFault, Options};
use evenkeel_profile::Profile;

use crate::support::*;

/// Every recorded capture, and its key log if there is one.
fn recorded() -> Vec<(Vec<u8>, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "pcap") {
            let keys = std::fs::read(path.with_extension("keys")).unwrap_or_default();
            all.push((std::fs::read(path).unwrap(), keys));
        }
    }
    assert!(all.len() >= 8);
    all
}

/// A generator of numbers from a seed (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn judge(file: &[u8], keys: &[u8], piece: usize) {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let options = Options { key_log: keys.to_vec(), ..Options::default() };
    let mut capture = Capture::new("hostile", &options);
    for bytes in file.chunks(piece) {
        if capture.feed(bytes, &mut doctor).is_err() {
            break;
        }
    }
    let _ = capture.end(&mut doctor);
    doctor.finish();
    let _ = doctor.report();
}

#[test]
fn damaged_captures_never_panic() {
    let all = recorded();
    let rounds = std::env::var("EVENKEEL_HOSTILE_ROUNDS").map_or(60, |n| n.parse().unwrap());
    for seed in 0..rounds {
        let mut numbers = Numbers(seed);
        for (file, keys) in &all {
            let mut file = file.clone();
            // Headers of the file stay: behind a broken one nothing is read.
            for _ in 0..=numbers.below(40) {
                let at = 24 + numbers.below(file.len() - 24);
                match numbers.below(3) {
                    0 => file[at] = numbers.next() as u8,
                    1 => file[at] ^= 1 << numbers.below(8),
                    _ => file[at] = [0, 1, 0x7F, 0x80, 0xFF][numbers.below(5)],
                }
            }
            if numbers.below(4) == 0 {
                file.truncate(24 + numbers.below(file.len() - 24));
            }
            judge(&file, keys, 1 + numbers.below(3000));
        }
    }
}

/// A recorded capture as pcapng, big-endian.
fn as_pcapng(file: &[u8]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let len = body.len().next_multiple_of(4) as u32 + 12;
        let mut block = [kind.to_be_bytes(), len.to_be_bytes()].concat();
        block.extend_from_slice(body);
        block.resize(len as usize - 4, 0);
        block.extend(len.to_be_bytes());
        block
    };
    let big = file[0] == 0xA1;
    let field = |at: usize| {
        let bytes = file[at..at + 4].try_into().unwrap();
        if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    let section = [&0x1A2B_3C4D_u32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xFF; 8]].concat();
    let mut pcapng = block(0x0A0D_0D0A, &section);
    let interface = [&[0, field(20) as u8, 0, 0, 0, 0, 0, 0][..], &[0, 9, 0, 1, 6, 0, 0, 0]];
    pcapng.extend(block(1, &interface.concat()));
    let mut at = 24;
    while at < file.len() {
        let len = field(at + 8);
        let micros = u64::from(field(at)) * 1_000_000 + u64::from(field(at + 4));
        let fields = [0, (micros >> 32) as u32, micros as u32, len, len];
        let mut body: Vec<u8> = fields.iter().flat_map(|field| field.to_be_bytes()).collect();
        body.extend_from_slice(&file[at + 16..at + 16 + len as usize]);
        pcapng.extend(block(6, &body));
        at += 16 + len as usize;
    }
    pcapng
}

#[test]
fn damaged_pcapng_never_panics() {
    for seed in 0..40 {
        let mut numbers = Numbers(2000 + seed);
        for (file, keys) in &recorded() {
            let mut file = as_pcapng(file);
            for _ in 0..=numbers.below(10) {
                let at = numbers.below(file.len());
                file[at] = [numbers.next() as u8, 0, 0xFF][numbers.below(3)];
            }
            judge(&file, keys, 1 + numbers.below(3000));
        }
    }
}

/// Damage behind the headers of TCP, which the checks of lengths cannot find.
#[test]
fn damaged_payloads_never_panic() {
    for seed in 0..40 {
        let mut numbers = Numbers(1000 + seed);
        for (file, keys) in &recorded() {
            let mut file = file.clone();
            let mut at = 24;
            while let Some(len) = file.get(at + 8..at + 12) {
                let len = len.try_into().unwrap();
                let big = file[0] == 0xA1;
                let len = if big { u32::from_be_bytes(len) } else { u32::from_le_bytes(len) };
                let len = len as usize;
                // Ethernet, IPv4 and TCP with its time stamps take 66.
                if len > 66 && numbers.below(3) == 0 {
                    let at = at + 16 + 66 + numbers.below(len - 66);
                    file[at] = numbers.next() as u8;
                }
                at += 16 + len;
            }
            judge(&file, keys, usize::MAX);
        }
    }
}

fn fault(file: &[u8]) -> (Notes, Result<(), CaptureError>) {
    let mut notes = Notes::default();
    let mut capture = Capture::new("hostile", &Options::default());
    let fed = capture.feed(file, &mut notes);
    let ended = capture.end(&mut notes);
    assert!(fed.is_ok() || fed == ended);
    (notes, ended)
}

#[test]
fn an_error_says_where_and_keeps_what_came_before() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    let whole = wire.file.len();
    let before = wire.words();
    wire.send(6, 1, CONNACK);
    let (notes, cut) = fault(&wire.file[..whole + 20]);
    let kind = CaptureFault::Truncated { have: 20 };
    assert_eq!(cut, Err(CaptureError { offset: whole as u64, kind }));
    assert_eq!(notes.words(), before);

    wire.file[whole + 8..whole + 12].copy_from_slice(&[0x7F; 4]);
    let (notes, huge) = fault(&wire.file);
    let kind = CaptureFault::PacketTooLarge { bytes: 0x7F7F_7F7F };
    assert_eq!(huge, Err(CaptureError { offset: whole as u64, kind }));
    assert_eq!(notes.words(), before);
    assert!(huge.unwrap_err().to_string().contains("damaged"));
}

#[test]
fn other_files_are_no_captures() {
    for file in [&b""[..], b"\xA1\xB2", b"{\"json\": true}", b"1: New connection"] {
        let error = fault(file).1.unwrap_err();
        assert_eq!(error.kind, CaptureFault::NotACapture, "{file:?}");
    }
}

/// Nobody may read "nothing is wrong" of packets that were not understood.
#[test]
fn a_link_that_is_not_read_is_said() {
    let mut wire = Wire::up();
    wire.send(5, 0, CONNECT);
    let radio = |file: &[u8]| [&file[..20], &127_u32.to_be_bytes(), &file[24..]].concat();
    let (notes, ended) = fault(&radio(&wire.file));
    let kind = CaptureFault::UnknownLink { link: 127 };
    assert_eq!(ended, Err(CaptureError { offset: wire.file.len() as u64, kind }));
    assert!(notes.events.is_empty());
    // Without a packet there is nothing that was not understood.
    assert_eq!(fault(&radio(&wire.file)[..24]).1, Ok(()));
}

/// What is held for packets that never become whole is bounded over all
/// connections: here 2,000 times 60 KiB are sent.
#[test]
fn memory_is_bounded_over_all_connections() {
    let mut notes = Notes::default();
    let mut capture = Capture::new("hostile", &Options::default());
    let subscribe = [b"\x82\xF0\xFF\x03", &[0; 60_000][..]].concat();
    for number in 0..2000_u32 {
        let mut wire = Wire::new();
        wire.client.1 = 10_000 + number as u16;
        wire.open(0);
        wire.send(1, 0, CONNECT);
        wire.send(2, 0, &subscribe);
        let header = if number == 0 { 0 } else { 24 };
        capture.feed(&wire.file[header..], &mut notes).unwrap();
    }
    let held = capture.held();
    assert!((31 << 20..=32 << 20).contains(&held), "{held}");
}
