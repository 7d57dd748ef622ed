//! How connections and sessions end, and the wills that follow.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_codec::{Disconnect, ReasonCode, Version, Will};

use super::Core;
use super::connection::{Online, Phase};
use super::event::{CloseReason, EventKind};
use super::ids::{ConnectionId, SessionId};
use super::message::Message;
use super::service::{Claim, Happening};
use super::time::Instant;
use super::timers::Timer;
use super::will::{self, PendingWill};

impl Core {
    /// Takes the session from each connection that is to end. Every input
    /// ends here.
    pub(super) fn end_connections(&mut self, now: Instant) {
        // That may publish a will, whose delivery may end another connection.
        while let Some(id) = self.journal.to_end.pop() {
            self.end_connection(now, id);
        }
    }

    fn end_connection(&mut self, now: Instant, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let Some(closing) = connection.closing else { return };
        self.journal.note_end(now, id, connection, closing);
        let phase = std::mem::replace(&mut connection.phase, Phase::Over);
        let client = connection.client_id.clone();
        if let (Some(judge), Some(client)) = (&mut self.judge, &client) {
            judge.went(now, client);
        }
        if let Phase::Online(online) = phase {
            let client = client.unwrap_or_default();
            self.tell(now, &Happening::Ended { id, client: &client, why: closing.why });
            self.leave_session(now, *online);
        }
    }

    fn leave_session(&mut self, now: Instant, online: Online) {
        let id = online.session;
        self.sessions.on_left(id);
        let Some(session) = self.sessions.get(id) else { return };
        let expiry = session.expiry;
        self.release_held(now, id);
        if online.will.is_none() {
            self.forget_will(id);
        }
        if let Some(will) = online.will {
            self.schedule_will(now, id, *will, expiry);
        }
        if expiry == 0 {
            self.end_session(now, id, "disconnected");
        } else if expiry < u32::MAX
            && let Some(session) = self.sessions.get_mut(id)
        {
            let ends = now
                + match &self.judge {
                    Some(judge) => judge.expiry(expiry),
                    None => Duration::from_secs(expiry.into()),
                };
            session.ends = Some(ends);
            self.timers.set(ends, Timer::Expiry(id));
        }
    }

    /// Publishes a will now or after its delay.
    fn schedule_will(&mut self, now: Instant, id: SessionId, will: Will, expiry: u32) {
        let delay = will::delay(&will, expiry);
        let Some(session) = self.sessions.get_mut(id) else { return };
        let client = session.client_id.clone();
        if delay.is_zero() {
            self.forget_will(id);
            return self.publish_will(now, &client, will);
        }
        let at = now + delay;
        session.will = Some(PendingWill { will, at });
        self.timers.set(at, Timer::Will(id));
        let delay = u32::try_from(delay.as_secs()).unwrap_or(u32::MAX);
        self.journal.note_of(now, Some(&client), EventKind::WillDelayed { delay });
    }

    //= [MQTT-3.1.2-8]
    //= [MQTT-3.1.2-14]
    //= [MQTT-3.1.2-15]
    fn publish_will(&mut self, now: Instant, client: &Arc<str>, will: Will) {
        let topic = will.topic.as_str().to_owned();
        let claim = self.claims(&topic);
        if let Claim::Forbid(_) = claim {
            // It was not when the client came.
            let kind = EventKind::MessageDropped { topic, why: "forbidden" };
            return self.journal.note_of(now, Some(client), kind);
        }
        self.journal.note_of(now, Some(client), EventKind::WillPublished { topic });
        let told = self.is_extended().then(|| will.clone());
        if claim == Claim::Pass {
            self.distribute(now, Arc::new(Message::of_will(now, will)));
        }
        if let Some(will) = told {
            self.tell(now, &Happening::WillPublished { client, will: &will });
        }
    }

    pub(super) fn will_due(&mut self, now: Instant, at: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let client = session.client_id.clone();
        if let Some(pending) = session.will.take_if(|pending| pending.at == at) {
            self.forget_will(id);
            self.publish_will(now, &client, pending.will);
        }
    }

    pub(super) fn expiry_due(&mut self, now: Instant, at: Instant, id: SessionId) {
        if self.sessions.get(id).is_some_and(|session| session.ends == Some(at)) {
            self.end_session(now, id, "expired");
        }
    }

