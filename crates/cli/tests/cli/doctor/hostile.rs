//! Files and places that do harm, or are none: each ends in a sentence with a hint and
//! the code that is documented, within bounds.

use std::io::Write;

use serde_json::Value;

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
    // A key log that opens nothing is worth a word: it may be the wrong file.
    let noise = file("noise.keys", b"# nothing\nCLIENT_RANDOM\n");
    let ran = evenkeel(&format!("doctor --keylog {noise} {capture}")).run().await;
    ran.expect(24).says("has no keys");
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

/// Ctrl-C while a file is read: what came before it is told, and that it is not all.
#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_the_reading_of_files_and_pipes() {
    let pipe = folder().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    // Nobody writes to it: not even to open it comes to an end.
    let running = evenkeel(&format!("doctor {}", pipe.display())).start();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    running.signal("INT").await;
    running.ended().await.expect(25).says("it is empty");
    // A pipe that says something, and never ends.
    let log = std::fs::read(recorded("takeover-fight-v311.mosquitto.log")).unwrap();
    let running = evenkeel(&format!("doctor --format json {}", pipe.display())).start();
    let mut writer = tokio::net::unix::pipe::OpenOptions::new();
    let writer = loop {
        match writer.read_write(true).open_sender(&pipe) {
            Ok(writer) => break writer,
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    };
    writer.writable().await.unwrap();
    let written = writer.try_write(&log).unwrap();
    assert!(written > 1000);
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    running.signal("INT").await;
    let ran = running.ended().await.expect(24);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["findings"][0]["rule"], "ID01");
}
