//! All scenarios, in the order of the report.

mod limits;

use std::time::Duration;

use evenkeel_broker::fault::{Announce, Stop, When};
use evenkeel_codec::PacketType::{ConnAck, Connect, PingResp, PubAck, Publish, Subscribe};

use crate::measure::Measure;
use crate::scenario::{Inbound, KEEP_ALIVE, Scenario, Setup, Step, Verdict};

const K: Duration = KEEP_ALIVE;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Messages from the broker, one after the other.
const fn inbound(count: u64, every: Duration, qos: u8) -> Inbound {
    Inbound { not_before: Duration::ZERO, every, count, at_least_once: qos == 1 }
}

fn connects(measure: &Measure) -> u64 {
    measure.connects.len() as u64
}

/// Nothing lost or duplicated.
fn clean(measure: &Measure) -> bool {
    measure.lost == 0 && measure.duplicated == 0
}

pub(crate) fn all() -> impl Iterator<Item = &'static Scenario> {
    FAULTS.iter().chain(limits::LIMITS)
}

const FAULTS: &[Scenario] = &[
    Scenario {
        name: "control",
        title: "Healthy broker",
        story: "Nothing goes wrong. The application publishes three QoS 1 messages and receives \
                three, 10 s apart.",
        rule: "ok: one connection, nothing lost or duplicated, never silent for more than 1.05 \
               keep-alives. weak: silent for longer, without being cut.",
        setup: |_| {
            Setup::of(seconds(40)).publishes(3, seconds(10), 1).receives(inbound(3, seconds(10), 1))
        },
        judge: |m| Verdict::first_of(connects(m) == 1 && clean(m), false).unless_silent(m),
        figure: |_| None,
    },
    Scenario {
        name: "lost-pong-idle",
        title: "One lost PINGRESP, idle",
        story: "The first PINGRESP is lost, once; afterwards the broker is healthy. No other \
                traffic.",
        rule: "ok: at most one reconnect. fail: more, for the loss is over.",
        setup: |_| Setup::of(seconds(60)).fault(When::sent(PingResp).nth(1).drop()),
        judge: |m| Verdict::first_of(connects(m) <= 2 && m.online, false).unless_silent(m),
        figure: |_| None,
    },
    Scenario {
        name: "lost-pong-receiving",
        title: "One lost PINGRESP while receiving",
        story: "The same, while a QoS 0 message comes every 0.5 s.",
        rule: "ok: no reconnect, for the link is alive. weak: one. fail: more.",
        setup: |_| {
            Setup::of(seconds(45)).fault(When::sent(PingResp).nth(1).drop()).receives(inbound(
                87,
                millis(500),
                0,
            ))
        },
        judge: |m| {
            Verdict::first_of(connects(m) == 1 && m.lost == 0, connects(m) == 2).unless_silent(m)
        },
        figure: |_| None,
    },
    Scenario {
        name: "late-pong-0.6",
        title: "PINGRESP always late by 0.6 keep-alives",
        story: "Every PINGRESP comes 3 s late. No other traffic.",
        rule: "ok: no reconnect. weak: one. fail: more.",
        setup: |_| Setup::of(seconds(60)).fault(When::sent(PingResp).delay(K.mul_f64(0.6))),
        judge: |m| late_pong(m, 1),
        figure: |_| None,
    },
    Scenario {
        name: "late-pong-1.1",
        title: "PINGRESP always late by 1.1 keep-alives",
        story: "Every PINGRESP comes 5.5 s late. No other traffic.",
        rule: "ok: at most two reconnects, none in the last four keep-alives. weak: at most \
               three. fail: an endless loop.",
        setup: |_| Setup::of(seconds(75)).fault(When::sent(PingResp).delay(K.mul_f64(1.1))),
        judge: |m| late_pong(m, 3),
        figure: |_| None,
    },
    Scenario {
        name: "no-pong-receiving",
        title: "PINGRESP never, while receiving",
        story: "No PINGRESP ever; a QoS 0 message comes every 0.5 s.",
        rule: "ok: no reconnect, for the link is alive. weak: at most two (MQTT lets a client \
               close such a connection). fail: more: the next connection will be no better.",
        setup: |_| {
            Setup::of(seconds(50)).fault(When::sent(PingResp).drop()).receives(inbound(
                97,
                millis(500),
                0,
            ))
        },
        judge: |m| {
            Verdict::first_of(connects(m) == 1 && m.lost == 0, connects(m) <= 3).unless_silent(m)
        },
        figure: |_| None,
    },
    Scenario {
        name: "late-puback",
        title: "PUBACK late by 0.9 keep-alives",
        story: "Every PUBACK comes 4.5 s late. The application publishes a QoS 1 message every \
                12.5 s.",
        rule: "ok: no reconnect, nothing lost or duplicated, never silent for more than 1.05 \
               keep-alives. weak: silent for longer, without being cut. fail: reconnects.",
        setup: |_| {
            Setup::of(seconds(45)).fault(When::sent(PubAck).delay(K.mul_f64(0.9))).publishes(
                3,
                millis(12_500),
                1,
            )
        },
        judge: |m| Verdict::first_of(connects(m) == 1 && clean(m), false).unless_silent(m),
        figure: |_| None,
    },
    Scenario {
        name: "dribble",
        title: "A large message over four keep-alives",
        story: "A retained message of 256 KiB comes evenly in 20 s, PINGRESP behind it. It comes \
                again after each reconnect.",
        rule: "ok: no reconnect, received once. weak: one reconnect. fail: more, or never \
               received.",
        setup: |_| {
            Setup::of(seconds(60))
                .fault(When::sent(Publish).larger_than(100_000).dribble(1311, millis(100)))
                .retained(256 * 1024)
        },
        judge: |m| {
            let received = m.lost == 0;
            Verdict::first_of(
                received && connects(m) == 1 && m.duplicated == 0,
                received && connects(m) == 2,
            )
            .unless_silent(m)
        },
        figure: |_| None,
    },
    Scenario {
        name: "slow-handler",
        title: "A handler that takes 2.5 keep-alives, as documented",
        story: "Ten QoS 1 messages come 1 s apart; the application takes 12.5 s over the first. \
                Where a library's documentation says not to block its loop or callback, messages \
                are handled in a task or thread of the application's.",
        rule: "ok: no reconnect, all handled once. fail: anything else.",
        setup: |_| slow_handler(),
        judge: judge_slow_handler,
        figure: |_| None,
    },
    Scenario {
        name: "slow-handler-inline",
        title: "A handler that takes 2.5 keep-alives, in place",
        story: "The same, but messages are handled one at a time where the library delivers \
                them: its stream, its loop, its callback, in MQTT.js `handleMessage`.",
        rule: "ok: no reconnect, all handled once. fail: anything else.",
        setup: |_| slow_handler().hint("inline", 1),
        judge: judge_slow_handler,
        figure: |_| None,
    },
    Scenario {
        name: "answer",
        title: "Awaiting a QoS 1 publish in the handler, as documented",
        story: "Five QoS 1 messages come 2 s apart; for each the application publishes an answer \
                with QoS 1 and waits for its acknowledgement, as far as the library lets it, \
                before it takes the next message.",
        rule: "ok: no reconnect, all answered. fail: anything else.",
        setup: |_| answering(),
        judge: judge_answering,
        figure: |_| None,
    },
    Scenario {
        name: "answer-inline",
        title: "Awaiting a QoS 1 publish in the handler, in place",
        story: "The same, but messages are handled where the library delivers them, as above.",
        rule: "ok: no reconnect, all answered. fail: anything else.",
        setup: |_| answering().hint("inline", 1),
        judge: judge_answering,
        figure: |_| None,
    },
    Scenario {
        name: "half-open",
        title: "Half-open link while publishing QoS 0",
        story: "The application publishes a QoS 0 message every 0.25 s. After 20 of them the \
                broker says and reads nothing more on that connection, and keeps it open. Losing \
                what is written meanwhile is no fault: QoS 0 promises nothing.",
        rule: "ok: a new connection within 2.5 keep-alives. weak: within 5. fail: later or \
               never.",
        setup: |_| {
            Setup::of(seconds(45))
                .fault(When::received(Publish).connection(1).nth(20).silence(Stop::Both, None))
                .publishes(140, millis(250), 0)
        },
        judge: |m| {
            let found = m.silenced.and_then(|at| m.online_after(at)).map(|it| m.in_keep_alives(it));
            let within = |bound| found.is_some_and(|found| found <= bound);
            Verdict::first_of(within(2.5), within(5.0))
        },
        figure: |m| {
            let found = m.silenced.and_then(|at| m.online_after(at));
            Some(found.map_or("never found".into(), |found| {
                format!("found after {:.1} keep-alives", m.in_keep_alives(found))
            }))
        },
    },
    Scenario {
        name: "server-keep-alive-0",
        title: "Server Keep Alive 0",
        story: "MQTT 5. CONNACK says that there is no keep-alive. No traffic.",
        rule: "ok: no reconnect and no ping [MQTT-3.2.2-21]. weak: pings all the same. fail: \
               reconnects.",
        setup: |_| {
            let none = Announce { server_keep_alive: Some(0), ..Announce::default() };
            Setup::of(seconds(30)).fault(When::sent(ConnAck).announce(none)).mqtt5()
        },
        judge: |m| Verdict::first_of(connects(m) == 1 && m.pings == 0, connects(m) == 1),
        figure: |_| None,
    },
    Scenario {
        name: "connack-then-close",
        title: "Closed right after CONNACK, for 30 s",
        story: "Each connection is accepted and closed at once, for 30 s; then the broker is \
                healthy.",
        rule: "ok: at most 8 connects in the 30 s, online again within 60 s after them. weak: at \
               most 20, online again within 120 s. fail: more, or later.",
        setup: |_| {
            Setup::of(seconds(155))
                .fault(When::sent(ConnAck).close_after())
                .step(seconds(30), Step::Heal)
                .over_when_online(seconds(30), 1)
        },
        judge: |m| {
            let count = m.connects_before(seconds(30));
            let back = m.online_after(seconds(30));
            let within = |bound| back.is_some_and(|back| back <= seconds(bound));
            Verdict::first_of(count <= 8 && within(60), count <= 20 && within(120))
        },
        figure: |m| {
            let back = m.online_after(seconds(30));
            let back = back
                .map_or("not back".into(), |it| format!("back after {:.1} s", it.as_secs_f64()));
            Some(format!("{} in the 30 s, {back}", m.connects_before(seconds(30))))
        },
    },
    Scenario {
        name: "refused",
        title: "CONNACK: not authorised, for good",
        story: "Each CONNECT is refused: return code 5, or reason code 0x87 for MQTT 5.",
        rule: "ok: at most 8 connects in 40 s; giving up is fine where the application is told. \
               weak: at most 20. fail: more.",
        setup: |client| {
            let code = if client.speaks_mqtt5 { 0x87 } else { 5 };
            Setup::of(seconds(40)).fault(When::received(Connect).refuse(code))
        },
        judge: |m| Verdict::first_of(connects(m) <= 8, connects(m) <= 20),
        figure: |_| None,
    },
    Scenario {
        name: "no-connack",
        title: "Silence instead of CONNACK",
        story: "The first CONNECT is never answered and the connection stays open; all later \
                ones are answered.",
        rule: "ok: online within 45 s. weak: within 75 s. fail: later or never.",
        setup: |_| {
            Setup::of(seconds(80))
                .fault(When::received(Connect).connection(1).silence(Stop::Both, None))
                .over_when_online(Duration::ZERO, 2)
        },
        judge: |m| {
            let online = m.accepted.get(1);
            Verdict::first_of(
                online.is_some_and(|at| *at <= seconds(45)),
                online.is_some_and(|at| *at <= seconds(75)),
            )
        },
        figure: |m| {
            Some(m.accepted.get(1).map_or("never".into(), |at| format!("after {} s", at.as_secs())))
        },
    },
    Scenario {
        name: "closed-before-connack",
        title: "Closed instead of CONNACK, once",
        story: "The first connection is closed when its CONNECT has come; all later ones are \
                accepted.",
        rule: "ok: online within 15 s. weak: within 45 s, or the application is told that the \
               library gives up. fail: anything else.",
        setup: |_| {
            Setup::of(seconds(50))
                .fault(When::received(Connect).connection(1).close())
                .over_when_online(Duration::ZERO, 1)
        },
        judge: |m| {
            let within = |bound| m.accepted.first().is_some_and(|at| *at <= seconds(bound));
            Verdict::first_of(within(15), within(45) || m.told.halted.is_some())
        },
        figure: |m| {
            Some(m.accepted.first().map_or("never online".into(), |at| {
                format!("online after {:.1} s", at.as_secs_f64())
            }))
        },
    },
    Scenario {
        name: "tcp-refused",
        title: "The broker is gone for 20 s",
        story: "After 5 s the broker goes down; for 20 s TCP connections are refused; then it is \
                back. Refused attempts never reach the broker: their number is what the adapter \
                was told by its library.",
        rule: "ok: at most 10 refused attempts, online again within 30 s. weak: at most 30, \
               within 60 s. fail: more, or not back.",
        setup: |_| {
            Setup::of(seconds(90))
                .step(seconds(5), Step::Stop)
                .step(seconds(25), Step::Resume)
                .over_when_online(seconds(25), 2)
        },
        judge: |m| {
            let back = m.online_after(seconds(25));
            let within = |bound| back.is_some_and(|back| back <= seconds(bound));
            let refused = m.told.attempts_failed;
            Verdict::first_of(refused <= 10 && within(30), refused <= 30 && within(60))
        },
        figure: |m| {
            let back = m.online_after(seconds(25));
            let back = back
                .map_or("not back".into(), |it| format!("back after {:.1} s", it.as_secs_f64()));
            Some(format!("{} refused attempts, {back}", m.told.attempts_failed))
        },
    },
    Scenario {
        name: "restarts",
        title: "The broker restarts every four keep-alives",
        story: "Every 20 s the broker goes down for 1 s, ten times. The application publishes a \
                QoS 1 message every 2 s, so that each connection does useful work.",
        rule: "ok: online for at least 0.6 of the time. weak: at least 0.3. fail: less, or \
               stopped for its storm of attempts.",
        setup: |_| restarts(),
        judge: |m| {
            let share = if m.cut { 0.0 } else { m.online_share() };
            Verdict::first_of(share >= 0.6, share >= 0.3)
        },
        figure: |m| Some(format!("online for {:.2} of the time", m.online_share())),
    },
    Scenario {
        name: "take-over",
        title: "Two instances with one client identifier",
        story: "Two programs connect with the same client identifier; each CONNECT ends the \
                other's connection.",
        rule: "ok: at most 8 connects of both together in 40 s, or the fight ends. weak: at most \
               15. fail: more.",
        setup: |_| Setup::of(seconds(40)).instances(2),
        judge: |m| {
            let over = connects(m) <= 15 && m.connects_in_last(4.0) == 0;
            Verdict::first_of(connects(m) <= 8 || over, connects(m) <= 15)
        },
        figure: |_| None,
    },
    Scenario {
        name: "poison-publish",
        title: "A poison message among good ones",
        story: "The application publishes 20 QoS 1 messages, 0.5 s apart; the broker closes the \
                connection whenever it sees the fifth. Settings used: gneiss-mqtt's \
                `max_interrupted_retries` 1 and `OneAtATime`.",
        rule: "ok: the 19 others arrive, the fifth is reported as failed, and there is no \
               reconnect in the last three keep-alives. weak: the others arrive or are reported \
               as failed, with at most 20 connects. fail: anything else.",
        setup: |_| {
            Setup::of(seconds(60))
                .fault(When::received(Publish).topic(filter("torture/poison/#")).close())
                .publishes(20, millis(500), 1)
                .hint("poison", 5)
        },
        judge: |m| {
            let failed = &m.told.failed;
            let settled = m.arrived.len() == 19 && m.connects_in_last(3.0) == 0;
            let others = (m.told.offered.iter())
                .filter(|n| **n != 5)
                .all(|n| m.arrived.contains(n) || failed.contains_key(n));
            Verdict::first_of(settled && failed.contains_key(&5), others && connects(m) <= 20)
        },
        figure: |m| {
            let reported = m.told.failed.contains_key(&5);
            Some(if reported { "poison reported" } else { "poison not reported" }.into())
        },
    },
    Scenario {
        name: "poison-subscription",
        title: "More filters than one SUBSCRIBE may hold",
        story: "The application subscribes to 12 filters, one by one. The broker closes a \
                connection on a SUBSCRIBE with more than 8. After 5 s the connection is cut once; \
                from 35 s on, a QoS 1 message comes to each filter. Settings used: MQTT.js 5.16's \
                `subscribeBatchSize` 8.",
        rule: "ok: all 12 messages are received, with at most 4 connects. weak: received, with at \
               most 8. fail: not received.",
        setup: |_| {
            let cut = When::any_received().times(1).close();
            let late = Inbound { not_before: seconds(35), ..inbound(12, millis(250), 1) };
            Setup::of(seconds(50))
                .fault(When::received(Subscribe).more_filters_than(8).close())
                .step(seconds(5), Step::Fault(Box::new(cut)))
                .receives(late)
                .filters(12)
                .hint("filters_max", 8)
        },
        judge: |m| {
            let received = m.lost == 0 && m.expected == 12;
            Verdict::first_of(received && connects(m) <= 4, received && connects(m) <= 8)
        },
        figure: |_| None,
    },
    Scenario {
        name: "one-ping-per-span",
        title: "A broker that answers one ping per 0.95 keep-alives",
        story: "The broker answers a ping only when 4.75 s have passed since the last one that it \
                answered on that connection, much as AWS IoT Core does with 30 s, its least \
                keep-alive. No other traffic. Settings used: Evenkeel's profile \
                (`min_ping_spacing` 4.8 s), mqtt5's `KeepaliveConfig` (a ping every 100 % of the \
                keep-alive, not 75 %).",
        rule: "ok: no reconnect. weak: one. fail: more.",
        setup: |_| {
            Setup::of(seconds(75))
                .fault(When::sent(PingResp).per_connection().one_per(K.mul_f64(0.95)))
                .hint("ping_spacing", 4.8)
        },
        judge: |m| Verdict::first_of(connects(m) == 1, connects(m) == 2),
        figure: |_| None,
    },
    Scenario {
        name: "cut-while-publishing",
        title: "Cut in the middle of QoS 1 publishing",
        story: "The application publishes 200 QoS 1 messages, 20 ms apart; PUBACKs come 100 ms \
                late. The broker closes the connection at the 100th PUBLISH, and the next one at \
                its 50th. Sessions end with the connection, the default of all.",
        rule: "ok: all arrive; duplicates are QoS 1's right. weak: those that do not are \
               reported as failed. fail: messages lost without a word.",
        setup: |_| {
            Setup::of(seconds(30))
                .fault(When::sent(PubAck).delay(millis(100)))
                .fault(When::received(Publish).connection(1).nth(100).close())
                .fault(When::received(Publish).connection(2).nth(50).close())
                .publishes(200, millis(20), 1)
        },
        judge: |m| {
            Verdict::first_of(m.arrived.len() == 200, m.lost == 0 && m.told.offered.len() == 200)
        },
        figure: |_| None,
    },
];

