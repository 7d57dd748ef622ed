//! `evenkeel doctor proxy --faults`: the rules of the doctor, shown live.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::proxy::proxy_to;
use super::{file, rules};
use crate::pki::Pki;
use crate::support::{broker, broker_with, evenkeel};

const PINGREQ: &[u8] = b"\xc0\0";
const PINGRESP: &[u8] = b"\xd0\0";
const CONNACK: &[u8] = b"\x20\x02\0\0";

/// QoS 1, to `poison`.
const PUBLISH: &[u8] = b"\x32\x0b\0\x06poison\0\x01x";
const SUBSCRIBE: &[u8] = b"\x82\x0b\0\x01\0\x06poison\0";

/// A client by hand, with no back-off: `pump`, MQTT 3.1.1.
struct Device(TcpStream);

impl Device {
    /// Sends CONNECT with a keep-alive in seconds.
    async fn dial(port: &str, keep_alive: u8) -> Self {
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
        let mut device = Self(stream);
        device.send(b"\x10\x10\0\x04MQTT\x04\x02\0").await;
        device.send(&[keep_alive]).await;
        device.send(b"\0\x04pump").await;
        device
    }

    async fn connect(port: &str, keep_alive: u8) -> Self {
        let mut device = Self::dial(port, keep_alive).await;
        device.reads(CONNACK).await;
        device
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    async fn reads(&mut self, expected: &[u8]) {
        let mut bytes = vec![0; expected.len()];
        self.0.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, expected);
    }

    /// Reads up to the end of the connection.
    async fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = self.0.read_to_end(&mut rest).await;
        rest
    }
}

/// The report of a proxy with these faults before a broker, and what it said.
async fn shown(faults: &str, flags: &str, device: impl AsyncFn(&str)) -> (Value, String) {
    let broker = broker().await;
    let faults = file("faults.toml", faults.as_bytes());
    let to = format!("mqtt://{}", broker.tcp_addr().unwrap());
    let flags = format!("--faults {faults} --format json {flags}");
    let (running, port) = proxy_to(&to, &flags).await;
    device(&port).await;
    running.signal("INT").await;
    let ran = running.ended().await.expect(24);
    (serde_json::from_str(&ran.out).unwrap(), ran.err)
}

/// Demands that a rule, or what follows from another one, is in the report.
#[track_caller]
fn names(report: &Value, rule: &str) {
    let all = rules(report);
    assert!(all.iter().any(|(id, _)| id == rule), "{rule}: {all:?}");
}

#[tokio::test]
async fn pings_without_answers() {
    let faults = "[[rule]]\nname = \"lost\"\nsent = \"PINGRESP\"\naction = \"drop\"";
    let device = async |port: &str| {
        for _ in 0..6 {
            let mut device = Device::connect(port, 60).await;
            device.send(PINGREQ).await;
            // As long as the rule wants a client to wait before it gives up.
            sleep(Duration::from_millis(100)).await;
        }
    };
    let (report, said) = shown(faults, "--threshold KA04.given_up_ms=100", device).await;
    assert_eq!(report["findings"][0]["rule"], "KA04");
    assert_eq!(said.matches("fault: drop PINGRESP of pump (lost)").count(), 6, "{said}");
    assert_eq!(report["read"][0]["summary"], "proxy: 6 connections, 6 faults");
}

#[tokio::test]
async fn messages_without_acknowledgements() {
    let faults = "[[rule]]\nsent = \"PUBACK\"\naction = \"drop\"";
    let device = async |port: &str| {
        let mut device = Device::connect(port, 60).await;
        device.send(PUBLISH).await;
        for _ in 0..3 {
            device.send(PINGREQ).await;
            device.reads(PINGRESP).await;
        }
    };
    let (report, _) = shown(faults, "--threshold FC03.waits_s=0", device).await;
    assert_eq!(report["findings"][0]["rule"], "FC03");
}

