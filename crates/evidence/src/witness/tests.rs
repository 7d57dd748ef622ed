//! Two and more sources of the same connections, as logs of mosquitto and of paho.

use std::time::Duration;

use evenkeel_doctor::{Bounds, Doctor, Event, Side, Source, SourceId, TextId, Vantage};
use evenkeel_profile::Profile;

use super::{Comparison, Contrary, Unaligned, Witnesses};
use crate::Sink;
use crate::logs::{Log, Options};

/// A connection in a log of mosquitto: when it begins and ends, in seconds.
#[derive(Clone, Copy)]
struct Told {
    client: &'static str,
    port: u32,
    from: f64,
    to: f64,
    end: &'static str,
    keep_alive: u32,
}

const CLOSED: &str = "closed its connection.";
const TIMED_OUT: &str = "has exceeded timeout, disconnecting.";

fn told(from: f64, to: f64) -> Told {
    Told { client: "pump", port: 0, from, to, end: CLOSED, keep_alive: 60 }
}

/// A log in which all times are moved.
fn log(all: &[Told], clock: impl Fn(f64) -> f64) -> String {
    let mut lines: Vec<(f64, String)> = vec![(0.0, "mosquitto version 2.0.11 starting".into())];
    for (number, it) in all.iter().enumerate() {
        // Another address in each log, as if a router stood between, unless the port is given.
        let peer = match it.port {
            0 => format!("HOST:{}", 40_000 + number),
            port => format!("10.0.0.1:{port}"),
        };
        let Told { client, keep_alive, end, .. } = it;
        lines.push((
            it.from,
            format!("New client connected from {peer} as {client} (p2, c1, k{keep_alive})."),
        ));
        lines.push((it.from, format!("Sending CONNACK to {client} (0, 0)")));
        if !end.is_empty() {
            lines.push((it.to, format!("Client {client} {end}")));
        }
    }
    lines.push((all.last().map_or(0.0, |last| last.to) + 30.0, "mosquitto terminating".into()));
    lines.sort_by(|one, other| one.0.total_cmp(&other.0));
    let stamp = |at: f64| {
        let nanos = ((clock(at) + 1_767_323_045.0) * 1e6) as i64;
        format!("{}.{:06}", nanos / 1_000_000, nanos % 1_000_000)
    };
    lines.into_iter().map(|(at, line)| format!("{}: {line}\n", stamp(at))).collect()
}

/// A sink to which a source is of another vantage.
struct As<'a>(Option<Vantage>, &'a mut dyn Sink);

impl Sink for As<'_> {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        let vantage = self.0.unwrap_or(source.vantage);
        self.1.source(Source { vantage, ..source })
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.1.keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.1.event(event);
    }
}

/// Compares the first log with what the others show on the wire.
fn compare(logs: &[String]) -> Comparison {
    compare_as(logs, Some(Vantage::Plain))
}

fn compare_as(logs: &[String], others: Option<Vantage>) -> Comparison {
    let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
    let mut witnesses = Witnesses::new();
    for (number, log) in logs.iter().enumerate() {
        let mut sink = witnesses.watch(&mut doctor);
        let mut sink = As(if number > 0 { others } else { None }, &mut sink);
        let mut reading = Log::new(&format!("{number}.log"), &Options::default());
        let log = log.replace("HOST", &format!("10.0.{number}.1"));
        reading.feed(log.as_bytes(), &mut sink).expect("a known format");
        reading.end(&mut sink).expect("a known format");
    }
    witnesses.compare()
}

/// How far the second log is ahead, in seconds, and how many connections say so.
#[track_caller]
fn ahead(comparison: &Comparison) -> (f64, usize, usize) {
    let [clocks] = comparison.clocks.as_slice() else { panic!("{:?}", comparison.clocks) };
    assert_eq!(clocks.sources, (SourceId(0), SourceId(1)));
    let aligned = clocks.aligned.as_ref().expect("they are aligned");
    (aligned.ahead_nanos as f64 / 1e9, aligned.joined, aligned.of)
}

