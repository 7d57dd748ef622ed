//! A connection that has ended, reduced to what later ones are compared with.

use core::time::Duration;

use super::{Earlier, End, Ping};
use crate::event::{Address, Moment, Place, Side};
use crate::texts::TextId;
use crate::time::Time;

/// A packet of the client, remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) at: Time,
    pub(crate) place: Place,
    pub(crate) kind: MarkKind,
    /// Its topic or first filter.
    pub(crate) topic: TextId,
    /// Its size; under TLS all there is.
    pub(crate) bytes: u32,
    /// Differs when the filters or the payload differ.
    pub(crate) digest: u32,
    pub(crate) filters: u16,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) payload: u32,
}

impl Mark {
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.at, self.place)
    }
}

/// What kind of packet it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MarkKind {
    #[default]
    Other,
    Subscribe,
    Publish,
    Sealed,
}

/// What the client did on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Its first packet after CONNACK that does something.
    pub(crate) first: Option<Mark>,
    /// Its last packet of any kind but CONNECT, PINGREQ and DISCONNECT.
    pub(crate) last: Option<Mark>,
}

/// How long a connection was idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Idle {
    /// The longest idle that the client broke and that then had an answer.
    pub(crate) longest_survived: Duration,
    /// How long it was idle before the client's first byte that has no answer.
    pub(crate) before_silence: Option<Duration>,
    /// When that byte was sent, and how many packets since then.
    pub(crate) silent_from: Option<Moment>,
    pub(crate) unanswered: u32,
}

/// What was said as the connection began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) connect: Option<Moment>,
    pub(crate) connack: Option<Moment>,
    /// CONNACK's code.
    pub(crate) code: Option<u8>,
    /// Differs when the credentials differ; 0 if there are none.
    pub(crate) credentials_digest: u32,
    pub(crate) version: u8,
    /// The keep-alive in force.
    pub(crate) keep_alive: Option<Duration>,
    pub(crate) session: Session,
}

/// What was said of the session, and what the client asked for in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    /// Clean Session or Clean Start.
    pub(crate) clean: bool,
    /// CONNACK said that the server has it.
    pub(crate) present: bool,
    /// The highest QoS of its SUBSCRIBEs; `None` if there were none.
    pub(crate) subscribed: Option<u8>,
    /// The first SUBSCRIBE: differs when filters or options differ.
    pub(crate) filters: u32,
}

/// A connection that has ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Round {
    pub(crate) client: Address,
    pub(crate) server: Address,
    /// When it began; `None` if that was not seen.
    pub(crate) opened: Option<Moment>,
    pub(crate) said: Said,
    /// How it ended; `None` if the source stops before.
    pub(crate) end: Option<End>,
    /// The newest bytes of the client, and of the server.
    pub(crate) sent: Option<Moment>,
    pub(crate) received: Option<Moment>,
    pub(crate) pings: u32,
    pub(crate) last_ping: Option<Ping>,
    pub(crate) earlier_pings: Earlier,
    pub(crate) idle: Idle,
    /// The client's retransmissions.
    pub(crate) resent: u32,
    pub(crate) marks: Marks,
    /// The capture lacks bytes of it.
    pub(crate) gaps: bool,
}

impl Round {
    /// From its beginning to its end, if both were seen.
    pub(crate) fn lifetime(&self) -> Option<Duration> {
        Some(self.end?.at.since(self.opened?.at))
    }

    /// How it ended, if the capture has all of it.
    pub(crate) fn whole_end(&self) -> Option<End> {
        if self.gaps { None } else { self.end }
    }

    /// Whether CONNACK let the client in.
    pub(crate) fn accepted(&self) -> bool {
        self.said.connack.is_some() && self.said.code.is_none_or(|code| code == 0)
    }

    /// Whether it subscribed in a session that is kept.
    pub(crate) fn keeps_session(&self) -> bool {
        self.said.session.subscribed.is_some() && !self.said.session.clean
    }

    /// Whether it ended as it should (guard G1).
    pub(crate) fn goodbye(&self) -> bool {
        self.end.is_some_and(|end| end.goodbye)
    }

    /// Whether this side ended it.
    pub(crate) fn ended_by(&self, side: Side) -> bool {
        self.end.is_some_and(|end| end.by == Some(side))
    }

    /// Its beginning, as far as the source shows.
    pub(crate) fn beginning(&self) -> Option<Moment> {
        self.opened.or(self.said.connect)
    }

    /// When it began, as far as the source shows.
    pub(crate) fn began(&self) -> Option<Time> {
        self.beginning().map(|moment| moment.at)
    }

    /// When it began, if that was seen.
    pub(crate) fn opened_at(&self) -> Option<Time> {
        self.opened.map(|moment| moment.at)
    }

    /// When the client's newest bytes were.
    pub(crate) fn last_sent(&self) -> Option<Time> {
        self.sent.map(|moment| moment.at)
    }

    /// When the server's newest bytes were.
    pub(crate) fn last_received(&self) -> Option<Time> {
        self.received.map(|moment| moment.at)
    }
}
