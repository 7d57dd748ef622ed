//! Cases about packets and their answers.

use std::time::Duration;

use evenkeel_codec::PacketType;

use super::super::{Moment, Packet, Side, Verdict, What};
use super::{Setting, never};

/// What clocks, schedulers and networks take of a time that is given in seconds.
const SLACK: Duration = Duration::from_secs(1);

/// A CONNECT.
pub(super) fn connect(moments: &[Moment]) -> Verdict {
    match moments.iter().find(|moment| moment.what.received(PacketType::Connect).is_some()) {
        Some(moment) => after(moment, "CONNECT"),
        None => never("CONNECT"),
    }
}

/// A PUBLISH to the topic.
pub(super) fn publish(setting: &Setting, moments: &[Moment]) -> Verdict {
    with_topic(PacketType::Publish, setting, moments)
}

/// A SUBSCRIBE to the topic.
pub(super) fn subscribe(setting: &Setting, moments: &[Moment]) -> Verdict {
    with_topic(PacketType::Subscribe, setting, moments)
}

fn with_topic(kind: PacketType, setting: &Setting, moments: &[Moment]) -> Verdict {
    let fits = |packet: &Packet| setting.expects(&packet.topics);
    if let Some(moment) = moments.iter().find(|moment| moment.what.received(kind).is_some_and(fits))
    {
        return after(moment, kind.name());
    }
    let other = moments.iter().find_map(|moment| moment.what.received(kind));
    match (other, &setting.topic) {
        (Some(other), Some(topic)) => Verdict::Fail(format!("{other} in place of {topic:?}")),
        _ => never(kind.name()),
    }
}

/// The PUBACK of a PUBLISH that the judge has sent.
pub(super) fn puback(moments: &[Moment]) -> Verdict {
    let sent = moments
        .iter()
        .find(|moment| moment.what.sent(PacketType::Publish).is_some_and(|packet| packet.qos == 1));
    let Some(sent) = sent else {
        return Verdict::Fail("nothing to acknowledge: the client did not subscribe".to_owned());
    };
    let id = sent.what.sent(PacketType::Publish).and_then(|packet| packet.id);
    let answer = moments.iter().find(|moment| {
        let answer = moment.what.received(PacketType::PubAck);
        moment.connection == sent.connection && answer.is_some_and(|answer| answer.id == id)
    });
    match answer {
        Some(answer) => {
            let span = answer.at.saturating_sub(sent.at).as_millis();
            Verdict::Pass(format!("PUBACK {span} ms after the PUBLISH"))
        }
        None => never("PUBACK"),
    }
}

/// A packet that is sent again with its identifier on its connection. A new
/// connection starts over and does not fail.
pub(super) fn retried(kind: PacketType, moments: &[Moment]) -> Verdict {
    let with_id = |moment: &Moment| {
        let id = moment.what.received(kind).and_then(|packet| packet.id);
        id.map(|id| (moment.connection, id))
    };
    for (index, first) in moments.iter().enumerate() {
        let Some(wanted) = with_id(first) else { continue };
        let mut later = moments.iter().skip(index + 1);
        if let Some(again) = later.find(|moment| with_id(moment) == Some(wanted)) {
            let span = again.at.saturating_sub(first.at).as_secs_f64();
            return Verdict::Pass(format!("again after {span:.1} s with id {}", wanted.1));
        }
    }
    if moments.iter().any(|moment| with_id(moment).is_some()) {
        let name = kind.name();
        Verdict::Fail(format!("{name} came, and never again with its id on its connection"))
    } else {
        never(kind.name())
    }
}

/// The end of a connection on which nothing is answered any more, by the client.
pub(super) fn dead(moments: &[Moment]) -> Verdict {
    let Some(connack) =
        moments.iter().find(|moment| moment.what.sent(PacketType::ConnAck).is_some())
    else {
        return never("CONNECT");
    };
    let same = |moment: &&Moment| moment.connection == connack.connection;
    let keep_alive = moments
        .iter()
        .filter(same)
        .find_map(|moment| moment.what.received(PacketType::Connect))
        .and_then(|packet| packet.keep_alive)
        .filter(|keep_alive| !keep_alive.is_zero());
    let Some(keep_alive) = keep_alive else {
        return Verdict::Fail("the keep-alive is 0: no pings".to_owned());
    };
    let grace = keep_alive * 3 / 2 + SLACK;
    let end = moments.iter().filter(same).find(|moment| moment.what == What::Closed(Side::Client));
    let Some(end) = end else {
        return Verdict::Fail("the client did not close the connection".to_owned());
    };
    let span = end.at.saturating_sub(connack.at);
    let text =
        format!("closed {:.1} s after CONNACK, {} s allowed", span.as_secs_f64(), secs(grace));
    if span <= grace { Verdict::Pass(text) } else { Verdict::Warn(text) }
}

fn secs(span: Duration) -> f64 {
    (span.as_secs_f64() * 10.0).round() / 10.0
}

fn after(moment: &Moment, what: &str) -> Verdict {
    Verdict::Pass(format!("{what} after {:.1} s", moment.at.as_secs_f64()))
}
