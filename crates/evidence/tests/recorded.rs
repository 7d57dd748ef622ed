//! The recorded captures, whose truth is known: see `captures/README.md`.

use std::path::Path;

use evenkeel_doctor::{Bounds, Confidence, Doctor, Fate, Finding, Report, Vantage};
use evenkeel_evidence::capture::{Capture, Options};
use evenkeel_profile::Profile;

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the doctor says of a capture, fed in pieces of this size.
fn judged_in(piece: usize, name: &str, options: &Options) -> Report {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let mut capture = Capture::new(name, options);
    for bytes in read(&format!("{name}.pcap")).chunks(piece) {
        capture.feed(bytes, &mut doctor).unwrap();
    }
    capture.end(&mut doctor).unwrap();
    assert_eq!(capture.summary().gaps, 0, "{name}");
    doctor.finish();
    doctor.report()
}

fn judged(name: &str) -> Report {
    judged_in(4096, name, &Options::default())
}

/// The causes, each once, in the order of the report.
fn causes(report: &Report) -> Vec<&'static str> {
    let mut causes: Vec<_> = report.findings.iter().map(|finding| finding.rule.id).collect();
    causes.dedup();
    causes
}

fn vantages(report: &Report) -> Vec<Vantage> {
    report.sources.iter().map(|summary| summary.source.vantage).collect()
}

/// How each connection of the only client ended, and its pings.
fn fates(report: &Report) -> Vec<(Fate, u32)> {
    let [client] = report.clients.as_slice() else { panic!("{:?}", report.clients) };
    client.strip.iter().map(|strip| (strip.fate, strip.pings)).collect()
}

#[test]
fn orphan_timer_in_the_clear() {
    let report = judged("orphan-timer-plain");
    assert_eq!(vantages(&report), [Vantage::Plain]);
    assert_eq!(causes(&report), ["KA05"]);
    let first = &report.findings[0];
    assert_eq!((first.class, first.confidence), ("orphan timer", Confidence::Shown));
    assert_eq!(first.client, "device-1");
    let (both, last) = ((Fate::Client, 2), (Fate::Client, 1));
    assert_eq!(fates(&report), [both, both, both, both, both, last]);
}

#[test]
fn orphan_timer_by_sizes_alone() {
    let report = judged("orphan-timer-tls13");
    assert_eq!(vantages(&report), [Vantage::Encrypted]);
    assert_eq!(causes(&report), ["KA05"]);
    assert_eq!(report.findings[0].confidence, Confidence::Inferred);
    let (both, last) = ((Fate::Client, 2), (Fate::Client, 1));
    assert_eq!(fates(&report), [both, both, both, both, both, last]);
}

#[test]
fn orphan_timer_with_a_key_log() {
    let options = Options { key_log: read("orphan-timer-tls13.keys"), ..Options::default() };
    let report = judged_in(4096, "orphan-timer-tls13", &options);
    assert_eq!(vantages(&report), [Vantage::Plain]);
    assert_eq!(causes(&report), ["KA05"]);
    let first = &report.findings[0];
    assert_eq!((first.class, first.confidence), ("orphan timer", Confidence::Shown));
    assert_eq!(first.client, "device-1");
}

#[test]
fn takeover_fight() {
    let report = judged("takeover-fight-v311");
    assert_eq!(causes(&report), ["ID01"]);
    let ended = |fate| fates(&report).iter().filter(|(it, _)| *it == fate).count();
    assert_eq!((ended(Fate::Server), ended(Fate::Goodbye)), (14, 1));
}

#[test]
fn keepalive_killed() {
    let report = judged("keepalive-killed-plain");
    assert_eq!(causes(&report), ["KA07"]);
    let killed = (Fate::Server, 0);
    assert_eq!(fates(&report), [killed, killed, killed, (Fate::Open, 0)]);
}

#[test]
fn nat_half_open() {
    let report = judged("nat-half-open-mosquitto_sub.client");
    let causes = causes(&report);
    assert!(causes.iter().all(|id| ["KA12", "NW01", "KA13"].contains(id)), "{causes:?}");
    assert!(!causes.is_empty());
}

