//! Events as lines for people.

use std::time::Duration;

use evenkeel::events::{self, Repetition};
use evenkeel::keepalive::Pong;
use evenkeel::{
    Client, Connected, DisconnectCause, Event, Halt, Instant, Pace, ReasonCode, Report, State,
    Version,
};

use crate::cause::End;
use crate::duration;
use crate::plural::{plural, plural_were};
use crate::printer::{Printer, Verbosity};

/// Tells events in order. Undisturbed connections are silent unless `--debug`.
pub(super) struct EventText {
    printer: Printer,
    /// The first half of a line: what ended. The next event says what follows.
    ended: Option<String>,
    /// When the last connection was lost.
    lost_at: Option<Instant>,
    attempt: u32,
    /// Why the next attempt may speak another version.
    fallback: &'static str,
    /// The session is to outlive a connection: if it does not, the server has lost it.
    keeps_session: bool,
}

impl EventText {
    pub(super) const fn new(printer: Printer, keeps_session: bool) -> Self {
        Self {
            keeps_session,
            printer,
            ended: None,
            lost_at: None,
            attempt: 1,
            fallback: UNANSWERED,
        }
    }

    /// mosquitto's tools tell nothing of this unless debugging.
    fn say(&self, line: &str) {
        if self.printer.personality().is_mosquitto() {
            self.printer.debug(line);
        } else {
            self.printer.say(line);
        }
    }

    /// Tells an event; `end` is the end that it is about.
    pub(super) fn tell(&mut self, report: &Report, end: Option<&End>) {
        match &report.event {
            Event::Connecting { attempt, .. } => {
                self.attempt = *attempt;
                self.printer.debug(&format!("connecting, attempt {attempt}"));
            }
            Event::Connected(connected) => self.connected(connected, report.at),
            Event::Disconnected { online_for, .. } => match end {
                Some(end) => self.disconnected(end, *online_for, report.at),
                None => self.printer.debug("disconnected"),
            },
            Event::RetryScheduled { retry, delay } => {
                let next = format!(
                    "attempt {} {}{}",
                    retry.attempt,
                    duration::within(*delay),
                    pace(retry.pace)
                );
                self.follow(&next);
            }
            Event::Halted(halt) => self.halted(*halt),
            Event::FilesRenewed { .. } => {
                self.say("renewed certificate files are used from now on")
            }
            Event::FilesKept { .. } => {
                let why = report.error.as_ref().map(|error| error.fact()).unwrap_or_default();
                self.printer
                    .warn(&format!("{why}; what the certificate files said before is used"));
            }
            other => self.tell_more(other),
        }
    }

    fn connected(&mut self, connected: &Connected, now: Instant) {
        let version = connected.version;
        let session =
            if connected.session_present { "the session goes on" } else { "a new session" };
        match self.lost_at.take() {
            Some(lost) => {
                let away = duration::after(now.since(lost));
                self.say(&format!(
                    "connected again {away}, at attempt {}; {session}",
                    self.attempt
                ));
            }
            None => {
                let took = duration::text(connected.took);
                self.printer.debug(&format!("connected in {took} by {version}; {session}"));
            }
        }
    }

    fn disconnected(&mut self, end: &End, online_for: Option<Duration>, now: Instant) {
        let why = end.why();
        self.fallback = fallback(&end.cause);
        self.ended = Some(match online_for {
            Some(lived) => format!("connection lost {}: {why}", duration::after(lived)),
            None => format!("attempt {} failed: {why}", self.attempt),
        });
        self.lost_at.get_or_insert(now);
    }

    /// Completes the line that an end began.
    fn follow(&mut self, what: &str) {
        match self.ended.take() {
            Some(ended) => self.say(&format!("{ended}; {what}")),
            None => self.printer.debug(what),
        }
    }

    /// The error that ends the program says it, and says why.
    fn halted(&mut self, halt: Halt) {
        let ended = self.ended.take().map(|ended| ended + "; ").unwrap_or_default();
        self.printer.debug(&format!("{ended}{}", halted(halt)));
    }

