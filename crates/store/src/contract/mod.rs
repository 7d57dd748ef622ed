//! The tests that every store must pass, for those who write one.
//!
//! ```
//! use evenkeel_store::MemoryStore;
//!
//! // What to open anew is made for each case; what it opens keeps what was
//! // committed, as a restart of the program would find it.
//! evenkeel_store::contract::check(|| {
//!     let store = MemoryStore::new();
//!     move || store.clone()
//! });
//! ```
//!
//! In a test file, [`store_contract!`](crate::store_contract) makes a test of
//! each case. What only a crash shows is not covered: cut the power of a
//! simulated disk below your store for that.

#[doc(hidden)]
pub mod exchanges;
#[doc(hidden)]
pub mod model;
#[doc(hidden)]
pub mod queue;
#[doc(hidden)]
pub mod session;

use evenkeel_proto::codec::{PacketId, Properties, Property, Publish, QoS, Text};
use evenkeel_proto::record::{
    Accepted, Outcome, Priority, Read, Record, Serial, StoredMessage, UnixMillis, Window,
};

use crate::Store;

/// Opens the store under test; the one opened before is gone by then.
pub type Open<'a> = &'a mut dyn FnMut() -> Box<dyn Store>;

/// Runs every case against stores of the same kind.
///
/// # Panics
///
/// How the store breaks the contract, with the name of the case in front.
pub fn check<S: Store + 'static, O: FnMut() -> S>(mut fresh: impl FnMut() -> O) {
    for (name, case) in CASES {
        println!("contract: {name}");
        let mut open = fresh();
        case(&mut || Box::new(open()));
    }
}

macro_rules! cases {
    ($($module:ident::$name:ident,)*) => {
        const CASES: &[(&str, fn(Open<'_>))] =
            &[$((stringify!($name), $module::$name),)*];

        /// Makes a test of each case of the [`contract`](crate::contract).
        ///
        /// ```
        /// mod my_store {
        ///     use evenkeel_store::MemoryStore;
        ///
        ///     evenkeel_store::store_contract!(|| {
        ///         let store = MemoryStore::new();
        ///         move || store.clone()
        ///     });
        /// }
        /// ```
        #[macro_export]
        macro_rules! store_contract {
            ($fresh:expr) => {
                $(
                    #[test]
                    fn $name() {
                        let mut open = ($fresh)();
                        $crate::contract::$module::$name(&mut || Box::new(open()));
                    }
                )*
            };
        }
    };
}

cases! {
    queue::a_new_store_is_empty,
    queue::a_message_comes_back_as_it_was,
    queue::the_queue_is_read_by_priority_and_in_order,
    queue::reading_keeps_to_its_bounds_and_always_moves,
    queue::every_message_is_listed_whatever_its_state,
    queue::an_empty_batch_is_taken,
    queue::a_serial_out_of_order_is_refused_with_its_batch,
    queue::serials_are_never_used_again,
    exchanges::sending_takes_a_message_off_the_queue,
    exchanges::sending_again_takes_another_identifier,
    exchanges::a_released_exchange_keeps_its_identifier_alone,
    exchanges::a_released_message_that_is_kept_can_be_sent_anew,
    exchanges::done_ends_a_message_in_any_state,
    exchanges::quarantine_keeps_a_message_out_of_the_queue,
    exchanges::a_quarantined_message_can_be_queued_again,
    exchanges::records_about_the_unknown_change_nothing,
    session::the_client_identifier_is_kept,
    session::received_identifiers_are_kept_until_finished,
    session::identifiers_being_cleared_are_kept_until_freed,
    session::a_lost_session_voids_what_was_received_alone,
    session::an_unproven_session_is_remembered_until_it_is_proven,
    session::the_time_is_kept_and_does_not_go_back,
    session::an_unknown_session_is_remembered_until_it_is_lost,
    session::the_session_outlives_many_messages,
    session::subscriptions_are_replaced_and_removed,
    model::random_batches_agree_with_the_model,
}

/// A message to be accepted: QoS 1, with this payload.
fn message(serial: u64, priority: Priority, payload: &[u8]) -> Accepted {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: topic("site/7/level"),
        packet_id: None,
        payload: payload.to_vec().into(),
        properties: Properties::new().with(Property::MessageExpiryInterval(60)),
    };
    let accepted = UnixMillis(1_800_000_000_000 + serial);
    Accepted { serial: Serial(serial), publish, accepted, expires: None, age: None, priority }
}

fn topic(text: &str) -> Text {
    Text::try_from(text).expect("a valid topic")
}

fn accepted(serials: impl IntoIterator<Item = u64>) -> Vec<Record> {
    let message = |serial: u64| message(serial, Priority::Normal, &serial.to_le_bytes());
    serials.into_iter().map(message).map(Record::Accepted).collect()
}

fn sent(serial: u64, id: u16) -> Record {
    Record::Sent { serial: Serial(serial), packet_id: packet_id(id) }
}

fn done(serial: u64) -> Record {
    Record::Done { serial: Serial(serial), outcome: Outcome::Delivered }
}

fn packet_id(id: u16) -> PacketId {
    PacketId::new(id).expect("an identifier is not 0")
}

/// More than any test stores.
const ALL: Window = Window { messages: usize::MAX, bytes: usize::MAX };

/// Opens and recovers.
fn opened(open: Open<'_>) -> (Box<dyn Store>, crate::record::Recovered) {
    let mut store = open();
    let recovered = store.recover().expect("a store that was closed can be opened");
    (store, recovered)
}

fn commit(store: &mut dyn Store, records: &[Record]) {
    store.commit(records).expect("the batch is in order");
}

/// All that is queued at a priority.
fn queued(store: &mut dyn Store, priority: Priority) -> Vec<StoredMessage> {
    let read = Read::Queue { priority, after: None, limit: ALL };
    store.read(&read).expect("the queue can be read")
}

fn one(store: &mut dyn Store, serial: u64) -> Option<StoredMessage> {
    let mut found = store.read(&Read::Message(Serial(serial))).expect("a message can be read");
    assert!(found.len() <= 1, "one message was asked for");
    found.pop()
}

fn serials(messages: &[StoredMessage]) -> Vec<u64> {
    messages.iter().map(|message| message.serial.0).collect()
}