#[tokio::test]
async fn a_close_after_each_connack() {
    let faults = "[[rule]]\nsent = \"CONNACK\"\naction = \"close_after\"";
    let device = async |port: &str| {
        for _ in 0..10 {
            assert_eq!(Device::dial(port, 60).await.rest().await, CONNACK);
            // A delay of one length, far above what the machine adds.
            sleep(Duration::from_millis(200)).await;
        }
    };
    let (report, _) = shown(faults, "--threshold RC03.growth_percent=1000", device).await;
    names(&report, "RC03");
}

#[tokio::test]
async fn a_connack_after_the_client_has_left() {
    let faults = "[[rule]]\nsent = \"CONNACK\"\naction = { delay = \"300ms\" }";
    let device = async |port: &str| {
        for _ in 0..3 {
            let mut device = Device::dial(port, 60).await;
            device.0.shutdown().await.unwrap();
            assert_eq!(device.rest().await, CONNACK);
        }
    };
    let (report, _) = shown(faults, "", device).await;
    names(&report, "RC08");
}

#[tokio::test]
async fn a_poison_message_and_a_poison_subscription() {
    for (packet, bytes, rule) in [("PUBLISH", PUBLISH, "AU02"), ("SUBSCRIBE", SUBSCRIBE, "AU01")] {
        let faults =
            format!("[[rule]]\nreceived = \"{packet}\"\ntopic = \"poison\"\naction = \"close\"");
        let device = async |port: &str| {
            for _ in 0..4 {
                let mut device = Device::connect(port, 60).await;
                device.send(bytes).await;
                assert_eq!(device.rest().await, b"");
            }
        };
        let (report, _) = shown(&faults, "", device).await;
        assert_eq!(report["findings"][0]["rule"], rule);
    }
}

#[tokio::test]
async fn an_end_before_the_first_byte() {
    let faults = "[[rule]]\nopened = true\naction = \"close\"";
    let device = async |port: &str| {
        for _ in 0..4 {
            let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
            assert_eq!(Device(stream).rest().await, b"");
        }
    };
    // The rule is of a server at once; the machine may be slow.
    let (report, _) = shown(faults, "--threshold NW09.at_once_ms=60000", device).await;
    names(&report, "NW09");
}

#[tokio::test]
async fn bytes_that_are_no_packet() {
    let faults = "[[rule]]\nsent = \"PINGRESP\"\naction = { corrupt = { offset = 0, mask = 1 } }";
    let device = async |port: &str| {
        let mut device = Device::connect(port, 60).await;
        device.send(PINGREQ).await;
        device.reads(b"\xd1\0").await;
    };
    let (report, _) = shown(faults, "", device).await;
    assert_eq!(report["findings"][0]["rule"], "PR01");
    assert_eq!(report["findings"][0]["confidence"], "proven");
}

/// A link that is half-open: the client goes on, nobody hears it.
#[tokio::test]
async fn a_dead_link_that_the_client_does_not_notice() {
    let faults = "[[rule]]\nreceived = \"PINGREQ\"\naction = { silence = {} }";
    let device = async |port: &str| {
        for _ in 0..2 {
            let mut device = Device::connect(port, 1).await;
            device.send(PINGREQ).await;
            // For twice the keep-alive of a second, as the rule wants it.
            for _ in 0..11 {
                sleep(Duration::from_millis(200)).await;
                device.send(PUBLISH).await;
            }
        }
    };
    let (report, _) = shown(faults, "", device).await;
    names(&report, "KA10");
}

