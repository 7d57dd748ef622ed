//! Weighs findings against each other: causes above, consequences beneath.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::finding::{Confidence, Finding, PROOF};

/// Findings as they are told: one for each cause and client, the strongest
/// first, each with what follows from it.
pub(crate) fn weigh(found: Vec<Finding>) -> Vec<Finding> {
    // Causes and effects are of one client, which has few findings.
    let mut clients: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for finding in found {
        clients.entry(finding.client.clone()).or_default().push(finding);
    }
    let mut told: Vec<Finding> = clients.into_values().flat_map(of_one).collect();
    sort(&mut told);
    told
}

fn sort(findings: &mut [Finding]) {
    let name = |it: &Finding| (it.first, it.rule.id, it.class);
    findings.sort_by(|one, other| {
        strength(other).cmp(&strength(one)).then_with(|| name(one).cmp(&name(other)))
    });
}

/// What a cause shows to be a misreading is no consequence of it, and is not told,
/// unless it is proven by itself.
const DISPROVES: &[(&str, &[&str])] = &[
    // The other program has the other address, and is who ends the connection.
    ("ID01", &["NW03", "AU01", "AU02"]),
    // The port is the wrong one for what it speaks.
    ("TL06", &["NW09", "AU03"]),
];

/// Where no answer was seen, the cause has seen one that came too late.
fn answered(cause: &Finding, finding: &Finding) -> bool {
    let silence = finding.rule.id == "NW09" && finding.confidence <= Confidence::Inferred;
    silence && cause.rule.id == "RC08"
}

fn disproved(finding: &Finding, all: &[Finding]) -> bool {
    let sure = all.iter().filter(|cause| cause.confidence > Confidence::Suspect);
    sure.into_iter().any(|cause| {
        let mut of = DISPROVES.iter().filter(|(id, _)| *id == cause.rule.id);
        let wrong = of.any(|(_, wrong)| wrong.contains(&finding.rule.id));
        wrong && finding.confidence < Confidence::Proven || answered(cause, finding)
    })
}

/// The findings of one client, weighed.
fn of_one(found: Vec<Finding>) -> Vec<Finding> {
    let rest = joined(found);
    let mut rest: Vec<Finding> =
        rest.iter().filter(|finding| !disproved(finding, &rest)).cloned().collect();
    sort(&mut rest);
    // What nobody explains is a cause; the others go beneath their strongest.
    let (mut told, effects): (Vec<_>, Vec<_>) =
        rest.clone().into_iter().partition(|finding| !rest.iter().any(|by| explains(by, finding)));
    for effect in effects {
        match told.iter_mut().find(|cause| leads_to(cause, &effect, &rest)) {
            Some(cause) => cause.consequences.push(effect),
            None => told.push(effect),
        }
    }
    told
}

/// The same cause, told by several sources, is one finding, also if each shows it
/// in its own way.
fn joined(found: Vec<Finding>) -> Vec<Finding> {
    let mut kinds: BTreeMap<(&str, &str), Finding> = BTreeMap::new();
    for finding in found {
        let name = (finding.rule.id, finding.class);
        match kinds.get_mut(&name) {
            Some(known) => join(known, finding),
            None => _ = kinds.insert(name, finding),
        }
    }
    let mut kinds: Vec<Finding> = kinds.into_values().collect();
    sort(&mut kinds);
    let mut joined: Vec<Finding> = Vec::new();
    for finding in kinds {
        let same = |known: &&mut Finding| {
            let elsewhere = |source| !known.sources.contains(source);
            known.rule.id == finding.rule.id && finding.sources.iter().all(elsewhere)
        };
        match joined.iter_mut().find(same) {
            Some(known) => join(known, finding),
            None => joined.push(finding),
        }
    }
    joined
}

