//! The services behind the broker's topics.

use evenkeel_broker::core::{
    Claim, Effects, Happening, HttpCall, HttpResponse, Instant, Parts, Service, Time,
};
use evenkeel_broker::{CloseReason, ConnectionId};
use evenkeel_codec::{Properties, QoS, ReasonCode, TopicName, Will};
use serde_json::Value;

use super::{Emulator, time};
use crate::effects::Effect;
use crate::gate::CERTIFICATES;
use crate::provisioning::{IssueError, Issued, Issuer};
use crate::{ConnectFailed, Connected, DisconnectReason, Message, Request};

impl Service for Emulator {
    fn claims(&self, topic: &str) -> Claim {
        match self.services.claims(topic) {
            crate::Claim::Pass => Claim::Pass,
            crate::Claim::Consume => Claim::Consume,
            crate::Claim::Forbid => Claim::Forbid(ReasonCode::TOPIC_NAME_INVALID),
        }
    }

    fn on(&mut self, now: Time, what: &Happening<'_>, effects: &mut Effects) {
        let mut out = crate::Effects::new();
        match *what {
            Happening::Connected { id, client } => self.on_connected(now, id, client, &mut out),
            Happening::Refused { id, client } => {
                self.on_refused(now, id, client, effects, &mut out);
            }
            Happening::Ended { id, why, .. } => self.on_ended(now, id, why, &mut out),
            Happening::Subscribed { id, filters } => {
                self.services.on_subscribed(time(now), &self.session(id), filters, &mut out);
            }
            Happening::Unsubscribed { id, filters } => {
                self.services.on_unsubscribed(time(now), &self.session(id), filters, &mut out);
            }
            Happening::Published { id, topic, publish } => {
                let client = self.clients.get(&id).map_or_else(String::new, |one| one.name.clone());
                let payload = &publish.payload;
                let request = Request { time: time(now), client: &client, topic, payload };
                self.publish(&request, &mut out);
            }
            Happening::WillPublished { client, will } => {
                let (topic, payload) = (will.topic.as_str(), &will.payload);
                let request = Request { time: time(now), client, topic, payload };
                self.publish(&request, &mut out);
            }
        }
        self.carry_out(out, effects);
    }

    fn deadline(&self) -> Option<Instant> {
        let end = self.ends.first().map(|(end, _)| *end);
        if !self.untold.is_empty() {
            return Some(Instant::START);
        }
        let refresh = self.asked.next_refresh();
        let deadlines = [self.services.deadline(), end, refresh];
        let deadline = deadlines.into_iter().flatten().min()?;
        Some(Instant::START + deadline)
    }

    fn tick(&mut self, now: Time, effects: &mut Effects) {
        let mut out = crate::Effects::new();
        self.services.tick(time(now), &mut out);
        while let Some((end, id)) = self.ends.first().copied()
            && end <= now.now.since_start()
        {
            self.ends.remove(&(end, id));
            if let Some(client) = self.clients.get_mut(&id) {
                client.ended = client.end.map(|(_, reason)| reason);
            }
            effects.disconnect(id, ReasonCode::MAXIMUM_CONNECT_TIME);
        }
        self.asked.tick(now.now.since_start());
        for text in self.untold.drain(..) {
            effects.note("gate", text);
        }
        self.carry_out(out, effects);
    }

    fn close_frame_is_disconnect(&self) -> bool {
        true
    }

    fn http(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        effects: &mut Effects,
    ) -> Option<HttpResponse> {
        self.on_http(now, call, effects)
    }

    fn http_answered(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) -> HttpResponse {
        self.on_http_answered(now, call, answer, effects)
    }

    fn answered_later(
        &mut self,
        now: Time,
        id: ConnectionId,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) {
        self.refreshed(now, id, answer, effects);
    }

    fn ask(&mut self, now: Time, request: &Value, effects: &mut Effects) -> Value {
        self.answer(now, request, effects)
    }

    fn changes(&mut self, now: Time) -> Parts {
        self.changed_parts(now)
    }

    fn state(&self, now: Time) -> Box<dyn Iterator<Item = (String, String)> + '_> {
        Box::new(self.parts(now))
    }
}

impl Emulator {
    /// Certificates are made as long as the account may have more.
    pub(super) fn publish(&mut self, request: &Request<'_>, out: &mut crate::Effects) {
        if self.gate.registry.has_room() {
            self.services.on_publish(request, &mut *self.issuer, out);
        } else {
            self.services.on_publish(request, &mut Full, out);
        }
    }

