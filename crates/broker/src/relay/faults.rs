//! The rules of a script, for connections that are relayed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use evenkeel_codec::PacketType;

use super::Side;
use super::speaker::Speaker;
use crate::core::{Config, Instant};
use crate::fault::{Action, Engine, Hit, Rule, RuleError, Script, Subject, Trigger};

/// Client identifiers whose connections are counted; others are all first ones.
const CLIENTS_MAX: usize = 100_000;

/// The rules of a script, and what they have counted over all connections.
#[derive(Debug)]
pub struct Faults {
    engine: Engine,
    /// Connections so far.
    opened: u64,
    /// CONNECTs so far, of each client identifier.
    connects: BTreeMap<Arc<str>, u64>,
}

impl Faults {
    /// The rules of a script, in force from [`Instant::START`] on. Refuses what a
    /// relay cannot do, as it is no broker.
    pub fn new(script: Script) -> Result<Self, FaultsError> {
        if !script.steps.is_empty() {
            return Err(FaultsError::Steps);
        }
        if script.config != Config::default() {
            return Err(FaultsError::Settings);
        }
        let mut engine = Engine::default();
        for (index, rule) in script.rules.into_iter().enumerate() {
            let (number, name) = (index + 1, rule.when.name.clone());
            check(&rule).map_err(|action| FaultsError::Action { number, name, action })?;
            engine.add(Instant::START, rule).map_err(FaultsError::Rule)?;
        }
        Ok(Self { engine, opened: 0, connects: BTreeMap::new() })
    }

    pub(super) const fn next_connection(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }

    /// Counts a CONNECT.
    pub(super) fn count(&mut self, client: &Arc<str>) -> u64 {
        if let Some(connects) = self.connects.get_mut(client) {
            *connects += 1;
            return *connects;
        }
        if self.connects.len() < CLIENTS_MAX {
            self.connects.insert(client.clone(), 1);
        }
        1
    }

    /// The rules for a connection that was accepted.
    pub(super) fn opened(&mut self, now: Instant, speaker: &Speaker) -> Vec<Hit> {
        let subject = Subject { packet: None, topic: None, ..speaker.subject(Trigger::Opened) };
        self.engine.judge(now, &subject)
    }

    /// The rules for a packet, and its type. One that cannot be decoded has no
    /// type, and no rule is for it.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        speaker: &mut Speaker,
        from: Side,
        packet: &[u8],
    ) -> (Option<PacketType>, Vec<Hit>) {
        let Some(packet) = speaker.learn(self, from, packet) else { return (None, Vec::new()) };
        let kind = packet.packet_type();
        let trigger = match from {
            Side::Client => Trigger::Received(Some(kind)),
            Side::Server => Trigger::Sent(Some(kind)),
        };
        let topic = speaker.topic(from, &packet);
        let subject = Subject { packet: Some(&packet), topic, ..speaker.subject(trigger) };
        (Some(kind), self.engine.judge(now, &subject))
    }

    pub(super) fn forget(&mut self, speaker: &Speaker) {
        self.engine.forget(speaker.id());
    }
}

/// `Err` names an action that only a broker can do.
const fn check(rule: &Rule) -> Result<(), &'static str> {
    match &rule.action {
        Action::Refuse { .. } | Action::Disconnect { .. } | Action::Announce(_) => {
            Err(rule.action.name())
        }
        Action::Drop
        | Action::Delay(_)
        | Action::Duplicate
        | Action::Corrupt { .. }
        | Action::Silence { .. }
        | Action::Dribble { .. }
        | Action::Close
        | Action::CloseAfter
        | Action::Inject(_)
        | Action::OnePer(_) => Ok(()),
    }
}

/// Why a script is none for a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultsError {
    /// It has steps.
    Steps,
    /// It has settings of a broker.
    Settings,
    /// An action that needs a broker.
    Action {
        /// The rule's place in the file, from 1.
        number: usize,
        /// Its name, if it has one.
        name: Option<String>,
        /// The action's name.
        action: &'static str,
    },
    /// A combination that could never apply.
    Rule(RuleError),
}

impl fmt::Display for FaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps => f.write_str("steps are for a broker: a relay restarts nothing"),
            Self::Settings => f.write_str(
                "the sections offer, limits, memory, access and behaviour are for a broker",
            ),
            Self::Action { number, name, action } => {
                write!(f, "rule {number}")?;
                if let Some(name) = name {
                    write!(f, " (\"{name}\")")?;
                }
                write!(f, " does not work: {action} needs a broker, which makes the packet")
            }
            Self::Rule(error) => error.fmt(f),
        }
    }
}

/// Without a source: [`FaultsError::Rule`] has the text of what it holds.
impl std::error::Error for FaultsError {}
