//! What is told to `tracing`: never a payload, a password or authentication data.

use evenkeel_proto::Event;

use crate::error::TransportError;
use crate::events::suspects;

/// Tells of an event of the core, at a level by its weight: `WARN` where
/// something was given up, `INFO` for the life of connections and of the store,
/// `TRACE` for pings.
pub(super) fn event(event: &Event, error: Option<&TransportError>) {
    match event {
        Event::Connecting { conn, attempt, server } => {
            tracing::debug!(connection = conn.0, attempt, server, "connecting");
        }
        Event::Connected(connected) => tracing::info!(
            connection = connected.conn.0,
            version = ?connected.version,
            session_present = connected.session_present,
            took = ?connected.took,
            "connected"
        ),
        Event::Disconnected { conn, cause, online_for } => tracing::info!(
            connection = conn.0,
            cause = %cause,
            error = error.map(|error| tracing::field::display(format!("{error:#}"))),
            online_for = online_for.map(tracing::field::debug),
            "disconnected"
        ),
        Event::Reauthenticated { conn } => {
            tracing::info!(connection = conn.0, "authenticated again");
        }
        Event::RetryScheduled { retry, delay } => {
            tracing::info!(attempt = retry.attempt, ?delay, pace = ?retry.pace, "next attempt");
        }
        Event::Halted(halt) => tracing::warn!(?halt, "halted: no further attempt"),
        Event::VersionFallback(version) => tracing::info!(?version, "trying another version"),
        Event::Loop(repetition) => tracing::warn!(
            class = ?repetition.class,
            count = repetition.count,
            period = ?repetition.period,
            lived = repetition.lived.map(tracing::field::debug),
            suspects = suspects(repetition).join(", "),
            "connections end in the same way over and over"
        ),
        Event::PingSent => tracing::trace!("ping sent"),
        Event::PongReceived(pong) => tracing::trace!(?pong, "ping response"),
        Event::PingUnanswered { after, heard: true } => {
            tracing::warn!(?after, "ping not answered, but other data came");
        }
        Event::PingUnanswered { after, heard: false } => {
            tracing::warn!(
                ?after,
                "ping not answered, and nothing else came; the next one follows"
            );
        }
        Event::ReadingPaused => tracing::debug!("reading paused"),
        Event::ReadingResumed => tracing::debug!("reading resumed"),
        Event::ReceiveMaximumExceeded { maximum } => {
            tracing::warn!(maximum, "the server sends more at once than we take; it is held back");
        }
        Event::DeliveryStalled { unacknowledged } => tracing::warn!(
            unacknowledged,
            "the application acknowledges nothing: the server may send no more"
        ),
        Event::DeliveryResumed => tracing::info!("the server may send again"),
        Event::RateReached(wait) => tracing::warn!(
            limit = wait.limit.name.as_ref(),
            queued = wait.queued,
            "what is sent waits for a rate"
        ),
        Event::Renewed { gap } => tracing::info!(?gap, "connection renewed"),
        Event::AcknowledgementsWithheld { packet_ids, after } => tracing::warn!(
            count = packet_ids.len(),
            ?after,
            "the server discards messages without an answer; they are sent again"
        ),
        Event::Quarantined { topic, deaths, serial } => {
            let serial = serial.map(|serial| serial.0);
            let topic = topic.as_ref().map(|topic| tracing::field::display(topic.as_str()));
            tracing::warn!(topic, deaths, serial, "quarantined");
        }
        Event::Lagged { lost } => tracing::warn!(lost, "events lost"),
        other => of_subscriptions(other, error),
    }
}

fn of_subscriptions(event: &Event, error: Option<&TransportError>) {
    match event {
        Event::SubscriptionsRestoring { filters } => {
            tracing::info!(filters, "restoring subscriptions");
        }
        Event::SubscriptionsForgotten { filters } => {
            tracing::info!(filters, "subscriptions went with the session");
        }
        Event::SubscriptionLost { filter, reason } => {
            tracing::warn!(%filter, %reason, "subscription not restored");
        }
        other => of_files(other, error),
    }
}

fn of_files(event: &Event, error: Option<&TransportError>) {
    match event {
        Event::FilesKept { conn } => tracing::warn!(
            connection = conn.0,
            error = error.map(|error| tracing::field::display(format!("{error:#}"))),
            "certificate files can't be used; those read before are"
        ),
        Event::FilesRenewed { conn } => {
            tracing::info!(connection = conn.0, "renewed certificate files are used");
        }
        other => of_store(other),
    }
}

fn of_store(event: &Event) {
    match event {
        Event::Recovered { exchanges, queued, quarantined, subscriptions } => {
            tracing::info!(exchanges, queued, quarantined, subscriptions, "recovered");
        }
        Event::Settled { serial, result: Ok(()) } => {
            tracing::debug!(serial = serial.0, "stored message delivered");
        }
        Event::Settled { serial, result: Err(error) } => {
            tracing::warn!(serial = serial.0, error = %format_args!("{error:#}"), "stored message not delivered");
        }
        Event::StoreFailed { failure, retry } => {
            tracing::warn!(error = %failure, ?retry, "store failed");
        }
        Event::StoreNotice(notice) => tracing::warn!(%notice, "store opened"),
        Event::StoreRestored => tracing::info!("store works again"),
        other => tracing::debug!(event = ?other, "event"),
    }
}
