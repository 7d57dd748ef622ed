//! R10 and R14: which server is tried, and which version it is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_codec::{Packet, ReasonCode, Version};
use evenkeel_proto::{DisconnectCause, Event, Instant};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

/// How long what failed comes behind the others.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long a server that would not have MQTT 5 is not asked for it again.
const NOT_ASKED_AGAIN: Duration = Duration::from_secs(3600);

#[derive(Debug, Default)]
pub(super) struct Servers {
    known: BTreeMap<usize, Known>,
    /// Where the present attempt goes, and the version it spoke.
    server: usize,
    spoke: Option<Version>,
}

/// What has been seen of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// It took no connection, the last time.
    failed: Option<Instant>,
    speaks_v5: bool,
    /// When it last said that it has no MQTT 5, or was silent to it.
    without_v5: Option<Instant>,
    /// MQTT 5 met no answer, and 3.1.1 has not been accepted since.
    may_guess: bool,
    /// It accepted 3.1.1 in a session that is kept.
    keeps_v311: bool,
}

impl Oracle for Servers {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Opening(open) => {
                (self.server, self.spoke) = (open.server, None);
                self.judge_server(facts.local, view.declared.servers, verdict);
            }
            Observation::Wrote(_, Packet::Connect(connect), _) => {
                self.spoke = Some(connect.version);
                self.judge_version(facts.local, view, connect.version, verdict);
            }
            Observation::Got(_, Packet::ConnAck(connack)) => {
                self.note_answer(facts.local, view, connack.reason)
            }
            Observation::Event(Event::Disconnected { cause, online_for: None, .. }) => {
                self.note_failure(facts.local, cause);
            }
            _ => {}
        }
    }
}

impl Servers {
    fn here(&mut self) -> &mut Known {
        self.known.entry(self.server).or_default()
    }

    fn judge_server(&self, now: Instant, count: usize, verdict: &mut Verdict) {
        let failed = |server: usize| {
            let known = self.known.get(&server);
            known.and_then(|known| known.failed).is_some_and(|at| now.since(at) < REMEMBERED)
        };
        let better = (0..count).find(|server| !failed(*server));
        let is_right = !failed(self.server) || better.is_none();
        verdict.require("R10", is_right, || {
            format!("server {} failed a while ago, {better:?} did not", self.server)
        });
    }

    fn judge_version(
        &mut self,
        now: Instant,
        view: &View,
        version: Version,
        verdict: &mut Verdict,
    ) {
        let declared = &view.declared;
        let may_fall_back = declared.fallback && declared.version == Version::V5;
        if !may_fall_back {
            let is_right = version == declared.version;
            return verdict.require("R14", is_right, || format!("{version:?} was not asked for"));
        }
        let known = *self.here();
        let evidence = known.without_v5.is_some_and(|at| now.since(at) < NOT_ASKED_AGAIN);
        let may_be_less = !known.speaks_v5 && (evidence || known.may_guess || known.keeps_v311);
        verdict.require("R14", version == Version::V5 || may_be_less, || {
            format!("{version:?} for server {} after {known:?}", self.server)
        });
    }

    fn note_answer(&mut self, now: Instant, view: &View, reason: ReasonCode) {
        let spoke = self.spoke;
        let config = &view.declared.connect;
        let is_kept = !config.clean_start || config.session_expiry > 0;
        let here = self.here();
        if reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION {
            if spoke == Some(Version::V5) {
                here.without_v5 = Some(now);
            }
            return;
        }
        here.speaks_v5 |= spoke == Some(Version::V5);
        if reason == ReasonCode::SUCCESS {
            (here.failed, here.may_guess) = (None, false);
            here.keeps_v311 = is_kept && spoke == Some(Version::V311);
        }
    }

    /// An attempt came to nothing.
    fn note_failure(&mut self, now: Instant, cause: &DisconnectCause) {
        let spoke = self.spoke;
        let here = self.here();
        match cause {
            DisconnectCause::ReconnectRequested
            | DisconnectCause::Renewal
            | DisconnectCause::Shutdown => return,
            DisconnectCause::Refused { reason, .. }
                if *reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION =>
            {
                return;
            }
            DisconnectCause::Transport { .. } | DisconnectCause::ConnectTimeout { .. }
                if spoke == Some(Version::V5) =>
            {
                here.may_guess = true;
                if let DisconnectCause::ConnectTimeout { .. } = cause {
                    here.without_v5 = Some(now);
                }
            }
            _ => {}
        }
        here.failed = Some(now);
    }
}
