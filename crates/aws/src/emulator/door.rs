//! Who comes in: the gate behind the broker's.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use evenkeel_broker::ConnectionId;
use evenkeel_broker::core::{
    Act, Admission, Arrival, Gate, HttpFacts, HttpRequest, Permit, Question, Time,
};
use evenkeel_codec::{Connect, ReasonCode, Version};

use super::client::Client;
use super::{Emulator, Refused, time};
use crate::DisconnectReason;
use crate::gate::{self, CertificateId, Login, Principal, Refusal, Way};

/// Refusals that wait to be told; they do so until time passes.
const UNTOLD: usize = 100;

impl Gate for Emulator {
    fn upgrade(&mut self, now: Time, arrival: &Arrival) -> Result<(), u16> {
        let outcome = with(now, arrival, |arrival| self.gate.upgrade(arrival));
        outcome.map_err(|refusal| {
            if self.untold.len() < UNTOLD {
                self.untold.push(format!("a WebSocket from {}: {refusal}", ip(arrival)));
            }
            refusal.status()
        })
    }

    fn admit(
        &mut self,
        now: Time,
        id: ConnectionId,
        arrival: &Arrival,
        connect: &Connect,
    ) -> Admission {
        let outcome = with(now, arrival, |arrival| self.gate.admit(arrival, &login(connect)));
        match outcome {
            Ok(gate::Admission::In(principal)) => {
                self.let_in(now, id, arrival, connect, *principal)
            }
            Ok(gate::Admission::Ask(question)) => {
                self.asked.ask(id, question);
                Admission::Ask
            }
            Err(refusal) => self.turn_away(id, arrival, &refusal),
        }
    }

    fn has_question(&self) -> bool {
        self.asked.has_question()
    }

    fn next_question(&mut self) -> Option<Question> {
        self.question()
    }

    fn answered(
        &mut self,
        now: Time,
        id: ConnectionId,
        arrival: &Arrival,
        connect: &Connect,
        answer: Result<&str, &str>,
    ) -> Admission {
        let Some(outcome) = self.judge_answer(now, id, answer) else { return Admission::Close };
        match outcome {
            Ok(principal) => {
                self.asked.refresh(time(now).elapsed, id, principal.refreshed_after);
                self.let_in(now, id, arrival, connect, principal)
            }
            Err(refusal) => self.turn_away(id, arrival, &refusal),
        }
    }

    fn longest_session(&self) -> Option<Duration> {
        Some(self.gate.session_expiry.get())
    }

    fn may(&self, _: Time, id: ConnectionId, act: Act<'_>) -> Permit {
        match self.clients.get(&id) {
            Some(client) => client.may(act),
            None => Permit::Disconnect(ReasonCode::NOT_AUTHORIZED),
        }
    }

    fn explain(&self, id: ConnectionId, act: Act<'_>) -> String {
        let denial = self.clients.get(&id).and_then(|client| client.denial(act));
        denial.unwrap_or_default()
    }

    fn forget(&mut self, id: ConnectionId) {
        self.clients.remove(&id);
        self.refused.remove(&id);
        self.asked.forget(id);
    }
}

impl Emulator {
    fn let_in(
        &mut self,
        now: Time,
        id: ConnectionId,
        arrival: &Arrival,
        connect: &Connect,
        principal: Principal,
    ) -> Admission {
        let client = client(now, arrival, connect, principal);
        if let Some(will) = &connect.will {
            let act = Act::Publish { topic: &will.topic, qos: will.qos, retain: will.retain };
            if let Some(why) = client.denial(act) {
                let principal = client.principal.id;
                let why = format!("its will: {why}");
                return self.refuse(id, arrival, why, &principal, ReasonCode::NOT_AUTHORIZED);
            }
        }
        self.clients.insert(id, client);
        Admission::Welcome
    }

