//! Scenarios in which the broker enforces a limit of a restricted service.

use evenkeel_broker::fault::When;
use evenkeel_codec::PacketType::ConnAck;

use super::{connects, inbound, millis, seconds};
use crate::scenario::{Inbound, Scenario, Setup, Step, Verdict};

pub(super) const LIMITS: &[Scenario] = &[
    Scenario {
        name: "publish-rate",
        title: "More messages than the broker takes in a second",
        story: "The application publishes 400 QoS 1 messages at once. The broker takes 100 in any \
                second, as AWS IoT Core does (`publish_rate` of its profile): others it answers \
                with reason code 0x97, before MQTT 5 not at all. Settings used: Evenkeel's profile \
                with this limit. The others have none for it.",
        rule: "ok: all arrive, on one connection, and none is over the rate. weak: some are, and \
               those that do not arrive are reported as failed, with at most 3 connects. fail: \
               messages lost without a word, or more connects.",
        setup: |_| Setup::of(seconds(30)).limit("publish_rate").publishes(400, millis(0), 1),
        judge: |m| {
            let all = m.arrived.len() == 400 && m.over_limit == 0;
            let told = m.lost == 0 && m.told.offered.len() == 400;
            Verdict::first_of(all && connects(m) == 1, told && connects(m) <= 3)
        },
        figure: |m| {
            let (over, arrived) = (m.over_limit, m.arrived.len());
            Some(format!("{over} PUBLISHes over the rate, {arrived} of 400 arrived"))
        },
    },
    Scenario {
        name: "connect-floor",
        title: "CONNECTs closer than the broker takes them",
        story: "For 40 s each connection is closed right after CONNACK; then the broker is \
                healthy. After a connection of less than 30 s, a CONNECT that comes less than 11 s \
                after the last one is refused with 0x97, before MQTT 5 closed (`connect_floor` of \
                AWS IoT Core's profile). Settings used: Evenkeel's profile with this limit; for \
                the others 11 s as gneiss-mqtt's `base_reconnect_period` without jitter, as the \
                first delay of mqtt5's `with_reconnect_delay`, as MQTT.js's `reconnectPeriod`, as \
                paho-mqtt's `reconnect_delay_set`, and as the pause of the application in \
                *rumqttc, pausing*.",
        rule: "ok: no CONNECT comes too soon, online again within 60 s after the 40 s. weak: at \
               most 3 come too soon, online again within 120 s. fail: more, or later.",
        setup: |_| {
            Setup::of(seconds(165))
                .limit("connect_floor")
                .hint("floor_s", 11)
                .fault(When::sent(ConnAck).close_after())
                .step(seconds(40), Step::Heal)
                .over_when_online(seconds(40), 1)
        },
        judge: |m| {
            let back = m.online_after(seconds(40));
            let within = |bound| back.is_some_and(|back| back <= seconds(bound));
            Verdict::first_of(m.over_limit == 0 && within(60), m.over_limit <= 3 && within(120))
        },
        figure: |m| {
            let back = m.online_after(seconds(40));
            let back = back
                .map_or("not back".into(), |it| format!("back after {:.1} s", it.as_secs_f64()));
            Some(format!("{} too soon, {back}", m.over_limit))
        },
    },
    Scenario {
        name: "filters-per-subscribe",
        title: "One call with more filters than a SUBSCRIBE may hold",
        story: "The application subscribes to 20 filters, with one call where the library has one \
                for several. The broker closes a connection on a SUBSCRIBE with more than 8 \
                (`filters_per_subscribe` of AWS IoT Core's profile). Once all are subscribed, but \
                not before 10 s, a QoS 1 message comes to each. Settings used: Evenkeel's profile \
                with this limit, MQTT.js 5.16's `subscribeBatchSize` 8.",
        rule: "ok: all 20 messages are received, and no SUBSCRIBE holds more than 8 filters. weak: \
               received, but one did. fail: not received.",
        setup: |_| {
            let late = Inbound { not_before: seconds(10), ..inbound(20, millis(250), 1) };
            Setup::of(seconds(40))
                .limit("filters_per_subscribe")
                .receives(late)
                .filters(20)
                .hint("filters_max", 8)
                .hint("together", 1)
        },
        judge: |m| {
            let received = m.lost == 0 && m.expected == 20;
            Verdict::first_of(received && m.over_limit == 0, received)
        },
        figure: |m| {
            let received = m.told.received.len();
            Some(format!("{} SUBSCRIBEs too large, {received} of 20 received", m.over_limit))
        },
    },
];
