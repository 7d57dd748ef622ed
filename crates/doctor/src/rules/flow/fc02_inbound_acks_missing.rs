//! FC02: the client does not acknowledge, so nothing more is delivered.

use crate::rule::prelude::*;

const STILL: Threshold = Threshold {
    name: "FC02.still_s",
    value: 30,
    reason: "longer than any handler that is not stuck",
};
const USUAL: Threshold = Threshold {
    name: "FC02.usual_maximum",
    value: 20,
    reason: "what mosquitto has in flight to a client that names no Receive Maximum",
};

const FEW: Threshold = Threshold {
    name: "FC02.few_s",
    value: 60,
    reason: "two messages without acknowledgement for so long, while pings are answered, are no \
             slow handler",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "FC02",
        slug: "inbound-acks-missing",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::BrokerLog, Vantage::ClientEvents],
            support: &[],
        },
        rounds: 1,
        sees: "Messages stop arriving although the connection lives.",
        why: "The server has as many messages in flight to the client as it may, and the client \
              acknowledges none: it waits for its application, or the acknowledgement was \
              forgotten.",
        fix: "Acknowledge what was handled, or unblock the handler; with manual acknowledgement, \
              in every branch.",
        raises: "The client's log, or its state at that time.",
        explains: &["FC08"],
        references: &["MQTT-4.9.0-2"],
        thresholds: &[STILL, USUAL, FEW],
        ..Meta::EMPTY
    },
    on: &[On::TickInbound, On::Finish, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    if let Some(event) = view.event {
        if let What::Words(Words::ReadingPaused(paused)) = event.what
            && paused >= view.seconds(&STILL)
        {
            let sentence = format!(
                "it has not read for {} s: its application does not take its messages",
                paused.as_secs()
            );
            hits.add(Hit::new(sentence).event(event, "reading paused"));
        }
        return;
    }
    let Some(connection) = view.connection.filter(|connection| connection.end.is_none()) else {
        return;
    };
    // What the capture lacks may be the acknowledgements.
    if connection.tcp.paths.has_gaps() {
        return;
    }
    let asked = connection.mqtt.connect.map(|(_, connect)| connect.receive_maximum);
    let usual = view.profile.publish.delivery_receive_maximum.as_ref().map(|limit| limit.value);
    let most = match asked.filter(|asked| *asked < u16::MAX) {
        Some(asked) => u64::from(asked),
        None => usual.map_or_else(|| view.number(&USUAL), u64::from),
    };
    let flights = connection.flights(Side::Server);
    let newest = flights.iter().filter(|flight| !flight.received).map(|flight| flight.sent).max();
    let (Some(newest), Some(oldest)) = (newest, flights.oldest()) else { return };
    let still = view.now.since(newest.max(flights.last_done.unwrap_or(newest)));
    let alive = connection
        .mqtt
        .pings
        .last()
        .is_some_and(|ping| ping.answered.is_some_and(|answered| answered > newest));
    // Fewer may be the server's own limit; an application may take its time, but not so much.
    let few = flights.len() >= 2 && still >= view.seconds(&FEW);
    let full = flights.len() as u64 >= most && still >= view.seconds(&STILL);
    if alive && (full || few) {
        let sentence = format!(
            "it has acknowledged none of {} messages for {} s{}",
            flights.len(),
            still.as_secs(),
            if full { ", so the server sends no more" } else { "" }
        );
        hits.add(Hit::new(sentence).at(oldest.moment(), "never acknowledged"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    fn lines(messages: u32, acknowledged: u32) -> alloc::string::String {
        let mut lines = alloc::string::String::from(
            "c1 0.0 open 10.0.0.1:5000 10.0.0.9:1883
             c1 0.1 > CONNECT id=pump k=20
             c1 0.2 < CONNACK\n",
        );
        for n in 1..=messages {
            lines += &alloc::format!("c1 1 < PUBLISH qos=1 id={n} digest={n}\n");
        }
        for n in 1..=acknowledged {
            lines += &alloc::format!("c1 2 > PUBACK id={n}\n");
        }
        lines + "c1 22 > PINGREQ\nc1 22.1 < PINGRESP\nc1 42 > PINGREQ\nc1 42.1 < PINGRESP"
    }

    #[test]
    fn true_none_of_twenty() {
        Trace::plain().lines(&lines(20, 0)).finds_at_least("FC02", Confidence::Shown);
    }

    #[test]
    fn true_our_client_says_so() {
        Trace::of(Vantage::ClientEvents)
            .lines("c1 0 open a b\nc1 90 words reading-paused 60")
            .finds_at_least("FC02", Confidence::Shown);
    }

    #[test]
    fn alike_nothing_to_send() {
        Trace::plain().lines(&lines(19, 0)).does_not_find("FC02");
    }

    #[test]
    fn alike_acknowledged() {
        Trace::plain().lines(&lines(20, 20)).does_not_find("FC02");
    }

    #[test]
    fn true_a_few_for_a_long_time() {
        let later = "\nc1 62 > PINGREQ\nc1 62.1 < PINGRESP\nc1 82 > PINGREQ\nc1 82.1 < PINGRESP";
        let finding = Trace::plain().lines(&(lines(5, 0) + later)).finds("FC02");
        assert!(!finding.sentence.contains("sends no more"), "{}", finding.sentence);
        Trace::plain().lines(&(lines(5, 4) + later)).does_not_find("FC02");
        // What is missing in the capture may be the acknowledgements.
        let gap = lines(5, 0).replace("c1 22 >", "c1 3 > missing\nc1 22 >");
        Trace::plain().lines(&(gap + later)).does_not_find("FC02");
    }
}
