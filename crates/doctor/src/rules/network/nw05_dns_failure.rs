//! NW05: the server's name cannot be resolved.

use crate::event::OpenFailure;
use crate::rule::prelude::*;

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW05",
        slug: "dns-failure",
        vantages: Vantages {
            show: &[Vantage::Plain, Vantage::Encrypted, Vantage::ClientLog, Vantage::ClientEvents],
            support: &[],
        },
        sees: "\"Could not resolve\", ENOTFOUND, EAI_AGAIN; no connection is even tried.",
        why: "The resolver does not know the name, or does not answer.",
        fix: "Check the name, then the device's resolver; keep the last address that worked as a \
              way out.",
        raises: "A capture with port 53.",
        explains: &["RC01", "RC04", "NW04"],
        references: &["RFC 1035, section 4.1.1"],
        ..Meta::EMPTY
    },
    on: &[On::End],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let Some(end) = view.ended().and_then(|round| round.end) else { return };
    if end.failure == Some(OpenFailure::Name) {
        let hit = Hit::new("the server's name cannot be resolved");
        hits.add(hit.end(&end, "no address for the name"));
    }
}

#[cfg(test)]
mod tests {
    use crate::trace::Trace;
    use crate::{Confidence, Vantage};

    const UNKNOWN: &str = "c1 0.0 open 10.0.0.1:5000 broker:1883\nc1 0.5 name";

    #[test]
    fn true_twice() {
        for vantage in [Vantage::Plain, Vantage::ClientLog, Vantage::ClientEvents] {
            let trace = Trace::of(vantage).rounds(2, 10.0, UNKNOWN);
            trace.finds_at_least("NW05", Confidence::Shown);
        }
    }

    #[test]
    fn alike_once() {
        Trace::plain().lines(UNKNOWN).does_not_find("NW05");
    }

    #[test]
    fn alike_refused() {
        let lines = UNKNOWN.replace("0.5 name", "0.5 refused");
        Trace::plain().rounds(2, 10.0, &lines).does_not_find("NW05");
    }
}