    /// The client is back: nothing expires, no will is published.
    //= [MQTT-3.1.3-9]
    pub(super) fn resume_session(&mut self, now: Instant, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if let Some(ends) = session.ends.take() {
            self.timers.cancel(ends, Timer::Expiry(id));
        }
        if let Some(pending) = session.will.take() {
            let client = session.client_id.clone();
            self.timers.cancel(pending.at, Timer::Will(id));
            self.forget_will(id);
            self.journal.note_of(now, Some(&client), EventKind::WillCancelled);
        }
    }

    /// No will waits any more: it takes nothing.
    fn forget_will(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let before = session.bytes();
        session.will_bytes = 0;
        self.sessions.recount(id, before);
    }

    /// Makes room for one more session, if there are as many as may be.
    pub(super) fn make_room(&mut self, now: Instant) {
        while self.sessions.len() >= self.config.limits.sessions {
            let Some(id) = self.sessions.oldest_away() else { return };
            let client = self.sessions.get(id).map(|session| session.client_id.clone());
            let kind = EventKind::LimitReached { limit: "sessions" };
            self.journal.note_of(now, client.as_ref(), kind);
            self.end_session(now, id, "displaced");
        }
    }

    /// Forgets a session; a will that waits is published first.
    pub(super) fn end_session(&mut self, now: Instant, id: SessionId, why: &'static str) {
        self.release_held(now, id);
        let Some(mut session) = self.sessions.remove(id) else { return };
        for filter in session.subscriptions.keys() {
            self.router.unsubscribe(filter, id);
        }
        if let Some(ends) = session.ends {
            self.timers.cancel(ends, Timer::Expiry(id));
        }
        self.journal.note_of(now, Some(&session.client_id), EventKind::SessionEnded { why });
        if let Some(pending) = session.will.take() {
            self.timers.cancel(pending.at, Timer::Will(id));
            self.publish_will(now, &session.client_id, pending.will);
        }
    }

    /// Ends a connection without a word to the client.
    pub(super) fn end(&mut self, now: Instant, id: ConnectionId, why: CloseReason) {
        if let Some(mut wire) = self.wire(now, id) {
            wire.close(why);
        }
    }

    //= [MQTT-3.14.4-3]
    pub(super) fn on_disconnect(&mut self, now: Instant, id: ConnectionId, packet: &Disconnect) {
        let maximum = self.longest_session();
        let Some(mut wire) = self.wire(now, id) else { return };
        wire.note(EventKind::DisconnectReceived { reason: packet.reason });
        let is_v5 = wire.connection.version == Version::V5;
        let Some(online) = wire.connection.online_mut() else { return };
        let expiry = if is_v5 { packet.properties.session_expiry_interval() } else { None };
        if online.asked_expiry == 0 && expiry.is_some_and(|expiry| expiry > 0) {
            let detail = "DISCONNECT gives a session expiry although CONNECT gave none".into();
            return wire.violation("section 3.14.2.2.2", ReasonCode::PROTOCOL_ERROR, detail);
        }
        //= [MQTT-3.1.2-10]
        if !is_v5 || packet.reason == ReasonCode::SUCCESS {
            online.will = None;
        }
        let session = online.session;
        wire.close(CloseReason::Disconnected);
        if let (Some(expiry), Some(session)) = (expiry, self.sessions.get_mut(session)) {
            session.expiry = expiry.min(maximum);
        }
    }

    /// The broker goes down as if it were killed: all connections end at once,
    /// without DISCONNECT and without wills. Sessions that outlive their
    /// connections, and retained messages, stay if they are to be kept.
    pub fn stop(&mut self, now: Instant, keeps_sessions: bool) {
        for id in self.connection_ids() {
            if let Some(mut wire) = self.wire(now, id) {
                if let Some(online) = wire.connection.online_mut() {
                    online.will = None;
                }
                wire.abort(CloseReason::Stopped);
            }
        }
        self.end_connections(now);
        self.journal.note_of(now, None, EventKind::Stopped { keeps_sessions });
        if keeps_sessions {
            return;
        }
        for id in self.sessions.ids() {
            if let Some(session) = self.sessions.get_mut(id)
                && let Some(pending) = session.will.take()
            {
                self.timers.cancel(pending.at, Timer::Will(id));
            }
            self.end_session(now, id, "restart");
        }
        self.retained.clear();
    }
}