#[track_caller]
fn unaligned(comparison: &Comparison) -> Unaligned {
    assert!(comparison.differences.is_empty());
    let [clocks] = comparison.clocks.as_slice() else { panic!("{:?}", comparison.clocks) };
    *clocks.aligned.as_ref().expect_err("they are not aligned")
}

/// Twelve connections at times without a pattern, over an hour.
fn irregular() -> Vec<Told> {
    let begin = [3, 21, 70, 214, 240, 631, 900, 1311, 1712, 2500, 2530, 3333].map(f64::from);
    begin.map(|from| told(from, from + 4.0)).to_vec()
}

#[test]
fn alike_one_clock_has_no_differences() {
    let late = |at: f64| at + 0.08;
    let comparison = compare(&[log(&irregular(), |at| at), log(&irregular(), late)]);
    let (seconds, joined, of) = ahead(&comparison);
    assert!((seconds - 0.08).abs() < 0.001, "{seconds}");
    assert_eq!((joined, of), (12, 12));
    assert_eq!(comparison.differences, []);
}

#[test]
fn a_clock_an_hour_or_any_time_off_is_found() {
    for off in [3600.0, -7200.0, 1234.5, -1_000_000_000.0] {
        let comparison = compare(&[log(&irregular(), |at| at), log(&irregular(), |at| at + off)]);
        let (seconds, joined, _) = ahead(&comparison);
        assert!((seconds - off).abs() < 0.001, "{off}: {seconds}");
        assert_eq!(joined, 12);
        assert_eq!(comparison.differences, [], "{off}");
    }
}

#[test]
fn a_clock_that_drifts_is_followed() {
    let drifts = |at: f64| at * 1.0008 + 900.0;
    let comparison = compare(&[log(&irregular(), |at| at), log(&irregular(), drifts)]);
    let (_, joined, _) = ahead(&comparison);
    assert_eq!(joined, 12);
    let aligned = comparison.clocks[0].aligned.as_ref().unwrap();
    assert!(aligned.gains_nanos_per_second.abs_diff(800_000) < 5_000, "{aligned:?}");
    assert_eq!(comparison.differences, []);
    // A steady one has no drift, whatever the noise.
    let noisy = |at: f64| at + (at * 7.3).sin() * 0.02;
    let comparison = compare(&[log(&irregular(), |at| at), log(&irregular(), noisy)]);
    let aligned = comparison.clocks[0].aligned.as_ref().unwrap();
    assert_eq!(aligned.gains_nanos_per_second, 0);
}

#[test]
fn a_flapping_client_is_aligned_by_the_hour() {
    // Each connection looks like the next one; only the hour is likely.
    let regular: Vec<Told> = (0..9).map(|n| f64::from(n) * 4.0).map(|n| told(n, n + 3.5)).collect();
    let (one, other) = (log(&regular, |at| at), log(&regular[1..], |at| at + 3600.0));
    let comparison = compare(&[one.clone(), other]);
    assert_eq!(ahead(&comparison).0.round(), 3600.0);
    let odd = log(&regular[1..], |at| at + 3601.0 + 60.0);
    assert_eq!(unaligned(&compare(&[one.clone(), odd])), Unaligned::TooRegular);
    // If both show the same connections, and none is left over, there is no choice.
    let odd = log(&regular, |at| at + 3601.0 + 60.0);
    assert_eq!(ahead(&compare(&[one, odd])).0.round(), 3661.0);
}

#[test]
fn alike_the_next_file_of_a_log_that_was_rotated() {
    // A client that connects every minute, for a day and for another one.
    let regular: Vec<Told> =
        (0..1440).map(|n| f64::from(n) * 60.0).map(|n| told(n, n + 9.0)).collect();
    let [one, other] = [0.0, 86_400.0].map(|ahead| log(&regular, |at| at + ahead));
    let comparison = compare_as(&[one.clone(), other.clone()], None);
    assert!(comparison.clocks.is_empty() && comparison.differences.is_empty());
    let comparison = compare_as(&[other, one], None);
    assert!(comparison.clocks.is_empty(), "{comparison:?}");
    // Those of one time are compared.
    let both = [0.0, 1800.0].map(|ahead| log(&irregular(), |at| at + ahead));
    assert_eq!(ahead(&compare_as(&both, None)).0.round(), 1800.0);
    let next: Vec<Told> = irregular().iter().map(|it| told(it.from * 1.37 + 4000.0, 4e5)).collect();
    let comparison = compare(&[log(&irregular(), |at| at), log(&next, |at| at)]);
    assert!(matches!(unaligned(&comparison), Unaligned::TooFew(_)), "{comparison:?}");
}

