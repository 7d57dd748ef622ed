//! What a loop may come from, by the rules of `evenkeel doctor`.

use std::time::Duration;

use evenkeel_proto::{CauseClass, Repetition};

/// A server that minds what was said first ends the connection within this time.
const AT_ONCE: Duration = Duration::from_secs(5);

/// No service gives credentials a shorter life (the doctor's AU04).
const LONG: Duration = Duration::from_secs(60);

/// No service plans shorter lives for its connections (the doctor's SV02).
const PLANNED: Duration = Duration::from_secs(300);

/// The rules of `evenkeel doctor` whose faults look like this loop to the client, the
/// likeliest first: `evenkeel doctor explain ID` tells what each is, how to tell it from
/// the others, and what to do. No verdict: a client knows how its connections end, not
/// why. Empty where this side ends them.
///
/// ```
/// use std::time::Duration;
///
/// use evenkeel::error::CauseClass;
/// use evenkeel::events::{Repetition, suspects};
///
/// let (count, period, lived) = (5, Duration::from_secs(90), Some(Duration::from_secs(75)));
/// let dies = Repetition { class: CauseClass::KeepAliveDeath, count, period, lived };
/// assert_eq!(suspects(&dies), ["KA12", "NW01", "KA04"]);
/// ```
pub fn suspects(repetition: &Repetition) -> &'static [&'static str] {
    match (repetition.class, repetition.lived) {
        (CauseClass::Refused, None) => &["AU03", "TL03", "SV04"],
        (CauseClass::Refused, Some(_)) => &["AU04", "AU01", "AU02"],
        (CauseClass::CertificateTime, _) => &["TL04", "TL03", "AU05"],
        (CauseClass::TakenOver, _) => &["ID01"],
        (CauseClass::Throttled, None) => &["SV04", "SV03"],
        (CauseClass::Throttled, Some(_)) => &["LM06", "SV03"],
        (CauseClass::Redirect, _) => &["SV01"],
        (CauseClass::ServerGoingAway, _) => &["SV01", "SV03"],
        (CauseClass::KeepAliveDeath, _) => &["KA12", "NW01", "KA04"],
        (CauseClass::PacketFault, None) => &["PR03", "TL06", "PR02"],
        (CauseClass::PacketFault, Some(_)) => &["LM01", "LM07", "LM08", "PR01"],
        (CauseClass::Network, None) => &["NW04", "NW05", "NW09", "AU03"],
        (CauseClass::Network, Some(lived)) => cut(lived),
        _ => &[],
    }
}

/// Connections that somebody ended without a word, each after this time.
fn cut(lived: Duration) -> &'static [&'static str] {
    if lived < AT_ONCE {
        &["AU01", "AU02", "LM01", "ID01"]
    } else if lived < LONG {
        &["ID01", "KA12"]
    } else if lived < PLANNED {
        &["KA12", "AU04", "ID01"]
    } else {
        &["SV02", "AU04", "KA12"]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(class: CauseClass, lived: Option<Duration>) -> &'static [&'static str] {
        suspects(&Repetition { class, count: 5, period: Duration::from_secs(9), lived })
    }

    #[test]
    fn every_loop_that_another_makes_has_suspects() {
        for class in CauseClass::ALL {
            for lived in [None, Some(Duration::from_secs(1))] {
                let none = class == CauseClass::Local;
                assert_eq!(of(class, lived).is_empty(), none, "{class:?} {lived:?}");
            }
        }
    }

    #[test]
    fn the_age_of_cut_connections_tells_them_apart() {
        let first = |millis| {
            let lived = Some(Duration::from_millis(millis));
            of(CauseClass::Network, lived).first().copied().unwrap()
        };
        let ages = [0, 4_999, 5_000, 59_999, 60_000, 299_999, 300_000, 86_400_000];
        let firsts = ["AU01", "AU01", "ID01", "ID01", "KA12", "KA12", "SV02", "SV02"];
        assert_eq!(ages.map(first), firsts);
    }
}
