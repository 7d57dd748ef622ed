//! Any input, told by its first bytes.

use evenkeel_doctor::{Bounds, Doctor};
use evenkeel_evidence::reader::{Evidence, EvidenceError, Options, Summary, formats};
use evenkeel_profile::Profile;

fn read(bytes: &[u8], piece: usize) -> Result<Summary, EvidenceError> {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let mut evidence = Evidence::new("input", &Options::default());
    let fed = bytes.chunks(piece).try_for_each(|bytes| evidence.feed(bytes, &mut doctor));
    let ended = evidence.end(&mut doctor);
    // Who reads to the end hears of it, too.
    if let Err(error) = &fed {
        assert_eq!(ended.as_ref().err(), Some(error));
    }
    ended
}

const LOG: &str = "1767323045: New connection from 10.0.0.1:5000 on port 1883.
1767323045: New client connected from 10.0.0.1:5000 as pump (p2, c1, k60).
";

/// The header of a pcap of Ethernet, without packets.
const PCAP: [u8; 24] =
    [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];

#[test]
fn logs_and_captures_are_told_apart_whatever_the_pieces() {
    for piece in [1, 5, 6, 7, 1000] {
        let summary = read(LOG.as_bytes(), piece).expect("a log");
        assert!(matches!(&summary, Summary::Log(log) if log.format == "mosquitto"));
        let summary = read(&PCAP, piece).expect("a capture");
        assert!(matches!(&summary, Summary::Capture(capture) if capture.packets == 0));
    }
    assert_eq!(read(LOG.as_bytes(), 9).unwrap().to_string(), "mosquitto: 2 of 2 lines understood");
}

#[test]
fn a_byte_order_mark_is_no_text() {
    let marked = [&[0xef, 0xbb, 0xbf], LOG.as_bytes()].concat();
    let Ok(Summary::Log(summary)) = read(&marked, 4) else { panic!("no log") };
    assert_eq!((summary.lines, summary.understood), (2, 2));
}

#[test]
fn what_cannot_be_read_is_named() {
    for (bytes, expected, says) in [
        (&b""[..], EvidenceError::Empty, "empty"),
        (b"\x1f\x8b\x08\0\0\0\0", EvidenceError::Compressed("gzip"), "gzip"),
        (b"\x28\xb5\x2f\xfd\x04\0\0", EvidenceError::Compressed("zstd"), "zstd"),
        (b"\xfd7zXZ\0\0", EvidenceError::Compressed("xz"), "xz"),
        (b"PK\x03\x04\0\0\0", EvidenceError::Compressed("zip"), "zip"),
        (b"\xff\xfea\0b\0c\0", EvidenceError::Utf16, "UTF-8"),
        (b"\x7fELF\0\0\0\0", EvidenceError::Binary, "capture"),
    ] {
        for piece in [1, 100] {
            let error = read(bytes, piece).expect_err("cannot be read");
            assert_eq!(error, expected);
            assert!(error.to_string().contains(says), "{error}");
        }
    }
    let mut tar = [b"a.log\0", &[0; 251][..], b"ustar\0", LOG.as_bytes()].concat();
    for piece in [1, 7, 300, 10_000] {
        assert_eq!(read(&tar, piece).expect_err("an archive"), EvidenceError::Archive, "{piece}");
    }
    tar.truncate(261);
    assert_eq!(read(&tar, 7).expect_err("half a header"), EvidenceError::Binary);
    let error = read(b"a shopping list\nmilk\n", 100).expect_err("no format");
    assert!(error.to_string().contains("--input"), "{error}");
    // Short, but text.
    assert!(matches!(read(b"x\n", 1), Err(EvidenceError::Format(_))));
    let mut cut = PCAP.to_vec();
    cut.extend([1, 2, 3]);
    assert!(matches!(read(&cut, 10), Err(EvidenceError::Capture(_))));
}

/// A file that grows slowly is not waited for longer than it takes to know it.
#[test]
fn a_short_log_is_settled() {
    let (mut notes, options) =
        (Doctor::new(Profile::empty(), Bounds::default()), Options::default());
    let mut evidence = Evidence::new("short", &options);
    evidence.feed(LOG.as_bytes(), &mut notes).unwrap();
    assert_eq!(notes.report().sources.len(), 0);
    evidence.settle(&mut notes);
    assert_eq!(notes.report().sources.len(), 1);
}

/// After a power cut, a log may hold a block of zeros.
#[test]
fn a_log_with_zeros_in_it_is_read_whatever_the_pieces() {
    let holed = [LOG.as_bytes(), &[0; 512], b"\n", LOG.as_bytes()].concat();
    for piece in [1, 6, 100, 10_000] {
        let Ok(Summary::Log(summary)) = read(&holed, piece) else { panic!("no log") };
        assert_eq!((summary.lines, summary.understood), (5, 4), "{piece}");
    }
}

#[test]
fn formats_have_names_of_their_own() {
    let all: Vec<_> = formats().collect();
    assert!(all.len() >= 20, "{}", all.len());
    for (at, format) in all.iter().enumerate() {
        assert!(!format.of.is_empty() && !format.shows.is_empty(), "{}", format.name);
        assert!(all.iter().skip(at + 1).all(|other| other.name != format.name), "{}", format.name);
    }
}

#[test]
fn what_was_fed_is_not_shown() {
    // The beginning of a packet, which waits for its rest.
    let mut capture = PCAP.to_vec();
    capture.extend([0, 0, 0, 0, 0, 0, 0, 0, 99, 0, 0, 0, 99, 0, 0, 0]);
    let secret = b"hunter2";
    for before in [&capture[..], b"", LOG.as_bytes()] {
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let mut evidence = Evidence::new("input", &Options::default());
        evidence.feed(&[before, secret].concat(), &mut doctor).expect("what can be read");
        let shown = format!("{evidence:?}");
        assert!(shown.contains("input") && shown.len() < 100, "{shown}");
    }
}
