//! NW07: large segments are lost, small ones pass.

use crate::rule::prelude::*;

const RESENT: Threshold = Threshold {
    name: "NW07.resent",
    value: 3,
    reason: "three losses of full segments alone are no chance",
};

pub(super) const RULE: Rule = Rule {
    meta: Meta {
        id: "NW07",
        slug: "mtu-black-hole",
        vantages: Vantages { show: &[Vantage::Plain, Vantage::Encrypted], support: &[] },
        rounds: 1,
        sees: "TCP connects, then TLS or a large message hangs; small messages work.",
        why: "Segments that fill the path's size are sent again and again while small ones pass. \
              A tunnel on the way takes less than both ends believe, and nobody says so (ICMP is \
              dropped). The certificate of TLS, or CONNECT with a long token, never arrives.",
        fix: "Clamp the MSS on the router or tunnel, or lower the interface's MTU.",
        raises: "`ping` with a size and no fragmentation, from the device.",
        explains: &["NW01", "NW08", "RC08", "KA13", "TL05", "FC07", "KA07", "KA08"],
        references: &["RFC 2923", "RFC 4821"],
        thresholds: &[RESENT],
        ..Meta::EMPTY
    },
    on: &[On::Path],
    check,
};

fn check(view: &View<'_>, hits: &mut Hits) {
    let (Some(event), Some(connection)) = (view.event, view.connection) else { return };
    let What::Resent { from, bytes } = event.what else { return };
    let path = connection.tcp.paths.of(from);
    let other = connection.tcp.paths.of(from.other());
    // All in a row, without a byte of the other side: else full ones pass too.
    let enough = u64::from(path.resent_in_silence) >= view.number(&RESENT);
    let small_pass = path.resent_small == 0 && path.sent + other.sent >= 2;
    if enough && small_pass && !connection.tcp.paths.has_gaps() {
        let whose = if from == Side::Client { "its" } else { "the server's" };
        let sentence = format!(
            "{whose} full segments are lost ({bytes} bytes, sent again {} times), small ones pass",
            path.resent_in_silence
        );
        hits.add(Hit::new(sentence).event(event, "a full segment again"));
    }
}

#[cfg(test)]
mod tests {
    use crate::Confidence;
    use crate::trace::Trace;

    const LARGE: &str = "
        c1 0.0 open 10.0.0.1:5000 10.0.0.9:8883
        c1 0.1 > hello sni=broker
        c1 0.2 < hello
        c1 0.5 < resent bytes=1448
        c1 1.1 < resent bytes=1448
        c1 2.3 < resent bytes=1448";

    #[test]
    fn true_only_full_segments() {
        Trace::encrypted().lines(LARGE).finds_at_least("NW07", Confidence::Inferred);
        Trace::plain().lines(LARGE).finds_at_least("NW07", Confidence::Shown);
    }

    #[test]
    fn alike_small_ones_too() {
        let lines = LARGE.replacen("bytes=1448", "bytes=90", 1);
        Trace::encrypted().lines(&lines).does_not_find("NW07");
    }

    #[test]
    fn alike_a_lossy_path() {
        let lines = LARGE.replace("c1 2.3 <", "c1 1.5 > sealed\nc1 2.3 <");
        Trace::encrypted().lines(&lines).does_not_find("NW07");
        let lines = LARGE.replace("c1 2.3 <", "c1 1.5 < sealed\nc1 2.3 <");
        Trace::encrypted().lines(&lines).does_not_find("NW07");
    }

    #[test]
    fn alike_one_burst_of_losses() {
        let lines = LARGE.replace("c1 1.1", "c1 0.51").replace("c1 2.3", "c1 0.52");
        Trace::encrypted().lines(&lines).does_not_find("NW07");
    }

    #[test]
    fn alike_two_losses() {
        let lines = LARGE.replace("c1 2.3 < resent bytes=1448", "c1 2.3 < sealed");
        Trace::encrypted().lines(&lines).does_not_find("NW07");
    }
}
