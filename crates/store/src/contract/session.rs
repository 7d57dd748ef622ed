//! What a session has besides outgoing messages.

use evenkeel_proto::Instant;
use evenkeel_proto::codec::{
    Properties, Property, QoS, RetainHandling, SubscribeFilter, SubscribeOptions, TopicFilter,
};
use evenkeel_proto::record::{
    Age, BootId, Outcome, Priority, Record, Serial, StoredSubscription, StoredTime, UnixMillis,
};

use super::{Open, accepted, commit, one, opened, packet_id, queued, sent, serials, topic};

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(topic(text)).expect("a valid filter")
}

fn subscription(text: &str, qos: QoS, identifier: Option<u32>) -> StoredSubscription {
    let options = SubscribeOptions {
        qos,
        no_local: true,
        retain_as_published: true,
        retain_handling: RetainHandling::OnNewSubscribe,
    };
    let properties = identifier.map(Property::SubscriptionIdentifier);
    let filter = SubscribeFilter { filter: filter(text), options };
    StoredSubscription { filter, properties: properties.into_iter().collect::<Properties>() }
}

pub fn the_client_identifier_is_kept(open: Open<'_>) {
    for name in ["assigned-by-the-server", "another"] {
        let (mut store, _) = opened(open);
        commit(&mut store, &[Record::Identity { client_id: topic(name) }]);
        drop(store);
        let (_store, recovered) = opened(open);
        assert_eq!(recovered.client_id, Some(topic(name)));
    }
}

pub fn received_identifiers_are_kept_until_finished(open: Open<'_>) {
    let (mut store, _) = opened(open);
    for id in [5, 65_535, 1, 5] {
        commit(&mut store, &[Record::Received { packet_id: packet_id(id) }]);
    }
    commit(&mut store, &[Record::Finished { packet_id: packet_id(65_535) }]);
    drop(store);
    let (_store, mut recovered) = opened(open);
    recovered.received.sort_unstable();
    assert_eq!(recovered.received, [packet_id(1), packet_id(5)]);
}

pub fn identifiers_being_cleared_are_kept_until_freed(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..1));
    let id = packet_id(5);
    let outcome = Outcome::NotAllowed;
    let ended = Record::Done { serial: Serial(0), outcome };
    commit(&mut store, &[sent(0, 5), Record::Clearing { packet_id: id }, ended]);
    commit(&mut store, &[Record::Clearing { packet_id: packet_id(65_535) }, Record::SessionLost]);
    commit(&mut store, &[Record::Freed { packet_id: packet_id(65_535) }]);
    for left in [vec![id], vec![]] {
        drop(store);
        let recovered;
        (store, recovered) = opened(open);
        assert_eq!(recovered.clearing, left);
        assert_eq!(recovered.exchanges, [], "no message is left of it");
        commit(&mut store, &[Record::Freed { packet_id: id }, Record::Freed { packet_id: id }]);
    }
}

pub fn a_lost_session_voids_what_was_received_alone(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..2));
    let subscribed = subscription("a/#", QoS::AtLeastOnce, None);
    commit(
        &mut store,
        &[
            sent(0, 1),
            Record::Received { packet_id: packet_id(5) },
            Record::Subscribed(subscribed.clone()),
            Record::SessionLost,
            Record::Received { packet_id: packet_id(6) },
        ],
    );
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.received, [packet_id(6)]);
    assert_eq!(recovered.subscriptions, [subscribed]);
    assert_eq!(recovered.exchanges.len(), 1);
    assert_eq!(serials(&queued(&mut store, Priority::Normal)), [1]);
}

pub fn an_unproven_session_is_remembered_until_it_is_proven(open: Open<'_>) {
    for (records, expected) in [
        (vec![Record::Unproven], true),
        (vec![Record::Proven], false),
        (vec![Record::Unproven, Record::SessionLost], true),
        (vec![Record::Proven], false),
    ] {
        let (mut store, _) = opened(open);
        commit(&mut store, &records);
        drop(store);
        let (_store, recovered) = opened(open);
        assert_eq!(recovered.unproven, expected, "after {records:?}");
    }
}

