//! Files and places that do harm, or are none: each ends in a sentence with a hint and
//! the code that is documented, within bounds.

use std::io::Write;

use super::{file, json, recorded, zstandard};
use crate::support::{evenkeel, folder};

/// What each file is, in the words that people get.
#[tokio::test]
async fn what_a_file_is_instead_is_said() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"\xfd7zXZ\0\0\x04").unwrap();
    let utf16 = "\u{feff}1767323045: hello\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, says) in [
        ("some.xz", b"\xfd7zXZ\0\0\x04".to_vec(), "it is compressed with xz; decompress it first"),
        ("xz.gz", packed.finish().unwrap(), "it is compressed with xz"),
        ("utf16.log", utf16, "it is text in UTF-16; convert it to UTF-8 first"),
        ("zeros", vec![0; 1000], "it is neither a pcap or pcapng capture nor the text of a log"),
        ("deep.json", vec![b'['; 100_000], "the format is not known"),
        ("short.gz", b"\x1f\x8b\x08\x00".to_vec(), "the packed bytes end too early"),
        ("odd.zst", b"\x28\xb5\x2f\xfd\x00\x58\x07\0\0".to_vec(), "the packed bytes are damaged"),
    ] {
        let path = file(name, &bytes);
        let ran = evenkeel(&format!("doctor {path}")).run().await.expect(25);
        ran.says(says).says("hint: ");
    }
}

/// What the system says of a file itself is no damage, which packing it again repairs.
#[tokio::test]
async fn a_damaged_file_is_to_be_packed_again() {
    for (name, bytes) in [
        ("method.gz", &b"\x1f\x8b\x07\0\0\0\0\0\0\0"[..]),
        ("flags.gz", b"\x1f\x8b\x08\xff\0\0\0\0\0\0"),
        ("body.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff"),
        ("short.gz", b"\x1f\x8b\x08\x00"),
        ("odd.zst", b"\x28\xb5\x2f\xfd\x00\x58\x07\0\0"),
    ] {
        let path = file(name, bytes);
        let ran = evenkeel(&format!("doctor {path}")).run().await.expect(25);
        ran.says("the packed bytes ").says("hint: pack it again");
    }
    let none = folder().join("none.gz").display().to_string();
    evenkeel(&format!("doctor {none}")).run().await.expect(25).says("hint: check the path");
    // A path that leads nowhere, by a file that is taken for a folder.
    let below = format!("{}/packed.gz", file("packed.gz", b"\x1f\x8b"));
    let ran = evenkeel(&format!("doctor {below}")).run().await.expect(25);
    ran.says("hint: check what the path leads to");
}

/// A frame that asks for memory, and one for a dictionary: neither is given.
#[tokio::test]
async fn what_a_packed_file_asks_for_is_bounded() {
    let log = std::fs::read(recorded("takeover-fight-v311.mosquitto.log")).unwrap();
    let frame = zstandard(&[&log]);
    // Behind mark and descriptor stands the window: 2^(10 + 21) bytes.
    let mut wide = frame.clone();
    wide[5] = 21 << 3;
    // All in one segment, with a size of eight bytes.
    let single = [&b"\x28\xb5\x2f\xfd\xe0"[..], &(1_u64 << 60).to_le_bytes(), &frame[6..]].concat();
    let dictionary = [&b"\x28\xb5\x2f\xfd\x01\x58\x07"[..], &frame[6..]].concat();
    for (name, bytes, says) in [
        ("wide.zst", &wide, "it needs a window of 2147483648 bytes"),
        ("single.zst", &single, "it needs a window of 1152921504606846976 bytes"),
        ("dictionary.zst", &dictionary, "it needs a dictionary"),
    ] {
        let path = file(name, bytes);
        evenkeel(&format!("doctor {path}")).run().await.expect(25).says(says).says("hint: ");
    }
    // The largest that is given, twice, as a decoder is asked again.
    let mut most = frame;
    most[5] = 17 << 3;
    let report = json(&file("most.zst", &[most.clone(), most].concat())).await;
    let summary = report["read"][0]["summary"].as_str().unwrap();
    assert!(summary.starts_with("mosquitto: "), "{summary}");
}

