//! D18: messages expire by time that has passed, whatever the wall clock says.

use evenkeel_proto::codec::{Property, Publish, QoS::AtLeastOnce, Version};
use evenkeel_proto::record::{Age, BootId, Moment, Record, StoredTime, UnixMillis, Window};
use evenkeel_proto::{DeliveryError, Instant};

use crate::support::*;

const ONE: Option<BootId> = Some(BootId([1; 16]));
const TWO: Option<BootId> = Some(BootId([2; 16]));
const SECOND: i64 = 1000;
const DAY: i64 = 24 * 3600 * SECOND;
/// As far as 1970, or a device that was made before it was sold.
const YEARS: i64 = 26 * 365 * DAY;

fn expiring(topic: &str, seconds: u32) -> Publish {
    let mut message = publish(topic, "x", AtLeastOnce);
    message.properties.push(Property::MessageExpiryInterval(seconds));
    message
}

/// Offline, with a store, in this boot.
fn offline_in(boot: Option<BootId>) -> Rig {
    let mut rig = Rig::new(quiet(lasting(Version::V5)));
    rig.machine.boot = boot;
    rig.crash();
    rig.client.start(rig.now);
    rig.settle();
    rig.accept_with(&accepted());
    rig.cut();
    rig
}

/// The next process connects; what it says is left of the first message's time.
#[track_caller]
fn left(rig: &mut Rig) -> u32 {
    rig.restart_with(&accepted());
    rig.expect_publish().properties.message_expiry_interval().unwrap()
}

#[test]
fn within_one_boot_no_setting_of_the_wall_clock_counts() {
    for (before, after) in
        [(0, 0), (0, -YEARS), (0, YEARS), (-YEARS, 0), (2 * DAY, 0), (0, -SECOND), (0, SECOND)]
    {
        for is_in_flight in [false, true] {
            let mut rig = offline_in(ONE);
            rig.machine.set_by = before;
            rig.crash();
            rig.client.start(rig.now);
            rig.settle();
            if is_in_flight {
                rig.accept_with(&accepted());
            }
            rig.try_publish(expiring("a", 3600), 1).unwrap();
            // Asleep, or off the network; and another process.
            rig.jump(secs(20));
            rig.machine.set_by = after;
            assert_eq!(left(&mut rig), 3580, "{before} {after}");
            rig.jump(secs(30));
            rig.machine.set_by = before;
            assert_eq!(left(&mut rig), 3550, "{before} {after}");
        }
    }
}

/// In the process itself the wall clock may be read anew at any time.
#[test]
fn a_wall_clock_that_is_set_meanwhile_moves_no_expiry() {
    let mut rig = offline_in(None);
    rig.try_publish(expiring("before", 3600), 1).unwrap();
    rig.jump(secs(10));
    rig.machine.set_by = -YEARS;
    rig.client.set_wall_clock(rig.now, rig.wall());
    rig.try_publish(expiring("after", 3600), 2).unwrap();
    let listed = rig.client.list(None, Window { messages: 9, bytes: 999 });
    assert_eq!(listed[1].accepted, rig.wall(), "people see the clock as it is set");
    rig.jump(secs(10));
    rig.client.set_wall_clock(rig.now, rig.wall());
    rig.await_open();
    rig.accept_with(&accepted());
    // Some seconds pass until it is online again.
    for rest in [3570..=3580_u32, 3580..=3590] {
        let told = rig.expect_publish().properties.message_expiry_interval().unwrap();
        assert!(rest.contains(&told), "{told} {rest:?}");
    }
}

/// Across boots the wall clock is all there is, as far as it goes forward.
#[test]
fn across_boots_the_wall_clock_counts_and_never_backwards() {
    for (boots, set_by, rest) in [
        ((ONE, TWO), 0, 3500),
        ((ONE, TWO), 1000 * SECOND, 2500),
        ((ONE, TWO), -YEARS, 3600),
        ((ONE, None), 0, 3500),
        ((None, ONE), 0, 3500),
        // Two that are not known may be two.
        ((None, None), 1000 * SECOND, 2500),
    ] {
        let mut rig = offline_in(boots.0);
        rig.try_publish(expiring("a", 3600), 1).unwrap();
        rig.jump(secs(100));
        (rig.machine.boot, rig.machine.set_by) = (boots.1, set_by);
        assert_eq!(left(&mut rig), rest, "{boots:?} {set_by}");
    }
}

/// What is known to have run has passed, whatever the wall clock says after
/// the next boot. It is noted every minute.
#[test]
fn running_time_is_not_forgotten_with_the_wall_clock() {
    let mut rig = offline_in(ONE);
    rig.try_publish(expiring("long", 3600), 1).unwrap();
    rig.advance(secs(1000));
    // Offline in the second boot as well.
    (rig.machine.boot, rig.machine.set_by) = (TWO, -YEARS);
    rig.crash();
    rig.client.start(rig.now);
    rig.settle();
    rig.advance(secs(1000));
    (rig.machine.boot, rig.machine.set_by) = (ONE, -2 * YEARS);
    let left = left(&mut rig);
    assert!((1600..=1720).contains(&left), "{left}");
}

