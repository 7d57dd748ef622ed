//! D6 and R7: what goes out again, how and in which order, and what is set
//! aside.

use std::collections::BTreeMap;

use evenkeel_codec::{Packet, Publish, QoS};
use evenkeel_proto::record::Phase;
use evenkeel_proto::{
    Completion, ConnectionId, DeliveryError, DisconnectCause, Event, TransportFailure,
    WhenUncertain,
};

use super::life::is_cut;
use super::{Oracle, Verdict};
use crate::message::MessageId;
use crate::observation::{Facts, Observation};
use crate::view::{Stage, View, is_end};

#[derive(Debug, Default)]
pub(super) struct Resends {
    sent: BTreeMap<MessageId, Sent>,
    serial: u64,
    /// Connections that the peer cut while part of a packet was out.
    doubtful: u32,
    /// All that it cut.
    cuts: u32,
    /// Those that are over, as an outcome may be lost with its process.
    over: BTreeMap<MessageId, Sent>,
    /// The newest number of each topic and QoS that was sent.
    newest: BTreeMap<(u16, u8, u8), u32>,
    /// What was sent again last: the connection, and the order of its first
    /// sending.
    last_again: (ConnectionId, u64),
    /// The last connection on which a packet followed CONNACK.
    alive: ConnectionId,
}

/// A QoS 1 or 2 message that was sent and is not over.
#[derive(Debug)]
struct Sent {
    /// Order of first sending.
    serial: u64,
    /// Where and in which session it was sent last.
    conn: ConnectionId,
    session: u64,
    /// Connections that the peer cut while it was out.
    deaths: u32,
    /// The peer cut a connection over it, or over something else.
    is_suspect: bool,
    /// It was suspect, and went out again without a sign of life: what follows
    /// is no evidence (D16).
    is_blind: bool,
    /// Its exchange had come to an end when it was sent again.
    is_finished: bool,
}

impl Oracle for Resends {
    fn see(&mut self, _: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::LastPacket(_, Packet::Publish(publish)) if self.is_over(publish) => {}
            Observation::Wrote(conn, Packet::Publish(publish), _)
            | Observation::LastPacket(conn, Packet::Publish(publish)) => {
                self.on_publish(view, *conn, publish, verdict);
            }
            Observation::Got(conn, Packet::PubComp(ack)) => {
                self.alive = *conn;
                let flight = view.ids.get(&ack.packet_id.get());
                let flight = flight.filter(|flight| flight.stage == Stage::Completion);
                let message = flight.and_then(|flight| flight.message);
                if let Some(sent) = message.and_then(|message| self.sent.get_mut(&message)) {
                    sent.is_finished = true;
                }
            }
            Observation::Event(Event::Disconnected { conn, cause, .. }) if cut_by_peer(cause) => {
                self.cuts += 1;
                self.doubtful += u32::from(view.conn.as_ref().is_some_and(|conn| conn.backlog > 0));
                let here = view.ids.values().filter(|flight| flight.conn == *conn);
                for message in here.filter_map(|flight| flight.message) {
                    if let Some(sent) = self.sent.get_mut(&message) {
                        sent.deaths += u32::from(!sent.is_blind);
                        sent.is_suspect |= is_cut(cause);
                    }
                }
            }
            Observation::Event(Event::Quarantined { topic, deaths, .. }) => {
                // Strikes are counted before the end is told.
                let limit = view.declared.bounds.deaths_per_packet;
                let is_fair = limit > 0 && *deaths >= limit && self.cuts + 1 >= u32::from(*deaths);
                verdict.require("R7", is_fair, || {
                    format!(
                        "{topic:?} is set aside for {deaths} deaths, the peer cut {}",
                        self.cuts
                    )
                });
            }
            Observation::Completed(Completion::Publish { token, result }) => {
                self.on_outcome(view, view.tokens.get(token), result, verdict);
            }
            Observation::Event(Event::Settled { serial, result }) => {
                self.on_outcome(view, view.serials.get(serial), result, verdict);
            }
            Observation::Got(_, Packet::ConnAck(_)) => {}
            Observation::Got(conn, _) => self.alive = *conn,
            Observation::Died(_) => self.die(),
            Observation::Recovered(recovered) => {
                for exchange in &recovered.exchanges {
                    if exchange.phase == Phase::Released {
                        continue;
                    }
                    let message = view.serials.get(&exchange.serial);
                    if let Some((message, sent)) =
                        message.and_then(|message| self.over.remove_entry(message))
                    {
                        self.sent.insert(message, sent);
                    }
                }
            }
            _ => {}
        }
    }
}

