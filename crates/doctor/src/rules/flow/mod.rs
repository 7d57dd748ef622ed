//! Flow control, acknowledgements, and clients that stall.

mod fc01_receive_maximum_exceeded;
mod fc02_inbound_acks_missing;
mod fc03_broker_stopped_acking;
mod fc04_packet_id_reused;
mod fc05_resend_in_connection;
mod fc06_handler_blocks;
mod fc07_ping_behind_bulk;
mod fc08_slow_consumer_dropped;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    fc01_receive_maximum_exceeded::RULE,
    fc02_inbound_acks_missing::RULE,
    fc03_broker_stopped_acking::RULE,
    fc04_packet_id_reused::RULE,
    fc05_resend_in_connection::RULE,
    fc06_handler_blocks::RULE,
    fc07_ping_behind_bulk::RULE,
    fc08_slow_consumer_dropped::RULE,
];
