//! Weighs findings against each other: causes above, consequences beneath.

use alloc::vec::Vec;

use crate::finding::{Confidence, Finding};

/// Findings as they are told: one for each cause and client, the strongest
/// first, each with what follows from it.
pub(crate) fn weigh(found: Vec<Finding>) -> Vec<Finding> {
    let mut rest = joined(found);
    rest.sort_by(|one, other| {
        strength(other).cmp(&strength(one)).then(one.first.cmp(&other.first))
    });
    let mut told: Vec<Finding> = Vec::new();
    // What nobody explains is a cause; the others go beneath their strongest.
    let (causes, effects): (Vec<_>, Vec<_>) =
        rest.clone().into_iter().partition(|finding| !rest.iter().any(|by| explains(by, finding)));
    told.extend(causes);
    for effect in effects {
        match told.iter_mut().find(|cause| leads_to(cause, &effect, &rest)) {
            Some(cause) => cause.consequences.push(effect),
            None => told.push(effect),
        }
    }
    told
}

/// The same cause of the same client, told by several sources, is one finding.
fn joined(found: Vec<Finding>) -> Vec<Finding> {
    let mut joined: Vec<Finding> = Vec::new();
    for finding in found {
        let same = |other: &&mut Finding| {
            other.rule.id == finding.rule.id
                && other.class == finding.class
                && other.client == finding.client
        };
        let Some(known) = joined.iter_mut().find(same) else {
            joined.push(finding);
            continue;
        };
        if finding.confidence > known.confidence {
            known.sentence = finding.sentence;
        }
        known.confidence = known.confidence.max(finding.confidence);
        known.severity = known.severity.max(finding.severity);
        known.times = known.times.max(finding.times);
        known.first = known.first.min(finding.first);
        known.last = known.last.max(finding.last);
        known.proof.extend(finding.proof);
        known.sources.extend(finding.sources);
    }
    joined
}

/// Explicit before inferred, then what is worse, then what was seen more often.
fn strength(finding: &Finding) -> (bool, crate::Severity, Confidence, u32) {
    let sure = finding.confidence > Confidence::Suspect;
    (sure, finding.severity, finding.confidence, finding.times)
}

/// Whether one finding is the cause of another. A suspicion explains nothing
/// that is more than one.
fn explains(cause: &Finding, effect: &Finding) -> bool {
    let sure = cause.confidence > Confidence::Suspect || effect.confidence == Confidence::Suspect;
    let names = |one: &Finding, other: &Finding| one.rule.explains.contains(&other.rule.id);
    // Two rules that name each other: the stronger one is the cause.
    let both = names(cause, effect) && names(effect, cause);
    sure && cause.client == effect.client
        && names(cause, effect)
        && (!both || strength(cause) > strength(effect))
}

/// The same over other findings in between.
fn leads_to(cause: &Finding, effect: &Finding, all: &[Finding]) -> bool {
    let mut reached = alloc::vec![effect];
    let mut at = 0;
    while let Some(&now) = reached.get(at) {
        at += 1;
        for by in all.iter().filter(|by| explains(by, now)) {
            if by.rule.id == cause.rule.id && by.client == cause.client && by.class == cause.class {
                return true;
            }
            if !reached.iter().any(|known| core::ptr::eq(*known, by)) {
                reached.push(by);
            }
        }
    }
    false
}
