//! How the broker stands, as metrics show it.

use evenkeel_broker::{Broker, CloseReason, Snapshot};
use evenkeel_codec::{Packet, QoS, Version};

use crate::client::*;

fn ends(snapshot: &Snapshot) -> Vec<(CloseReason, u64)> {
    snapshot.ends.iter().copied().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn a_snapshot_counts_what_there_is() {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    let (mut client, _) = Client::connect(broker.connect(), Version::V5, "a").await;
    client.subscribe("t", QoS::AtLeastOnce).await;
    client.ping().await;
    let now = broker.snapshot();
    assert_eq!((now.sessions, now.subscriptions, now.queued, now.session_bytes), (1, 1, 0, 0));
    assert_eq!((now.stats.connections_now, now.stats.pings_received()), (1, 1));
    assert!(now.listening && now.stats.clients.is_empty() && ends(&now).is_empty(), "{now:?}");

    broker.stop(true).await.unwrap();
    let down = broker.snapshot();
    assert_eq!((down.listening, down.stats.connections_now, down.sessions), (false, 0, 1));
    assert_eq!(ends(&down), [(CloseReason::Stopped, 1)]);
    assert_eq!(down.stats.pings_received(), 1, "those of connections that are over stay");

    broker.resume().await.unwrap();
    let (mut other, _) = Client::connect(broker.connect(), Version::V5, "b").await;
    other.send(publish_1("t", b"kept")).await;
    assert!(matches!(other.recv().await, Some(Packet::PubAck(_))));
    let up = broker.snapshot();
    assert_eq!((up.listening, up.queued, up.sessions), (true, 1, 2));
    assert!(up.session_bytes > 0);

    broker.set_accepting(false);
    assert!(!broker.snapshot().listening, "nobody is let in");
    broker.set_accepting(true);
    assert!(broker.snapshot().listening);
}