/// The words of `inject` are the proxy's own packets: the real client is refused
/// on every way that it can take, and the doctor sees it.
#[tokio::test]
async fn a_refusal_over_tls_and_websocket() {
    let pki = Pki::new();
    let tls = pki.tls(false);
    let broker = broker_with(|builder| {
        let builder = builder.bind_tls("127.0.0.1:0", tls.clone());
        builder.bind_websocket("127.0.0.1:0").bind_websocket_tls("127.0.0.1:0", tls)
    })
    .await;
    let port = |address: Option<std::net::SocketAddr>| address.unwrap().port();
    let faults = "[[rule]]\nsent = \"CONNACK\"\naction = { inject = \"20 02 00 05\" }\n\
                  [[rule]]\nsent = \"CONNACK\"\naction = \"close\"";
    let (faults, authority) = (file("refuse.toml", faults.as_bytes()), pki.path("ca.pem"));
    for (scheme, place, port) in [
        ("mqtt", "/a", port(broker.tcp_addr())),
        ("mqtts", "/a", port(broker.tls_addr())),
        ("ws", "/mqtt", port(broker.websocket_addr())),
        ("wss", "/mqtt", port(broker.websocket_tls_addr())),
    ] {
        let to = format!("{scheme}://localhost:{port}");
        let secure = scheme.ends_with('s') && scheme != "ws";
        let flags = format!("--faults {faults} --cafile {authority}");
        let tls = if secure { " --tls" } else { "" };
        let line = format!("doctor proxy --listen 127.0.0.1:0 --to {to} {flags}{tls}");
        let mut running = evenkeel(&line).start();
        let mut trust = String::new();
        if secure {
            let said = running.until_says("clients trust the proxy by").await;
            trust = format!("--cafile {}", said.split(" by ").nth(1).unwrap());
        }
        let said = running.until_says("listening on").await;
        let port = said.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap();
        let url = format!("{scheme}://localhost:{port}{place}");
        let topic = if place == "/a" { "" } else { " -t a" };
        let line = format!("pub -V 311 -i pump -L {url}{topic} -q 1 -m hello {trust}");
        evenkeel(&line).run().await.expect(3);
        running.until_says("fault: inject CONNACK of pump").await;
        running.signal("INT").await;
        let out = running.ended().await.expect(24).out;
        assert!(out.contains("AU03 connect-denied, proven"), "{scheme}: {out}");
    }
}

/// Everything passes where no rule applies: large messages, both ways.
#[tokio::test]
async fn what_no_rule_is_for_passes_unchanged() {
    let broker = broker_with(|builder| builder.bind_websocket("127.0.0.1:0")).await;
    let faults = file("none.toml", b"[[rule]]\nsent = \"AUTH\"\naction = \"drop\"");
    let large = file("large", &[b'x'; 3_000_000]);
    let websocket = format!("ws://{}/mqtt", broker.websocket_addr().unwrap());
    for to in [format!("mqtt://{}", broker.tcp_addr().unwrap()), websocket] {
        let (running, port) = proxy_to(&to, &format!("--faults {faults}")).await;
        let way = if to.starts_with("ws") { "--protocol ws --ws-path /mqtt" } else { "" };
        let base = format!("-h 127.0.0.1 -p {port} {way} -t a -q 1");
        evenkeel(&format!("pub {base} -r -f {large}")).run().await.expect(0);
        let got = evenkeel(&format!("sub {base} -C 1 -W 30")).run().await.expect(0).out;
        assert_eq!(got.trim_end().len(), 3_000_000, "{to}");
        running.signal("INT").await;
        let out = running.ended().await.expect(0).out;
        assert!(out.contains("proxy: 2 connections\n"), "{out}");
    }
}

#[tokio::test]
async fn a_script_for_a_broker_is_refused() {
    for (script, why, hint) in [
        (
            "[[rule]]\nreceived = \"CONNECT\"\naction = { refuse = { code = 5 } }",
            "rule 1 does not work: refuse needs a broker",
            "use inject and close in its place",
        ),
        ("[offer]\nmaximum_qos = 1", "are for a broker", "evenkeel broker --faults"),
        (
            "[[step]]\nat = \"1s\"\naction = { black_hole = \"1s\" }",
            "steps are for a broker",
            "keep the rules alone",
        ),
    ] {
        let faults = file("broker.toml", script.as_bytes());
        let line = format!("doctor proxy --to mqtt://localhost --faults {faults}");
        evenkeel(&line).run().await.expect(2).says("is none for a proxy").says(why).says(hint);
    }
    let line = "doctor proxy --to mqtt://localhost --faults no-such-file";
    evenkeel(line).run().await.expect(2).says("the fault file 'no-such-file' cannot be read");
    let nonsense = file("nonsense.toml", b"[[rule]]\nsent = \"PING\"");
    let line = format!("doctor proxy --to mqtt://localhost --faults {nonsense}");
    evenkeel(&line).run().await.expect(2).says("is not valid");
}
