//! Requests of an HTTP API over TLS, and the port on which ALPN decides.

use std::io;

use evenkeel_broker::core::{
    Act, Admission, Arrival, Effects, Gate, HttpCall, HttpResponse, Parts, Permit, Question,
    Service, Time,
};
use evenkeel_broker::{Broker, ConnectionId, Role, Tls};
use evenkeel_codec::{Connect, Packet, Version};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::client::*;

/// Answers with what it has been asked, on the path `/wait` with what somebody outside
/// says, and lets everybody in.
#[derive(Debug, Default)]
struct Echo {
    has_changed: bool,
    asks: Option<ConnectionId>,
}

impl Gate for Echo {
    fn admit(&mut self, _: Time, _: ConnectionId, _: &Arrival, _: &Connect) -> Admission {
        Admission::Welcome
    }

    fn has_question(&self) -> bool {
        self.asks.is_some()
    }

    fn next_question(&mut self) -> Option<Question> {
        let id = self.asks.take()?;
        Some(Question { id, whom: "somebody".into(), content: json!("what?") })
    }

    fn may(&self, _: Time, _: ConnectionId, _: Act<'_>) -> Permit {
        Permit::Allow
    }
}

impl Service for Echo {
    fn http(&mut self, _: Time, call: &HttpCall<'_>, _: &mut Effects) -> Option<HttpResponse> {
        self.has_changed = true;
        if call.request.path() == "/wait" {
            self.asks = Some(call.id);
            return None;
        }
        let (arrival, request) = (call.arrival, call.request);
        let certificate = arrival.tls.as_ref().and_then(|tls| tls.certificate.as_ref());
        let body = json!({
            "port": arrival.port,
            "certificate": certificate.is_some(),
            "method": request.method,
            "target": request.head.target,
            "body": request.body.len(),
        });
        let headers = vec![("x-echo", "yes".to_owned())];
        Some(HttpResponse { status: 200, headers, body: body.to_string().into_bytes() })
    }

    fn http_answered(
        &mut self,
        _: Time,
        _: &HttpCall<'_>,
        answer: Result<&str, &str>,
        _: &mut Effects,
    ) -> HttpResponse {
        let (status, text) = match answer {
            Ok(text) => (200, text),
            Err(why) => (403, why),
        };
        HttpResponse { status, headers: Vec::new(), body: text.into() }
    }

    fn changes(&mut self, _: Time) -> Parts {
        let has_changed = std::mem::take(&mut self.has_changed);
        has_changed.then(|| ("called".to_owned(), None)).into_iter().collect()
    }
}

async fn start(
    bind: impl FnOnce(evenkeel_broker::Builder, Tls) -> evenkeel_broker::Builder,
    save: fn(&Parts) -> io::Result<()>,
) -> (Broker, TlsConnector) {
    let (tls, connector, _) = crate::tls::asking();
    let builder = bind(Broker::builder(), tls);
    let broker = builder.start_with(Box::<Echo>::default(), Box::new(save)).await.unwrap();
    (broker, connector)
}

/// A connection that offers these protocols.
async fn open(
    broker: &Broker,
    connector: &TlsConnector,
    alpn: &[&str],
) -> io::Result<TlsStream<TcpStream>> {
    let mut config = (**connector.config()).clone();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let address = broker.https_addr().or_else(|| broker.alpn_addr()).unwrap();
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await
}

/// Sends this, and reads to the end.
async fn exchange(mut stream: TlsStream<TcpStream>, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    // A broker that ends the connection at once says no goodbye.
    let _ = tokio::time::timeout(TIMEOUT, read).await.expect("the end in time");
    String::from_utf8(answer).unwrap()
}