    fn on_connected(&mut self, now: Time, id: ConnectionId, name: &str, out: &mut crate::Effects) {
        let session = self.session(id);
        let Some(client) = self.clients.get_mut(&id) else { return };
        // The broker may have chosen another name for a client without one.
        name.clone_into(&mut client.name);
        let connected = Connected {
            session: &session,
            client: name,
            principal: &client.principal.id,
            ip_address: &client.ip_address,
            thing: client.principal.thing.as_deref(),
        };
        self.services.on_connected(time(now), &connected, out);
        if let Some((end, _)) = client.end {
            self.ends.insert((end, id));
        }
        self.online.insert(name.to_owned(), id);
    }

    /// The operator is told why; of lack of rights there is a lifecycle event.
    fn on_refused(
        &mut self,
        now: Time,
        id: ConnectionId,
        client: &str,
        effects: &mut Effects,
        out: &mut crate::Effects,
    ) {
        let told = |why: &dyn std::fmt::Display| format!("connection {id} of {client:?}: {why}");
        let Some(refused) = self.refused.remove(&id) else {
            // The broker refuses by itself only who has waited for an answer for too long.
            if let Some(refusal) = self.asked.unanswered(id) {
                effects.note("gate", told(&refusal));
            }
            return;
        };
        effects.note("gate", told(&refused.why));
        if !refused.lacks_rights {
            return;
        }
        let failed = ConnectFailed {
            client,
            principal: &refused.principal,
            session: &self.session(id),
            ip_address: &refused.ip_address,
        };
        self.services.on_connect_failed(time(now), &failed, out);
    }

    fn on_ended(
        &mut self,
        now: Time,
        id: ConnectionId,
        why: CloseReason,
        out: &mut crate::Effects,
    ) {
        let Some(client) = self.clients.get(&id) else { return };
        let reason = client.ended.unwrap_or_else(|| reason(why));
        if let Some((end, _)) = client.end {
            self.ends.remove(&(end, id));
        }
        if self.online.get(&client.name) == Some(&id) {
            self.online.remove(&client.name);
        }
        self.services.on_disconnected(time(now), &self.session(id), reason, out);
    }

    /// Hands on what the services want done.
    pub(super) fn carry_out(&mut self, mut out: crate::Effects, effects: &mut Effects) {
        for effect in out.drain() {
            match effect {
                Effect::Publish(message) => match will(&message) {
                    Some(message) => effects.publish(message),
                    None => no_topic(&message, effects),
                },
                Effect::Send { client, message } => {
                    match (self.online.get(&client), will(&message)) {
                        (Some(id), Some(message)) => effects.send(*id, message),
                        (Some(_), None) => no_topic(&message, effects),
                        // It has gone meanwhile.
                        (None, _) => {}
                    }
                }
                Effect::Registry(change) => self.change_registry(change, effects),
                Effect::Note(note) => effects.note(note.name(), note.to_string()),
            }
        }
    }
}

/// Issues nothing, as the account has all the certificates that it may have.
struct Full;

impl Full {
    fn refusal() -> IssueError {
        IssueError::Unavailable { problem: format!("there are {CERTIFICATES} certificates") }
    }
}

impl Issuer for Full {
    fn create(&mut self, _: crate::Time) -> Result<Issued, IssueError> {
        Err(Self::refusal())
    }

    fn sign(&mut self, _: crate::Time, _: &str) -> Result<Issued, IssueError> {
        Err(Self::refusal())
    }
}

fn no_topic(message: &Message, effects: &mut Effects) {
    effects.note("rules", format!("{:?} is no topic to publish on", message.topic));
}

/// A message of the broker's own; `None` if its topic is none.
fn will(message: &Message) -> Option<Will> {
    Some(Will {
        qos: match message.qos {
            crate::QoS::AtMostOnce => QoS::AtMostOnce,
            crate::QoS::AtLeastOnce => QoS::AtLeastOnce,
        },
        retain: false,
        topic: TopicName::try_from(message.topic.as_str()).ok()?,
        payload: message.payload.clone(),
        properties: Properties::new(),
    })
}

/// AWS's word for the end of a connection.
const fn reason(why: CloseReason) -> DisconnectReason {
    match why {
        CloseReason::Disconnected => DisconnectReason::ClientInitiated,
        CloseReason::ConnectionLost => DisconnectReason::ConnectionLost,
        CloseReason::KeepAliveTimeout => DisconnectReason::KeepAliveTimeout,
        CloseReason::TakenOver => DisconnectReason::DuplicateClientId,
        CloseReason::ProtocolError | CloseReason::AnswerTooLarge => DisconnectReason::ClientError,
        CloseReason::Quota | CloseReason::Limit => DisconnectReason::Throttled,
        CloseReason::NotAuthorized => DisconnectReason::AuthError,
        CloseReason::Fault => DisconnectReason::ServerError,
        _ => DisconnectReason::ServerInitiated,
    }
}