    /// What AWS checks within TLS ends without a word; policies and authorizers answer.
    fn turn_away(&mut self, id: ConnectionId, arrival: &Arrival, refusal: &Refusal) -> Admission {
        let why = refusal.to_string();
        let is_answered = matches!(
            refusal,
            Refusal::Connect { .. }
                | Refusal::Authorizer(_)
                | Refusal::NotAuthenticated
                | Refusal::AuthorizerFailed { .. }
        );
        let certificate = arrival.tls.as_ref().and_then(|tls| tls.certificate.as_deref());
        let principal = certificate.map(|der| CertificateId::of(der).to_string());
        let principal = principal.unwrap_or_default();
        let admission = self.refuse(id, arrival, why, &principal, ReasonCode::NOT_AUTHORIZED);
        if is_answered {
            return admission;
        }
        if let Some(refused) = self.refused.get_mut(&id) {
            refused.lacks_rights = false;
        }
        Admission::Close
    }

    fn refuse(
        &mut self,
        id: ConnectionId,
        arrival: &Arrival,
        why: String,
        principal: &str,
        reason: ReasonCode,
    ) -> Admission {
        let refused = Refused {
            why,
            principal: principal.into(),
            ip_address: ip(arrival).to_string(),
            lacks_rights: reason == ReasonCode::NOT_AUTHORIZED,
        };
        self.refused.insert(id, refused);
        Admission::Refuse { reason, why: "gate" }
    }
}

fn client(now: Time, arrival: &Arrival, connect: &Connect, principal: Principal) -> Client {
    let reason = match principal.way {
        Way::Authorizer => DisconnectReason::CustomAuthTtlExpiration,
        _ => DisconnectReason::WebSocketTtlExpiration,
    };
    let end = principal.ends_after.map(|after| (time(now).elapsed.saturating_add(after), reason));
    Client {
        name: connect.client_id.as_str().into(),
        version: connect.version,
        ip_address: ip(arrival).to_string(),
        end,
        ended: None,
        principal,
    }
}

/// Asks the gate about an arrival in its own words.
fn with<R>(now: Time, arrival: &Arrival, ask: impl FnOnce(&gate::Arrival<'_>) -> R) -> R {
    let upgrade = arrival.http.as_ref().map(|head| ("GET", head));
    with_head(now, arrival, upgrade, ask)
}

/// The same about a request of the HTTP API.
pub(super) fn with_request<R>(
    now: Time,
    arrival: &Arrival,
    request: &HttpRequest,
    ask: impl FnOnce(&gate::Arrival<'_>) -> R,
) -> R {
    with_head(now, arrival, Some((&request.method, &request.head)), ask)
}

fn with_head<R>(
    now: Time,
    arrival: &Arrival,
    head: Option<(&str, &HttpFacts)>,
    ask: impl FnOnce(&gate::Arrival<'_>) -> R,
) -> R {
    let tls = arrival.tls.as_ref().map(|tls| gate::TlsFacts {
        server_name: tls.server_name.as_deref(),
        alpn: tls.alpn.as_deref(),
        certificate: tls.certificate.as_deref(),
    });
    let request = head.map(|(method, head)| gate::Request {
        method,
        target: &head.target,
        headers: &head.headers,
    });
    ask(&gate::Arrival { at: time(now), port: arrival.port, peer: ip(arrival), tls, request })
}

/// The address a client comes from; whoever has none is on this machine.
fn ip(arrival: &Arrival) -> IpAddr {
    let address: Result<SocketAddr, _> = arrival.peer.parse();
    address.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

fn login(connect: &Connect) -> Login<'_> {
    let expiry = connect.properties.session_expiry_interval().unwrap_or_default();
    Login {
        client_id: &connect.client_id,
        user_name: connect.username.as_ref().map(|name| name.as_str()),
        password: connect.password.as_deref(),
        is_persistent: match connect.version {
            Version::V5 => expiry > 0,
            Version::V31 | Version::V311 => !connect.clean_start,
        },
        has_will: connect.will.is_some(),
    }
}
