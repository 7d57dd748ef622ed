//! PR03: the server is no MQTT server.

use crate::event::Begins;
use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "PR03",
        slug: "not-mqtt",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "Connecting fails with a malformed packet at once.",
        why: "What answers on this port speaks another protocol.",
        fix: "Check host and port; MQTT over WebSocket needs a `ws://` URL.",
        raises: "The first bytes of the answer.",
        explains: &["RC01", "RC03", "RC04", "PR01", "AU03"],
        references: &["MQTT-3.2.0-1"],
        ..Meta::EMPTY
    },
    on: &[On::Odd, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    let sentence = match event.what {
        What::NotMqtt { from: Side::Server, begins } => {
            let what = match begins {
                Begins::Http => "HTTP",
                Begins::Ssh => "SSH",
                Begins::Greeting => "a service that greets by a number, as SMTP and FTP do",
                Begins::Other => "another protocol",
                Begins::Tls | Begins::ProxyPreface => return,
            };
            format!("what answers it is not MQTT: {what}")
        }
        What::Words(Words::NotMqtt) => "what it sends is not MQTT, says the broker".into(),
        _ => return,
    };
    hits.add(Hit::new(sentence).proven().event(event, "the first bytes"));
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    #[test]
    fn true_http_answers() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:80
            c1 0.1 > CONNECT id=pump
            c1 0.2 < not-mqtt http";
        Trace::plain().lines(lines).finds_at_least("PR03", Confidence::Proven);
    }

    #[test]
    fn true_the_broker_says_so() {
        Trace::of(Vantage::BrokerLog)
            .lines("c1 0 open a b\nc1 9 words not-mqtt")
            .finds_at_least("PR03", Confidence::Proven);
    }

    #[test]
    fn alike_tls_is_another_fault() {
        let lines = "c1 0 open a:1 b:8883\nc1 0.1 > CONNECT id=p\nc1 0.2 < not-mqtt tls";
        Trace::plain().lines(lines).does_not_find("PR03");
    }

    #[test]
    fn alike_a_proxy_preface_of_the_client() {
        let lines = "c1 0 open a:1 b:1883\nc1 0.1 > not-mqtt proxy";
        Trace::plain().lines(lines).does_not_find("PR03");
    }
}
