//! An extension behind listeners: what it learns of a connection, and its state.

use std::io;
use std::sync::{Arc, Mutex};

use evenkeel_broker::core::{
    Act, Admission, Arrival, Claim, Effects, Gate, Happening, Parts, Permit, Service, Time,
};
use evenkeel_broker::{Broker, ConnectionId, SaveState};
use evenkeel_codec::{Connect, Packet, Version};
use serde_json::{Value, json};

use crate::client::*;

/// Lets everybody in and counts messages to one topic.
#[derive(Debug, Default)]
struct Counter {
    count: u64,
    has_changed: bool,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Gate for Counter {
    fn upgrade(&mut self, _: Time, arrival: &Arrival) -> Result<(), u16> {
        let target = arrival.http.as_ref().map_or("", |http| http.target.as_str());
        if target.starts_with("/mqtt") { Ok(()) } else { Err(403) }
    }

    fn admit(&mut self, _: Time, _: ConnectionId, how: &Arrival, _: &Connect) -> Admission {
        self.arrivals.lock().unwrap().push(how.clone());
        Admission::Welcome
    }

    fn may(&self, _: Time, _: ConnectionId, _: Act<'_>) -> Permit {
        Permit::Allow
    }
}

impl Service for Counter {
    fn claims(&self, topic: &str) -> Claim {
        if topic == "count" { Claim::Consume } else { Claim::Pass }
    }

    fn on(&mut self, _: Time, what: &Happening<'_>, _: &mut Effects) {
        if let Happening::Published { topic: "count", .. } = what {
            self.count += 1;
            self.has_changed = true;
        }
    }

    fn ask(&mut self, _: Time, request: &Value, _: &mut Effects) -> Value {
        if request == "count" {
            self.count += 1;
            self.has_changed = true;
        }
        json!(self.count)
    }

    fn changes(&mut self, _: Time) -> Parts {
        let has_changed = std::mem::take(&mut self.has_changed);
        has_changed
            .then(|| ("count".to_owned(), Some(self.count.to_string())))
            .into_iter()
            .collect()
    }

    fn state(&self, _: Time) -> Box<dyn Iterator<Item = (String, String)> + '_> {
        Box::new(std::iter::once(("count".to_owned(), self.count.to_string())))
    }
}

#[tokio::test]
async fn the_state_is_written_before_the_answer_leaves() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let writes = written.clone();
    let save = move |changes: &Parts| {
        writes.lock().unwrap().push(changes.clone());
        Ok(())
    };
    let builder = Broker::builder().bind_tcp("127.0.0.1:0");
    let broker = builder.start_with(Box::<Counter>::default(), Box::new(save)).await.unwrap();
    let stream = tokio::net::TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    let (mut client, _) = Client::connect(stream, Version::V5, "a").await;
    for count in 1..=3 {
        client.send(publish_1("count", b"x")).await;
        assert!(matches!(client.recv().await, Some(Packet::PubAck(_))));
        let change = Parts::from([("count".to_owned(), Some(count.to_string()))]);
        assert_eq!(written.lock().unwrap().last(), Some(&change));
    }
    assert_eq!(broker.ask(&Value::Null), Some(json!(3)));
}

