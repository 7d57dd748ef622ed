//! `evenkeel doctor proxy` between a client and a broker.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Running, broker, dead_port, evenkeel, is_private, scripted};

/// Starts a proxy before a broker; the proxy's port.
async fn proxy(broker: &evenkeel_broker::Broker, flags: &str) -> (Running, String) {
    proxy_to(&format!("mqtt://{}", broker.tcp_addr().unwrap()), flags).await
}

/// Starts a proxy before the server of a URL; the proxy's port.
pub(super) async fn proxy_to(to: &str, flags: &str) -> (Running, String) {
    let line = format!("doctor proxy --listen 127.0.0.1:0 --to {to} {flags}");
    let mut running = evenkeel(&line).start();
    let said = running.until_says("listening on").await;
    let address = said.split("listening on ").nth(1).unwrap();
    let port = address.split([':', ',']).nth(1).unwrap().to_owned();
    (running, port)
}

#[tokio::test]
async fn the_proxy_hands_everything_on_and_is_silent_if_all_is_well() {
    let broker = broker().await;
    let (running, port) = proxy(&broker, "").await;
    for _ in 0..3 {
        let line = format!("pub -h 127.0.0.1 -p {port} -i pump -q 2 -t a -m hello");
        evenkeel(&line).run().await.expect(0);
    }
    running.signal("INT").await;
    let out = running.ended().await.expect(0).out;
    assert!(out.starts_with("nothing is wrong"), "{out}");
    assert!(out.contains("proxy: 3 connections"), "{out}");
}

#[tokio::test]
async fn the_proxy_tells_a_cause_once_it_is_there() {
    let broker =
        scripted("[[rule]]\nreceived = \"CONNECT\"\naction = { refuse = { code = 5 } }\n").await;
    let (mut running, port) = proxy(&broker, "").await;
    evenkeel(&format!("pub -V 311 -h 127.0.0.1 -p {port} -i pump -t a -m hello"))
        .run()
        .await
        .expect(3);
    let told = running.line().await;
    assert!(told.contains("pump") && told.contains("AU03"), "{told}");
    running.signal("INT").await;
    running.ended().await.expect(24);
}

/// Another client that never pauses holds no finding up.
#[tokio::test]
async fn a_cause_is_told_while_the_traffic_goes_on() {
    let faults =
        "[[rule]]\nreceived = \"CONNECT\"\nclient = \"pump\"\naction = { refuse = { code = 5 } }";
    let broker = scripted(faults).await;
    let (mut running, port) = proxy(&broker, "").await;
    let address = format!("127.0.0.1:{port}");
    let busy = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"\x10\x0d\0\x04MQTT\x04\x02\0\x3c\0\x01b").await.unwrap();
        stream.read_exact(&mut [0; 4]).await.unwrap();
        loop {
            stream.write_all(b"\xc0\0").await.unwrap();
            stream.read_exact(&mut [0; 2]).await.unwrap();
        }
    });
    evenkeel(&format!("pub -V 311 -h 127.0.0.1 -p {port} -i pump -t a -m hello"))
        .run()
        .await
        .expect(3);
    let told = running.line().await;
    assert!(told.contains("pump") && told.contains("AU03"), "{told}");
    assert!(!busy.is_finished());
    busy.abort();
    running.signal("INT").await;
    running.ended().await.expect(24);
}

#[tokio::test]
async fn the_proxy_speaks_tls_with_its_clients() {
    let broker = broker().await;
    let to = format!("mqtt://{}", broker.tcp_addr().unwrap());
    let mut running =
        evenkeel(&format!("doctor proxy --tls --listen 127.0.0.1:0 --to {to}")).start();
    let said = running.until_says("clients trust the proxy by").await;
    let authority = said.split(" by ").nth(1).unwrap().to_owned();
    is_private(std::path::Path::new(&authority));
    let said = running.until_says("listening on").await;
    let port = said.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap();
    let line = format!("pub -h localhost -p {port} --cafile {authority} -q 1 -t a -m hello");
    evenkeel(&line).run().await.expect(0);
    running.signal("INT").await;
    running.ended().await.expect(0);
    assert!(!std::path::Path::new(&authority).exists(), "its folder goes with it");
}

#[tokio::test]
async fn a_client_that_trusts_nobody_and_a_name_that_nobody_has_are_told() {
    let to = "mqtt://nobody.invalid:1883";
    let failed = "\"fate\":\"failed\"";
    for (flags, scheme, shown) in [("--tls", "mqtts", failed), ("", "mqtt", "NW05")] {
        let line = format!("doctor proxy {flags} --listen 127.0.0.1:0 --to {to} --format json");
        let mut running = evenkeel(&line).start();
        let said = running.until_says("listening on").await;
        let port = said.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap();
        for _ in 0..3 {
            let line = format!("pub -L {scheme}://127.0.0.1:{port}/a -m hello --timeout 2s");
            evenkeel(&line).run().await;
        }
        running.signal("INT").await;
        let out = running.ended().await.out;
        assert!(out.contains(shown), "{out}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told() {
    let to = format!("mqtt://127.0.0.1:{}", dead_port());
    let line = format!("doctor proxy --listen 127.0.0.1:0 --to {to}");
    let mut running = evenkeel(&line).start();
    let said = running.until_says("listening on").await;
    let port = said.split("127.0.0.1:").nth(1).unwrap().split(',').next().unwrap().to_owned();
    for _ in 0..2 {
        let line = format!("pub -h 127.0.0.1 -p {port} -t a -m hello --timeout 2s");
        evenkeel(&line).run().await;
    }
    running.signal("INT").await;
    let out = running.ended().await.expect(0).out;
    assert!(out.contains("NW04"), "{out}");
    evenkeel("doctor proxy --to nonsense").run().await.expect(2).says("is no server");
}
