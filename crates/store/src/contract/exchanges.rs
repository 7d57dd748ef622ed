//! Messages under way and out of the way.

use evenkeel_proto::record::{Outcome, Phase, Priority, Record, Recovered, Serial, StoredState};

use super::{
    ALL, Open, accepted, commit, done, message, one, opened, packet_id, queued, sent, serials,
};
use crate::Store;

/// Serial, identifier, and whether the message is still there.
fn exchanges(recovered: &Recovered) -> Vec<(u64, u16, bool)> {
    let exchanges = recovered.exchanges.iter();
    exchanges
        .map(|exchange| {
            if let Phase::Unanswered(message) = &exchange.phase {
                assert_eq!(message.serial, exchange.serial);
                assert_eq!(message.publish.payload, exchange.serial.0.to_le_bytes().as_slice());
                assert_eq!(message.state, StoredState::Sent(exchange.packet_id));
            }
            let there = matches!(exchange.phase, Phase::Unanswered(_));
            (exchange.serial.0, exchange.packet_id.get(), there)
        })
        .collect()
}

fn released(serial: u64) -> Record {
    Record::Released { serial: Serial(serial) }
}

fn quarantined(serial: u64) -> Record {
    Record::Quarantined { serial: Serial(serial), deaths: 2, attempts: 4 }
}

pub fn sending_takes_a_message_off_the_queue(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..4));
    // Not in the order of acceptance: that of sending is what counts.
    commit(&mut store, &[sent(2, 9), sent(0, 5)]);
    assert_eq!(serials(&queued(&mut store, Priority::Normal)), [1, 3]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [(2, 9, true), (0, 5, true)]);
    assert_eq!(recovered.queued[Priority::Normal as usize].messages, 2);
    let state = one(&mut store, 2).map(|message| message.state);
    assert_eq!(state, Some(StoredState::Sent(packet_id(9))));
}

pub fn sending_again_takes_another_identifier(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..2));
    commit(&mut store, &[sent(0, 1), sent(1, 2)]);
    commit(&mut store, &[Record::SessionLost, sent(0, 7), sent(1, 8)]);
    drop(store);
    let (store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [(0, 7, true), (1, 8, true)]);
    // One alone, such as one that the server had taken: it keeps its place.
    drop(store);
    let (mut store, _) = opened(open);
    commit(&mut store, &[sent(0, 9)]);
    drop(store);
    let (_store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [(0, 9, true), (1, 8, true)]);
}

pub fn a_released_exchange_keeps_its_identifier_alone(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..3));
    commit(&mut store, &[sent(0, 1), sent(1, 2), sent(2, 3)]);
    commit(&mut store, &[released(1)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [(0, 1, true), (1, 2, false), (2, 3, true)]);
    assert_eq!(one(&mut store, 1), None);
    commit(&mut store, &[done(1)]);
    drop(store);
    let (_store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [(0, 1, true), (2, 3, true)]);
}

pub fn a_released_message_that_is_kept_can_be_sent_anew(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..4));
    commit(&mut store, &[sent(0, 1), sent(1, 2), sent(2, 3)]);
    let kept = |serial| Record::ReleasedAndKept { serial: Serial(serial) };
    commit(&mut store, &[kept(0), kept(1), kept(2), kept(3), kept(77)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    let phases = recovered.exchanges.iter().map(|exchange| match &exchange.phase {
        Phase::ReleasedAndKept(message) => message.publish.payload.clone(),
        other => panic!("{other:?}"),
    });
    let payloads: Vec<_> = (0..3_u64).map(u64::to_le_bytes).collect();
    assert!(phases.eq(payloads.iter().map(|bytes| bytes.as_slice())), "the content is there");
    assert_eq!(serials(&queued(&mut store, Priority::Normal)), [3], "it was never sent");
    // One is sent anew, one is over, one is released for good.
    commit(&mut store, &[Record::SessionLost, sent(0, 9), done(1), released(2)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [(0, 9, true), (2, 3, false)]);
    assert_eq!((one(&mut store, 1), one(&mut store, 2)), (None, None));
    commit(&mut store, &[done(0), done(2), done(3)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.exchanges, []);
    assert_eq!(store.list(None, ALL).expect("a store can be listed"), []);
}

pub fn done_ends_a_message_in_any_state(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..5));
    commit(&mut store, &[sent(1, 1), sent(2, 2), released(2), quarantined(3)]);
    let outcome = Outcome::Dropped;
    for serial in 0..4 {
        commit(&mut store, &[Record::Done { serial: Serial(serial), outcome }]);
    }
    for restart in [false, true] {
        if restart {
            drop(store);
            let recovered;
            (store, recovered) = opened(open);
            assert_eq!(exchanges(&recovered), []);
            assert_eq!(recovered.quarantined, 0);
        }
        let listed = store.list(None, ALL).expect("a store can be listed");
        assert_eq!(serials(&listed), [4]);
        assert_eq!(serials(&queued(&mut store, Priority::Normal)), [4]);
    }
}

pub fn quarantine_keeps_a_message_out_of_the_queue(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..3));
    commit(&mut store, &[sent(0, 1), quarantined(0), quarantined(1)]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(exchanges(&recovered), [], "its identifier is free");
    assert_eq!(recovered.quarantined, 2);
    assert_eq!(serials(&queued(&mut store, Priority::Normal)), [2]);
    for serial in [0, 1] {
        let state = one(&mut store, serial).map(|message| message.state);
        assert_eq!(state, Some(StoredState::Quarantined { deaths: 2, attempts: 4 }));
    }
}

pub fn a_quarantined_message_can_be_queued_again(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..2));
    commit(&mut store, &[quarantined(0)]);
    let again = message(2, Priority::High, b"again");
    let outcome = Outcome::Requeued(Serial(2));
    commit(&mut store, &[Record::Accepted(again), Record::Done { serial: Serial(0), outcome }]);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.quarantined, 0);
    assert_eq!(serials(&queued(&mut store, Priority::High)), [2]);
    assert_eq!(one(&mut store, 0), None);
}

pub fn records_about_the_unknown_change_nothing(open: Open<'_>) {
    let (mut store, _) = opened(open);
    commit(&mut store, &accepted(0..4));
    commit(&mut store, &[sent(1, 1), sent(2, 2), released(2), quarantined(3)]);
    let before = state(&mut store);
    commit(
        &mut store,
        &[
            // Never sent, so there is nothing to release.
            released(0),
            // Already released, and in quarantine.
            sent(2, 9),
            quarantined(2),
            released(2),
            sent(3, 9),
            // Never accepted.
            sent(100, 9),
            released(100),
            quarantined(100),
            done(100),
            Record::Finished { packet_id: packet_id(77) },
        ],
    );
    assert_eq!(state(&mut store), before);
    drop(store);
    let (mut store, recovered) = opened(open);
    assert_eq!(recovered.next_serial, Serial(101));
    assert_eq!(state(&mut store), before);
}

/// Everything but the next serial.
fn state(store: &mut dyn Store) -> (Recovered, Vec<crate::record::StoredMessage>) {
    let mut recovered = store.recover().expect("a store can be recovered again");
    recovered.next_serial = Serial(0);
    (recovered, store.list(None, ALL).expect("a store can be listed"))
}
