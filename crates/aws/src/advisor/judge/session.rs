//! Cases about sessions that outlive their connection.

use evenkeel_codec::PacketType;

use super::super::{Moment, Packet, Verdict};
use super::{Setting, never};

/// A session that is present: no SUBSCRIBE, and the kept message is
/// acknowledged.
pub(super) fn resumed(setting: &Setting, moments: &[Moment]) -> Verdict {
    resumed_later(setting, after_first_answer(moments))
}

/// The same, if the first connection was before.
pub(super) fn resumed_later(setting: &Setting, moments: &[Moment]) -> Verdict {
    let Some(second) = answer(true, moments) else {
        return Verdict::Fail("the session was never resumed".to_owned());
    };
    let on_it = |moment: &&Moment| moment.connection == second.connection;
    let kept =
        moments.iter().filter(on_it).find_map(|moment| moment.what.sent(PacketType::Publish));
    let Some(kept) = kept else {
        return Verdict::Fail("the session had no subscription to keep a message for".to_owned());
    };
    let is_answered = |moment: &Moment| {
        moment.what.received(PacketType::PubAck).is_some_and(|answer| answer.id == kept.id)
    };
    if !moments.iter().filter(on_it).any(is_answered) {
        return never("the PUBACK of the kept message");
    }
    if has_subscribed(setting, second.connection, moments) {
        Verdict::Warn("resumed, and subscribed all the same".to_owned())
    } else {
        Verdict::Pass("resumed without SUBSCRIBE".to_owned())
    }
}

/// A session that has ended: SUBSCRIBE again.
pub(super) fn expired(setting: &Setting, moments: &[Moment]) -> Verdict {
    let Some(second) = answer(false, after_first_answer(moments)) else {
        return Verdict::Fail("the client did not connect again".to_owned());
    };
    if has_subscribed(setting, second.connection, moments) {
        Verdict::Pass("subscribed anew".to_owned())
    } else {
        never("SUBSCRIBE")
    }
}

/// What is after the first CONNACK.
fn after_first_answer(moments: &[Moment]) -> &[Moment] {
    let first = moments.iter().position(|moment| moment.what.sent(PacketType::ConnAck).is_some());
    first.and_then(|first| moments.get(first + 1..)).unwrap_or_default()
}

/// The first CONNACK with this word about the session.
fn answer(present: bool, moments: &[Moment]) -> Option<&Moment> {
    let says = |packet: &Packet| packet.session_present == present;
    moments.iter().find(|moment| moment.what.sent(PacketType::ConnAck).is_some_and(says))
}

fn has_subscribed(setting: &Setting, connection: u32, moments: &[Moment]) -> bool {
    let on_it = moments.iter().filter(|moment| moment.connection == connection);
    let mut subscribes = on_it.filter_map(|moment| moment.what.received(PacketType::Subscribe));
    subscribes.any(|packet| setting.expects(&packet.topics))
}
