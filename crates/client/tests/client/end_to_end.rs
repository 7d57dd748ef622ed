//! The client at the dev broker, over TCP and with the real clock.

use std::collections::HashMap;

use evenkeel::{DisconnectCause, Event};
use evenkeel_broker::Broker;
use evenkeel_broker::fault::{Stop, When};
use evenkeel_codec::PacketType;

use crate::support::*;

async fn broker(builder: evenkeel_broker::Builder) -> Broker {
    builder.bind_tcp("127.0.0.1:0").start().await.unwrap()
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_over_broker_restarts() {
    for version in [Version::V311, Version::V5] {
        let broker = broker(Broker::builder()).await;
        let client = |id: &str| {
            let builder = Client::builder(broker.url()).version(version).client_id(id);
            builder.reconnect(hasty()).clean_start(false).session_expiry(secs(3600))
        };
        let receiver = client("receiver").start().unwrap();
        let mut messages = receiver.subscribe("n/#").qos(ExactlyOnce).await.unwrap();
        let sender = client("sender").start().unwrap();
        let publishing = tokio::spawn(async move {
            for number in 0..600_u32 {
                let qos = if number % 2 == 0 { AtLeastOnce } else { ExactlyOnce };
                let topic = format!("n/{}", qos.level());
                let publish = sender.publish(topic, number.to_string()).qos(qos);
                drop(publish.await.unwrap());
                if number % 50 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let report = sender.shutdown(secs(20)).await;
            assert!(report.is_clean(), "{report:?}");
        });
        let restarting = async {
            for _ in 0..3 {
                broker.restart(true, millis(30)).await.unwrap();
                // The time between two restarts, in which some messages pass.
                tokio::time::sleep(millis(60)).await;
            }
        };
        let receiving = async {
            let mut seen: HashMap<u32, u32> = HashMap::new();
            while seen.len() < 600 {
                let message = messages.next().await.unwrap();
                let number = std::str::from_utf8(message.payload()).unwrap().parse().unwrap();
                *seen.entry(number).or_default() += 1;
            }
            seen
        };
        let (seen, ()) = within_20_s(async { tokio::join!(receiving, restarting) }).await;
        within_20_s(publishing).await.unwrap();
        let doubled = seen.iter().filter(|(number, count)| *number % 2 == 1 && **count > 1);
        assert_eq!(doubled.count(), 0, "QoS 2 is exactly once");
    }
}

#[tokio::test]
async fn a_lost_ping_response_does_not_cut_a_living_link() {
    let lost = When::sent(PacketType::PingResp).nth(1).drop();
    let broker = broker(Broker::builder().fault(lost)).await;
    let client = Client::builder(broker.url()).keep_alive(secs(1)).start().unwrap();
    let mut events = client.events();
    let mut messages = client.subscribe("a").await.unwrap();
    // Traffic of another client, while the first ping goes unanswered.
    let other = Client::builder(broker.url()).start().unwrap();
    let traffic = async {
        loop {
            drop(other.publish("a", "x").await.unwrap());
            drop(messages.next().await);
            // The pace of the traffic.
            tokio::time::sleep(millis(100)).await;
        }
    };
    let unanswered = async {
        loop {
            match events.next().await.unwrap().event {
                Event::PingUnanswered { heard, .. } => return assert!(heard),
                Event::Disconnected { cause, .. } => panic!("{cause:?}"),
                _ => {}
            }
        }
    };
    tokio::select! {
        () = traffic => {}
        () = within_20_s(unanswered) => {}
    }
    assert_eq!(client.stats().connects, 1);
}

#[tokio::test]
async fn a_half_open_link_is_found_and_replaced() {
    let silent = When::received(PacketType::PingReq).nth(1);
    let silent = silent.silence(Stop::Both, None);
    let broker = broker(Broker::builder().fault(silent)).await;
    let client = Client::builder(broker.url()).keep_alive(secs(1)).reconnect(hasty());
    let client = client.client_id("boat").start().unwrap();
    let mut events = client.events();
    client.online().await.unwrap();
    let death = async {
        loop {
            if let Event::Disconnected { cause, .. } = events.next().await.unwrap().event {
                return cause;
            }
        }
    };
    let cause = within_20_s(death).await;
    assert!(matches!(*cause, DisconnectCause::KeepAlive(_)), "{cause:?}");
    // The watch still shows what was before, until the driver has spoken.
    within_20_s(client.online()).await.unwrap();
    assert_eq!(broker.stats().client("boat").connects, 2);
}

#[tokio::test]
async fn many_clients_and_tasks_share_one_broker() {
    let broker = broker(Broker::builder()).await;
    let mut clients = Vec::new();
    for number in 0..20 {
        let client = Client::builder(broker.url()).client_id(format!("c{number}"));
        let client = client.start().unwrap();
        let messages = client.subscribe("all").qos(AtLeastOnce).await.unwrap();
        clients.push((client, messages));
    }
    let mut tasks = Vec::new();
    for (client, mut messages) in clients {
        tasks.push(tokio::spawn(async move {
            let publishers = (0..4).map(|_| {
                let client = client.clone();
                async move {
                    for _ in 0..10 {
                        let publish = client.publish("all", "x").qos(AtLeastOnce);
                        publish.delivered().await.unwrap();
                    }
                }
            });
            let receiving = async {
                for _ in 0..20 * 4 * 10 {
                    drop(messages.next().await.unwrap());
                }
            };
            tokio::join!(futures_util::future::join_all(publishers), receiving);
        }));
    }
    for task in tasks {
        within_20_s(task).await.unwrap();
    }
}
