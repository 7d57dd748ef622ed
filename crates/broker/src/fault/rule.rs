//! One fault rule: on what, how often, for whom.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{PacketType, TopicFilter};
use serde::Deserialize;

use super::{Action, Announce, Stop};

/// One fault: when, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(crate) when: When,
    pub(crate) action: Action,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// A connection is accepted, before anything is read.
    Opened,
    /// A packet comes from the client; any type if none is given.
    Received(Option<PacketType>),
    /// A packet is about to be sent to the client.
    Sent(Option<PacketType>),
}

/// Over what a rule counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Over everything the broker does.
    #[default]
    Broker,
    /// For each client identifier, over its connections.
    Client,
    /// For each connection anew.
    Connection,
}

/// Which of the matching packets count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) after: u64,
    pub(crate) nth: Option<u64>,
    pub(crate) every: Option<u64>,
    pub(crate) times: Option<u64>,
    pub(crate) scope: Scope,
}

/// When a rule is in force, from the moment it was added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) starting: Duration,
    pub(crate) lasting: Option<Duration>,
}

/// The packets a rule is about, and which of them count.
///
/// All conditions must hold. Without a counting condition each match counts.
/// Ends with the action, which makes it a [`Rule`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct When {
    pub(crate) name: Option<String>,
    pub(crate) trigger: Trigger,
    pub(crate) client: Option<String>,
    pub(crate) topic: Option<TopicFilter>,
    pub(crate) larger_than: Option<usize>,
    pub(crate) more_filters_than: Option<usize>,
    pub(crate) connections: Option<(u64, u64)>,
    pub(crate) count: Count,
    pub(crate) span: Span,
    pub(crate) wait: Duration,
}

impl When {
    pub(crate) const fn new(trigger: Trigger) -> Self {
        Self {
            name: None,
            trigger,
            client: None,
            topic: None,
            larger_than: None,
            more_filters_than: None,
            connections: None,
            count: Count { after: 0, nth: None, every: None, times: None, scope: Scope::Broker },
            span: Span { starting: Duration::ZERO, lasting: None },
            wait: Duration::ZERO,
        }
    }

    /// A connection is accepted; TLS and WebSocket handshakes come later.
    pub const fn opened() -> Self {
        Self::new(Trigger::Opened)
    }

    /// A packet of this type comes from the client.
    pub const fn received(kind: PacketType) -> Self {
        Self::new(Trigger::Received(Some(kind)))
    }

    /// A packet of this type is about to be sent to the client.
    pub const fn sent(kind: PacketType) -> Self {
        Self::new(Trigger::Sent(Some(kind)))
    }

    /// Any packet comes from the client.
    pub const fn any_received() -> Self {
        Self::new(Trigger::Received(None))
    }

    /// Any packet is about to be sent to the client.
    pub const fn any_sent() -> Self {
        Self::new(Trigger::Sent(None))
    }

    /// Names the rule in events.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Only clients whose identifier fits: `*` stands for any text.
    pub fn client(mut self, pattern: impl Into<String>) -> Self {
        self.client = Some(pattern.into());
        self
    }

    /// Only PUBLISH with a topic, and SUBSCRIBE or UNSUBSCRIBE with a filter,
    /// within this filter.
    pub fn topic(mut self, filter: TopicFilter) -> Self {
        self.topic = Some(filter);
        self
    }

    /// Only PUBLISH with a payload of more bytes.
    pub const fn larger_than(mut self, bytes: usize) -> Self {
        self.larger_than = Some(bytes);
        self
    }

    /// Only SUBSCRIBE and UNSUBSCRIBE with more filters.
    pub const fn more_filters_than(mut self, filters: usize) -> Self {
        self.more_filters_than = Some(filters);
        self
    }

    /// Only this connection of the client identifier, counted from 1; for
    /// [`When::opened`], of the broker.
    pub const fn connection(self, number: u64) -> Self {
        self.connections(number..=number)
    }

    /// Only these connections, counted as by [`When::connection`].
    pub const fn connections(mut self, numbers: RangeInclusive<u64>) -> Self {
        self.connections = Some((*numbers.start(), *numbers.end()));
        self
    }

    /// Only the nth match, counted from 1 behind those [`When::after`] skips.
    pub const fn nth(mut self, n: u64) -> Self {
        self.count.nth = Some(n);
        self
    }

