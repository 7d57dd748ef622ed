//! State of one connection. It dies with the connection (K7).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::num::NonZeroU64;
use core::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{ConnAck, Decoder, Version};

use crate::alias::{IncomingAliases, OutgoingAliases};
use crate::cause::ConnectPhase;
use crate::client::{Renewal, Withheld};
use crate::config::Config;
use crate::io::ConnectionId;
use crate::keepalive::{KeepAlive, LONGEST_WAIT, Settings};
use crate::limits::Limits;
use crate::operation::Claim;
use crate::pace::{Pacer, Rated};
use crate::reconnect::{Halt, Retry};
use crate::rng::Rng;
use crate::time::Instant;

/// The one connection, or the wait for it (R1).
#[derive(Debug)]
pub(crate) enum Connection {
    Stopped,
    Waiting(Retry),
    Opening(Box<Opening>),
    Online(Box<Online>),
    Halted(Halt),
    Closed,
}

impl Connection {
    /// What is known of it between CONNACK and its end.
    #[inline]
    pub(crate) const fn online(&self) -> Option<&Online> {
        match self {
            Self::Online(online) => Some(online),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn online_mut(&mut self) -> Option<&mut Online> {
        match self {
            Self::Online(online) => Some(online),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn is_online(&self) -> bool {
        matches!(self, Self::Online(_))
    }

    /// What is known of it before CONNACK.
    pub(crate) const fn opening(&self) -> Option<&Opening> {
        match self {
            Self::Opening(opening) => Some(opening),
            _ => None,
        }
    }

    pub(crate) const fn opening_mut(&mut self) -> Option<&mut Opening> {
        match self {
            Self::Opening(opening) => Some(opening),
            _ => None,
        }
    }

    /// The attempt, if this is the connection that it opens.
    pub(crate) fn opening_of(&mut self, conn: ConnectionId) -> Option<&mut Opening> {
        match self {
            Self::Opening(opening) if opening.conn == conn => Some(opening),
            _ => None,
        }
    }

    pub(crate) const fn is_halted(&self) -> bool {
        matches!(self, Self::Halted(_))
    }

    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// The connection that is open or being opened.
    #[inline]
    pub(crate) const fn conn(&self) -> Option<ConnectionId> {
        match self {
            Self::Opening(opening) => Some(opening.conn),
            Self::Online(online) => Some(online.conn),
            _ => None,
        }
    }

    /// Where it stands among the bytes that are sent.
    #[inline]
    pub(crate) const fn offsets(&self) -> Option<&Offsets> {
        match self {
            Self::Opening(opening) => Some(&opening.offsets),
            Self::Online(online) => Some(&online.offsets),
            _ => None,
        }
    }

    #[inline]
    pub(crate) const fn offsets_mut(&mut self) -> Option<&mut Offsets> {
        match self {
            Self::Opening(opening) => Some(&mut opening.offsets),
            Self::Online(online) => Some(&mut online.offsets),
            _ => None,
        }
    }
}

/// An attempt to connect, from opening to CONNACK.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) conn: ConnectionId,
    pub(crate) server: usize,
    pub(crate) attempt: u32,
    pub(crate) since: Instant,
    pub(crate) phase: ConnectPhase,
    pub(crate) version: Version,
    /// Made when the transport is open and CONNECT is sent.
    pub(crate) decoder: Option<Decoder>,
    pub(crate) auth: AuthTurn,
    /// First data of enhanced authentication, in place of the configured.
    pub(crate) first_data: Option<Bytes>,
    /// A CONNACK that waits for the verdict on its authentication data.
    pub(crate) accepted: Option<Box<ConnAck>>,
    pub(crate) offsets: Offsets,
    /// When the last packet was written whole.
    pub(crate) last_sent: Option<Instant>,
}

/// Who speaks next in an exchange of AUTH packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AuthTurn {
    /// None is under way.
    #[default]
    Nobody,
    Server,
    Client,
    /// The server has said its last word, which the client has to judge.
    Verdict,
}

/// A connection that CONNACK accepted.
#[derive(Debug)]
pub(crate) struct Online {
    pub(crate) conn: ConnectionId,
    pub(crate) since: Instant,
    pub(crate) session_present: bool,
    pub(crate) limits: Limits,
    pub(crate) decoder: Decoder,
    /// `None` if the effective keep-alive is zero (K12).
    pub(crate) keep_alive: Option<KeepAlive>,
    /// `None` if no topic of ours has an alias.
    pub(crate) outgoing_aliases: Option<Box<OutgoingAliases>>,
    pub(crate) incoming_aliases: IncomingAliases,
    pub(crate) proof: Proof,
    pub(crate) auth: AuthTurn,
    pub(crate) offsets: Offsets,
    /// QoS 0 messages from the queue by the offset at which each is written.
    pub(crate) unwritten: VecDeque<(u64, Claim)>,
    /// Bytes left in the read buffer when it was last looked at.
    pub(crate) unread: usize,
    /// `None` if nothing has a rate.
    pub(crate) pacer: Rated<Pacer>,
    pub(crate) ends: Ends,
}

/// What may have this side end the connection for another one.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) renewal: Renewal,
    /// `None` if this server never withholds an acknowledgement.
    pub(crate) withheld: Rated<Withheld>,
    /// When it is looked next for what is to be sent again; `None` if nothing is.
    pub(crate) retry: Option<Instant>,
}

/// What the peer has done since CONNACK.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proof {
    /// An acknowledgement or, late enough, a PINGRESP came (R3).
    pub(crate) useful: bool,
    /// PINGREQs that were written and have no PINGRESP, given up or not.
    pub(crate) unanswered: u32,
    /// The slowest PINGRESP, if one came.
    pub(crate) slowest_pong: Option<Duration>,
    pub(crate) life: Life,
}

