//! The state of a session at the start of a segment.

use evenkeel_proto::record::{BootId, Record};

use super::index::Index;
use crate::encoding::{encode_boot, encode_live, encode_record, encode_releasing};
use crate::session::Session;
use crate::{Misuse, StoreError};

/// Appends the state of a session: what earlier segments are not needed for.
pub(super) fn put_snapshot(
    session: &Session,
    index: &Index,
    boot: Option<BootId>,
    out: &mut Vec<u8>,
) -> Result<(), StoreError> {
    encode_live(session.next_serial, index.live(session), out);
    if let Some(boot) = boot {
        encode_boot(boot, out);
    }
    let put = |record: Record, out: &mut Vec<u8>| {
        encode_record(&record, out)
            .map_err(|_| StoreError::Misuse(Misuse::Unencodable { serial: None }))
    };
    if let Some(client_id) = session.client_id.clone() {
        put(Record::Identity { client_id }, out)?;
    }
    if session.unknown {
        put(Record::SessionUnknown, out)?;
    }
    if session.unproven {
        put(Record::Unproven, out)?;
    }
    if let Some(time) = session.time {
        put(Record::Time(time), out)?;
    }
    for packet_id in session.received.iter() {
        put(Record::Received { packet_id: *packet_id }, out)?;
    }
    for packet_id in session.clearing.iter() {
        put(Record::Clearing { packet_id: *packet_id }, out)?;
    }
    for subscription in session.subscriptions() {
        put(Record::Subscribed(subscription.clone()), out)?;
    }
    for (serial, exchange) in session.exchanges() {
        let packet_id = exchange.packet_id;
        if !exchange.kept {
            encode_releasing(serial, packet_id, out);
            continue;
        }
        put(Record::Sent { serial, packet_id }, out)?;
        if exchange.released {
            put(Record::ReleasedAndKept { serial }, out)?;
        }
    }
    for (serial, evidence) in session.quarantined() {
        let (deaths, attempts) = (evidence.deaths, evidence.attempts);
        put(Record::Quarantined { serial, deaths, attempts }, out)?;
    }
    Ok(())
}
