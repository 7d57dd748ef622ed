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