impl Resends {
    fn on_outcome<T>(
        &mut self,
        view: &View,
        message: Option<&MessageId>,
        result: &Result<T, DeliveryError>,
        verdict: &mut Verdict,
    ) {
        let Some(message) = message else { return };
        if !is_end(result) {
            return;
        }
        let sent = self.sent.remove(message);
        if let Err(DeliveryError::Quarantined { deaths, .. }) = result {
            let limit = view.declared.bounds.deaths_per_packet;
            // This outcome may be told before the end it follows from.
            let here = sent.as_ref().is_some_and(|sent| {
                !sent.is_blind && view.conn.as_ref().is_some_and(|conn| conn.id == sent.conn)
            });
            let deaths_seen = sent.as_ref().map_or(0, |sent| sent.deaths);
            let seen = deaths_seen + u32::from(here) + self.doubtful;
            let is_fair = limit > 0 && *deaths >= limit && seen >= u32::from(limit);
            verdict.require("R7", is_fair, || {
                format!("{message} is set aside for {deaths} deaths, seen were {seen}")
            });
        }
        if let Some(sent) = sent
            && view.is_durable
        {
            self.over.insert(*message, sent);
        }
    }

    /// Connections are counted anew.
    fn die(&mut self) {
        for sent in self.sent.values_mut().chain(self.over.values_mut()) {
            sent.conn = ConnectionId::default();
        }
        self.last_again = (ConnectionId::default(), 0);
    }

    /// A message that got its outcome, by a shutdown, before its last bytes.
    fn is_over(&self, publish: &Publish) -> bool {
        MessageId::of(&publish.payload).is_some_and(|message| {
            let newest = self.newest.get(&message.stream()).copied().unwrap_or_default();
            message.number <= newest && !self.sent.contains_key(&message)
        })
    }

    fn on_publish(
        &mut self,
        view: &View,
        conn: ConnectionId,
        publish: &Publish,
        verdict: &mut Verdict,
    ) {
        let Some(message) = MessageId::of(&publish.payload) else {
            return verdict.broken("D3", "a payload was changed on its way".into());
        };
        let before = self.sent.get_mut(&message);
        let Some(sent) = before else {
            return self.on_first(view, conn, message, publish, verdict);
        };
        if view.declared.when_uncertain == WhenUncertain::SendAnew
            && std::mem::take(&mut sent.is_finished)
        {
            // D13: it may be lost, and is sent as a new message. A process that
            // has died since may have sent it already: the next can't know.
            let has_died = sent.conn == ConnectionId::default();
            verdict.require("D6", !publish.dup || has_died, || {
                format!("{message} is sent again with DUP")
            });
            (sent.conn, sent.session) = (conn, view.sessions);
            return;
        }
        verdict.require("D6", sent.conn != conn, || format!("{message} is sent twice on {conn:?}"));
        let known = sent.session == view.sessions;
        verdict.require("D6", publish.dup || !known, || {
            format!("{message} is sent again without DUP in the session that knows it")
        });
        let (last_conn, last) = self.last_again;
        verdict.require("D6", last_conn != conn || sent.serial > last, || {
            format!("{message} is sent again behind a later one")
        });
        self.last_again = (conn, sent.serial);
        sent.conn = conn;
        sent.session = view.sessions;
        sent.is_blind = sent.is_suspect && self.alive != conn;
    }

    fn on_first(
        &mut self,
        view: &View,
        conn: ConnectionId,
        message: MessageId,
        publish: &Publish,
        verdict: &mut Verdict,
    ) {
        let newest = self.newest.entry(message.stream()).or_default();
        verdict.require("D3", message.number > *newest, || {
            format!("{message} is sent behind number {newest}")
        });
        *newest = message.number;
        if publish.qos == QoS::AtMostOnce {
            return verdict.require("D6", !publish.dup, || format!("{message} with DUP"));
        }
        // What an earlier connection left open goes first.
        let was_sent = |message: &MessageId| self.sent.contains_key(message);
        let waits = view.ids.values().find(|flight| {
            flight.conn != conn
                && matches!(flight.stage, Stage::AtLeastOnce | Stage::Receipt)
                && flight.message.as_ref().is_some_and(was_sent)
        });
        verdict.require("D6", waits.is_none(), || {
            format!("{message} is sent while {waits:?} has to be sent again")
        });
        self.serial += 1;
        let (serial, session, deaths) = (self.serial, view.sessions, 0);
        let (is_suspect, is_blind, is_finished) = (false, false, false);
        let sent = Sent { serial, conn, session, deaths, is_suspect, is_blind, is_finished };
        self.sent.insert(message, sent);
    }
}

const fn cut_by_peer(cause: &DisconnectCause) -> bool {
    match cause {
        DisconnectCause::Transport { failure, .. } => {
            matches!(failure, TransportFailure::Eof | TransportFailure::Reset)
        }
        DisconnectCause::ServerDisconnect { .. } => true,
        _ => false,
    }
}
