//! `MQTT_Long_Duration`: each scenario by what was seen in it.

use std::time::Duration;

use evenkeel_codec::PacketType;

use super::super::{Moment, Operation, Scenario, Verdict, What};
use super::{Setting, attempts, exchange, is_enough, never, session};

type Judged = (&'static str, Verdict);

/// The worst of all scenarios, with a word about each that has not passed.
pub(super) fn duration(setting: &Setting, moments: &[Moment]) -> Verdict {
    let judged: Vec<Judged> = Scenario::ALL
        .into_iter()
        .filter(|scenario| scenario.is_for(&setting.operations))
        .flat_map(|scenario| match within(scenario, moments) {
            Some(moments) => parts(scenario, setting, moments),
            None => vec![(scenario.name(), Verdict::Fail("not reached".to_owned()))],
        })
        .collect();
    let mut texts: Vec<String> = Vec::new();
    for wanted in ["fail", "warn"] {
        let bad = judged.iter().filter(|(_, verdict)| verdict.word() == wanted);
        texts.extend(bad.map(|(name, verdict)| format!("{wanted} {name}: {}", verdict.reason())));
    }
    let passed = judged.iter().filter(|(_, verdict)| matches!(verdict, Verdict::Pass(_))).count();
    texts.push(format!("{passed} of {} passed", judged.len()));
    let back_off = judged.iter().find(|(name, _)| *name == Scenario::ReconnectBackOff.name());
    if let Some((_, Verdict::Pass(distances))) = back_off {
        texts.push(format!("back-off {distances}"));
    }
    texts.push(summary(moments));
    let has = |word| judged.iter().any(|(_, verdict)| verdict.word() == word);
    match texts.join("; ") {
        text if has("fail") => Verdict::Fail(text),
        text if has("warn") => Verdict::Warn(text),
        text => Verdict::Pass(text),
    }
}

/// True if the client has done what a scenario asks for; `moments` are those since it
/// has begun.
#[must_use]
pub fn is_scenario_settled(scenario: Scenario, setting: &Setting, moments: &[Moment]) -> bool {
    let is_good = |(_, verdict): &Judged| matches!(verdict, Verdict::Pass(_) | Verdict::Warn(_));
    match scenario {
        Scenario::ReconnectBackOff => is_enough(attempts::wanted(setting), moments),
        _ => parts(scenario, setting, moments).iter().all(is_good),
    }
}

/// What was seen in a scenario; nothing if it never began.
fn within(scenario: Scenario, moments: &[Moment]) -> Option<&[Moment]> {
    let begins = |moment: &Moment| matches!(moment.what, What::Begun(_));
    let begin = moments.iter().position(|moment| moment.what == What::Begun(scenario))? + 1;
    let rest = moments.get(begin..)?;
    rest.split(begins).next()
}

fn parts(scenario: Scenario, setting: &Setting, moments: &[Moment]) -> Vec<Judged> {
    let verdict = match scenario {
        Scenario::Basic => return basic(setting, moments),
        Scenario::Reconnect => online(moments),
        Scenario::PubAckQos1 | Scenario::ReceiveLargePayload => exchange::puback(moments),
        Scenario::PersistentSession => session::resumed_later(setting, moments),
        Scenario::KeepAlive => exchange::dead(moments),
        Scenario::IntermittentConnectivity | Scenario::LongServerDisconnect => returns(moments),
        Scenario::ReconnectBackOff => attempts::reconnects(setting, false, moments),
    };
    vec![(scenario.name(), verdict)]
}

fn basic(setting: &Setting, moments: &[Moment]) -> Vec<Judged> {
    let mut judged = vec![("CONNECT", online(moments))];
    if setting.operations.contains(&Operation::Publish) {
        let first = exchange::publish(setting, moments);
        judged
            .push(("PUBLISH", operation(first, PacketType::Publish, PacketType::PubAck, moments)));
    }
    if setting.operations.contains(&Operation::Subscribe) {
        let first = exchange::subscribe(setting, moments);
        let verdict = operation(first, PacketType::Subscribe, PacketType::SubAck, moments);
        judged.push(("SUBSCRIBE", verdict));
    }
    judged
}

/// An operation whose answer is held: it should be sent again, and need not.
fn operation(first: Verdict, kind: PacketType, answer: PacketType, moments: &[Moment]) -> Verdict {
    let with_id =
        |moment: &&Moment| moment.what.received(kind).is_some_and(|packet| packet.id.is_some());
    if !matches!(first, Verdict::Pass(_)) || moments.iter().find(with_id).is_none() {
        // It never came, or had QoS 0.
        return first;
    }
    let again = exchange::retried(kind, moments);
    if matches!(again, Verdict::Pass(_)) {
        return again;
    }
    if moments.iter().any(|moment| moment.what.sent(answer).is_some()) {
        return Verdict::Warn(format!("not sent again while {} was held", answer.name()));
    }
    never(answer.name())
}

/// A connection that MQTT is on.
fn online(moments: &[Moment]) -> Verdict {
    match connacks(moments).next() {
        Some(at) => Verdict::Pass(format!("CONNACK after {:.1} s", at.as_secs_f64())),
        None => Verdict::Fail("the client did not connect".to_owned()),
    }
}

/// A client that is back after each time that the server was away.
fn returns(moments: &[Moment]) -> Verdict {
    let mut spans: Vec<Duration> = Vec::new();
    for (index, moment) in moments.iter().enumerate() {
        if moment.what != What::Back {
            continue;
        }
        let later = moments.get(index + 1..).unwrap_or_default();
        let until = later.split(|moment| moment.what == What::Away).next().unwrap_or_default();
        match connacks(until).next() {
            Some(at) => spans.push(at.saturating_sub(moment.at)),
            None => {
                let nth = spans.len() + 1;
                return Verdict::Fail(format!("the client did not come back, outage {nth}"));
            }
        }
    }
    match spans.iter().max() {
        Some(longest) => {
            Verdict::Pass(format!("back within {:.1} s each time", longest.as_secs_f64()))
        }
        None => Verdict::Fail("the client ended while the server was away".to_owned()),
    }
}

fn connacks(moments: &[Moment]) -> impl Iterator<Item = Duration> {
    let sent = moments.iter().filter(|moment| moment.what.sent(PacketType::ConnAck).is_some());
    sent.map(|moment| moment.at)
}

/// What AWS sums up at the end.
fn summary(moments: &[Moment]) -> String {
    let keep_alive = moments
        .iter()
        .find_map(|moment| moment.what.received(PacketType::Connect)?.keep_alive)
        .map_or_else(|| "no CONNECT".to_owned(), |span| format!("keep-alive {} s", span.as_secs()));
    let is_resumed = |moment: &Moment| {
        moment.what.sent(PacketType::ConnAck).is_some_and(|packet| packet.session_present)
    };
    let session = if moments.iter().any(is_resumed) { "resumed" } else { "never resumed" };
    let connections = connacks(moments).count();
    let mut text = format!("{keep_alive}, session {session}, {connections} connections");
    for (kind, word) in [(PacketType::Publish, "published"), (PacketType::Subscribe, "subscribed")]
    {
        if let Some(topics) = topics(kind, moments) {
            text += &format!(", {word} to {topics}");
        }
    }
    text
}

/// The first topics of a kind, each once.
fn topics(kind: PacketType, moments: &[Moment]) -> Option<String> {
    const SHOWN: usize = 5;
    let mut found: Vec<&String> = Vec::new();
    for topic in moments
        .iter()
        .filter_map(|moment| moment.what.received(kind))
        .flat_map(|packet| &packet.topics)
    {
        if found.len() < SHOWN && !found.contains(&topic) {
            found.push(topic);
        }
    }
    let texts: Vec<String> = found.iter().map(|topic| format!("{topic:?}")).collect();
    (!texts.is_empty()).then(|| texts.join(" "))
}