fn join(known: &mut Finding, finding: Finding) {
    if finding.confidence > known.confidence {
        known.sentence = finding.sentence;
    }
    known.confidence = known.confidence.max(finding.confidence);
    known.severity = known.severity.max(finding.severity);
    known.times = known.times.max(finding.times);
    known.first = known.first.min(finding.first);
    known.last = known.last.max(finding.last);
    let mut proof = finding.proof;
    proof.retain(|proof| !known.proof.contains(proof));
    // Both are heard: half of the places are kept for each.
    known.proof.truncate(PROOF.saturating_sub(proof.len()).max(PROOF / 2));
    known.proof.extend(proof);
    known.proof.truncate(PROOF);
    for source in finding.sources {
        if !known.sources.contains(&source) {
            known.sources.push(source);
        }
    }
}

/// Explicit before inferred, then what is worse, then what was seen more often.
fn strength(finding: &Finding) -> (bool, crate::Severity, Confidence, u32) {
    let sure = finding.confidence > Confidence::Suspect;
    (sure, finding.severity, finding.confidence, finding.times)
}

/// Whether one finding is the cause of another of its client. A suspicion explains nothing
/// that is more than one.
fn explains(cause: &Finding, effect: &Finding) -> bool {
    let sure = cause.confidence > Confidence::Suspect || effect.confidence == Confidence::Suspect;
    let names = |one: &Finding, other: &Finding| one.rule.explains.contains(&other.rule.id);
    // Two rules that name each other: the stronger one is the cause.
    let both = names(cause, effect) && names(effect, cause);
    sure && names(cause, effect) && (!both || strength(cause) > strength(effect))
}

