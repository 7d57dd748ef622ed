//! `evenkeel doctor` on the recorded truth, and on what cannot be read.

mod capture;
mod faults;
mod hostile;
mod proxy;
#[cfg(target_os = "linux")]
mod signals;
mod together;

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{evenkeel, folder, is_private};

/// A recorded capture or log of `crates/evidence`.
fn recorded(name: &str) -> String {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../evidence/tests");
    let place = ["captures", "logs"].map(|folder| tests.join(folder).join(name));
    let found = place.iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("there is no recorded {name}")).display().to_string()
}

fn file(name: &str, bytes: &[u8]) -> String {
    let path = folder().join(name);
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

async fn json(line: &str) -> Value {
    let ran = evenkeel(&format!("doctor --format json {line}")).run().await;
    serde_json::from_str(&ran.expect(24).out).unwrap()
}

#[tokio::test]
async fn the_first_sentence_names_the_cause() {
    for kind in ["plain", "tls13"] {
        let capture = recorded(&format!("orphan-timer-{kind}.pcap"));
        let out = evenkeel(&format!("doctor {capture}")).run().await.expect(24).out;
        let first = out.lines().next().unwrap();
        assert!(first.contains("gives up although the broker answers"), "{first}");
        assert!(out.contains("Update the client: MQTT.js"), "{out}");
    }
}

#[tokio::test]
async fn nothing_is_said_where_nothing_is_wrong() {
    for name in ["benign-healthy-plain", "benign-healthy-tls13", "benign-cron-publisher"] {
        let ran = evenkeel(&format!("doctor {}", recorded(&format!("{name}.pcap")))).run().await;
        let out = ran.expect(0).out;
        assert!(out.starts_with("nothing is wrong"), "{name}: {out}");
        assert!(!out.contains("not often enough"), "{name}: {out}");
    }
}

#[tokio::test]
async fn several_files_make_one_report() {
    let (capture, log) =
        (recorded("orphan-timer-plain.pcap"), recorded("orphan-timer-plain.mqttjs.log"));
    let report = json(&format!("{capture} {log}")).await;
    assert_eq!(report["read"].as_array().unwrap().len(), 2);
    assert_eq!(report["findings"][0]["rule"], "KA05");
    let lines: Vec<&Value> = (report["findings"].as_array().unwrap().iter())
        .flat_map(|finding| finding["proof"].as_array().unwrap())
        .filter(|proof| proof["line"].is_u64())
        .collect();
    assert!(!lines.is_empty(), "the log shows it too: {report}");
}

#[tokio::test]
async fn a_key_log_opens_a_capture() {
    let (capture, keys) =
        (recorded("orphan-timer-tls13.pcap"), recorded("orphan-timer-tls13.keys"));
    let report = json(&format!("--keylog {keys} {capture}")).await;
    assert_eq!(report["findings"][0]["confidence"], "shown");
    assert_eq!(report["findings"][0]["client"], "device-1");
}

#[tokio::test]
async fn packed_files_and_stdin_are_read() {
    let bytes = std::fs::read(recorded("orphan-timer-plain.pcap")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let packed = file("capture.pcap.gz", &packer.finish().unwrap());
    assert_eq!(json(&packed).await["findings"][0]["rule"], "KA05");
    let log = std::fs::read_to_string(recorded("orphan-timer-plain.mqttjs.log")).unwrap();
    let ran = evenkeel("doctor --format json -").input(&log).run().await;
    let report: Value = serde_json::from_str(&ran.expect(24).out).unwrap();
    assert_eq!(report["read"][0]["name"], "stdin");
    assert_eq!(report["findings"][0]["rule"], "KA05");
}

/// A file of Zstandard: bytes in frames of blocks that are not packed, and a
/// frame to be skipped after each.
fn zstandard(pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        out.extend([0x28, 0xB5, 0x2F, 0xFD, 0, 0x58]);
        let blocks: Vec<&[u8]> = piece.chunks(1000).collect();
        for (number, block) in blocks.iter().enumerate() {
            let last = u32::from(number + 1 == blocks.len());
            let header = u32::try_from(block.len()).unwrap() << 3 | last;
            out.extend(&header.to_le_bytes()[..3]);
            out.extend(*block);
        }
        out.extend([0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    }
    out
}

#[tokio::test]
async fn every_frame_of_a_packed_file_is_read() {
    let bytes = std::fs::read(recorded("orphan-timer-plain.pcap")).unwrap();
    let whole = json(&recorded("orphan-timer-plain.pcap")).await;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let report = json(&file("frames.pcap.zst", &zstandard(&[first, second]))).await;
    assert_eq!(report["read"][0]["summary"], whole["read"][0]["summary"]);
}

/// What came before the cut is told, and why there is no more.
#[tokio::test]
async fn packed_files_that_are_cut_tell_what_came_before() {
    let bytes = std::fs::read(recorded("orphan-timer-plain.pcap")).unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).unwrap();
    let (gzip, zstd) = (packer.finish().unwrap(), zstandard(&[&bytes]));
    for (name, packed) in [("cut.pcap.gz", gzip), ("cut.pcap.zst", zstd)] {
        let cut = file(name, &packed[..packed.len() - 20]);
        let report = json(&cut).await;
        assert_eq!(report["findings"][0]["rule"], "KA05", "{name}");
        let summary = report["read"][0]["summary"].as_str().unwrap();
        assert!(summary.starts_with("not read to its end: "), "{name}: {summary}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_report_never_takes_the_place_of_an_input() {
    let bytes = std::fs::read(recorded("orphan-timer-plain.pcap")).unwrap();
    let input = file("input.pcap", &bytes);
    let link = folder().join("link.pcap");
    std::os::unix::fs::symlink(&input, &link).unwrap();
    for output in [&input, &link.display().to_string()] {
        let ran = evenkeel(&format!("doctor -o {output} {input}")).run().await;
        ran.expect(2).says("is an input");
    }
    assert!(std::fs::read(&input).unwrap() == bytes, "it was written");
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_with_a_hint() {
    let (empty, noise) = (file("empty", b""), file("noise", b"one line\nof nothing\n"));
    for path in [&empty, &noise, &"no-such-file".to_owned()] {
        let ran = evenkeel(&format!("doctor {path}")).run().await.expect(25);
        ran.says("cannot be read").says("hint:");
    }
    let keys = file("keys", b"CLIENT_RANDOM 00 00\n");
    for (path, hint) in [(keys.as_str(), "--keylog"), ("no-such-file", "check the path")] {
        evenkeel(&format!("doctor {path}")).run().await.expect(25).says(hint);
    }
    #[cfg(unix)]
    evenkeel("doctor /").run().await.expect(25).says("name the files in it");
    // One that can be read is enough; the other is told.
    let benign = recorded("benign-healthy-plain.pcap");
    evenkeel(&format!("doctor {noise} {benign}")).run().await.expect(0).says("cannot be read");
}

#[tokio::test]
async fn a_capture_that_is_cut_tells_what_came_before() {
    let bytes = std::fs::read(recorded("orphan-timer-plain.pcap")).unwrap();
    let cut = file("cut.pcap", &bytes[..bytes.len() - 7]);
    let report = json(&cut).await;
    assert_eq!(report["findings"][0]["rule"], "KA05");
    assert!(report["read"][0]["summary"].as_str().unwrap().contains("not read to its end"));
}

#[tokio::test]
async fn findings_can_be_filtered_and_suppressed() {
    let capture = recorded("orphan-timer-plain.pcap");
    let none = evenkeel(&format!("doctor --client other {capture}")).run().await;
    none.expect(2).says("no client 'other' was seen");
    evenkeel(&format!("doctor --client device-1 {capture}")).run().await.expect(24);
    let known = "[[suppress]]\nrule = \"KA05\"\nreason = \"known\"\nuntil = \"2999-01-01\"\n";
    let suppressions = file("known.toml", known.as_bytes());
    let ran = evenkeel(&format!("doctor --suppress {suppressions} {capture}")).run().await;
    // What follows from it stays, and so does the verdict.
    let out = ran.expect(24).out;
    assert!(out.contains("1 finding suppressed"), "{out}");
    assert!(!out.contains("KA05") && out.contains("(RC03 "), "{out}");
    let all: String = ["KA05", "RC03", "RC01"].map(|rule| known.replace("KA05", rule)).concat();
    let all = file("all.toml", all.as_bytes());
    let ran = evenkeel(&format!("doctor --suppress {all} {capture}")).run().await;
    assert!(ran.expect(0).out.contains("3 findings suppressed"));
    // One that has expired counts no more.
    let expired = file("expired.toml", known.replace("2999", "2001").as_bytes());
    evenkeel(&format!("doctor --suppress {expired} {capture}")).run().await.expect(24);
    let bad = file("bad.toml", known.replace("KA05", "KA99").as_bytes());
    let ran = evenkeel(&format!("doctor --suppress {bad} {capture}")).run().await;
    ran.expect(2).says("there is no rule 'KA99'");
    let since = evenkeel(&format!("doctor --since 2999-01-01T00:00:00Z {capture}")).run().await;
    since.expect(0);
}

#[tokio::test]
async fn every_form_of_the_report_tells_the_cause() {
    let capture = recorded("orphan-timer-plain.pcap");
    for format in ["text", "json", "jsonl", "sarif", "junit", "github", "html", "md"] {
        let ran = evenkeel(&format!("doctor --format {format} {capture}")).run().await;
        let out = ran.expect(24).out;
        assert!(out.contains("KA05"), "{format}: {out}");
        assert!(out.contains("gives up although the broker answers"), "{format}: {out}");
    }
    let page = folder().join("report.html");
    let line = format!("doctor --format html -o {} {capture}", page.display());
    assert_eq!(evenkeel(&line).run().await.expect(24).out, "");
    is_private(&page);
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("default-src 'none'") && !html.contains("<script"), "{html}");
}

/// Names of a peer in every form: none of them may become markup, a command, a
/// line of its own or a control of the terminal.
#[tokio::test]
async fn names_of_peers_are_harmless_in_every_form() {
    let name = "<script>::error::\u{1b}[31m\nerror: x\t\u{9b}|\u{202e}\u{ffff}";
    let file = file("hostile.pcap", &capture::refused(name));
    let bare = |character: char| {
        (character.is_control() && character != '\n')
            || ['\u{202e}', '\u{200f}'].contains(&character)
    };
    for format in ["text", "json", "jsonl", "sarif", "junit", "github", "html", "md"] {
        let ran = evenkeel(&format!("doctor --format {format} {file}")).run().await;
        let out = ran.expect(24).out;
        assert!(out.contains("AU03"), "{format}: {out}");
        // A tab is part of XML and HTML, and does nothing in them.
        let tab = ["junit", "html"].contains(&format);
        let bare = out.chars().any(|it| bare(it) && !(tab && it == '\t'));
        assert!(!bare, "{format}: {out:?}");
        match format {
            "text" => assert!(!out.lines().any(|line| line.starts_with("error: x")), "{out}"),
            "github" => assert!(out.lines().all(|line| line.starts_with("::")), "{out}"),
            "json" => {
                let report: Value = serde_json::from_str(&out).unwrap();
                assert_eq!(report["findings"][0]["client"], name);
            }
            "junit" | "html" | "md" => assert!(!out.contains("<script>"), "{out}"),
            _ => {}
        }
        if format == "junit" {
            assert!(!out.contains('\u{ffff}'), "{out}");
        }
    }
}

/// The rules of all findings, in their order.
fn rules(report: &Value) -> Vec<(Value, Value)> {
    let findings = report["findings"].as_array().unwrap();
    let beneath = |finding: &Value| finding["consequences"].as_array().unwrap().clone();
    let all = findings.iter().flat_map(|it| [vec![it.clone()], beneath(it)].concat());
    all.map(|it| (it["rule"].clone(), it["class"].clone())).collect()
}

#[tokio::test]
async fn redacted_reports_name_nobody_and_say_the_same() {
    for (name, client) in [
        ("orphan-timer-plain.pcap", "device-1"),
        ("orphan-timer-plain.mqttjs.log", "device-1"),
        ("takeover-fight-v311.mosquitto.log", "pump-17"),
    ] {
        let file = recorded(name);
        let (open, hidden) = (json(&file).await, json(&format!("--redact {file}")).await);
        assert_eq!(rules(&open), rules(&hidden), "{name}");
        for format in ["text", "json", "html"] {
            let line = format!("doctor --redact --format {format} {file}");
            let (out, again) =
                (evenkeel(&line).run().await.expect(24).out, evenkeel(&line).run().await.out);
            for secret in [client, "127.0.0.1", "10.77.0."] {
                assert!(!out.contains(secret), "{format}: {secret}: {out}");
            }
            assert!(out.contains("name-"), "{format}: {out}");
            assert_ne!(out, again, "the names are those of one run");
        }
    }
}

#[tokio::test]
async fn what_goes_on_after_a_time_is_told_with_its_name() {
    let capture = recorded("orphan-timer-plain.pcap");
    let report = json(&format!("--since 2026-11-29T14:36:40Z {capture}")).await;
    assert_eq!(report["findings"][0]["rule"], "KA05");
    assert_eq!(report["findings"][0]["client"], "device-1");
    let later = evenkeel(&format!("doctor --since 2026-11-29T14:37:40Z {capture}")).run().await;
    assert!(later.expect(0).out.starts_with("nothing is wrong"));
}

/// Ctrl-C goes to who writes the pipe and to who reads it: what came is told.
#[cfg(unix)]
#[tokio::test]
async fn a_signal_ends_stdin_and_the_report_follows() {
    use tokio::io::AsyncWriteExt;

    let mut log = std::fs::read(recorded("orphan-timer-plain.mqttjs.log")).unwrap();
    // More than a pipe holds: once it is written, the doctor reads, and hears signals.
    log.resize(log.len() + (1 << 20), b'\n');
    let mut running = evenkeel("doctor --format json -").start();
    let mut stdin = running.stdin();
    stdin.write_all(&log).await.unwrap();
    stdin.flush().await.unwrap();
    running.signal("INT").await;
    let out = running.ended().await.expect(24).out;
    drop(stdin);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["findings"][0]["rule"], "KA05");
}

#[tokio::test]
async fn rules_and_formats_are_listed_and_explained() {
    let rules = evenkeel("doctor rules").run().await.expect(0).out;
    let json = evenkeel("doctor rules --json").run().await.expect(0).out;
    assert_eq!(rules.lines().count(), json.lines().count());
    assert!(rules.lines().count() >= 79, "{rules}");
    for line in json.lines() {
        let rule: Value = serde_json::from_str(line).unwrap();
        let (id, slug) = (rule["id"].as_str().unwrap(), rule["slug"].as_str().unwrap());
        assert!(rules.contains(id) && rules.contains(slug), "{id}");
    }
    let by_id = evenkeel("doctor explain KA05").run().await.expect(0).out;
    let by_slug = evenkeel("doctor explain false-keepalive-death").run().await.expect(0).out;
    assert_eq!(by_id, by_slug);
    assert!(by_id.contains("KA05.orphan_ms = 50"), "{by_id}");
    evenkeel("doctor explain KA99").run().await.expect(2).says("there is no rule");
    let formats = evenkeel("doctor formats").run().await.expect(0).out;
    for name in ["pcap", "mosquitto", "mqttjs"] {
        assert!(formats.lines().any(|line| line.starts_with(name)), "{formats}");
    }
}

#[tokio::test]
async fn a_threshold_can_be_set() {
    let capture = recorded("orphan-timer-plain.pcap");
    let ran = evenkeel(&format!("doctor --threshold KA05.nonsense=1 {capture}")).run().await;
    ran.expect(2).says("no rule has a threshold 'KA05.nonsense'");
    let usual = evenkeel(&format!("doctor --format jsonl {capture}")).run().await.out;
    assert!(usual.contains("\"class\":\"orphan timer\""), "{usual}");
    let line = format!("doctor --threshold KA05.orphan_ms=0 --format jsonl {capture}");
    let out = evenkeel(&line).run().await.out;
    assert!(!out.contains("\"class\":\"orphan timer\""), "{out}");
}

/// A log that grows, is rotated and is cut: each part is read once.
#[tokio::test]
async fn a_growing_log_is_followed_through_rotation() {
    let log = std::fs::read_to_string(recorded("takeover-fight-v311.mosquitto.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let path = folder().join("growing.log");
    std::fs::write(&path, first.join("\n") + "\n").unwrap();
    let mut running = evenkeel(&format!("doctor --follow {}", path.display())).start();
    running.until_says("following").await;
    // Rotated: another file of the same name takes its place.
    std::fs::rename(&path, path.with_extension("1")).unwrap();
    std::fs::write(&path, second.join("\n") + "\n").unwrap();
    running.until_says("was replaced").await;
    while !running.line().await.contains("ID01") {}
    running.signal("INT").await;
    let ran = running.ended().await.expect(24);
    assert!(ran.out.contains("ID01"));
}

/// The new file is another one, even of another kind; one that is missing ends nothing.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_takes_the_place_of_another_is_read_anew() {
    let path = folder().join("turned.log");
    std::fs::copy(recorded("takeover-fight-v311.mosquitto.log"), &path).unwrap();
    let line = format!("doctor --follow --format json no-such-file {}", path.display());
    let mut running = evenkeel(&line).start();
    running.until_says("no-such-file").await;
    running.until_says("ID01").await;
    let next = path.with_extension("next");
    std::fs::copy(recorded("orphan-timer-plain.mqttjs.log"), &next).unwrap();
    std::fs::rename(&next, &path).unwrap();
    running.until_says("was replaced").await;
    running.until_says("KA05").await;
    running.signal("INT").await;
    let ran = running.ended().await.expect(24);
    // What was told at once was told on stderr: stdout is one object.
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let found = rules(&report);
    assert!(found.iter().any(|(rule, _)| rule == "KA05"), "{found:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_cannot_be_followed_is_an_error() {
    evenkeel("doctor --follow /dev/null").run().await.expect(2).says("no regular file");
    let noise = file("noise.log", b"one line\nof nothing\n");
    let mut running = evenkeel(&format!("doctor --follow {noise}")).start();
    running.until_says("following").await;
    running.signal("INT").await;
    running.ended().await.expect(25).says("cannot be read");
}

/// Its client reconnects without back-off, too: that is for the report.
#[cfg(unix)]
#[tokio::test]
async fn what_follows_from_a_known_cause_is_not_told_at_once() {
    let log = recorded("takeover-fight-v311.mosquitto.log");
    let mut running = evenkeel(&format!("doctor --follow {log}")).start();
    while !running.line().await.contains("ID01") {}
    running.signal("INT").await;
    let out = running.ended().await.expect(24).out;
    let causes: Vec<&str> = out.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(!causes.is_empty() && causes.iter().all(|it| it.contains("ID01")), "{out}");
    assert!(out.contains("what follows from it") && out.contains("(RC01)"), "{out}");
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_told_at_once_obeys_the_flags() {
    let log = recorded("takeover-fight-v311.mosquitto.log");
    let known = "[[suppress]]\nrule = \"ID01\"\nreason = \"known\"\nuntil = \"2999-01-01\"\n";
    let known = file("at-once.toml", known.as_bytes());
    let line = format!("doctor --follow --format jsonl --suppress {known} {log}");
    let mut running = evenkeel(&line).start();
    let told: Value = serde_json::from_str(&running.line().await).unwrap();
    assert!(told["proof"][0]["line"].is_u64(), "{told}");
    running.signal("INT").await;
    let out = running.ended().await.expect(24).out;
    assert!(!out.contains("ID01"), "{out}");
}
