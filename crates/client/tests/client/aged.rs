//! Connections whose server lets them live for a while only (law R16).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use evenkeel::profile::Profile;
use evenkeel::{Credentials, DisconnectCause, Event, Events};
use evenkeel_broker::Broker;

use crate::support::*;

/// The gaps of so many renewals; any other end of a connection is an error.
async fn renewals(events: &mut Events, count: usize) -> Vec<std::time::Duration> {
    let mut gaps = Vec::new();
    while gaps.len() < count {
        match events.next().await.unwrap().event {
            Event::Renewed { gap } => gaps.push(gap),
            Event::Disconnected { cause, .. } => assert_eq!(*cause, DisconnectCause::Renewal),
            _ => {}
        }
    }
    gaps
}

/// With real sockets and the real clock: the broker is another process in life.
#[tokio::test]
async fn nothing_is_lost_doubled_or_disordered_by_renewals() {
    for version in [Version::V311, Version::V5] {
        let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
        let receiver = Client::builder(broker.url()).client_id("receiver").start().unwrap();
        let mut messages = receiver.subscribe("n").qos(ExactlyOnce).await.unwrap();
        let profile = "name = \"short\"\nconnection.maximum_connection_age.value = \"2 s\"";
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        let sender = Client::builder(broker.url())
            .version(version)
            .client_id("sender")
            .clean_start(false)
            .session_expiry(secs(3600))
            .profile(Profile::from_toml(profile).unwrap())
            .credentials(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                std::future::ready(Ok(Credentials::new("boat", "secret")))
            })
            .start()
            .unwrap();
        let mut events = sender.events();
        let mut renewed = std::pin::pin!(renewals(&mut events, 2));
        let mut count = 0_u32;
        let gaps = within_20_s(async {
            loop {
                let qos = [AtMostOnce, AtLeastOnce, ExactlyOnce][count as usize % 3];
                drop(sender.publish("n", count.to_string()).qos(qos).await.unwrap());
                count += 1;
                // The pace of the application, so that some are published in the gaps.
                tokio::select! {
                    gaps = &mut renewed => return gaps,
                    () = tokio::time::sleep(millis(2)) => {}
                }
            }
        })
        .await;
        assert!(gaps.iter().all(|gap| *gap < secs(5)), "{gaps:?}");
        assert!(asked.load(Ordering::Relaxed) >= 3, "each attempt has fresh credentials");
        let report = within_20_s(sender.shutdown(secs(10))).await;
        assert!(report.is_clean(), "{report:?}");
        for number in 0..count {
            let message = within_20_s(messages.next()).await.unwrap();
            assert_eq!(message.payload(), number.to_string().as_bytes(), "of {count}");
        }
    }
}

/// The scripted server sees the whole of it.
#[tokio::test(start_paused = true)]
async fn the_application_sets_the_age_and_the_profile_does_not() {
    let mut server = Server::new();
    let profile = "name = \"short\"\nconnection.maximum_connection_age.value = \"1 min\"";
    let profile = || Profile::from_toml(profile).unwrap();
    let builder = server.client().keep_alive(secs(0)).profile(profile());
    let client = builder.maximum_connection_age(secs(1000)).start().unwrap();
    let mut events = client.events();
    let mut peer = server.online().await;
    soon(client.online()).await.unwrap();
    tokio::time::sleep(secs(799)).await;
    assert!(client.state().is_online());
    let _next = tokio::time::timeout(secs(152), server.online()).await.unwrap();
    let packet = peer.receive().await.unwrap();
    assert!(matches!(packet, evenkeel_codec::Packet::Disconnect(_)), "{packet:?}");
    soon(renewals(&mut events, 1)).await;
    client.shutdown(secs(1)).await;

    let mut server = Server::new();
    let builder = server.client().keep_alive(secs(0)).profile(profile());
    let client = builder.maximum_connection_age(secs(0)).start().unwrap();
    let _peer = server.online().await;
    soon(client.online()).await.unwrap();
    tokio::time::sleep(secs(3600)).await;
    assert_eq!(client.stats().connects, 1, "a connection without an end");
}