/// The same over other findings in between.
fn leads_to(cause: &Finding, effect: &Finding, all: &[Finding]) -> bool {
    let mut reached = alloc::vec![effect];
    let mut at = 0;
    while let Some(&now) = reached.get(at) {
        at += 1;
        for by in all.iter().filter(|by| explains(by, now)) {
            if by.rule.id == cause.rule.id && by.class == cause.class {
                return true;
            }
            if !reached.iter().any(|known| core::ptr::eq(*known, by)) {
                reached.push(by);
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use crate::trace::Trace;
    use crate::{SourceId, Vantage};

    /// A second CONNECT on each of twelve connections.
    fn lines() -> String {
        let each = |n: u32| {
            format!(
                "c{n} {n}.0 open 10.0.0.1:1 b\nc{n} {n}.1 > CONNECT id=pump
                 c{n} {n}.2 < CONNACK\nc{n} {n}.3 > CONNECT id=pump\nc{n} {n}.4 < fin\n"
            )
        };
        (0..12).map(each).collect()
    }

    #[test]
    fn what_two_sources_tell_is_one_finding_with_places_of_both() {
        let trace = Trace::plain().lines(&lines()).and(Vantage::Plain).lines(&lines());
        let finding = trace.finds("RC05");
        assert_eq!(finding.sources, [SourceId(0), SourceId(1)]);
        assert_eq!(finding.proof.len(), 8);
        let of = |n| finding.proof.iter().filter(|proof| proof.source == SourceId(n)).count();
        assert_eq!((of(0), of(1)), (4, 4));
    }

    #[test]
    fn what_two_sources_show_in_two_ways_is_one_finding() {
        let begins = "c1 0 open a:1 b\nc1 1 > CONNECT id=pump\nc1 2 < CONNACK\n";
        let bytes = format!("{begins}c1 9 > malformed");
        let words = format!("{begins}c1 9 words protocol-error");
        let both = Trace::plain().lines(&bytes).and(Vantage::BrokerLog).lines(&words).report();
        let named = crate::trace::flat(&both.findings);
        let named: Vec<_> = named.iter().filter(|it| it.rule.id == "PR01").collect();
        assert_eq!(named.len(), 1);
        assert_eq!(named[0].sources, [SourceId(0), SourceId(1)]);
        // Of one source they are two: each may be a fault of its own.
        let twice = format!("{bytes}\nc1 10 > CONNECT id=pump");
        let report = Trace::plain().lines(&twice).report();
        let named = crate::trace::flat(&report.findings);
        assert_eq!(named.iter().filter(|it| it.rule.id == "PR01").count(), 2);
    }

    #[test]
    fn what_a_source_tells_of_two_clients_with_one_name_names_it_once() {
        // Under TLS the client is its host, once for each server.
        let refused = |server: &str| {
            let each = |n: u32| {
                format!(
                    "c{n} {n}.0 open 10.0.0.1:{n} {server}\nc{n} {n}.1 > sealed\nc{n} {n}.2 < fin\n"
                )
            };
            (0..30).map(each).collect::<String>()
        };
        let trace = Trace::encrypted().lines(&refused("b:1")).after(100.0, &refused("c:1"));
        let report = trace.report();
        let all = crate::trace::flat(&report.findings);
        assert!(!all.is_empty());
        for finding in all {
            assert_eq!(finding.sources, [SourceId(0)], "{}", finding.rule.id);
            assert!(finding.proof.len() <= 8);
        }
    }

    #[test]
    fn what_a_cause_shows_to_be_a_misreading_is_not_told() {
        // Two hosts take turns: nobody has moved.
        let each = |n: u32| {
            let (host, old) = (n % 2 + 1, n.saturating_sub(1));
            let end = if n > 0 { format!("c{old} {n}.1 < fin\n") } else { String::new() };
            format!(
                "c{n} {n}.0 open 10.0.0.{host}:{} b:1883\nc{n} {n}.1 > CONNECT id=pump\n{end}\
                 c{n} {n}.2 < CONNACK\n",
                5000 + n
            )
        };
        let report = Trace::plain().lines(&(0..8).map(each).collect::<String>()).report();
        let told = crate::trace::flat(&report.findings);
        assert!(told.iter().any(|finding| finding.rule.id == "ID01"));
        assert!(told.iter().all(|finding| finding.rule.id != "NW03"));
    }

    /// What a code of the server says is no misreading, whatever else is true.
    #[test]
    fn what_is_proven_is_told_beside_what_disproves_guesses() {
        let each = |n: u32| {
            let (host, old) = (n % 2 + 1, n.saturating_sub(1));
            let end = if n > 0 { format!("c{old} {n}.1 < fin\n") } else { String::new() };
            format!(
                "c{n} {n}.0 open 10.0.0.{host}:{} b:1883\nc{n} {n}.1 > CONNECT id=pump\n{end}\
                 c{n} {n}.2 < CONNACK\nc{n} {n}.3 > SUBSCRIBE id=1 filter=a\n\
                 c{n} {n}.4 < SUBACK id=1 code=135\n",
                5000 + n
            )
        };
        let report = Trace::plain().lines(&(0..8).map(each).collect::<String>()).report();
        let told = crate::trace::flat(&report.findings);
        for rule in ["ID01", "AU01"] {
            assert!(told.iter().any(|finding| finding.rule.id == rule), "{rule}");
        }
    }

    #[test]
    fn a_silence_that_a_capture_shows_is_told_beside_an_answer_that_came_too_late() {
        let each = |n: u32| {
            let (at, end, late) = (n * 20, n * 20 + 6, n * 20 + 14);
            let answer = if n > 2 { format!("c{n} {late}.0 < CONNACK\n") } else { String::new() };
            format!(
                "c{n} {at}.0 open 10.0.0.1:{} b:1883\nc{n} {at}.1 > CONNECT id=pump\n\
                 c{n} {end}.0 > fin\n{answer}",
                5000 + n
            )
        };
        let report = Trace::plain().lines(&(0..5).map(each).collect::<String>()).report();
        let told = crate::trace::flat(&report.findings);
        for rule in ["NW09", "RC08"] {
            assert!(told.iter().any(|finding| finding.rule.id == rule), "{rule}");
        }
    }
}