#[test]
fn few_connections_align_nothing_but_clocks_that_are_right() {
    let two = &irregular()[..2];
    let comparison = compare(&[log(two, |at| at), log(two, |at| at + 3600.0)]);
    assert_eq!(unaligned(&comparison), Unaligned::TooFew(2));
    let comparison = compare(&[log(two, |at| at), log(two, |at| at + 1.0)]);
    assert_eq!(ahead(&comparison).1, 2);
    // If one of them shows a third in between, the two may be others that came by chance.
    let three = &irregular()[..3];
    let gap = [three[0], three[2]];
    assert_eq!(
        unaligned(&compare(&[log(three, |at| at), log(&gap, |at| at)])),
        Unaligned::TooFew(2)
    );
    // One more is enough.
    let comparison = compare(&[log(three, |at| at), log(three, |at| at + 3600.0)]);
    assert_eq!(ahead(&comparison).1, 3);
}

#[test]
fn sources_of_different_clients_are_not_compared() {
    let others: Vec<Told> =
        irregular().into_iter().map(|it| Told { client: "fan", ..it }).collect();
    let comparison = compare(&[log(&irregular(), |at| at), log(&others, |at| at)]);
    assert!(comparison.clocks.is_empty() && comparison.differences.is_empty());
}

#[test]
fn a_port_tells_connections_apart() {
    // The second log has every other connection, and they come as regularly.
    let all: Vec<Told> = (0..16)
        .map(|n| Told { port: 50_000 + n, ..told(f64::from(n) * 5.0, f64::from(n) * 5.0 + 1.0) })
        .collect();
    let some: Vec<Told> = all.iter().skip(4).step_by(2).copied().collect();
    let comparison = compare(&[log(&all, |at| at), log(&some, |at| at + 777.0)]);
    let (seconds, joined, _) = ahead(&comparison);
    assert_eq!((seconds.round(), joined), (777.0, 6));
}

/// What differs if the second log has other words for every third connection.
#[track_caller]
fn difference(change: impl Fn(&mut Told)) -> (Contrary, u32) {
    let mut other = irregular();
    other.iter_mut().step_by(3).for_each(change);
    let comparison = compare(&[log(&irregular(), |at| at), log(&other, |at| at + 3600.0)]);
    assert_eq!(ahead(&comparison).1, 12);
    let [only] = comparison.differences.as_slice() else { panic!("{comparison:?}") };
    assert!(only.places.iter().all(Option::is_some));
    (only.contrary, only.times)
}

#[test]
fn what_differs_is_told_once_and_counted() {
    let (by, times) = difference(|it| it.end = TIMED_OUT);
    assert_eq!((by, times), (Contrary::EndedBy(Side::Client, Side::Server), 4));
    assert_eq!(difference(|it| it.keep_alive = 30), (Contrary::KeepAlive(60, 30), 4));
    let (sooner, times) = difference(|it| it.to += 9.0);
    let Contrary::EndedSooner(SourceId(0), by) = sooner else { panic!("{sooner:?}") };
    assert_eq!((by.as_millis() / 100, times), (90, 4));
    let (sooner, _) = difference(|it| it.to -= 3.0);
    assert!(matches!(sooner, Contrary::EndedSooner(SourceId(1), _)), "{sooner:?}");
}

#[test]
fn alike_ends_that_are_nearly_at_one_time() {
    let mut other = irregular();
    other.iter_mut().for_each(|it| it.to += 1.9);
    let comparison = compare(&[log(&irregular(), |at| at), log(&other, |at| at)]);
    assert_eq!(comparison.differences, []);
}