    fn tell_more(&self, event: &Event) {
        match event {
            Event::VersionFallback(next) => {
                let why = match next {
                    Version::V5 => "again",
                    _ => self.fallback,
                };
                self.say(&format!("the next attempt speaks {next}, {why}"));
            }
            Event::Loop(repetition) => self.looped(repetition),
            Event::Reauthenticated { .. } => self.printer.debug("authenticated again"),
            Event::PingSent => self.printer.debug("ping sent"),
            Event::PongReceived(Pong::Matched { round_trip }) => {
                self.printer.debug(&format!("ping answered after {}", duration::text(*round_trip)));
            }
            Event::PongReceived(Pong::Unsolicited) => {
                self.printer.debug("a ping answer nobody waited for")
            }
            Event::PingUnanswered { after, heard } => self.say(&unanswered(*after, *heard)),
            Event::SubscriptionsRestoring { filters } => {
                let lost = if self.keeps_session { "the server had lost the session: " } else { "" };
                self.say(&format!("{lost}subscribing again to {}", plural(*filters, "filter")));
            }
            Event::SubscriptionLost { filter, reason } => {
                self.printer.warn(&format!("the server no longer grants '{filter}': {reason}"));
            }
            Event::Quarantined { topic: Some(topic), deaths, .. } => self.printer.warn(&format!(
                "a message to '{topic}' was set aside: {} ended with it in flight",
                plural(*deaths, "connection")
            )),
            Event::Quarantined { topic: None, deaths, .. } => self.printer.warn(&format!(
                "a subscribe was set aside: {} ended with it in flight",
                plural(*deaths, "connection")
            )),
            Event::Recovered { queued, exchanges, quarantined, .. } => {
                let waiting = *queued + *exchanges;
                if waiting > 0 || *quarantined > 0 {
                    self.say(&format!(
                        "of earlier runs, {} in the store to be sent, and {quarantined} in quarantine",
                        plural_were(waiting, "message")
                    ));
                }
            }
            Event::Settled { serial, result: Err(error) } => self
                .printer
                .warn(&format!("the stored message {serial} was not delivered: {error:#}")),
            Event::StoreFailed { failure, retry } => {
                self.printer.warn(&format!("{failure}; it is tried again {}", duration::within(*retry)))
            }
            Event::StoreNotice(notice) => self.printer.warn(&notice.to_string()),
            Event::StoreRestored => self.say("the store works again"),
            Event::ReceiveMaximumExceeded { maximum } => self.printer.debug(&format!(
                "the server sends more than the {maximum} messages at once that it may; it is held \
                 back, and nothing is lost"
            )),
            Event::DeliveryStalled { unacknowledged } => self.printer.warn(&format!(
                "none of {unacknowledged} received messages was finished in ten seconds: the server \
                 sends no more until then"
            )),
            Event::DeliveryResumed => self.say("the server may send again"),
            Event::RateReached(wait) => self.printer.warn(&wait.to_string()),
            Event::Renewed { gap } => {
                self.say(&format!("the connection was renewed within {}", duration::text(*gap)));
            }
            Event::AcknowledgementsWithheld { packet_ids, after } => self.printer.warn(&format!(
                "the server has left {} unanswered for {}, though not later ones: it discards \
                 what comes too fast. They are sent again",
                plural(packet_ids.len(), "message"),
                duration::text(*after)
            )),
            other => self.printer.debug(&format!("{other:?}")),
        }
    }

    /// mosquitto's tools have no doctor.
    fn looped(&self, repetition: &Repetition) {
        let mut line = format!(
            "the connection ended {} times in a row in the same way, every {}",
            repetition.count,
            duration::text(repetition.period)
        );
        let suspects = events::suspects(repetition);
        if let (Some(first), false) = (suspects.first(), self.printer.personality().is_mosquitto())
        {
            let all = suspects.join(", ");
            line += &format!("; it may be {all}: evenkeel doctor explain {first}");
        }
        self.printer.warn(&line);
    }

    pub(super) fn lagged(&self, lost: u64) {
        self.printer.debug(&format!("{} missed", plural_were(lost, "event")));
    }

    /// The state in a line; asked for by `--status`, so only `--quiet` hides it.
    pub(super) fn status(&self, client: &Client) {
        if self.printer.verbosity() < Verbosity::Normal {
            return;
        }
        let state = match client.state() {
            State::Online { since, .. } => {
                format!("online {}", duration::for_time(client.now().since(since)))
            }
            State::Waiting { retry, .. } => {
                let delay = retry.at.since(client.now());
                format!("offline, attempt {} {}", retry.attempt, duration::within(delay))
            }
            State::Connecting { attempt, .. } => format!("connecting, attempt {attempt}"),
            State::Halted { .. } => "halted".to_owned(),
            _ => "stopped".to_owned(),
        };
        let stats = client.stats();
        self.printer.say(&format!(
            "status: {}; received {}, connections {}, pings {}/{}",
            state.trim_end(),
            stats.publishes_received,
            stats.connections,
            stats.pongs,
            stats.pings_sent
        ));
    }
}

const UNANSWERED: &str = "in case the server does not know MQTT 5";

/// Why the next attempt after this end may speak an older version.
const fn fallback(cause: &DisconnectCause) -> &'static str {
    match cause {
        DisconnectCause::Refused { reason: ReasonCode::UNSUPPORTED_PROTOCOL_VERSION, .. } => {
            "as the server refused MQTT 5"
        }
        _ => UNANSWERED,
    }
}

/// What is said of a ping that was written off.
fn unanswered(after: Duration, heard: bool) -> String {
    let what = if heard {
        ", but other data came: the connection stays"
    } else {
        " and nothing else came; the next one follows"
    };
    format!("a ping went unanswered for {}{what}", duration::text(after))
}

const fn pace(pace: Pace) -> &'static str {
    match pace {
        Pace::Floor => " (least time between connections)",
        Pace::Ban => " (the server may keep this client out until then)",
        Pace::Budget => " (the budget of connections is used up)",
        Pace::SlowLane => " (slowly, as trying again may not help)",
        Pace::Throttled => " (the server asked for less)",
        _ => "",
    }
}

const fn halted(halt: Halt) -> &'static str {
    match halt {
        Halt::Refused => "giving up, as trying again would not help",
        Halt::TakenOver => "giving up, as another client uses this identifier",
        Halt::Attempts(_) => "giving up after so many attempts",
        _ => "not connecting again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_data_is_claimed_only_where_some_came() {
        let after = Duration::from_secs(3);
        assert_eq!(
            unanswered(after, true),
            "a ping went unanswered for 3.0 s, but other data came: the connection stays"
        );
        assert_eq!(
            unanswered(after, false),
            "a ping went unanswered for 3.0 s and nothing else came; the next one follows"
        );
    }
}
