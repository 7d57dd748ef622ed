//! `--metrics` through a socket: what Prometheus and a probe of health get, and what
//! anybody else does.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::{Running, broker, evenkeel, stop, subscribed};

/// No answer takes longer, however busy the machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Where a command serves, by what it says.
pub(crate) async fn place(running: &mut Running) -> SocketAddr {
    let line = running.until_says("metrics at http://").await;
    let (_, rest) = line.split_once("http://").unwrap();
    rest.strip_suffix("/metrics").unwrap().parse().unwrap()
}

/// What is answered to these bytes; nothing if it closes without an answer.
async fn answer(to: SocketAddr, bytes: &[u8]) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    timeout(LIMIT, exchange).await.expect("no answer")
}

async fn get(to: SocketAddr, path: &str) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {to}\r\n\r\n");
    let answer = answer(to, request.as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

pub(crate) async fn metrics(to: SocketAddr) -> String {
    let (head, body) = get(to, "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let content_type =
        "\r\ncontent-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";
    assert!(head.contains(content_type), "{head}");
    assert!(body.ends_with("# EOF\n"), "{body}");
    body
}

/// The status and the JSON.
async fn health(to: SocketAddr) -> (String, Value) {
    let (head, body) = get(to, "/health").await;
    assert!(head.contains("\r\ncontent-type: application/json\r\n"), "{head}");
    (head[9..12].to_owned(), serde_json::from_str(&body).unwrap())
}

pub(crate) fn value(metrics: &str, sample: &str) -> Option<f64> {
    let start = format!("{sample} ");
    metrics.lines().find_map(|line| line.strip_prefix(&start)).map(|value| value.parse().unwrap())
}

/// Waits until a sample has a value that fits.
async fn until(to: SocketAddr, sample: &str, fits: impl Fn(f64) -> bool) -> String {
    let waiting = async {
        loop {
            let metrics = metrics(to).await;
            if value(&metrics, sample).is_some_and(&fits) {
                return metrics;
            }
            // The metrics are all that tells it.
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LIMIT, waiting).await.unwrap_or_else(|_| panic!("{sample} never fits"))
}

#[tokio::test]
async fn a_sub_tells_of_its_client_while_it_is_online_and_while_it_waits() {
    let broker = broker().await;
    let line = "sub secret/topic -k 1 -i secret-id --metrics 0";
    let mut running = evenkeel(line).at(&broker).start();
    let place = place(&mut running).await;
    assert_eq!(place.ip().to_string(), "127.0.0.1", "loopback unless asked");
    subscribed(&broker, 1).await;

    let online = r#"evenkeel_state{client="sub",class="online"}"#;
    let pongs = r#"evenkeel_pongs_total{client="sub"}"#;
    let shown = until(place, pongs, |count| count >= 1.0).await;
    assert_eq!(value(&shown, online), Some(1.0));
    assert_eq!(value(&shown, r#"evenkeel_keep_alive_seconds{client="sub"}"#), Some(1.0));
    assert!(value(&shown, r#"evenkeel_pings_sent_total{client="sub"}"#).unwrap() >= 1.0);
    assert!(!shown.contains("secret"), "{shown}");
    let (status, well) = health(place).await;
    assert_eq!(status, "200");
    assert_eq!(
        (&well["live"], &well["ready"], &well["cause"]),
        (&true.into(), &true.into(), &Value::Null)
    );

    stop(&broker, true).await;
    let waiting = r#"evenkeel_state{client="sub",class="waiting"}"#;
    let shown = until(place, waiting, |count| count == 1.0).await;
    assert_eq!(value(&shown, online), Some(0.0));
    assert!(value(&shown, r#"evenkeel_next_attempt_seconds{client="sub"}"#).is_some(), "{shown}");
    let (status, ill) = health(place).await;
    assert_eq!(
        (status.as_str(), &ill["live"], &ill["ready"]),
        ("503", &true.into(), &false.into())
    );
    let cause = ill["cause"].as_str().unwrap();
    assert!(
        cause.starts_with("sub: waiting for attempt ") || cause.starts_with("sub: connecting"),
        "{cause}"
    );
    assert!(!ill.to_string().contains("secret"), "{ill}");

    running.signal("TERM").await;
    running.ended().await.expect(0);
    assert!(TcpStream::connect(place).await.is_err(), "it has ended");
}

#[tokio::test]
async fn a_stream_of_lines_has_metrics_too() {
    let broker = broker().await;
    let mut running = evenkeel("pub -t a -l -q 1 --metrics 127.0.0.1:0").at(&broker).start();
    let place = place(&mut running).await;
    let mut stdin = running.stdin();
    stdin.write_all(b"one\ntwo\n").await.unwrap();
    let acknowledged = r#"evenkeel_publishes_acknowledged_total{client="pub"}"#;
    until(place, acknowledged, |count| count == 2.0).await;
    drop(stdin);
    running.ended().await.expect(0);
}

#[tokio::test]
async fn a_broker_tells_of_itself_and_refuses_what_is_no_get() {
    let mut running = evenkeel("broker -p 0 --metrics :0").start();
    let place = place(&mut running).await;
    let line = running.until_says("listening on mqtt://").await;
    let url = line.split_once("listening on ").unwrap().1.to_owned();
    evenkeel("pub a x -q 1 -r").args(["-L", &url]).run().await.expect(0);
    let shown = until(place, "evenkeel_broker_connections", |count| count == 0.0).await;
    for (sample, wanted) in [
        ("evenkeel_broker_listening", 1.0),
        ("evenkeel_broker_connects_total", 1.0),
        ("evenkeel_broker_accepted_total", 1.0),
        (r#"evenkeel_broker_ends_total{class="disconnected"}"#, 1.0),
        (r#"evenkeel_broker_ends_total{class="keep_alive_timeout"}"#, 0.0),
        (r#"evenkeel_broker_packets_received_total{class="publish"}"#, 1.0),
        (r#"evenkeel_broker_packets_sent_total{class="puback"}"#, 1.0),
    ] {
        assert_eq!(value(&shown, sample), Some(wanted), "{sample} of {shown}");
    }
    assert!(value(&shown, "evenkeel_broker_retained_messages").unwrap() >= 1.0);
    assert!(value(&shown, "evenkeel_broker_received_bytes_total").unwrap() > 0.0);
    assert_eq!(health(place).await.0, "200");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /metricsx HTTP/1.1\r\n\r\n", "404"),
        ("GET /../metrics HTTP/1.1\r\n\r\n", "404"),
        ("GET /metrics?x=y HTTP/1.0\r\n\r\n", "200"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "405"),
        ("HEAD /health HTTP/1.1\r\n\r\n", "405"),
        ("hello\r\n\r\n", "400"),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0", "400"),
    ] {
        let answer = answer(place, request.as_bytes()).await;
        assert_eq!(answer.get(9..12), Some(status), "{request:?}: {answer}");
    }
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn a_scrape_gets_through_however_many_hang_on() {
    allow_files(4096);
    let mut running = evenkeel("broker -p 0 --metrics 0").start();
    let place = place(&mut running).await;
    // One asks and does not read, one never ends its head.
    let mut slow = TcpStream::connect(place).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").await.unwrap();
    let mut endless = TcpStream::connect(place).await.unwrap();
    endless.write_all(b"GET /metrics HTTP/1.1\r\nA: ").await.unwrap();
    metrics(place).await;
    let mut held = Vec::new();
    for number in 0..1000 {
        let opened = timeout(LIMIT, TcpStream::connect(place)).await.expect("nobody accepts");
        held.push(opened.unwrap());
        if number % 250 == 0 {
            metrics(place).await;
        }
    }
    let shown = metrics(place).await;
    assert_eq!(value(&shown, "evenkeel_broker_listening"), Some(1.0));
    // All but the latest were let go.
    let closed = timeout(LIMIT, held[0].read_u8()).await.expect("it is held");
    assert!(closed.is_err());
    running.signal("TERM").await;
    running.ended().await.expect(0);
}

/// This test alone has more files open than a program usually may.
fn allow_files(count: u64) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(maximum.map_or(count, |maximum| maximum.min(count)));
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

#[tokio::test]
async fn a_soak_shows_a_hundred_clients_by_name_the_others_summed_and_its_broker() {
    let line = "soak --for 3s --clients 103 --seed 5 --metrics 0";
    let mut running = evenkeel(line).start();
    let place = place(&mut running).await;
    let other = r#"evenkeel_state{client="other",class="online"}"#;
    let shown = until(place, other, |count| count == 3.0).await;
    assert!(value(&shown, r#"evenkeel_state{client="soak-0",class="online"}"#).is_some());
    assert!(value(&shown, r#"evenkeel_state{client="soak-99",class="online"}"#).is_some());
    assert_eq!(value(&shown, r#"evenkeel_state{client="soak-100",class="online"}"#), None);
    assert!(value(&shown, "evenkeel_broker_connections").unwrap() > 50.0, "{shown}");
    let names = shown.lines().filter(|line| line.starts_with("evenkeel_store_ok{")).count();
    assert_eq!(names, 101);
    running.ended().await.expect(0);
}

/// Before anything connects.
#[tokio::test]
async fn a_place_that_cannot_be_had_is_told_at_once() {
    let broker = broker().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let in_use = format!("error: metrics cannot be served at {taken}\nwhy: Address already in use");
    for (address, says) in [
        (taken.as_str(), in_use.as_str()),
        (&taken, "\nhint: another program listens there; give another port, or 0 for any\n"),
        ("192.0.2.1:0", "\nhint: this machine has no such address; give the port alone\n"),
        (
            "no.such.host.invalid:0",
            "error: metrics cannot be served at no.such.host.invalid:0\nwhy: ",
        ),
    ] {
        let run = evenkeel("sub a").args(["--metrics", address]).at(&broker);
        run.run().await.expect(2).says(says);
    }
    evenkeel("soak --for 1s").args(["--metrics", &taken]).run().await.expect(2).says(&in_use);
    evenkeel("broker -p 0").args(["--metrics", &taken]).run().await.expect(2).says(&in_use);
    assert_eq!(broker.stats().connections, 0);
}

/// The page for people has every metric of the broker.
#[tokio::test]
async fn each_metric_of_the_broker_is_in_the_documentation() {
    let page = include_str!("../../../../docs/monitoring.md");
    let mut running = evenkeel("broker -p 0 --metrics 0").start();
    let shown = metrics(place(&mut running).await).await;
    let types = shown.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let mut count = 0;
    for (name, kind) in types.filter_map(|line| line.split_once(' ')) {
        let end = if kind == "counter" { "_total" } else { "" };
        assert!(page.contains(&format!("`{name}{end}")), "{name}{end}");
        count += 1;
    }
    assert!(count > 10, "{shown}");
}
