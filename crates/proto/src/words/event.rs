//! What happened, and where the client stands.

use core::fmt;

use crate::event::{Connected, Event, State};
use crate::keepalive::Pong;

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connecting { attempt, server, .. } => {
                write!(f, "connecting to server {server}, attempt {attempt}")
            }
            Self::Connected(connected) => connected.fmt(f),
            Self::Reauthenticated { .. } => f.write_str("authenticated again"),
            Self::Disconnected { cause, online_for: Some(time), .. } => {
                write!(f, "disconnected after {time:?}: {cause}")
            }
            Self::Disconnected { cause, online_for: None, .. } => {
                write!(f, "not connected: {cause}")
            }
            Self::RetryScheduled { retry, delay } => {
                write!(f, "attempt {} follows in {delay:?} ({})", retry.attempt, retry.pace)
            }
            Self::Halted(halt) => write!(f, "halted: {halt}"),
            Self::VersionFallback(version) => {
                write!(f, "the next attempt speaks {}", super::version(*version))
            }
            Self::Loop(repetition) => repetition.fmt(f),
            Self::PingSent => f.write_str("a ping was written"),
            Self::PongReceived(pong) => pong.fmt(f),
            Self::PingUnanswered { after, heard: true } => {
                write!(f, "a ping had no answer within {after:?}, though other bytes came")
            }
            Self::PingUnanswered { after, heard: false } => {
                write!(f, "a ping had no answer within {after:?}, and nothing else came")
            }
            Self::Renewed { gap } => write!(f, "the connection was renewed within {gap:?}"),
            Self::FilesRenewed { .. } => f.write_str("certificate files were read anew"),
            Self::FilesKept { .. } => {
                f.write_str("certificate files can't be used: the former ones stay in use")
            }
            Self::Lagged { lost } => write!(f, "{lost} events were lost, as nobody took them"),
            _ => self.fmt_session(f),
        }
    }
}

impl Event {
    /// Those about messages, subscriptions and the store.
    fn fmt_session(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubscriptionsRestoring { filters } => {
                write!(f, "{filters} subscriptions are asked for again")
            }
            Self::SubscriptionsForgotten { filters } => {
                write!(f, "{filters} subscriptions are over with their session")
            }
            Self::Answered(answer) => {
                write!(f, "{} said more than a code", answer.packet_type)?;
                let reason = answer.properties.reason_string();
                reason.map_or(Ok(()), |reason| write!(f, ": {reason}"))
            }
            Self::SubscriptionLost { filter, reason } => {
                write!(f, "the subscription to {} is lost: {reason}", filter.as_str())
            }
            Self::ReadingPaused => f.write_str("reading stopped, as messages wait to be taken"),
            Self::ReadingResumed => f.write_str("reading goes on"),
            Self::ReceiveMaximumExceeded { maximum } => {
                write!(f, "the server sent more than the {maximum} messages it may")
            }
            Self::DeliveryStalled { unacknowledged } => {
                write!(f, "{unacknowledged} messages wait to be acknowledged: no more may come")
            }
            Self::AcknowledgementsWithheld { packet_ids, after } => {
                let count = packet_ids.len();
                write!(
                    f,
                    "the server has answered later packets and {count} messages not, for \
                     {after:?}: it discards what comes too fast; they are sent again"
                )
            }
            Self::DeliveryResumed => f.write_str("the server may send messages again"),
            Self::RateReached(wait) => write!(f, "{wait}"),
            Self::Quarantined { topic, deaths, .. } => {
                write!(f, "quarantined after {deaths} connections that ended with it in flight")?;
                topic.as_ref().map_or(Ok(()), |topic| write!(f, ": {topic}"))
            }
            Self::Recovered { exchanges, queued, quarantined, subscriptions } => write!(
                f,
                "the store gave back {exchanges} exchanges, {queued} queued messages, \
                 {quarantined} in quarantine and {subscriptions} subscriptions"
            ),
            Self::StoreNotice(notice) => write!(f, "{notice}"),
            Self::Settled { serial, result: Ok(()) } => {
                write!(f, "stored message {serial} was delivered")
            }
            Self::Settled { serial, result: Err(error) } => {
                write!(f, "stored message {serial} was not delivered: {error}")
            }
            Self::StoreFailed { failure, retry } => {
                write!(f, "{failure}; it is tried again in {retry:?}")
            }
            Self::StoreRestored => f.write_str("the store works again"),
            Self::Connecting { .. }
            | Self::Connected(_)
            | Self::Reauthenticated { .. }
            | Self::Disconnected { .. }
            | Self::RetryScheduled { .. }
            | Self::Halted(_)
            | Self::VersionFallback(_)
            | Self::Loop(_)
            | Self::PingSent
            | Self::PongReceived(_)
            | Self::PingUnanswered { .. }
            | Self::Renewed { .. }
            | Self::FilesRenewed { .. }
            | Self::FilesKept { .. }
            | Self::Lagged { .. } => Ok(()),
        }
    }
}

impl fmt::Display for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let session = if self.session_present { "resumed" } else { "new" };
        let version = super::version(self.version);
        write!(f, "connected in {:?} with {version}, the session is {session}", self.took)
    }
}

impl fmt::Display for Pong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched { round_trip } => write!(f, "a ping was answered in {round_trip:?}"),
            Self::Unsolicited => f.write_str("a ping was answered that nobody waits for"),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Waiting { retry, cause } => {
                write!(f, "waiting for attempt {}", retry.attempt)?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause})"))
            }
            Self::Connecting { attempt, cause, .. } => {
                write!(f, "connecting, attempt {attempt}")?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause})"))
            }
            Self::Online { .. } => f.write_str("online"),
            Self::Halted { reason, cause } => {
                write!(f, "halted: {reason}")?;
                cause.as_ref().map_or(Ok(()), |cause| write!(f, " ({cause})"))
            }
            Self::Closed => f.write_str("closed"),
        }
    }
}