#[test]
fn a_connection_that_is_in_one_source_alone_is_told() {
    let mut other = irregular();
    other.remove(4);
    let comparison = compare(&[log(&irregular(), |at| at), log(&other, |at| at)]);
    let [only] = comparison.differences.as_slice() else { panic!("{comparison:?}") };
    assert_eq!((only.contrary, only.times), (Contrary::OnlyIn(SourceId(0)), 1));
    assert!(only.places[0].is_some() && only.places[1].is_none());
    // Those at the edge may have come before the other one began to record.
    for edge in [0, 11] {
        let mut other = irregular();
        other.remove(edge);
        let comparison = compare(&[log(&irregular(), |at| at), log(&other, |at| at)]);
        assert_eq!(comparison.differences, [], "{edge}");
    }
}

#[test]
fn a_connection_that_one_source_never_ends_is_told() {
    let another = Told { client: "fan", ..told(3380.0, 3390.0) };
    let all = [irregular(), vec![another]].concat();
    let mut other = all.clone();
    other[11].end = "";
    let comparison = compare(&[log(&all, |at| at), log(&other, |at| at)]);
    let [only] = comparison.differences.as_slice() else { panic!("{comparison:?}") };
    let Contrary::EndedFor(SourceId(0), on) = only.contrary else { panic!("{only:?}") };
    assert!(on > Duration::from_secs(50), "{on:?}");
    // A log that tells no ends at all says nothing by telling none.
    other.iter_mut().for_each(|it| it.end = "");
    let comparison = compare(&[log(&all, |at| at), log(&other, |at| at)]);
    assert_eq!(comparison.differences, []);
}

#[test]
fn alike_a_server_that_ends_tcp_after_disconnect() {
    let mut other = irregular();
    other.iter_mut().for_each(|it| it.end = "disconnected.");
    let server = irregular().into_iter().map(|it| Told { end: TIMED_OUT, ..it });
    let comparison = compare(&[log(&server.collect::<Vec<_>>(), |at| at), log(&other, |at| at)]);
    assert_eq!(ahead(&comparison).1, 12);
    assert_eq!(comparison.differences, []);
}

/// Events of Evenkeel's client of the same connections, with the keep-alive in force.
fn events(all: &[Told], keep_alive: u32) -> String {
    let of = |(number, it): (usize, &Told)| {
        let event = |at: f64, event: &str, more: &str| {
            let time = 1_767_323_045 + at as u64;
            format!(
                r#"{{"v":2,"type":"event","time":{time},"event":"{event}","client_id":"pump","connection":{},{more}}}"#,
                number + 1
            )
        };
        let connected = format!(r#""version":5,"keep_alive_s":{keep_alive}"#);
        let lines = [
            event(it.from, "connecting", r#""attempt":1"#),
            event(it.from, "connected", &connected),
            event(it.to, "disconnected", r#""class":"local","closer":"client","online_s":4.0"#),
        ];
        lines.join("\n") + "\n"
    };
    all.iter().enumerate().map(of).collect()
}

#[test]
fn alike_the_keep_alive_that_is_in_force_and_the_one_that_was_asked_for() {
    let comparison = compare(&[log(&irregular(), |at| at), events(&irregular(), 30)]);
    assert_eq!(ahead(&comparison).1, 12);
    assert_eq!(comparison.differences, []);
}

#[test]
fn alike_connections_that_were_too_many_to_be_kept() {
    // Of the broker's log the newest 16,384 are kept.
    for (others, forgotten) in [(16_372, vec![]), (16_400, vec![(SourceId(0), 28)])] {
        let fan = (0..others).map(|n| 1000.0 + f64::from(n) / 100.0);
        let fan = fan.map(|at| Told { client: "fan", ..told(at, at + 0.005) });
        let broker: Vec<Told> = fan.chain(irregular()).collect();
        let comparison = compare(&[log(&broker, |at| at), log(&irregular(), |at| at)]);
        let kept = if forgotten.is_empty() { 12 } else { 5 };
        let (_, joined, of) = ahead(&comparison);
        assert_eq!((joined, of), (kept, kept));
        assert_eq!(comparison.differences, []);
        assert_eq!(comparison.forgotten, forgotten);
    }
}
