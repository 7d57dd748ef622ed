//! What goes wrong, drawn from a seed.

use std::time::Duration;

use evenkeel::ReasonCode;
use evenkeel_broker::Broker;
use evenkeel_broker::fault::{Action, PacketType, Rule, Stop, When};

use super::rng::Rng;
use super::{KEEP_ALIVE, client_id};

/// A client is hit about once in this time.
const PER_CLIENT: Duration = Duration::from_secs(20);
/// The whole broker is hit about once in this time.
const PER_BROKER: Duration = Duration::from_secs(45);
/// How long a rule waits for its packet.
const RULE_LASTS: Duration = Duration::from_secs(10);

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Trouble {
    /// A rule, and perhaps a close that makes it matter at once.
    Fault { name: &'static str, rule: Box<Rule>, kicks: Option<String> },
    /// One connection is closed with a reason.
    Kick { client: String, reason: ReasonCode },
    /// The broker goes down for a while and keeps its sessions.
    Restart(Duration),
    /// New connections are not taken for a while.
    BlackHole(Duration),
}

/// The plan of all trouble.
#[derive(Clone, Debug)]
pub(super) struct TroublePlan {
    rng: Rng,
    clients: u64,
}

impl TroublePlan {
    pub(super) const fn new(rng: Rng, clients: usize) -> Self {
        Self { rng, clients: clients as u64 }
    }

    /// The next next and the time until then.
    pub(super) fn next(&mut self) -> (Duration, Trouble) {
        let clients = u32::try_from(self.clients).unwrap_or(u32::MAX).max(1);
        let mean = (PER_CLIENT / clients).as_micros();
        let mean = u64::try_from(mean).unwrap_or(u64::MAX);
        let gap = Duration::from_micros(self.rng.between(0, 2 * mean));
        let of_broker = PER_BROKER.as_secs() * self.clients / PER_CLIENT.as_secs();
        let next = match self.rng.below(of_broker.max(4)) {
            0 => Trouble::Restart(self.rng.millis(100, 2000)),
            1 => Trouble::BlackHole(self.rng.millis(100, 3000)),
            _ => self.of_one_client(),
        };
        (gap, next)
    }

    fn of_one_client(&mut self) -> Trouble {
        let client = client_id(self.rng.below(self.clients));
        match self.rng.below(10) {
            0 => self.kick(client),
            1 => self.refusal(client),
            2 => self.flapping(client),
            3 => self.lost_connack(client),
            4 | 5 => self.ping_answer(client),
            6 | 7 => self.cut(client),
            8 => self.silence(client),
            _ => self.dribble(client),
        }
    }

    fn kick(&mut self, client: String) -> Trouble {
        let reasons = [
            ReasonCode::SERVER_SHUTTING_DOWN,
            ReasonCode::ADMINISTRATIVE_ACTION,
            ReasonCode::SERVER_BUSY,
            ReasonCode::UNSPECIFIED_ERROR,
        ];
        let reason = self.rng.pick(&reasons).unwrap_or(ReasonCode::UNSPECIFIED_ERROR);
        Trouble::Kick { client, reason }
    }

    fn refusal(&mut self, client: String) -> Trouble {
        // 3 is "server unavailable" before MQTT 5, in which 0x88 means nothing.
        let code = if super::is_old(&client) { 3 } else { 0x88 };
        let times = self.rng.between(1, 2);
        let rule = When::received(PacketType::Connect).client(&client).times(times).refuse(code);
        Trouble::fault("connect refused", rule, Some(client))
    }

    fn flapping(&mut self, client: String) -> Trouble {
        let times = self.rng.between(1, 3);
        let rule = When::sent(PacketType::ConnAck).client(&client).times(times).close_after();
        Trouble::fault("closed after CONNACK", rule, Some(client))
    }

    fn lost_connack(&mut self, client: String) -> Trouble {
        let when = When::received(PacketType::Connect).client(&client).times(1);
        let rule = when.silence(Stop::Sending, None);
        Trouble::fault("no CONNACK", rule, Some(client))
    }

    fn ping_answer(&mut self, client: String) -> Trouble {
        let when = When::sent(PacketType::PingResp).client(client);
        let (name, rule) = match self.rng.below(4) {
            0 => {
                let late = self.rng.millis(100, 1200 * KEEP_ALIVE.as_secs());
                ("late PINGRESP", when.delay(late))
            }
            1 => ("doubled PINGRESP", when.duplicate()),
            _ => ("lost PINGRESP", when.times(1).drop()),
        };
        Trouble::fault(name, rule, None)
    }

    /// Before or after the very packet whose loss is worst.
    fn cut(&mut self, client: String) -> Trouble {
        let kinds = [
            PacketType::Publish,
            PacketType::PubAck,
            PacketType::PubRec,
            PacketType::PubRel,
            PacketType::PubComp,
            PacketType::PingReq,
            PacketType::PingResp,
        ];
        let kind = self.rng.pick(&kinds).unwrap_or(PacketType::Publish);
        let when = if self.rng.below(2) == 0 { When::sent(kind) } else { When::received(kind) };
        let when = when.client(client).nth(self.rng.between(1, 5));
        let rule = if self.rng.below(2) == 0 { when.close() } else { when.close_after() };
        Trouble::fault("connection cut", rule, None)
    }

    fn silence(&mut self, client: String) -> Trouble {
        let stops = [Stop::Both, Stop::Both, Stop::Reading, Stop::Sending];
        let stop = self.rng.pick(&stops).unwrap_or_default();
        let lasts = match self.rng.below(3) {
            0 => None,
            _ => Some(self.rng.millis(300, 6000)),
        };
        let rule = When::any_received().client(client).times(1).silence(stop, lasts);
        Trouble::fault("half-open link", rule, None)
    }

    fn dribble(&mut self, client: String) -> Trouble {
        let bytes = usize::try_from(self.rng.between(1, 50)).unwrap_or(1);
        let every = self.rng.millis(5, 20);
        let lasts = Some(self.rng.millis(1000, 4000));
        let action = Action::Dribble { bytes, every, lasts };
        let rule = When::any_sent().client(client).times(1).then(action);
        Trouble::fault("slow link", rule, None)
    }
}

impl Trouble {
    fn fault(name: &'static str, rule: Rule, kicks: Option<String>) -> Self {
        Self::Fault { name, rule: Box::new(rule), kicks }
    }

    /// Its kind, for the report.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Fault { name, .. } => name,
            Self::Kick { .. } => "disconnected by the server",
            Self::Restart(_) => "broker restart",
            Self::BlackHole(_) => "connections not taken",
        }
    }

    /// Does it; what takes time goes on in the background.
    pub(super) fn perform(self, broker: &Broker) {
        let broker = broker.clone();
        match self {
            Self::Fault { rule, kicks, .. } => {
                // All of them are checked by a test.
                let Ok(id) = broker.add_fault(*rule) else { return };
                if let Some(client) = kicks {
                    broker.disconnect(&client, ReasonCode::ADMINISTRATIVE_ACTION);
                }
                tokio::spawn(async move {
                    tokio::time::sleep(RULE_LASTS).await;
                    broker.remove_fault(id);
                });
            }
            Self::Kick { client, reason } => drop(broker.disconnect(&client, reason)),
            Self::Restart(down_for) => {
                tokio::spawn(async move { broker.restart(true, down_for).await });
            }
            Self::BlackHole(lasts) => {
                broker.set_accepting(false);
                tokio::spawn(async move {
                    tokio::time::sleep(lasts).await;
                    broker.set_accepting(true);
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn plan(seed: u64, clients: usize, count: usize) -> Vec<(Duration, Trouble)> {
        let mut plan = TroublePlan::new(Rng::new(seed), clients);
        (0..count).map(|_| plan.next()).collect()
    }

    #[test]
    fn a_seed_is_a_plan() {
        assert_eq!(plan(1, 100, 500), plan(1, 100, 500));
        assert_ne!(plan(1, 100, 500), plan(2, 100, 500));
    }

    #[test]
    fn every_kind_of_trouble_occurs_and_no_rule_is_idle() {
        let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, next) in plan(3, 100, 5000) {
            *kinds.entry(next.name()).or_default() += 1;
            if let Trouble::Fault { rule, .. } = next {
                rule.check().unwrap();
            }
        }
        assert_eq!(kinds.len(), 12, "{kinds:?}");
        assert!(kinds.values().all(|count| *count >= 10), "{kinds:?}");
    }

    #[test]
    fn trouble_comes_as_often_as_it_should() {
        let total: Duration = plan(4, 100, 5000).into_iter().map(|(gap, _)| gap).sum();
        let per_client = total * 100 / 5000;
        assert!(per_client.abs_diff(PER_CLIENT) < PER_CLIENT / 10, "{per_client:?}");
    }
}