pub fn the_time_is_kept_and_does_not_go_back(open: Open<'_>) {
    let boot = Some(BootId([3; 16]));
    let time = |at: u64, age, boot| StoredTime {
        boot,
        at: Instant::from_micros(at),
        wall: UnixMillis(1_800_000_000_000 + at),
        age: Age(age),
    };
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.time, None);
    let mut message = super::message(0, Priority::Normal, b"x");
    message.age = Some(Age(7));
    commit(&mut store, &[Record::Time(time(1, 5, boot)), Record::Time(time(9, 4, None))]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.time, Some(time(1, 5, boot)));
    commit(&mut store, &[Record::Accepted(message)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    // A message says how old the store was.
    let advanced = time(1, 5, boot).advanced_to(Age(7));
    assert_eq!(recovered.time, Some(advanced));
    assert_eq!(one(&mut store, 0).and_then(|message| message.age), Some(Age(7)));
    commit(&mut store, &[Record::Time(time(2, 7, None))]);
    // It outlives the files it was written in.
    for first in (1..2000).step_by(20) {
        commit(&mut store, &accepted(first..first + 20));
        commit(&mut store, &(first..first + 20).map(super::done).collect::<Vec<_>>());
    }
    drop(store);
    let (_store, recovered) = opened(open);
    assert_eq!(recovered.time, Some(time(2, 7, None)));
}

pub fn an_unknown_session_is_remembered_until_it_is_lost(open: Open<'_>) {
    for (records, expected) in [
        (vec![], false),
        (vec![Record::SessionUnknown], true),
        (vec![Record::Unproven, Record::Proven], true),
        (vec![Record::SessionLost], false),
    ] {
        let (mut store, _) = opened(open);
        commit(&mut store, &records);
        drop(store);
        let (_store, recovered) = opened(open);
        assert_eq!(recovered.session_unknown, expected, "after {records:?}");
    }
}

pub fn the_session_outlives_many_messages(open: Open<'_>) {
    let (mut store, _) = opened(open);
    let subscribed = subscription("a/#", QoS::ExactlyOnce, Some(7));
    commit(
        &mut store,
        &[
            Record::Identity { client_id: topic("pump-17") },
            Record::Subscribed(subscribed.clone()),
            Record::Received { packet_id: packet_id(5) },
            Record::Unproven,
            Record::SessionUnknown,
        ],
    );
    // More than a file of any store should keep for one that is done with.
    for first in (0..2000).step_by(20) {
        commit(&mut store, &accepted(first..first + 20));
        commit(&mut store, &(first..first + 20).map(super::done).collect::<Vec<_>>());
    }
    drop(store);
    let (_store, recovered) = opened(open);
    assert_eq!(recovered.client_id, Some(topic("pump-17")));
    assert_eq!(recovered.subscriptions, [subscribed]);
    assert_eq!(recovered.received, [packet_id(5)]);
    assert!(recovered.unproven && recovered.session_unknown);
    assert_eq!(recovered.next_serial.0, 2000);
}

pub fn subscriptions_are_replaced_and_removed(open: Open<'_>) {
    let (mut store, _) = opened(open);
    let kept = [
        subscription("$share/group/a/+", QoS::ExactlyOnce, Some(268_435_455)),
        subscription("b/#", QoS::AtMostOnce, None),
    ];
    commit(&mut store, &[Record::Subscribed(subscription("b/#", QoS::AtLeastOnce, Some(3)))]);
    for subscription in &kept {
        commit(&mut store, &[Record::Subscribed(subscription.clone())]);
    }
    commit(&mut store, &[Record::Subscribed(subscription("c", QoS::AtLeastOnce, None))]);
    commit(&mut store, &[Record::Unsubscribed { filter: filter("c") }]);
    commit(&mut store, &[Record::Unsubscribed { filter: filter("b/+") }]);
    drop(store);
    let (_store, mut recovered) = opened(open);
    recovered.subscriptions.sort_by(|a, b| a.filter.filter.as_str().cmp(b.filter.filter.as_str()));
    assert_eq!(recovered.subscriptions, kept);
}
