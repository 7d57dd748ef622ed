//! A gate that asks outside, behind listeners: others are served meanwhile.

use std::collections::VecDeque;

use evenkeel_broker::core::{
    Act, Admission, Arrival, Gate, Parts, Permit, Question, Service, Time,
};
use evenkeel_broker::{Broker, CloseReason, Closer, ConnectionId, EventKind};
use evenkeel_codec::{Connect, Packet, QoS, ReasonCode, Version};
use serde_json::Value;

use crate::client::*;

/// Asks about whoever is a stranger.
#[derive(Debug, Default)]
struct Asker(VecDeque<Question>);

impl Gate for Asker {
    fn admit(&mut self, _: Time, id: ConnectionId, _: &Arrival, connect: &Connect) -> Admission {
        if !connect.client_id.starts_with("stranger") {
            return Admission::Welcome;
        }
        self.0.push_back(Question { id, whom: "porter".into(), content: Value::Null });
        Admission::Ask
    }

    fn has_question(&self) -> bool {
        !self.0.is_empty()
    }

    fn next_question(&mut self) -> Option<Question> {
        self.0.pop_front()
    }

    fn answered(
        &mut self,
        _: Time,
        _: ConnectionId,
        _: &Arrival,
        _: &Connect,
        answer: Result<&str, &str>,
    ) -> Admission {
        match answer {
            Ok(_) => Admission::Welcome,
            Err(_) => Admission::Refuse { reason: ReasonCode::NOT_AUTHORIZED, why: "porter" },
        }
    }

    fn may(&self, _: Time, _: ConnectionId, _: Act<'_>) -> Permit {
        Permit::Allow
    }
}

impl Service for Asker {}

async fn broker() -> Broker {
    let builder = Broker::builder().bind_tcp("127.0.0.1:0");
    builder.start_with(Box::<Asker>::default(), Box::new(|_: &Parts| Ok(()))).await.unwrap()
}

async fn stream(broker: &Broker) -> tokio::net::TcpStream {
    tokio::net::TcpStream::connect(broker.tcp_addr().unwrap()).await.unwrap()
}

async fn question(broker: &Broker) -> Question {
    tokio::time::timeout(TIMEOUT, broker.next_question()).await.expect("a question in time")
}

#[tokio::test]
async fn a_client_waits_while_others_are_served() {
    let broker = broker().await;
    let mut stranger = Client::new(stream(&broker).await, Version::V5);
    stranger.send(connect(Version::V5, "stranger")).await;
    let asked = question(&broker).await;
    // Sent before the answer, handled behind it.
    stranger.send(publish_1("early", b"x")).await;
    let (mut friend, _) = Client::connect(stream(&broker).await, Version::V5, "friend").await;
    friend.subscribe("echo", QoS::AtLeastOnce).await;
    friend.echo("echo", b"x").await;
    broker.answer(asked.id, Ok("welcome"));
    assert!(matches!(stranger.recv().await, Some(Packet::ConnAck(_))));
    assert!(matches!(stranger.recv().await, Some(Packet::PubAck(_))));
    let mut other = Client::new(stream(&broker).await, Version::V5);
    other.send(connect(Version::V5, "stranger-2")).await;
    broker.answer(question(&broker).await.id, Err("nobody is at the door"));
    let Some(Packet::ConnAck(refused)) = other.recv().await else { panic!("no CONNACK") };
    assert_eq!(refused.reason, ReasonCode::NOT_AUTHORIZED);
    assert_eq!(other.recv().await, None);
}

#[tokio::test]
async fn who_goes_while_waiting_is_noticed_at_once() {
    let broker = broker().await;
    let mut stranger = Client::new(stream(&broker).await, Version::V5);
    stranger.send(connect(Version::V5, "stranger")).await;
    let asked = question(&broker).await;
    drop(stranger);
    let gone = broker.wait_for(TIMEOUT, |event| {
        event.kind == EventKind::Closed { why: CloseReason::ConnectionLost, closer: Closer::Peer }
    });
    assert_eq!(gone.await.expect("the end of the connection").connection, Some(asked.id));
    broker.answer(asked.id, Ok("welcome"));
    assert_eq!(broker.session_count(), 0);
}
