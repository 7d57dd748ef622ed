//! All that counts as one log, without what is over.

use alloc::vec::Vec;
use core::convert::Infallible;

use evenkeel_proto::record::Record;

use super::Mirror;
use super::log::{frame, put_header};
use crate::encoding::{encode_live, encode_record, encode_releasing};
use crate::session::Exchange;

impl Mirror {
    /// Appends a whole log, to be put in the place of the one there is.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        put_header(out);
        let Ok(()) = frame(out, |out| {
            encode_live(self.session.next_serial, core::iter::empty(), out);
            self.put_state(out);
            self.put_messages(out);
            self.put_exchanges(out);
            self.put_quarantine(out);
            Ok::<(), Infallible>(())
        });
    }

    fn put_state(&self, out: &mut Vec<u8>) {
        let session = &self.session;
        if let Some(client_id) = &session.client_id {
            put(&Record::Identity { client_id: client_id.clone() }, out);
        }
        if let Some(time) = session.time {
            put(&Record::Time(time), out);
        }
        if session.unknown {
            put(&Record::SessionUnknown, out);
        }
        if session.unproven {
            put(&Record::Unproven, out);
        }
        for packet_id in session.received.iter().copied() {
            put(&Record::Received { packet_id }, out);
        }
        for packet_id in session.clearing.iter().copied() {
            put(&Record::Clearing { packet_id }, out);
        }
        for subscription in session.subscriptions() {
            put(&Record::Subscribed(subscription.clone()), out);
        }
    }

    /// Each is queued at first, when it is read.
    fn put_messages(&self, out: &mut Vec<u8>) {
        for message in self.messages.messages.values() {
            put(&Record::Accepted(message.clone()), out);
        }
    }

    fn put_exchanges(&self, out: &mut Vec<u8>) {
        for (serial, Exchange { packet_id, released, kept, .. }) in self.session.exchanges() {
            if !kept {
                encode_releasing(serial, packet_id, out);
                continue;
            }
            put(&Record::Sent { serial, packet_id }, out);
            if released {
                put(&Record::ReleasedAndKept { serial }, out);
            }
        }
    }

    fn put_quarantine(&self, out: &mut Vec<u8>) {
        for (serial, evidence) in self.session.quarantined() {
            let (deaths, attempts) = (evidence.deaths, evidence.attempts);
            put(&Record::Quarantined { serial, deaths, attempts }, out);
        }
    }
}

fn put(record: &Record, out: &mut Vec<u8>) {
    // It was encoded once already, or read from there.
    let _ = encode_record(record, out);
}