fn filter(pattern: &str) -> evenkeel_codec::TopicFilter {
    pattern.try_into().unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn late_pong(m: &Measure, ok: u64) -> Verdict {
    let settled = m.connects_in_last(4.0) == 0 && m.online;
    Verdict::first_of(connects(m) <= ok && settled, connects(m) <= ok + 1).unless_silent(m)
}

fn restarts() -> Setup {
    let setup = Setup::of(seconds(220)).publishes(105, seconds(2), 1);
    (1..=10)
        .map(|turn| seconds(20 * turn))
        .fold(setup, |setup, at| setup.step(at, Step::Stop).step(at + seconds(1), Step::Resume))
}

fn slow_handler() -> Setup {
    Setup::of(seconds(40))
        .receives(inbound(10, seconds(1), 1))
        .hint("handling", K.mul_f64(2.5).as_millis())
}

fn judge_slow_handler(m: &Measure) -> Verdict {
    let handled = m.told.handled.len() == 10;
    Verdict::first_of(connects(m) == 1 && handled && clean(m), false).unless_silent(m)
}

fn answering() -> Setup {
    Setup::of(seconds(40)).receives(inbound(5, seconds(2), 1)).hint("handling", "answer")
}

fn judge_answering(m: &Measure) -> Verdict {
    let handled = m.told.handled.len() == 5 && m.answers == 5;
    Verdict::first_of(connects(m) == 1 && handled && clean(m), false).unless_silent(m)
}
