//! AW05: a WebSocket that is closed sends no will.

use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "AW05",
        slug: "will-not-sent",
        severity: Severity::Info,
        vantages: Vantages { show: &[Vantage::Plain], support: &[] },
        rounds: 1,
        profile: Some("aws-iot-core"),
        sees: "A client goes away, and its will is not published.",
        why: "AWS IoT Core takes a Close frame of the WebSocket as the client's wish to go, also \
              without DISCONNECT, and publishes no will then.",
        fix: "Do not count on the will there; use lifecycle events.",
        raises: "The lifecycle event: `clientInitiatedDisconnect` is true.",
        references: &["MQTT-3.1.2-8"],
        ..Meta::EMPTY
    },
    on: &[On::WebSocket],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let What::WebSocketClose { from: Side::Client, .. } = event.what else { return };
    let will = connection.mqtt.connect.is_some_and(|(_, connect)| !connect.will_topic.is_none());
    if will && connection.mqtt.disconnect.is_none() {
        let hit = Hit::new("it closes its WebSocket without DISCONNECT: no will is published");
        hits.add(hit.event(event, "a Close frame"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;

    const CLOSED: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:443
        c1 0.1 > CONNECT id=pump will=gone
        c1 0.2 < CONNACK
        c1 9.0 > ws-close";

    #[test]
    fn true_a_close_frame_alone() {
        Trace::at("aws-iot-core").lines(CLOSED).finds("AW05");
    }

    #[test]
    fn alike_with_disconnect() {
        let lines = CLOSED.replace("c1 9.0", "c1 8.9 > DISCONNECT\nc1 9.0");
        Trace::at("aws-iot-core").lines(&lines).does_not_find("AW05");
    }

    #[test]
    fn alike_elsewhere() {
        Trace::plain().lines(CLOSED).does_not_find("AW05");
    }
}