/// Begins anew with every third change.
#[derive(Clone, Debug, Default)]
struct Pages(Arc<Mutex<Vec<(&'static str, String)>>>);

impl SaveState for Pages {
    fn save(&mut self, changes: &Parts) -> io::Result<()> {
        self.0.lock().unwrap().push(("change", format!("{changes:?}")));
        Ok(())
    }

    fn begins_anew(&self, _: &Parts) -> bool {
        self.0.lock().unwrap().len().is_multiple_of(3)
    }

    fn replace(&mut self, state: &mut dyn Iterator<Item = (String, String)>) -> io::Result<()> {
        let state: Vec<_> = state.collect();
        self.0.lock().unwrap().push(("whole", format!("{state:?}")));
        Ok(())
    }
}

#[tokio::test]
async fn the_whole_state_is_written_when_it_is_wanted() {
    let pages = Pages::default();
    let builder = Broker::builder().bind_tcp("127.0.0.1:0");
    let started = builder.start_with(Box::<Counter>::default(), Box::new(pages.clone())).await;
    let broker = started.unwrap();
    let stream = tokio::net::TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    let (mut client, _) = Client::connect(stream, Version::V5, "a").await;
    for _ in 1..=4 {
        client.send(publish_1("count", b"x")).await;
        assert!(matches!(client.recv().await, Some(Packet::PubAck(_))));
    }
    let whole = |count: u32| ("whole", format!("[(\"count\", \"{count}\")]"));
    let change = |count: u32| ("change", format!("{{\"count\": Some(\"{count}\")}}"));
    assert_eq!(*pages.0.lock().unwrap(), [whole(1), change(2), change(3), whole(4)]);
}

#[tokio::test]
async fn a_state_that_cannot_be_written_is_not_answered() {
    let save = |_: &Parts| Err(io::Error::other("the disk is full"));
    let builder = Broker::builder().bind_tcp("127.0.0.1:0");
    let broker = builder.start_with(Box::<Counter>::default(), Box::new(save)).await.unwrap();
    let stream = tokio::net::TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    let (mut client, _) = Client::connect(stream, Version::V5, "a").await;
    client.send(publish_1("count", b"x")).await;
    assert_eq!(client.recv().await, None, "no PUBACK, and the connection has ended");
    let event = broker.wait_for(TIMEOUT, |event| event.name() == "state_not_saved").await.unwrap();
    assert!(event.to_json().contains("the disk is full"), "{}", event.to_json());

    // Nor is anybody served later.
    let mut stream = tokio::net::TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap();
    let mut bytes = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes);
    let ended = tokio::time::timeout(TIMEOUT, read).await.unwrap();
    assert!(ended.is_err() || bytes.is_empty(), "{bytes:?}");
}

#[tokio::test]
async fn a_question_has_no_answer_once_the_state_cannot_be_written() {
    let mut saves = 0;
    let save = move |_: &Parts| {
        saves += 1;
        if saves == 1 { Ok(()) } else { Err(io::Error::other("the disk is full")) }
    };
    let builder = Broker::builder();
    let broker = builder.start_with(Box::<Counter>::default(), Box::new(save)).await.unwrap();
    assert_eq!(broker.ask(&json!("count")), Some(json!(1)));
    assert_eq!(broker.ask(&json!("count")), None);
    assert_eq!(broker.ask(&Value::Null), None);
}

#[cfg(all(feature = "tls", feature = "websocket"))]
#[tokio::test]
async fn the_gate_knows_certificate_names_and_request() {
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;
    use tokio_tungstenite::tungstenite::{Error, http::StatusCode};

    let counter = Counter::default();
    let arrivals = counter.arrivals.clone();
    let (tls, connector, certificate) = crate::tls::asking();
    let builder = Broker::builder().bind_tls("127.0.0.1:0", tls).bind_websocket("127.0.0.1:0");
    let broker = builder.start_with(Box::new(counter), Box::new(|_: &Parts| Ok(()))).await.unwrap();

    let stream = tokio::net::TcpStream::connect(broker.tls_addr().unwrap()).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    drop(Client::connect(stream, Version::V5, "by certificate").await);
    let arrival = arrivals.lock().unwrap().pop().unwrap();
    let facts = arrival.tls.unwrap();
    assert_eq!(arrival.transport, "tls");
    assert_eq!(facts.server_name.as_deref(), Some("localhost"));
    assert_eq!(facts.certificate.as_deref(), Some(&certificate[..]));
    assert_eq!(facts.fingerprint.map(|digits| digits.len()), Some(64));
    assert_eq!(facts.version, "TLSv1_3");
    assert!(facts.suite.starts_with("TLS13_"), "{}", facts.suite);

    for (path, status) in [("/mqtt?x=1", None), ("/other", Some(StatusCode::FORBIDDEN))] {
        let address = broker.websocket_addr().unwrap();
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
        let outcome = tokio_tungstenite::client_async(request, stream).await;
        match (outcome, status) {
            (Ok((frames, _)), None) => {
                let mut pipe = crate::websocket::Pipe::new(frames, Version::V5);
                pipe.send(&[connect(Version::V5, "by request")], 1000).await;
                assert!(matches!(pipe.recv().await, Some(Packet::ConnAck(_))));
                let arrival = arrivals.lock().unwrap().pop().unwrap();
                let http = arrival.http.unwrap();
                assert!(http.target.ends_with(path), "{}", http.target);
                assert!(http.headers.iter().any(|(name, _)| name == "sec-websocket-protocol"));
            }
            (Err(Error::Http(response)), Some(status)) => {
                assert_eq!(response.status(), status);
                let date = response.headers().get("date").unwrap().to_str().unwrap();
                assert!(date.ends_with(" GMT"), "{date}");
            }
            (outcome, _) => panic!("{path}: {outcome:?}"),
        }
    }
}
