//! Logs recorded with known faults, from their bytes to what the doctor says.
//!
//! MQTT.js 5.3.4 and 5.5.5, mosquitto and its tools 2.0.11. All names in them
//! are made up.

use std::path::Path;

use evenkeel_doctor::{Bounds, Confidence, Doctor, Report};
use evenkeel_evidence::logs::{FormatError, Log, LogSummary, Options};
use evenkeel_profile::Profile;

fn bytes(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/logs").join(file);
    std::fs::read(path).expect("a recorded log")
}

/// What is said of a log that comes in pieces of `piece` bytes.
fn read_in(file: &str, piece: usize) -> (Report, LogSummary) {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let mut log = Log::new(file, &Options::default());
    for bytes in bytes(file).chunks(piece) {
        log.feed(bytes, &mut doctor).expect("a known format");
    }
    let summary = log.end(&mut doctor).expect("a known format");
    doctor.finish();
    (doctor.report(), summary)
}

fn read(file: &str) -> (Report, LogSummary) {
    read_in(file, 4096)
}

/// The rules found with more than a suspicion: causes, then consequences.
fn found(report: &Report) -> (Vec<&'static str>, Vec<&'static str>) {
    let sure = |finding: &&evenkeel_doctor::Finding| finding.confidence > Confidence::Suspect;
    let causes = report.findings.iter().filter(sure);
    let beneath = report.findings.iter().flat_map(|it| &it.consequences).filter(sure);
    (causes.map(|it| it.rule.id).collect(), beneath.map(|it| it.rule.id).collect())
}

#[test]
fn an_orphan_timer_is_the_first_cause() {
    let (report, summary) = read("orphan-timer-plain.mqttjs.log");
    assert_eq!(summary.format, "mqttjs");
    assert_eq!(found(&report).0.first(), Some(&"KA05"), "{:?}", report.findings);
    let finding = &report.findings[0];
    assert_eq!((&*finding.client, finding.class), ("device-1", "orphan timer"));
    assert!(finding.confidence >= Confidence::Shown);
    assert_eq!(report.clients.len(), 1);
}

#[test]
fn healthy_clients_are_left_alone() {
    let (report, summary) = read("benign-cron-publisher.mosquitto.log");
    assert_eq!(summary.format, "mosquitto");
    assert_eq!(found(&report), (vec![], vec![]), "{:?}", report.findings);
    let [client] = &*report.clients else { panic!("{:?}", report.clients) };
    assert_eq!(client.name, "cron-1");
    let fates = client.strip.iter().map(|strip| strip.fate);
    assert!(fates.into_iter().all(|fate| fate == evenkeel_doctor::Fate::Goodbye));
}

#[test]
fn every_recorded_log_is_known_and_mostly_understood() {
    for (file, format, least) in [
        ("benign-cron-publisher.mosquitto.log", "mosquitto", 95),
        ("keepalive-killed-plain.mosquitto.log", "mosquitto", 95),
        ("keepalive-killed-plain.mqttjs.log", "mqttjs", 20),
        ("nat-half-open-mosquitto_sub.client.log", "libmosquitto", 80),
        ("nat-half-open-mosquitto_sub.mosquitto.log", "mosquitto", 80),
        ("orphan-timer-plain.mqttjs.log", "mqttjs", 20),
        ("takeover-fight-v311.mosquitto.log", "mosquitto", 85),
    ] {
        let (_, summary) = read(file);
        assert_eq!(summary.format, format, "{file}");
        let percent = summary.understood * 100 / summary.lines;
        assert!(percent >= least, "{summary}");
    }
}

#[test]
fn the_pieces_make_no_difference() {
    for file in ["orphan-timer-plain.mqttjs.log", "takeover-fight-v311.mosquitto.log"] {
        let whole = read_in(file, usize::MAX);
        for piece in [1, 7, 4096] {
            assert_eq!(read_in(file, piece), whole, "{file} in pieces of {piece}");
        }
    }
}

