//! ID03: a session that is kept, under an identifier that nobody uses again.

use crate::rule::prelude::*;

const IDS: Threshold = Threshold {
    name: "ID03.ids",
    value: 5,
    reason: "as many new identifiers in a row from one host are no set of devices that recur",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "ID03",
        slug: "random-id-persistent",
        severity: Severity::Warn,
        vantages: Vantages { show: &[Vantage::Plain, Vantage::BrokerLog], support: &[] },
        rounds: 1,
        sees: "The broker's memory grows; messages sent while the client was away never arrive.",
        why: "The client asks the broker to keep its session, but connects with a new identifier \
              each time. The sessions that it leaves behind collect messages that nobody will \
              fetch.",
        fix: "Use one identifier for good, or ask for a clean session.",
        raises: "A longer record: more connections of this host.",
        explains: &[],
        references: &["MQTT-3.1.2-4", "https://github.com/eclipse-mosquitto/mosquitto/issues/1113"],
        thresholds: &[IDS],
        ..Meta::EMPTY
    },
    on: &[On::Connect],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(connection), Some(event)) = (view.connection, view.event) else { return };
    let Some((_, connect)) = connection.mqtt.connect else { return };
    let kept = if connect.version == 5 { connect.session_expiry > 0 } else { !connect.clean };
    // Told once, with the identifier that makes them too many.
    if kept && u64::from(view.client.new_ids) == view.number(&IDS) {
        let sentence = format!(
            "it leaves sessions behind: {} identifiers in a row from {}, each new, and each asks \
             for a session that is kept",
            view.client.new_ids,
            view.text(connection.tcp.client.host),
        );
        hits.add(Hit::new(sentence).event(event, "CONNECT with one more identifier"));
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    /// Connections of one host one after the other; each says `connect`.
    fn row(vantage: Vantage, connect: impl Fn(u32) -> alloc::string::String, life: f64) -> Trace {
        (0..8).fold(Trace::of(vantage), |trace, n| {
            let lines = format!(
                "c{n} 0 open 10.0.0.1:5000 10.0.0.9:1883\nc{n} 0.1 > CONNECT {}
                 c{n} 0.2 < CONNACK\nc{n} {life} > fin",
                connect(n),
            );
            trace.after(f64::from(n) * 20.0, &lines)
        })
    }

    #[test]
    fn true_a_new_identifier_each_time() {
        for vantage in [Vantage::Plain, Vantage::BrokerLog] {
            let trace = row(vantage, |n| format!("id=app-{n}"), 10.0);
            trace.finds_at_least("ID03", Confidence::Shown);
        }
        let trace = row(Vantage::Plain, |n| format!("id=app-{n} v=5 clean expiry=3600"), 10.0);
        trace.finds_at_least("ID03", Confidence::Shown);
    }

    /// As mosquitto's log has it: the identifier, then CONNECT.
    #[test]
    fn true_in_a_log_that_names_the_client_before_connect() {
        let lines = |n: u32| {
            format!(
                "c{n} 0 open 10.0.0.1:5000 b\nc{n} 0 is app-{n}\nc{n} 0 > CONNECT id=app-{n}
                 c{n} 0 < CONNACK\nc{n} 10 > closed"
            )
        };
        let trace = |ids: u32| {
            let each = |trace: Trace, n: u32| trace.after(f64::from(n) * 20.0, &lines(n));
            (0..ids).fold(Trace::of(Vantage::BrokerLog), each)
        };
        trace(5).finds_at_least("ID03", Confidence::Shown);
        trace(4).does_not_find("ID03");
    }

    #[test]
    fn alike_devices_behind_one_address() {
        // They recur.
        let trace = row(Vantage::Plain, |n| format!("id=pump-{}", n % 4), 10.0);
        trace.does_not_find("ID03");
    }

    #[test]
    fn alike_clean_sessions() {
        row(Vantage::Plain, |n| format!("id=app-{n} clean"), 10.0).does_not_find("ID03");
        let trace = row(Vantage::Plain, |n| format!("id=app-{n} v=5"), 10.0);
        trace.does_not_find("ID03");
    }

    #[test]
    fn alike_devices_that_are_there_together() {
        let mut trace = Trace::plain();
        for n in 0..8 {
            let lines = format!(
                "c{n} 0 open 10.0.0.1:{} 10.0.0.9:1883\nc{n} 0.1 > CONNECT id=pump-{n}",
                5000 + n
            );
            trace = trace.after(f64::from(n), &lines);
        }
        trace.does_not_find("ID03");
    }
}