/// Whether the server talks to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nothing came since CONNACK.
    #[default]
    Unknown,
    /// What was in flight at a cut waits for a sign of life until then (D16).
    Awaited { until: Instant },
    /// Nothing came, and it is not waited for any more.
    WaitedFor,
    /// A packet came.
    Shown {
        /// Bytes of ours that were queued when it came. The end of what was
        /// sent again before is no evidence (D16).
        at: u64,
    },
}

impl Life {
    /// For how much of the response time-out what was in flight at a cut waits:
    /// the rest is for the answers to it, so that the ping that had none does not end
    /// the connection before.
    const WAIT_PART: u32 = 2;

    /// The same if there are no pings.
    pub(crate) const WAIT_WITHOUT_PINGS: Duration = Duration::from_secs(10);

    /// How long to wait for a sign of life if an answer to a ping has this
    /// long; `None` without pings.
    pub(crate) fn wait(response_timeout: Option<Duration>) -> Duration {
        response_timeout.map_or(Self::WAIT_WITHOUT_PINGS, |whole| whole / Self::WAIT_PART)
    }
}

/// Offsets into the bytes sent on this connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offsets {
    /// Bytes of whole packets handed to the transmit buffer.
    pub(crate) queued: u64,
    /// Bytes of PUBLISH packets that were not written when the last one was queued, at
    /// most: they may go beyond the bound of the buffer, several of them behind a commit.
    pub(crate) publish: u64,
    /// Bytes the transport took.
    pub(crate) written: u64,
    /// A packet ends here, and is not yet written.
    checkpoint: Option<NonZeroU64>,
    /// The outstanding PINGREQ ends here.
    ping_end: Option<NonZeroU64>,
}

/// What a report of written bytes means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes that were waiting to be written, which a report may exceed.
    pub(crate) bytes: u64,
    pub(crate) packet: bool,
    pub(crate) ping: bool,
}

impl Offsets {
    /// Whole packets of this many bytes were queued.
    #[inline]
    pub(crate) const fn on_queued(&mut self, bytes: usize) {
        self.queued += bytes as u64;
        if self.checkpoint.is_none() {
            self.checkpoint = NonZeroU64::new(self.queued);
        }
    }

    /// As [`on_queued`](Self::on_queued), for one PUBLISH.
    #[inline]
    pub(crate) fn on_publish(&mut self, bytes: usize) {
        self.publish = self.publish.min(self.unwritten()) + bytes as u64;
        self.on_queued(bytes);
    }

    /// Bytes of whole packets that the transport has not taken.
    #[inline]
    pub(crate) const fn unwritten(&self) -> u64 {
        self.queued.saturating_sub(self.written)
    }

    /// A PINGREQ was queued last.
    pub(crate) const fn mark_ping(&mut self) {
        self.ping_end = NonZeroU64::new(self.queued);
    }

    /// The transport took bytes.
    ///
    /// Never claims a packet earlier than it was written whole; may claim it
    /// later if several are under way, which only makes pings earlier.
    pub(crate) fn on_written(&mut self, bytes: usize) -> Progress {
        let bytes = (bytes as u64).min(self.unwritten());
        self.written += bytes;
        let packet = self.checkpoint.is_some_and(|end| end.get() <= self.written);
        if packet {
            self.checkpoint = NonZeroU64::new(self.queued).filter(|end| end.get() > self.written);
        }
        let ping = self.ping_end.take_if(|end| end.get() <= self.written).is_some();
        Progress { bytes, packet, ping }
    }
}

impl Online {
    /// A packet came.
    #[inline]
    pub(crate) const fn show_life(&mut self) {
        if !matches!(self.proof.life, Life::Shown { .. }) {
            self.proof.life = Life::Shown { at: self.offsets.queued };
        }
    }