#[test]
fn connections_are_told_apart() {
    for (file, client, ended) in [
        ("takeover-fight-v311.mosquitto.log", "pump-17", 14),
        ("keepalive-killed-plain.mosquitto.log", "device-2", 4),
        ("keepalive-killed-plain.mqttjs.log", "device-2", 3),
        ("nat-half-open-mosquitto_sub.mosquitto.log", "meter-4", 4),
        ("nat-half-open-mosquitto_sub.client.log", "meter-4", 3),
        ("orphan-timer-plain.mqttjs.log", "device-1", 5),
    ] {
        let (report, _) = read(file);
        let of = |name: &str| report.clients.iter().find(|it| it.name == name).map(|it| it.ended);
        assert!(of(client) >= Some(ended), "{file}: {:?}", of(client));
        assert_eq!(report.events_left_out, 0);
    }
}

#[test]
fn a_log_of_nothing_known_asks_for_its_format() {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let mut log = Log::new("notes", &Options::default());
    log.feed(b"a shopping list\nmilk\n", &mut doctor).expect("too early to say");
    let error = log.end(&mut doctor).expect_err("no format");
    assert_eq!(error, FormatError::Unknown);
    assert!(error.to_string().contains("--input"));
}

#[test]
fn a_key_log_is_told_what_it_is_for() {
    for label in ["CLIENT_RANDOM", "SERVER_HANDSHAKE_TRAFFIC_SECRET"] {
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let mut log = Log::new("keys", &Options::default());
        log.feed(format!("# made\n{label} 00 00\n").as_bytes(), &mut doctor).expect("too early");
        let error = log.end(&mut doctor).expect_err("no log");
        assert_eq!(error, FormatError::KeyLog);
        assert!(error.to_string().contains("--keylog"));
    }
}

#[test]
fn a_log_of_two_programs_names_both() {
    let (one, other) =
        (bytes("takeover-fight-v311.mosquitto.log"), bytes("orphan-timer-plain.mqttjs.log"));
    let pairs = one.split(|byte| *byte == b'\n').zip(other.split(|byte| *byte == b'\n'));
    let both: Vec<u8> =
        pairs.flat_map(|(one, other)| [one, b"\n", other, b"\n"].concat()).collect();
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let mut log = Log::new("both", &Options::default());
    let error = log.feed(&both, &mut doctor).expect_err("two formats");
    let FormatError::Ambiguous(names) = &error else { panic!("{error}") };
    assert_eq!(names.len(), 2);
    assert!(names.contains(&"mqttjs") && names.contains(&"mosquitto"));
    let options = Options { format: Some("mqttjs".into()), ..Options::default() };
    let mut log = Log::new("both", &options);
    log.feed(&both, &mut doctor).expect("the format is given");
    log.end(&mut doctor).expect("the format is given");
}

#[test]
fn a_format_that_is_not_there_is_named_with_those_that_are() {
    let options = Options { format: Some("mqttx".into()), ..Options::default() };
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let log = Log::new("x", &options);
    let error = log.end(&mut doctor).expect_err("no such format");
    assert!(error.to_string().contains("mosquitto"), "{error}");
}

#[test]
fn two_clients_with_one_identifier_are_the_first_cause() {
    let (report, _) = read("takeover-fight-v311.mosquitto.log");
    assert_eq!(found(&report).0.first(), Some(&"ID01"), "{:?}", report.findings);
    assert_eq!(report.findings[0].confidence, Confidence::Proven);
}

#[test]
fn pings_that_messages_put_off_are_the_first_cause_on_both_sides() {
    for file in ["keepalive-killed-plain.mqttjs.log", "keepalive-killed-plain.mosquitto.log"] {
        let (report, _) = read(file);
        assert_eq!(found(&report).0.first(), Some(&"KA07"), "{file}: {:?}", report.findings);
        assert_eq!(report.findings[0].client, "device-2");
    }
}

#[test]
fn a_path_that_forgets_is_the_first_cause_on_both_sides() {
    let files =
        ["nat-half-open-mosquitto_sub.client.log", "nat-half-open-mosquitto_sub.mosquitto.log"];
    for file in files {
        let (report, _) = read(file);
        assert_eq!(found(&report).0.first(), Some(&"KA12"), "{file}: {:?}", report.findings);
    }
}

#[test]
fn events_of_the_broker_have_times_of_the_calendar() {
    let (report, summary) = read("takeover-fight.evenkeel-broker.jsonl");
    assert_eq!((summary.format, summary.understood), ("evenkeel-broker", summary.lines));
    // Two programs of one address.
    assert_eq!(found(&report).0, ["RC05"], "{:?}", report.findings);
    let [source] = &*report.sources else { panic!("{:?}", report.sources) };
    assert!(source.source.calendar, "{source:?}");
}
