//! Accepting and reading messages.

use evenkeel_proto::codec::{Properties, Property, QoS};
use evenkeel_proto::record::{
    Outcome, Priority, Read, Record, Recovered, Serial, StoredState, UnixMillis, Window,
};

use super::{
    ALL, Open, accepted, commit, done, message, one, opened, queued, sent, serials, topic,
};
use crate::{Misuse, StoreError};

pub fn a_new_store_is_empty(open: Open<'_>) {
    let (mut store, recovered) = opened(open);
    let bounds = recovered.bounds;
    assert_eq!(recovered, Recovered { bounds, ..Recovered::default() });
    for priority in Priority::ALL {
        assert_eq!(queued(&mut store, priority), []);
    }
    assert_eq!(store.list(None, ALL).expect("an empty store can be listed"), []);
    assert_eq!(one(&mut store, 0), None);
}

pub fn a_message_comes_back_as_it_was(open: Open<'_>) {
    let mut messages = Vec::new();
    for (serial, qos) in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].iter().enumerate() {
        let mut message = message(serial as u64, Priority::Normal, &vec![7; serial * 100_000]);
        message.publish.qos = *qos;
        message.publish.retain = serial == 1;
        message.publish.topic = topic("räume/7");
        message.publish.properties = Properties::new()
            .with(Property::ContentType(topic("text/plain")))
            .with(Property::CorrelationData(vec![0, 255].into()))
            .with(Property::UserProperty(topic("a"), topic("1")))
            .with(Property::UserProperty(topic("a"), topic("2")));
        message.expires = (serial == 2).then_some(UnixMillis(u64::MAX));
        messages.push(message);
    }
    let (mut store, _) = opened(open);
    let records: Vec<Record> = messages.iter().cloned().map(Record::Accepted).collect();
    commit(&mut store, &records);
    for restart in [false, true] {
        if restart {
            drop(store);
            (store, _) = opened(open);
        }
        let read = queued(&mut store, Priority::Normal);
        assert_eq!(read.len(), messages.len());
        for (read, expected) in read.iter().zip(&messages) {
            assert_eq!(read.publish, expected.publish);
            assert_eq!(
                (read.serial, read.accepted, read.expires, read.priority, read.state),
                (
                    expected.serial,
                    expected.accepted,
                    expected.expires,
                    expected.priority,
                    StoredState::Queued
                )
            );
            assert_eq!(one(&mut store, expected.serial.0).as_ref(), Some(read));
        }
    }
}

pub fn the_queue_is_read_by_priority_and_in_order(open: Open<'_>) {
    let (mut store, _) = opened(open);
    let priority = |serial: u64| match serial % 3 {
        0 => Priority::Low,
        1 => Priority::Normal,
        _ => Priority::High,
    };
    for serial in 0..300 {
        commit(&mut store, &[Record::Accepted(message(serial, priority(serial), &[1; 20]))]);
    }
    drop(store);
    let (mut store, recovered) = opened(open);
    for kind in Priority::ALL {
        let expected: Vec<u64> = (0..300).filter(|serial| priority(*serial) == kind).collect();
        assert_eq!(serials(&queued(&mut store, kind)), expected);
        let count = recovered.queued[kind as usize];
        let each = message(0, kind, &[0; 20]).publish.weight() as u64;
        assert_eq!((count.messages, count.bytes), (100, 100 * each));
    }
}

/// Bytes beyond what a few messages take.
const ENOUGH: usize = 1 << 20;

pub fn reading_keeps_to_its_bounds_and_always_moves(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(10..30));
    let mut page = |after, messages, bytes| {
        let limit = Window { messages, bytes };
        let read = Read::Queue { priority: Priority::Normal, after, limit };
        serials(&store.read(&read).expect("the queue can be read"))
    };
    // Topic and payload of each are 20 bytes; its property takes some more (S4).
    let two = 2 * message(10, Priority::Normal, &[0; 8]).publish.weight();
    assert!(two > 100, "{two}");
    assert_eq!(page(None, 3, ENOUGH), [10, 11, 12]);
    assert_eq!(page(Some(Serial(12)), 3, ENOUGH), [13, 14, 15]);
    assert_eq!(page(Some(Serial(12)), 1000, two), [13, 14]);
    assert_eq!(page(Some(Serial(12)), 1000, two - 1), [13]);
    assert_eq!(page(Some(Serial(12)), 0, 0), [13], "one message is always within the bound");
    assert_eq!(page(Some(Serial(28)), 3, ENOUGH), [29]);
    assert_eq!(page(Some(Serial(29)), 3, ENOUGH), []);
    assert_eq!(page(Some(Serial(5)), 1, ENOUGH), [10], "after one that never was");
    assert_eq!(page(Some(Serial(u64::MAX)), 1, ENOUGH), []);
}

pub fn every_message_is_listed_whatever_its_state(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..4));
    commit(&mut store, &[Record::Accepted(message(4, Priority::High, b"x")), sent(1, 7)]);
    let evidence = Record::Quarantined { serial: Serial(2), deaths: 2, attempts: 3 };
    commit(&mut store, &[evidence, done(3)]);
    let listed = store.list(None, ALL).expect("a store can be listed");
    let states: Vec<_> = listed.iter().map(|message| (message.serial.0, message.state)).collect();
    assert_eq!(
        states,
        [
            (0, StoredState::Queued),
            (1, StoredState::Sent(super::packet_id(7))),
            (2, StoredState::Quarantined { deaths: 2, attempts: 3 }),
            (4, StoredState::Queued),
        ]
    );
    let two = Window { messages: 2, bytes: usize::MAX };
    let page = store.list(Some(Serial(0)), two).expect("a store can be listed in parts");
    assert_eq!(page, listed[1..3]);
}

pub fn an_empty_batch_is_taken(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &[]);
    let before = store.recover().expect("a store can be recovered again");
    assert_eq!(before.next_serial, Serial(0));
}

pub fn a_serial_out_of_order_is_refused_with_its_batch(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted([5]));
    for (first, second) in [(6, 6), (7, 6), (5, 6)] {
        let error = store.commit(&accepted([first, second])).expect_err("not ascending");
        assert!(matches!(error, StoreError::Misuse(Misuse::SerialOrder { .. })), "{error}");
    }
    assert_eq!(serials(&queued(&mut store, Priority::Normal)), [5]);
    // Nothing of the refused batches counts.
    commit(&mut store, &accepted([6]));
    assert_eq!(serials(&queued(&mut store, Priority::Normal)), [5, 6]);
}

pub fn serials_are_never_used_again(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..3));
    commit(&mut store, &[done(0), done(1), done(2)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.next_serial, Serial(3));
    commit(&mut store, &[done(9)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.next_serial, Serial(10), "any record counts");
    let outcome = Outcome::Requeued(Serial(19));
    commit(&mut store, &[Record::Done { serial: Serial(0), outcome }]);
    drop(store);
    let (_store, recovered) = opened(open);
    assert_eq!(recovered.next_serial, Serial(20), "also a name that is only referred to");
}