    /// Only every nth match.
    pub const fn every(mut self, n: u64) -> Self {
        self.count.every = Some(n);
        self
    }

    /// Skips the first matches.
    pub const fn after(mut self, n: u64) -> Self {
        self.count.after = n;
        self
    }

    /// At most so many times.
    pub const fn times(mut self, n: u64) -> Self {
        self.count.times = Some(n);
        self
    }

    /// Counts for each client identifier apart.
    pub const fn per_client(mut self) -> Self {
        self.count.scope = Scope::Client;
        self
    }

    /// Counts for each connection apart.
    pub const fn per_connection(mut self) -> Self {
        self.count.scope = Scope::Connection;
        self
    }

    /// In force only this long after the rule was added.
    pub const fn starting(mut self, delay: Duration) -> Self {
        self.span.starting = delay;
        self
    }

    /// In force for this long, from its beginning.
    pub const fn lasting(mut self, span: Duration) -> Self {
        self.span.lasting = Some(span);
        self
    }

    /// Lets time pass between the match and the action. For actions on the
    /// connection: close, disconnect, inject, silence, dribble.
    pub const fn wait(mut self, delay: Duration) -> Self {
        self.wait = delay;
        self
    }

    /// Ends with any action.
    pub const fn then(self, action: Action) -> Rule {
        Rule { when: self, action }
    }

    /// Ends with [`Action::Drop`].
    pub const fn drop(self) -> Rule {
        self.then(Action::Drop)
    }

    /// Ends with [`Action::Delay`].
    pub const fn delay(self, by: Duration) -> Rule {
        self.then(Action::Delay(by))
    }

    /// Ends with [`Action::Duplicate`].
    pub const fn duplicate(self) -> Rule {
        self.then(Action::Duplicate)
    }

    /// Ends with [`Action::Corrupt`].
    pub const fn corrupt(self, offset: usize, mask: u8) -> Rule {
        self.then(Action::Corrupt { offset, mask })
    }

    /// Ends with [`Action::Silence`], without end if `lasts` is absent.
    pub const fn silence(self, stop: Stop, lasts: Option<Duration>) -> Rule {
        self.then(Action::Silence { stop, lasts })
    }

    /// Ends with [`Action::Dribble`] until the connection ends.
    pub const fn dribble(self, bytes: usize, every: Duration) -> Rule {
        self.then(Action::Dribble { bytes, every, lasts: None })
    }

    /// Ends with [`Action::Close`].
    pub const fn close(self) -> Rule {
        self.then(Action::Close)
    }

    /// Ends with [`Action::CloseAfter`].
    pub const fn close_after(self) -> Rule {
        self.then(Action::CloseAfter)
    }

    /// Ends with [`Action::Refuse`].
    pub const fn refuse(self, code: u8) -> Rule {
        self.then(Action::Refuse { code, server_reference: None })
    }

    /// Ends with [`Action::Disconnect`].
    pub const fn disconnect(self, reason: u8) -> Rule {
        self.then(Action::Disconnect { reason, server_reference: None })
    }

    /// Ends with [`Action::Inject`].
    pub fn inject(self, bytes: impl Into<Bytes>) -> Rule {
        self.then(Action::Inject(bytes.into()))
    }

    /// Ends with [`Action::OnePer`].
    pub const fn one_per(self, span: Duration) -> Rule {
        self.then(Action::OnePer(span))
    }

    /// Ends with [`Action::Announce`].
    pub const fn announce(self, values: Announce) -> Rule {
        self.then(Action::Announce(values))
    }
}

impl Rule {
    /// Refuses what could never apply.
    pub fn check(&self) -> Result<(), RuleError> {
        let When { trigger, count, .. } = &self.when;
        if count.nth == Some(0) || count.every == Some(0) {
            return Err(RuleError::CountsFromOne);
        }
        if let Some((first, last)) = self.when.connections
            && (first == 0 || first > last)
        {
            return Err(RuleError::Connections { first, last });
        }
        if self.when.client.is_some() && *trigger == Trigger::Opened {
            return Err(RuleError::ClientUnknown);
        }
        self.check_contents()?;
        self.check_action()
    }