#[test]
fn a_message_expires_by_the_running_time_of_several_boots() {
    let mut rig = offline_in(ONE);
    rig.try_publish(expiring("short", 1000), 1).unwrap();
    rig.advance(secs(990));
    assert_eq!(rig.outcomes().len(), 1, "it is stored");
    (rig.machine.boot, rig.machine.set_by) = (TWO, -YEARS);
    rig.crash();
    rig.client.start(rig.now);
    rig.settle();
    rig.advance(secs(9));
    assert_eq!(rig.settled(), [], "not before its time");
    rig.advance(secs(62));
    let queued = secs(1000);
    assert_eq!(rig.settled(), [(1, Err(DeliveryError::Expired { queued }))]);
    rig.await_open();
    rig.accept_with(&accepted());
    rig.expect_nothing();
}

/// A message accepted since the last note is a note as well.
#[test]
fn the_age_of_the_last_message_is_running_time() {
    let mut rig = offline_in(ONE);
    rig.try_publish(expiring("first", 3600), 1).unwrap();
    rig.advance(secs(9));
    rig.try_publish(expiring("second", 3600), 2).unwrap();
    (rig.machine.boot, rig.machine.set_by) = (TWO, -YEARS);
    rig.restart_with(&accepted());
    for rest in [3591, 3600] {
        assert_eq!(rig.expect_publish().properties.message_expiry_interval(), Some(rest));
    }
}

fn notes(rig: &Rig) -> Vec<StoredTime> {
    let note = |record: &Record| match record {
        Record::Time(time) => Some(*time),
        _ => None,
    };
    rig.store.records.iter().filter_map(note).collect()
}

#[test]
fn time_is_noted_of_its_own_accord_only_while_messages_wait_that_expire() {
    let mut rig = offline_in(ONE);
    rig.publish("forever", AtLeastOnce, 1);
    let before = notes(&rig).len();
    rig.advance(secs(3600));
    assert_eq!(notes(&rig).len(), before, "nothing waits for it");
    rig.try_publish(expiring("a", 7200), 2).unwrap();
    let before = notes(&rig).len();
    rig.advance(secs(600));
    let all = notes(&rig);
    assert_eq!(all.len() - before, 10);
    assert!(all.is_sorted_by_key(|note| note.age), "{all:?}");
    assert!(all.iter().all(|note| note.boot == ONE));
    // It is delivered, and there is no more to be noted but beside other things.
    if rig.link.is_none() {
        rig.await_open();
    }
    rig.accept_with(&accepted());
    for _ in 0..2 {
        let id = rig.expect_publish().packet_id.unwrap();
        rig.send(&puback(id));
    }
    rig.advance(secs(60));
    let before = notes(&rig).len();
    rig.advance(secs(3600));
    assert_eq!(notes(&rig).len(), before);
}

#[test]
fn the_first_batch_of_a_process_and_others_after_a_while_say_the_time() {
    let mut rig = Rig::durable_online(quiet(lasting(Version::V5)));
    assert!(matches!(rig.store.records[0], Record::Time(_)));
    let before = notes(&rig).len();
    for (wait, more) in [(9, 0_u64), (1, 1), (9, 1), (2, 2)] {
        rig.advance(secs(wait));
        rig.publish("a", AtLeastOnce, more * 100 + wait);
        assert_eq!(notes(&rig).len() - before, more as usize, "{wait}");
    }
}

/// Stores of version 0.1.0 know no age: the wall clock counts, and the time
/// that has passed since this version opened them first.
#[test]
fn messages_of_0_1_0_never_live_longer_than_their_publisher_said() {
    for (set_by, rest) in [(0, 3500), (-YEARS, 3600), (DAY, 0)] {
        let mut rig = offline_in(ONE);
        rig.try_publish(expiring("a", 3600), 1).unwrap();
        for record in &mut rig.store.records {
            if let Record::Accepted(accepted) = record {
                accepted.age = None;
            }
        }
        rig.store.records.retain(|record| !matches!(record, Record::Time(_)));
        rig.jump(secs(100));
        rig.machine.set_by = set_by;
        rig.restart_with(&accepted());
        if rest == 0 {
            rig.expect_nothing();
            continue;
        }
        assert_eq!(rig.expect_publish().properties.message_expiry_interval(), Some(rest));
        // From here on time is counted, whatever the wall clock says.
        rig.jump(secs(50));
        rig.machine.set_by = -YEARS;
        assert_eq!(left(&mut rig), 3550);
    }
}

#[test]
fn the_age_never_goes_back() {
    let stored = StoredTime {
        boot: ONE,
        at: Instant::from_micros(5_000_000),
        wall: UnixMillis(50_000),
        age: Age(700),
    };
    let age = |micros, wall, boot| {
        let moment = Moment { wall: UnixMillis(wall), boot };
        stored.age_at(Instant::from_micros(micros), &moment).0
    };
    assert_eq!(age(6_000_000, 0, ONE), 1700);
    assert_eq!(age(5_000_000, 90_000, ONE), 700);
    // A clock that counts from this boot on does not go back in it.
    assert_eq!(age(4_999_999, 50_003, ONE), 703);
    assert_eq!(age(6_000_000, 50_003, TWO), 703);
    assert_eq!(age(6_000_000, 49_000, TWO), 700);
    assert_eq!(age(6_000_000, u64::MAX, None), u64::MAX - 50_000 + 700);
    assert_eq!(stored.advanced_to(Age(600)), stored);
    assert_eq!(stored.advanced_to(Age(701)).wall.0, 50_001);
}
