//! The program against a broker with faults, counted on the broker's side.
//! The library has scenarios of its own in `torture/`; real time is the
//! subject of both, so these tests sleep.

use std::time::{Duration, Instant};

use evenkeel_broker::Broker;
use evenkeel_broker::fault::PacketType;
use tokio::time::sleep;

use crate::support::{Running, broker, evenkeel, scripted, subscribed};

/// CONNECTs and PINGREQs that the broker has read.
fn counts(broker: &Broker) -> (u64, u64) {
    let stats = broker.stats();
    (stats.packets.received(PacketType::Connect), stats.pings_received())
}

/// Waits until so many pings are answered in all.
async fn pings_answered(broker: &Broker, count: usize) {
    let mut answered = 0;
    let found = broker.wait_for(Duration::from_secs(60), |event| {
        answered += usize::from(event.name() == "ping_answered");
        answered >= count
    });
    assert!(found.await.is_some(), "{answered} of {count} pings were answered");
}

async fn interrupt(running: Running) {
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn one_lost_pingresp_costs_sub_one_reconnect_at_most() {
    let broker = scripted("[[rule]]\nsent = \"PINGRESP\"\nnth = 1\naction = \"drop\"\n").await;
    let running = evenkeel("sub a -k 3").at(&broker).start();
    pings_answered(&broker, 3).await;
    // At one moment, as further pings may be on their way.
    let stats = broker.stats();
    let (asked, answered) = (stats.pings_received(), stats.packets.sent(PacketType::PingResp));
    // The next ping may come before the link is given up.
    let connects = stats.packets.received(PacketType::Connect);
    assert!((1..=2).contains(&connects), "{connects} connects");
    assert_eq!(asked, answered + 1, "one ping is unanswered");
    interrupt(running).await;
}

/// A stopped process is the plainest stall: the answer and the deadline come
/// while it does not run.
#[tokio::test]
async fn sub_outlives_being_stopped() {
    let broker = broker().await;
    let running = evenkeel("sub a -k 6").at(&broker).start();
    pings_answered(&broker, 1).await;
    running.signal("STOP").await;
    // 1.3 keep-alives; the broker would close after 1.5.
    sleep(Duration::from_millis(7800)).await;
    running.signal("CONT").await;
    pings_answered(&broker, 2).await;
    let (connects, pings) = counts(&broker);
    assert!(connects == 1 && pings >= 2, "{connects} connects, {pings} pings");
    assert_eq!(broker.stats().keep_alive_timeouts, 0);
    interrupt(running).await;
}

/// Nobody reads stdout for two pings while messages come.
#[tokio::test]
async fn a_reader_that_pauses_holds_up_messages_and_no_pings() {
    const MESSAGES: u64 = 30_000;
    let broker = broker().await;
    let mut running = evenkeel("sub a -k 4 -q 1 -C 30000").at(&broker).start();
    subscribed(&broker, 1).await;
    let lines: String = (0..MESSAGES).map(|number| format!("{number}\n")).collect();
    evenkeel("pub a -l -q 1").input(&lines).at(&broker).run().await.expect(0);
    // Those of a subscriber that may not acknowledge.
    pings_answered(&broker, 2).await;
    assert_eq!(counts(&broker).0, 2, "connects, the publisher's included");
    for number in 0..MESSAGES {
        assert_eq!(running.line().await, number.to_string());
    }
    running.ended().await.expect(0);
    // What the program had written, the broker may still have to read.
    let mut goodbyes = 0;
    let both = broker.wait_for(Duration::from_secs(60), |event| {
        goodbyes += usize::from(event.name() == "disconnect_received");
        goodbyes == 2
    });
    assert!(both.await.is_some(), "publisher and subscriber say goodbye");
    assert_eq!(broker.stats().packets.received(PacketType::PubAck), MESSAGES);
    assert_eq!(counts(&broker).0, 2);
}

#[tokio::test]
async fn pub_sets_a_poison_message_aside() {
    let broker =
        scripted("[[rule]]\nreceived = \"PUBLISH\"\ntopic = \"forbidden\"\naction = \"close\"\n")
            .await;
    let ran = evenkeel("pub -t forbidden -m x -q 1").at(&broker).run().await.expect(8);
    ran.says("quarantine");
    let (connects, _) = counts(&broker);
    assert!((3..=4).contains(&connects), "{connects} connects");
    evenkeel("pub -t good -m x -q 1").at(&broker).run().await.expect(0);
}

#[tokio::test]
async fn sub_does_not_storm_a_broker_that_closes_after_connack() {
    let broker = scripted("[[rule]]\nsent = \"CONNACK\"\naction = \"close_after\"\n").await;
    let began = Instant::now();
    let mut running = evenkeel("sub a -d").at(&broker).start();
    // Real time is the subject.
    sleep(Duration::from_secs(8)).await;
    let (connects, _) = counts(&broker);
    // Delays of half a second, 1, 2 and 4 s at least, by the time that has really passed.
    let (mut most, mut soonest) = (1, Duration::from_millis(500));
    while began.elapsed() >= soonest {
        most += 1;
        soonest = soonest * 2 + Duration::from_millis(500);
    }
    assert!((3..=most).contains(&connects), "{connects} connects");
    broker.clear_faults();
    running.until_says("subscribed to 'a'").await;
    interrupt(running).await;
}