#[cfg(unix)]
#[tokio::test]
async fn places_that_are_no_files_end_in_a_sentence() {
    let capture = recorded("orphan-timer-plain.pcap");
    let link = folder().join("loop");
    std::os::unix::fs::symlink("loop", &link).unwrap();
    for (place, says) in [
        (folder().display().to_string(), "hint: name the files in it"),
        (link.display().to_string(), "hint: check what the path leads to"),
        ("/dev/zero".into(), "neither a pcap or pcapng capture"),
        ("/dev/null".into(), "it is empty"),
    ] {
        evenkeel(&format!("doctor {place}")).run().await.expect(25).says(says);
    }
    // Flags that name one that does not end.
    for (flag, says) in [("suppress", "longer"), ("keylog", "longer"), ("profile", "larger")] {
        let ran = evenkeel(&format!("doctor --{flag} /dev/zero {capture}")).run().await.expect(2);
        ran.says(&format!("it is {says} than")).says("hint: ");
    }
    for output in ["/dev/full", "/dev/stdout", "/no-such-folder/report"] {
        let ran = evenkeel(&format!("doctor -o {output} {capture}")).run().await.expect(1);
        ran.says("cannot be written").says("hint: ");
    }
}

#[tokio::test]
async fn a_flag_that_names_nothing_is_an_error_before_any_file_is_read() {
    let capture = recorded("orphan-timer-plain.pcap");
    let ran = evenkeel(&format!("doctor --input no-such-format {capture}")).run().await;
    ran.expect(2).says("there is no kind of files 'no-such-format'").says("hint: ");
}

/// A key log that opens nothing is worth a word: it may be the wrong file.
#[tokio::test]
async fn a_key_log_without_keys_is_said_to_open_nothing() {
    let capture = recorded("orphan-timer-plain.pcap");
    let random = "0a".repeat(32);
    for (name, line) in [
        ("words", "# nothing\nCLIENT_RANDOM\n".to_owned()),
        ("digits", "CLIENT_RANDOM 00 00\n".to_owned()),
        ("short", format!("CLIENT_RANDOM {} 00\n", &random[2..])),
        ("long", format!("CLIENT_RANDOM {random}0a 00\n")),
        ("letters", format!("CLIENT_RANDOM {} 00\n", random.replace('a', "x"))),
        ("no secret", format!("CLIENT_RANDOM {random} \n")),
        ("odd secret", format!("SERVER_TRAFFIC_SECRET_0 {random} 000\n")),
        ("long secret", format!("CLIENT_TRAFFIC_SECRET_0 {random} {}\n", "00".repeat(49))),
        ("exporter", format!("EXPORTER_SECRET {random} 00\n")),
    ] {
        let keys = file("keys", line.as_bytes());
        let ran = evenkeel(&format!("doctor --keylog {keys} {capture}")).run().await.expect(24);
        assert!(ran.err.contains("has no keys"), "{name}: {}", ran.err);
    }
    let line = format!("# nothing\r\n SERVER_TRAFFIC_SECRET_0 {random} 01fF\r\n");
    for keys in [recorded("orphan-timer-tls13.keys"), file("keys", line.as_bytes())] {
        let ran = evenkeel(&format!("doctor --keylog {keys} {capture}")).run().await.expect(24);
        assert!(!ran.err.contains("has no keys"), "{keys}: {}", ran.err);
    }
}

/// What a file shows counts once, however often it is named.
#[tokio::test]
async fn a_file_that_is_given_twice_is_read_once() {
    let capture = recorded("orphan-timer-plain.pcap");
    let once = evenkeel(&format!("doctor {capture}")).run().await.expect(24).out;
    let twice = evenkeel(&format!("doctor {capture} {capture}")).run().await.expect(24);
    assert_eq!(twice.out, once);
    twice.says("is given twice, and read once");
    let line = format!("doctor {capture} {capture} {capture}");
    evenkeel(&line).run().await.expect(24).says("and 1 more are given twice");
}