    fn check_contents(&self) -> Result<(), RuleError> {
        use PacketType::{Publish, Subscribe, Unsubscribe};
        let kind = match self.when.trigger {
            Trigger::Received(kind) | Trigger::Sent(kind) => kind,
            Trigger::Opened => None,
        };
        let is = |kinds: &[PacketType]| kind.is_some_and(|kind| kinds.contains(&kind));
        if self.when.topic.is_some() && !is(&[Publish, Subscribe, Unsubscribe]) {
            return Err(RuleError::NoTopic);
        }
        if self.when.larger_than.is_some() && !is(&[Publish]) {
            return Err(RuleError::NoPayload);
        }
        if self.when.more_filters_than.is_some() && !is(&[Subscribe, Unsubscribe]) {
            return Err(RuleError::NoFilters);
        }
        Ok(())
    }

    fn check_action(&self) -> Result<(), RuleError> {
        let action = self.action.name();
        let When { trigger, wait, .. } = self.when;
        let is_sent = matches!(trigger, Trigger::Sent(_));
        let connect = Trigger::Received(Some(PacketType::Connect));
        match &self.action {
            Action::Corrupt { .. } if !is_sent => Err(RuleError::NeedsSent { action }),
            Action::Refuse { .. } if trigger != connect => Err(RuleError::NeedsConnect),
            Action::Announce(_) if trigger != Trigger::Sent(Some(PacketType::ConnAck)) => {
                Err(RuleError::NeedsConnAck)
            }
            Action::Announce(Announce { receive_maximum: Some(0), .. }) => {
                Err(RuleError::ReceiveMaximumZero)
            }
            Action::Dribble { bytes: 0, .. } => Err(RuleError::DribbleZero),
            Action::Close
            | Action::Disconnect { .. }
            | Action::Inject(_)
            | Action::Silence { .. }
            | Action::Dribble { .. } => Ok(()),
            _ if trigger == Trigger::Opened => Err(RuleError::NeedsPacket { action }),
            _ if !wait.is_zero() => Err(RuleError::CannotWait { action }),
            _ => Ok(()),
        }
    }
}

/// Why a rule could never apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// `nth` or `every` of 0.
    CountsFromOne,
    /// An empty range of connections, or one that begins at 0.
    Connections {
        /// The first number.
        first: u64,
        /// The last number.
        last: u64,
    },
    /// A client pattern at a moment when no CONNECT was read.
    ClientUnknown,
    /// A topic for packets that have none.
    NoTopic,
    /// A payload size for packets without payload.
    NoPayload,
    /// A number of filters for packets without filters.
    NoFilters,
    /// An action on packets to the client, for others.
    NeedsSent {
        /// Its name.
        action: &'static str,
    },
    /// `refuse` for something other than a received CONNECT.
    NeedsConnect,
    /// `announce` for something other than a sent CONNACK.
    NeedsConnAck,
    /// An action on a packet without a packet.
    NeedsPacket {
        /// Its name.
        action: &'static str,
    },
    /// A wait before an action on a packet that cannot wait.
    CannotWait {
        /// Its name.
        action: &'static str,
    },
    /// A dribble of no bytes.
    DribbleZero,
    /// Receive Maximum 0, which MQTT forbids.
    ReceiveMaximumZero,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CountsFromOne => f.write_str("nth and every count from 1"),
            Self::Connections { first, last } => {
                write!(f, "connections {first} to {last} are none; they count from 1")
            }
            Self::ClientUnknown => f.write_str(
                "no client identifier is known when a connection opens; use received CONNECT",
            ),
            Self::NoTopic => {
                f.write_str("topic needs PUBLISH, SUBSCRIBE or UNSUBSCRIBE as its packet")
            }
            Self::NoPayload => f.write_str("larger_than needs PUBLISH as its packet"),
            Self::NoFilters => {
                f.write_str("more_filters_than needs SUBSCRIBE or UNSUBSCRIBE as its packet")
            }
            Self::NeedsSent { action } => {
                write!(f, "{action} works on sent packets only; a received one can be dropped")
            }
            Self::NeedsConnect => f.write_str("refuse needs received CONNECT"),
            Self::NeedsConnAck => f.write_str("announce needs sent CONNACK"),
            Self::NeedsPacket { action } => {
                write!(f, "{action} needs a packet; use sent or received in place of opened")
            }
            Self::CannotWait { action } => {
                write!(f, "{action} cannot wait; delay does that for a packet, starting for a rule")
            }
            Self::DribbleZero => f.write_str("dribble needs at least 1 byte in a piece"),
            Self::ReceiveMaximumZero => f.write_str("Receive Maximum must be 1 or more"),
        }
    }
}

impl std::error::Error for RuleError {}