    /// Whether a ping that is answered now is useful work (R3). The first ping
    /// comes at any time (K14): if its answer proved anything, connections that
    /// die young would count as useful.
    pub(crate) fn is_proven_by_pong(&self, now: Instant) -> bool {
        now.since(self.since) >= earliest_ping(self.limits.keep_alive.value)
    }

    pub(crate) fn new(
        opening: &Opening,
        decoder: Decoder,
        config: &Config,
        limits: Limits,
    ) -> Self {
        Self {
            conn: opening.conn,
            since: opening.since,
            session_present: false,
            decoder,
            keep_alive: None,
            outgoing_aliases: OutgoingAliases::new(
                config.topic_aliases,
                limits.topic_alias_maximum.value,
            ),
            incoming_aliases: IncomingAliases::new(config.connect.topic_alias_maximum),
            limits,
            proof: Proof::default(),
            auth: AuthTurn::Nobody,
            offsets: opening.offsets,
            unwritten: VecDeque::new(),
            unread: 0,
            pacer: Rated::NONE,
            ends: Ends { renewal: Renewal::None, withheld: Rated::NONE, retry: None },
        }
    }
}

/// Silence of the peer that is death, from its last byte on, in quarters of the
/// interval (K4); more if deaths have taught to wait for late answers (K11).
const SILENCE_LIMITS: [u32; 3] = [6, 8, 9];

/// The part of the interval within which a ping is written after the last packet
/// and after the last byte of the peer (K4), in hundredths.
const LATEST_PING: u32 = 85;

/// The most doublings of the response timeout ([`keep_alive_settings`]).
pub(crate) const MOST_TIMEOUT_DOUBLINGS: u8 = SILENCE_LIMITS.len() as u8 - 1;

/// The engine's settings for an effective keep-alive; `None` turns it off.
///
/// Pings are due between 0.675 and 0.825 intervals after the last packet, at a
/// point that differs from connection to connection, and the first of a
/// connection at any point from 0.025 intervals to there: so many clients do not
/// ping in step, also if they connect at one moment (K14). The slack of the
/// engine ends at 0.85. `doublings`
/// counts what earlier deaths have taught: to wait longer for late answers.
/// Pings go on at the interval meanwhile.
pub(crate) fn keep_alive_settings(
    config: &Config,
    interval: Duration,
    doublings: u8,
    rng: &mut Rng,
) -> Option<Settings> {
    if interval.is_zero() {
        return None;
    }
    let (silence_limit, response_timeout) = match config.keep_alive.response_timeout {
        Some(wanted) => (Duration::ZERO, wanted_timeout(wanted, interval, doublings)),
        None => (silence_limit(interval, doublings), timeout_after(interval, doublings)),
    };
    let margin = rng.between(interval * 7 / 40, interval - earliest_ping(interval));
    let first_ping = if config.keep_alive.spread_first_ping {
        rng.between(interval / 40, interval - margin)
    } else {
        interval
    };
    Some(Settings {
        interval,
        margin,
        first_ping,
        response_timeout,
        min_ping_spacing: config.keep_alive.min_ping_spacing,
        silence_limit,
    })
}

/// The least silence on our side that makes a ping due, except for the first.
pub(crate) fn earliest_ping(interval: Duration) -> Duration {
    interval * 27 / 40
}

fn silence_limit(interval: Duration, doublings: u8) -> Duration {
    let quarters = SILENCE_LIMITS.get(usize::from(doublings)).unwrap_or(&SILENCE_LIMITS[2]);
    interval * *quarters / 4
}

/// What is left of the limit behind a ping that is as late as it may be.
fn timeout_after(interval: Duration, doublings: u8) -> Duration {
    let left = silence_limit(interval, doublings) - interval * LATEST_PING / 100;
    left.min(LONGEST_WAIT.saturating_mul(1 << doublings))
}

/// What the user asked for, doubled as often, up to 1.25 intervals.
fn wanted_timeout(wanted: Duration, interval: Duration, doublings: u8) -> Duration {
    wanted.saturating_mul(1 << doublings).min((interval * 5 / 4).max(wanted))
}

/// The time that an answer has if no death has taught to wait longer.
pub(crate) fn usual_timeout(config: &Config, interval: Duration) -> Duration {
    config.keep_alive.response_timeout.unwrap_or_else(|| timeout_after(interval, 0))
}

/// Remembers where ended connections got to, for receipts that ask late.
#[derive(Debug, Default)]
pub(crate) struct History {
    ends: [(ConnectionId, u64); 8],
    at: usize,
}

impl History {
    pub(crate) fn record(&mut self, conn: ConnectionId, written: u64) {
        if let Some(slot) = self.ends.get_mut(self.at) {
            *slot = (conn, written);
        }
        self.at = (self.at + 1) % self.ends.len();
    }

    pub(crate) fn written(&self, conn: ConnectionId) -> Option<u64> {
        self.ends.iter().find(|(id, _)| *id == conn).map(|(_, written)| *written)
    }
}
