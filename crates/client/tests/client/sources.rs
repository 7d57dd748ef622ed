//! Errors and what lies below them: no text is printed twice, and none is lost.

use std::error::Error;
use std::io;
use std::time::Duration;

use evenkeel::tls::{TlsConfigError, TlsError};
use evenkeel::transport::{self, ProxyError, StreamError, WebSocketError};
use evenkeel::{
    BuildError, ConnectError, DeliveryError, OperationError, PublishError, PublishFailure,
    RejectReason, RequestError, SubscribeError, TextError, TopicError, TransportError,
};

/// The error and all its sources, in their own words.
fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut above = error;
    while let Some(error) = above.source() {
        texts.push(error.to_string());
        above = error;
    }
    texts
}

/// Checks an error with this many texts in its chain.
#[track_caller]
fn assert_chain(error: &(dyn Error + 'static), length: usize) {
    let texts = chain(error);
    assert_eq!(texts.len(), length, "{texts:?}");
    let whole = format!("{error:#}");
    for (index, text) in texts.iter().enumerate() {
        let mut below = texts[index + 1..].iter();
        assert!(below.all(|below| !text.contains(below.as_str())), "{texts:?}");
        // A hint stands behind the sources.
        let fact = text.split("; ").next().unwrap();
        assert_eq!(whole.matches(fact).count(), 1, "{fact:?} in {whole:?}");
    }
}

fn refused() -> io::Error {
    io::Error::from_raw_os_error(111)
}

fn resolve() -> transport::ConnectError {
    transport::ConnectError::Resolve { host: "h".into(), error: Some(refused().into()) }
}

#[test]
fn errors_of_transports() {
    let io = || refused().into();
    assert_chain(&resolve(), 2);
    assert_chain(&transport::ConnectError::Resolve { host: "h".into(), error: None }, 1);
    let bind = std::net::Ipv6Addr::LOCALHOST;
    assert_chain(&transport::ConnectError::NoInterface { bind, zone: "z".into(), error: io() }, 2);
    assert_chain(&transport::ConnectError::Stream { endpoint: "s".into(), error: io() }, 2);
    let attempts =
        vec![transport::FailedAttempt { address: ([127, 0, 0, 1], 1).into(), error: io() }];
    assert_chain(&transport::ConnectError::Network { attempts }, 1);
    let origin = || evenkeel::tls::Origin::File("f".into());
    let unreadable = || TlsConfigError::Unreadable { origin: origin(), error: io() };
    assert_chain(&unreadable(), 2);
    assert_chain(&transport::ConnectError::Identity(unreadable()), 2);
    assert_chain(&transport::ConfigError::Tls(unreadable()), 2);
    assert_chain(&transport::ConnectError::Config(unreadable().into()), 2);
    for (tls, length) in [(TlsError::Io(io()), 2), (TlsError::NotTls, 1)] {
        assert_chain(&tls, length);
        assert_chain(&StreamError::Tls(tls.clone()), length);
        assert_chain(&transport::ConnectError::Tls(tls), length);
    }
    for (websocket, length) in [(WebSocketError::Io(io()), 2), (WebSocketError::TextFrame, 1)] {
        assert_chain(&StreamError::WebSocket(websocket.clone()), length);
        assert_chain(&transport::ConnectError::WebSocket(websocket), length);
    }
    assert_chain(&StreamError::Io(io()), 1);
    let unreachable = ProxyError::Unreachable { proxy: "p".into(), error: Box::new(resolve()) };
    for (proxy, length) in [(ProxyError::Io(io()), 2), (unreachable, 2), (ProxyError::Closed, 1)] {
        assert_chain(&transport::ConnectError::Proxy(proxy), length);
    }
    assert_chain(&TransportError::Connect(resolve()), 2);
    assert_chain(&TransportError::Panicked, 1);
}

/// What a program shows that shows the hint apart.
#[test]
fn a_fact_has_the_sources_and_no_hint() {
    assert_eq!(resolve().fact(), format!("cannot resolve the host 'h': {}", refused()),);
    assert_eq!(
        format!("{:#}", resolve()),
        format!(
            "cannot resolve the host 'h': {}; check the name and this machine's DNS",
            refused()
        ),
    );
}

#[test]
fn errors_of_the_client() {
    let (topic, text) = (TopicError::WildcardInName, TextError::Null);
    assert_chain(&BuildError::Topic { field: "will topic", error: topic }, 2);
    assert_chain(&BuildError::Runtime(refused()), 2);
    assert_chain(&BuildError::StoreThread(refused()), 2);
    assert_chain(&BuildError::NoRuntime, 1);
    assert_chain(&BuildError::Url("x".parse::<evenkeel::url::ServerUrl>().unwrap_err()), 1);
    let detail = Some(TransportError::Connect(resolve()));
    let halt = evenkeel::Halt::Refused;
    assert_chain(&ConnectError::Halted { halt, cause: None, detail }, 2);
    assert_chain(&ConnectError::Closed, 1);
    let publish = || PublishError::Topic(topic);
    assert_chain(&publish(), 2);
    assert_chain(&PublishError::Property(text), 2);
    assert_chain(&PublishError::Rejected(RejectReason::Closed), 1);
    let subscribe = || SubscribeError::Filter(topic);
    assert_chain(&subscribe(), 2);
    assert_chain(&SubscribeError::Property(text), 2);
    let detail = Some(TransportError::Connect(resolve()));
    let halted = Box::new(ConnectError::Halted { halt, cause: None, detail });
    assert_chain(&SubscribeError::Halted(halted.clone()), 2);
    assert_chain(&PublishError::Halted(halted), 2);
    assert_chain(&SubscribeError::Operation(OperationError::Abandoned), 1);
    assert_chain(&PublishFailure::NotAccepted(publish()), 2);
    assert_chain(&PublishFailure::NotDelivered(DeliveryError::ConnectionLost), 1);
    assert_chain(&RequestError::Subscribe(subscribe()), 2);
    assert_chain(&RequestError::Publish(publish()), 2);
    assert_chain(&RequestError::Delivery(DeliveryError::ConnectionLost), 1);
    assert_chain(&RequestError::TimedOut(Duration::from_secs(1)), 1);
}
