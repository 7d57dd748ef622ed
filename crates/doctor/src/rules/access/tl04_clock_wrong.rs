//! TL04: the client's clock is wrong, so every certificate is.

use crate::rule::prelude::*;
use crate::time::Time;

const EARLIEST: Threshold = Threshold {
    name: "TL04.earliest_s",
    value: 1_577_836_800,
    reason: "2020-01-01: a device whose clock says less has not set it",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "TL04",
        slug: "clock-wrong",
        vantages: Vantages {
            show: &[Vantage::ClientLog, Vantage::ClientEvents],
            support: &[Vantage::Plain, Vantage::Encrypted],
        },
        rounds: 1,
        sees: "TLS fails after a restart of the device, and works again some time later.",
        why: "The client says that the server's certificate has expired or is not valid yet, \
              while other clients accept it. A device without a battery begins in 1970: until \
              its clock is set, no certificate is valid.",
        fix: "Set the clock (NTP) before TLS, and wait for it.",
        raises: "The client's log with its own times, or the certificate's dates.",
        explains: &["TL03", "RC01", "RC04"],
        references: &["https://github.com/arendst/Tasmota/pull/9757"],
        thresholds: &[EARLIEST],
        ..Meta::EMPTY
    },
    on: &[On::Tls, On::Words],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(event) = view.event else { return };
    match event.what {
        What::Alert { from: Side::Client, code: 45 } => {
            let sentence = "it says that the server's certificate has expired: if others accept \
                            it, the client's clock is wrong";
            hits.add(Hit::new(sentence).event(event, "certificate_expired"));
        }
        What::Words(Words::TlsFailed(_)) if view.source.calendar => {
            let earliest = Time(0).plus(view.seconds(&EARLIEST));
            if event.at < earliest {
                let sentence = "TLS fails while the client's clock is before 2020: it was not set";
                hits.add(Hit::new(sentence).event(event, "a time before 2020"));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    #[test]
    fn true_a_log_before_2020() {
        let trace =
            Trace::of(Vantage::ClientLog).lines("c1 20 open a b\nc1 21 words tls-failed 45");
        trace.finds_at_least("TL04", Confidence::Shown);
    }

    #[test]
    fn true_expired_says_the_client() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello sni=broker
            c1 0.2 > alert code=45";
        let finding = Trace::encrypted().lines(lines).finds("TL04");
        assert_eq!(finding.confidence, Confidence::Suspect, "others may not accept it either");
    }

    #[test]
    fn alike_the_clock_is_set() {
        let lines = "c1 1700000000 open a b\nc1 1700000001 words tls-failed 45";
        Trace::of(Vantage::ClientLog).lines(lines).does_not_find("TL04");
    }

    #[test]
    fn alike_the_client_has_expired() {
        let lines = "
            c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
            c1 0.1 > hello sni=broker
            c1 0.2 < alert code=45";
        Trace::encrypted().lines(lines).does_not_find("TL04");
    }
}
