//! Worlds in which nothing is wrong: no rule may say more than what is worth
//! knowing, not even as a suspicion.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Trace;
use crate::{Severity, Vantage};

#[track_caller]
fn is_well(trace: Trace) {
    let report = trace.report();
    let bad: Vec<String> = super::flat(&report.findings)
        .iter()
        .filter(|finding| finding.severity > Severity::Info)
        .map(|it| format!("{} ({}): {}", it.rule.id, it.confidence.name(), it.sentence))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// The same lines as sizes under TLS.
fn sealed(lines: &str) -> String {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [connection, at, side @ (">" | "<"), what, ..] = words.as_slice() else {
            return format!("{line}\n");
        };
        let what = match *what {
            "PINGREQ" | "DISCONNECT" => "~PINGREQ",
            "PINGRESP" => "~PINGRESP",
            "CONNACK" | "PUBACK" => "sealed bytes=4",
            "CONNECT" | "PUBLISH" | "SUBSCRIBE" => "sealed bytes=30",
            "SUBACK" => "sealed bytes=5",
            other => other,
        };
        format!("{connection} {at} {side} {what}\n")
    };
    lines.lines().map(line).collect()
}

#[test]
fn a_publisher_that_connects_for_each_message() {
    let lines = "
        c1 0.000 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.001 > CONNECT id=cron clean
        c1 0.002 < CONNACK
        c1 0.003 > PUBLISH qos=1 id=1
        c1 0.004 < PUBACK id=1
        c1 0.005 > DISCONNECT
        c1 0.006 < fin";
    for vantage in [Vantage::Plain, Vantage::BrokerLog, Vantage::ClientLog] {
        is_well(Trace::of(vantage).rounds(200, 1.5, lines));
    }
    is_well(Trace::encrypted().rounds(200, 1.5, &sealed(lines)));
    let by_client = lines.replace("< fin", "> fin");
    is_well(Trace::plain().rounds(200, 1.5, &by_client));
    is_well(Trace::encrypted().rounds(200, 1.5, &sealed(&by_client)));
}

#[test]
fn a_connection_that_is_well_for_a_day() {
    let begin = "
        c1 0.00 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.01 > CONNECT id=pump k=60
        c1 0.05 < CONNACK
        c1 0.06 > SUBSCRIBE qos=1
        c1 0.09 < SUBACK code=1\n";
    let day = (1..1440).fold(String::from(begin), |all, minute| {
        let at = minute * 60;
        all + &match minute % 10 {
            0 => format!("c1 {at}.1 > PUBLISH qos=1 id=7\nc1 {at}.15 < PUBACK id=7\n"),
            5 => format!("c1 {at}.1 > PINGREQ\nc1 {at}.2 < PINGRESP\nc1 {}.5 < PUBLISH\n", at + 20),
            _ => format!("c1 {at}.1 > PINGREQ\nc1 {at}.2 < PINGRESP\n"),
        }
    });
    for vantage in [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog, Vantage::ClientEvents] {
        is_well(Trace::of(vantage).lines(&day));
    }
    is_well(Trace::encrypted().lines(&sealed(&day)));
}

/// The broker restarts at 100 s. Some clients find it down once, all come back
/// with delays of their own.
fn restart() -> String {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for n in 0..20_u32 {
        let (host, old, new) = (format!("10.0.0.{n}"), n, n + 20);
        let mut connect = |number: u32, at: f64, port: u32| {
            let open = format!("open {host}:{port} 10.0.1.1:1883");
            lines.push((at, format!("c{number} {at:.3} {open}")));
            for (later, what) in [
                (0.01, format!("> CONNECT id=pump-{n} clean k=60")),
                (0.02, "< CONNACK".into()),
                (0.03, "> SUBSCRIBE qos=1".into()),
                (0.04, "< SUBACK code=1".into()),
            ] {
                lines.push((at + later, format!("c{number} {:.3} {what}", at + later)));
            }
        };
        connect(old, f64::from(n) * 2.0, 5000);
        // A fixed order that looks like chance.
        let back = 101.0 + f64::from(n * 7 % 20) * 1.4 + f64::from(n % 3) * 0.21;
        connect(new, back, 5002);
        let end = 100.0 + f64::from(n) * 0.001;
        lines.push((end, format!("c{old} {end:.3} < fin")));
        lines.push((end, format!("c{old} {end:.3} > fin")));
        for ping in [61.0, 121.0] {
            let (asked, answered) = (back + ping, back + ping + 0.02);
            lines.push((asked, format!("c{new} {asked:.3} > PINGREQ")));
            lines.push((answered, format!("c{new} {answered:.3} < PINGRESP")));
        }
    }
    lines.sort_by(|one, other| one.0.total_cmp(&other.0));
    lines.into_iter().map(|(_, line)| line + "\n").collect()
}

#[test]
fn a_broker_that_restarts() {
    is_well(Trace::plain().lines(&restart()));
    is_well(Trace::of(Vantage::BrokerLog).lines(&restart()));
    is_well(Trace::encrypted().lines(&sealed(&restart())));
}