const LAST: &str = "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn requests_are_answered_and_written_down_as_events() {
    let (broker, connector) =
        start(|builder, tls| builder.bind_https("127.0.0.1:0", tls), |_| Ok(())).await;
    assert_eq!(broker.url(), format!("https://{}", broker.https_addr().unwrap()));
    let stream = open(&broker, &connector, &["h2", "http/1.1"]).await.unwrap();
    let first = "POST /a?key=s3cret HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nxy";
    let answer = exchange(stream, &format!("{first}{LAST}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 OK\r\nx-echo: yes\r\n").count(), 2, "{answer}");
    assert!(answer.contains(r#""body":2,"certificate":true,"method":"POST","port":null"#));
    let event = broker.wait_for(TIMEOUT, |event| event.name() == "http_request").await.unwrap();
    let text = event.to_json();
    assert!(text.ends_with(r#","method":"POST","path":"/a","status":200}"#), "{text}");

    // What wants to become a WebSocket is a request like any other here.
    let stream = open(&broker, &connector, &[]).await.unwrap();
    let answer = exchange(stream, &LAST.replace("Host", "Upgrade: websocket\r\nHost")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(open(&broker, &connector, &["mqtt"]).await.is_err(), "MQTT is not spoken here");
}

#[tokio::test]
async fn a_request_waits_for_an_answer_from_outside_and_others_do_not() {
    let (broker, connector) =
        start(|builder, tls| builder.bind_https("127.0.0.1:0", tls), |_| Ok(())).await;
    for (answer, expected) in [(Ok("yes"), "200 OK"), (Err("no"), "403 Forbidden")] {
        let stream = open(&broker, &connector, &[]).await.unwrap();
        let wait = format!("{}{LAST}", "POST /wait HTTP/1.1\r\nContent-Length: 1\r\n\r\nx");
        let waiting = tokio::spawn(async move { exchange(stream, &wait).await });
        let question = tokio::time::timeout(TIMEOUT, broker.next_question()).await.unwrap();
        assert_eq!(question.whom, "somebody");
        let other = open(&broker, &connector, &[]).await.unwrap();
        assert!(exchange(other, LAST).await.starts_with("HTTP/1.1 200"));
        assert!(!waiting.is_finished());

        broker.answer(question.id, answer);
        let told = tokio::time::timeout(TIMEOUT, waiting).await.unwrap().unwrap();
        assert!(told.starts_with(&format!("HTTP/1.1 {expected}\r\n")), "{told}");
        // The request behind it comes behind it.
        let body = answer.unwrap_or_else(|why| why);
        assert!(told.contains(&format!("\r\n\r\n{body}HTTP/1.1 200 OK\r\nx-echo")), "{told}");
    }
}

#[tokio::test]
async fn an_answer_that_rests_on_what_cannot_be_written_does_not_leave() {
    let (broker, connector) = start(
        |builder, tls| builder.bind_https("127.0.0.1:0", tls),
        |_| Err(io::Error::other("the disk is full")),
    )
    .await;
    let stream = open(&broker, &connector, &[]).await.unwrap();
    assert_eq!(exchange(stream, LAST).await, "");
    assert!(broker.wait_for(TIMEOUT, |event| event.name() == "state_not_saved").await.is_some());
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed() {
    let (tls, connector, _) = crate::tls::asking();
    let builder = Broker::builder().bind_https("127.0.0.1:0", tls).configure(|config| {
        config.limits.connect_timeout = std::time::Duration::from_secs(2);
    });
    let broker =
        builder.start_with(Box::<Echo>::default(), Box::new(|_: &Parts| Ok(()))).await.unwrap();
    for sent in ["", "GET / HT", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"] {
        let stream = open(&broker, &connector, &[]).await.unwrap();
        assert_eq!(exchange(stream, sent).await, "", "{sent}");
    }
    let stream = open(&broker, &connector, &[]).await.unwrap();
    let answer = exchange(stream, &LAST.replace("close", "keep-alive")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn alpn_decides_what_is_spoken() {
    let (broker, connector) =
        start(|builder, tls| builder.bind_role(Role::Alpn, "127.0.0.1:0", tls), |_| Ok(())).await;
    assert_eq!(broker.url(), format!("tls://{}", broker.alpn_addr().unwrap()));
    for alpn in ["x-amzn-mqtt-ca", "mqtt"] {
        let stream = open(&broker, &connector, &[alpn]).await.unwrap();
        let (_, connack) = Client::connect(stream, Version::V5, alpn).await;
        assert!(!connack.reason.is_error(), "{alpn}");
    }
    for alpn in [&[][..], &["http/1.1"], &["h2", "http/1.1"], &["x-amzn-http-ca"]] {
        let answer = exchange(open(&broker, &connector, alpn).await.unwrap(), LAST).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{alpn:?}: {answer}");
        assert!(answer.contains("\"port\":443"), "{answer}");
    }
    for alpn in [&[][..], &["http/1.1"]] {
        let stream = open(&broker, &connector, alpn).await.unwrap();
        let mut request = "wss://localhost/mqtt".into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", "mqtt".parse().unwrap());
        let (frames, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let mut pipe = crate::websocket::Pipe::new(frames, Version::V5);
        pipe.send(&[connect(Version::V5, "by WebSocket")], 1000).await;
        assert!(matches!(pipe.recv().await, Some(Packet::ConnAck(_))), "{alpn:?}");
    }
    assert!(open(&broker, &connector, &["spdy/1"]).await.is_err());
    let stream = open(&broker, &connector, &[]).await.unwrap();
    let answer = exchange(stream, "\u{10}\u{c}\0\u{4}MQTT\u{4}\0\0\0\0\0").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "MQTT without ALPN is no HTTP: {answer}");
}