#[test]
fn benign() {
    for name in ["benign-healthy-plain", "benign-healthy-tls13", "benign-cron-publisher"] {
        assert_eq!(judged(name).findings, [], "{name}");
    }
    let options = Options { key_log: read("benign-healthy-tls13.keys"), ..Options::default() };
    let report = judged_in(4096, "benign-healthy-tls13", &options);
    let sure = |finding: &&Finding| finding.confidence > Confidence::Suspect;
    assert_eq!(report.findings.iter().find(sure), None);
    assert_eq!(report.clients[0].strip[0].pings, 10);
}

#[test]
fn pieces_of_any_size_say_the_same() {
    for name in ["orphan-timer-plain", "orphan-timer-tls13", "takeover-fight-v311"] {
        let whole = judged(name);
        for piece in [1, 7, 100, usize::MAX] {
            assert_eq!(judged_in(piece, name, &Options::default()), whole, "{name} {piece}");
        }
    }
}

#[test]
fn every_suite_opens_with_its_keys() {
    let options = Options { key_log: read("suites.keys"), ..Options::default() };
    let report = judged_in(4096, "suites", &options);
    assert_eq!(vantages(&report), [Vantage::Plain]);
    assert_eq!(report.clients[0].name, "pump");
    assert_eq!(fates(&report), [(Fate::Goodbye, 1); 4]);
    assert_eq!(report.findings, []);
    // Keys of other connections open nothing.
    let options = Options { key_log: read("orphan-timer-tls13.keys"), ..Options::default() };
    assert_eq!(vantages(&judged_in(4096, "suites", &options)), [Vantage::Encrypted]);
}

#[test]
fn an_alert_in_the_clear_after_the_hellos_of_tls_13() {
    let report = judged("rejected");
    assert_eq!(vantages(&report), [Vantage::Encrypted]);
    assert_eq!(causes(&report), ["TL03"]);
    assert_eq!(report.findings[0].confidence, Confidence::Proven);
}

/// The same packets as pcapng, with nanoseconds, and their keys inside.
#[test]
fn pcapng_says_the_same() {
    let block = |kind: u32, body: &[u8]| {
        let len = body.len().next_multiple_of(4) as u32 + 12;
        let mut block = [kind.to_le_bytes(), len.to_le_bytes()].concat();
        block.extend_from_slice(body);
        block.resize(len as usize - 4, 0);
        block.extend(len.to_le_bytes());
        block
    };
    for name in ["orphan-timer-tls13", "suites"] {
        let (file, keys) = (read(&format!("{name}.pcap")), read(&format!("{name}.keys")));
        let big = file[0] == 0xA1;
        let field = |at: usize| {
            let bytes = file[at..at + 4].try_into().unwrap();
            if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
        };
        let section = [&0x1A2B_3C4D_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xFF; 8]].concat();
        let mut pcapng = block(0x0A0D_0D0A, &section);
        let len = (keys.len() as u32).to_le_bytes();
        pcapng.extend(block(10, &[&0x544C_534B_u32.to_le_bytes()[..], &len, &keys].concat()));
        let options = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
        let interface = [&[field(20) as u8, 0, 0, 0, 0, 0, 0, 0][..], &options].concat();
        pcapng.extend(block(1, &interface));
        let mut at = 24;
        while at < file.len() {
            let len = field(at + 8);
            let nanos = u64::from(field(at)) * 1_000_000_000 + u64::from(field(at + 4)) * 1000;
            let fields = [0, (nanos >> 32) as u32, nanos as u32, len, len];
            let mut body: Vec<u8> = fields.iter().flat_map(|field| field.to_le_bytes()).collect();
            body.extend_from_slice(&file[at + 16..at + 16 + len as usize]);
            pcapng.extend(block(6, &body));
            at += 16 + len as usize;
        }
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let mut capture = Capture::new(name, &Options::default());
        for bytes in pcapng.chunks(777) {
            capture.feed(bytes, &mut doctor).unwrap();
        }
        capture.end(&mut doctor).unwrap();
        doctor.finish();
        let options = Options { key_log: keys, ..Options::default() };
        let (mut one, mut other) = (doctor.report(), judged_in(4096, name, &options));
        assert_eq!(vantages(&one), [Vantage::Plain]);
        // Only the places in the file differ.
        for finding in one.findings.iter_mut().chain(&mut other.findings) {
            finding.proof.clear();
            finding.consequences.clear();
        }
        assert_eq!(one, other, "{name}");
    }
}