#[test]
fn a_device_that_roams() {
    // From WiFi to mobile and back: each time the old connection is silent, and
    // the broker closes it as the new one comes.
    let connection = |number: u32, at: u32, host: &str| {
        format!(
            "c{number} {at}.00 open {host}:{} 10.0.0.9:1883
             c{number} {at}.10 > CONNECT id=phone k=60
             c{number} {at}.20 < CONNACK session
             c{number} {}.1 > PINGREQ
             c{number} {}.2 < PINGRESP\n",
            5000 + number,
            at + 60,
            at + 60,
        )
    };
    let lines = connection(1, 0, "192.168.1.7")
        + &connection(2, 90, "100.64.3.9")
        + "c1 90.15 < fin\n"
        + &connection(3, 1000, "192.168.1.7")
        + "c2 1000.15 < fin\n";
    let mut ordered: Vec<&str> = lines.lines().map(str::trim).collect();
    let at = |line: &&str| {
        let at = line.split_whitespace().nth(1).and_then(|at| at.parse::<f64>().ok());
        (at.unwrap_or_default() * 1000.0) as u64
    };
    ordered.sort_by_key(at);
    let lines = ordered.join("\n");
    is_well(Trace::plain().lines(&lines));
    is_well(Trace::of(Vantage::BrokerLog).lines(&lines));
    is_well(Trace::encrypted().lines(&sealed(&lines)));
}

#[test]
fn a_laptop_that_sleeps_once() {
    let begin = "
        c1 0.00  open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.01  > CONNECT id=laptop k=60
        c1 0.05  < CONNACK
        c1 60.1  > PINGREQ
        c1 60.2  < PINGRESP\n";
    let back = "
        c2 3701.00 open 10.0.0.1:5001 10.0.0.9:1883
        c2 3701.10 > CONNECT id=laptop k=60
        c2 3701.20 < CONNACK
        c2 3761.3  > PINGREQ
        c2 3761.4  < PINGRESP";
    // As the laptop sees it, and as the broker does.
    let inside = format!("{begin}c1 3700.00 > PINGREQ\nc1 3700.02 < rst{back}");
    let outside = format!("{begin}c1 152.0 < fin\nc1 3700.0 > PINGREQ\nc1 3700.02 < rst{back}");
    let log = format!("{begin}c1 152.0 words timeout\nc1 152.0 < closed{back}");
    is_well(Trace::plain().lines(&inside));
    is_well(Trace::plain().lines(&outside));
    is_well(Trace::encrypted().lines(&sealed(&inside)));
    is_well(Trace::encrypted().lines(&sealed(&outside)));
    // That nothing was heard is all that a broker knows: a suspicion at most.
    let report = Trace::of(Vantage::BrokerLog).lines(&log).report();
    let all = super::flat(&report.findings);
    assert!(all.iter().all(|it| it.confidence == crate::Confidence::Suspect), "{all:#?}");
}

#[test]
fn a_publisher_that_needs_no_answer() {
    // QoS 0 every five seconds: no ping is due, and nothing ever comes back.
    let begin = "
        c1 0.00 open 10.0.0.1:5000 10.0.0.9:1883
        c1 0.01 > CONNECT id=meter clean k=30
        c1 0.05 < CONNACK\n";
    let lines = (1..1440).fold(String::from(begin), |all, n| {
        all + &format!("c1 {}.1 > PUBLISH digest={n}\n", n * 5)
    });
    let lines = lines + "c1 7200.0 > DISCONNECT\nc1 7200.01 > fin";
    for vantage in [Vantage::Plain, Vantage::ClientLog, Vantage::BrokerLog] {
        is_well(Trace::of(vantage).lines(&lines));
    }
    is_well(Trace::encrypted().lines(&sealed(&lines)));
}

#[test]
fn many_clients_behind_one_address() {
    // Thirty clients of one host: each is there for ten seconds every minute.
    let lines = (0..30).map(|n| {
        let at = f64::from(n) * 2.0;
        format!(
            "c{n} {at:.3} open 10.0.0.1:{} 10.0.0.9:1883
             c{n} {:.3} > CONNECT id=node-{n} clean
             c{n} {:.3} < CONNACK
             c{n} {:.3} > PUBLISH qos=1 id=1
             c{n} {:.3} < PUBACK id=1
             c{n} {:.3} > DISCONNECT
             c{n} {:.3} > fin\n",
            5000 + n,
            at + 0.01,
            at + 0.02,
            at + 0.03,
            at + 0.04,
            at + 10.003,
            at + 10.004,
        )
    });
    let mut ordered: Vec<String> =
        lines.collect::<String>().lines().map(|line| line.trim().into()).collect();
    let at = |line: &String| {
        let at = line.split_whitespace().nth(1).and_then(|at| at.parse::<f64>().ok());
        (at.unwrap_or_default() * 1000.0) as u64
    };
    ordered.sort_by_key(at);
    let lines = ordered.join("\n");
    is_well(Trace::plain().rounds(5, 70.0, &lines));
    is_well(Trace::of(Vantage::BrokerLog).rounds(5, 70.0, &lines));
    is_well(Trace::encrypted().rounds(5, 70.0, &sealed(&lines)));
}
