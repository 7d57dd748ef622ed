//! D4 and D5: packet identifiers, what the server announced, and the
//! acknowledgements that the application has a say in.

use std::collections::{BTreeMap, VecDeque};

use evenkeel_codec::{Packet, Publish, QoS};
use evenkeel_proto::{ConnectionId, Event};

use super::{Oracle, Verdict};
use crate::message::MessageId;
use crate::observation::{Delivery, Facts, Observation};
use crate::view::{Stage, View, packet_id};

#[derive(Debug, Default)]
pub(super) struct Identifiers {
    /// PUBACKs owed on the present connection in order: the identifier, and
    /// whether the application is done.
    owed: VecDeque<(u16, MessageId, bool)>,
    /// QoS 2 messages by identifier, and whether the application is done.
    receipts: BTreeMap<u16, (MessageId, bool)>,
    /// What the application has taken and is not done with.
    taken: BTreeMap<u64, Delivery>,
    /// Connections before which a message was taken have no use for it.
    taken_on: BTreeMap<u64, ConnectionId>,
}

impl Oracle for Identifiers {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        let _ = facts;
        match seen {
            Observation::Wrote(conn, packet, length) => {
                on_size(view, packet, *length, verdict);
                on_identifier(view, *conn, packet, verdict);
                self.on_acknowledgement(packet, verdict);
            }
            Observation::Got(_, Packet::Publish(publish)) => self.on_publish(publish),
            Observation::Got(_, Packet::PubRel(ack)) => {
                self.receipts.remove(&ack.packet_id.get());
            }
            Observation::Got(_, Packet::ConnAck(connack))
                if !connack.reason.is_error() && !connack.session_present =>
            {
                self.receipts.clear();
            }
            Observation::Event(Event::Disconnected { .. }) => self.owed.clear(),
            Observation::Taking(delivery) => {
                self.taken.insert(delivery.number, **delivery);
                if let Some(conn) = &view.conn {
                    self.taken_on.insert(delivery.number, conn.id);
                }
            }
            Observation::Done(number) => self.on_done(*number),
            Observation::Died(_) => {
                self.owed.clear();
                self.taken.clear();
                self.taken_on.clear();
            }
            // What is not stored, the server sends again, and the application
            // has to be done with it again.
            Observation::Recovered(recovered) => {
                let is_stored = |id: &u16| recovered.received.iter().any(|of| of.get() == *id);
                self.receipts.retain(|id, _| is_stored(id));
                self.receipts.values_mut().for_each(|(_, done)| *done = true);
            }
            _ => {}
        }
    }
}

fn on_size(view: &View, packet: &Packet, length: usize, verdict: &mut Verdict) {
    if let Some((_, online)) = view.online() {
        let limit = online.packet_size;
        verdict.require("D5", length <= limit as usize, || {
            format!("{:?} of {length} bytes, the server takes {limit}", packet.packet_type())
        });
    }
}

fn on_identifier(view: &View, conn: ConnectionId, packet: &Packet, verdict: &mut Verdict) {
    let message = match packet {
        Packet::Publish(publish) if publish.qos == QoS::AtMostOnce => return,
        Packet::Publish(publish) => MessageId::of(&publish.payload),
        Packet::Subscribe(_) | Packet::Unsubscribe(_) => None,
        _ => return,
    };
    let kind = packet.packet_type();
    let Some(id) = packet_id(packet).map(evenkeel_codec::PacketId::get) else {
        return verdict.broken("D4", format!("{kind:?} without a packet identifier"));
    };
    if let Some(flight) = view.ids.get(&id) {
        let again = message.is_some()
            && flight.message == message
            && matches!(flight.stage, Stage::AtLeastOnce | Stage::Receipt);
        verdict.require("D4", again, || format!("{kind:?} under {id}, in use by {flight:?}"));
    }
    let Some((_, online)) = view.online() else { return };
    let is_counted = view.ids.get(&id).is_some_and(|flight| flight.conn == conn);
    let open = view.publishes_here(conn) + usize::from(!is_counted);
    verdict.require("D5", message.is_none() || open <= usize::from(online.receive_maximum), || {
        format!("{open} messages unacknowledged, allowed are {}", online.receive_maximum)
    });
}

impl Identifiers {
    fn on_publish(&mut self, publish: &Publish) {
        let (Some(id), Some(message)) = (publish.packet_id, MessageId::of(&publish.payload)) else {
            return;
        };
        match publish.qos {
            QoS::AtLeastOnce => self.owed.push_back((id.get(), message, false)),
            QoS::ExactlyOnce => {
                self.receipts.entry(id.get()).or_insert((message, false));
            }
            QoS::AtMostOnce => {}
        }
    }

    fn on_done(&mut self, number: u64) {
        let Some(delivery) = self.taken.remove(&number) else { return };
        self.taken_on.remove(&number);
        let Some(id) = delivery.packet_id else { return };
        let is_this = |message: &MessageId| *message == delivery.message;
        if delivery.qos == QoS::ExactlyOnce {
            if let Some((_, done)) = self.receipts.get_mut(&id).filter(|(of, _)| is_this(of)) {
                *done = true;
            }
        } else if let Some((.., done)) =
            self.owed.iter_mut().find(|(of, message, done)| *of == id && is_this(message) && !done)
        {
            *done = true;
        }
    }

    fn on_acknowledgement(&mut self, packet: &Packet, verdict: &mut Verdict) {
        match packet {
            Packet::PubAck(ack) => {
                let id = ack.packet_id.get();
                let front = self.owed.front().copied();
                let is_due = front.is_some_and(|(of, _, done)| of == id && done);
                verdict.require("D5", is_due, || {
                    format!("PUBACK {id}, but next is {front:?} and its application not done")
                });
                self.owed.pop_front();
            }
            Packet::PubRec(ack) => {
                let receipt = self.receipts.get(&ack.packet_id.get());
                verdict.require("D5", receipt.is_some_and(|(_, done)| *done), || {
                    format!("PUBREC {} for {receipt:?}", ack.packet_id.get())
                });
            }
            _ => {}
        }
    }
}
