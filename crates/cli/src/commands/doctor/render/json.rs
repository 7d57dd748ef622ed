//! For programs; docs/doctor.schema.json describes it.

use evenkeel_doctor::{ClientSummary, Fate, Finding, SourceSummary, Strip, Time};
use evenkeel_evidence::witness::{Clocks, Contrary, Unaligned};
use serde_json::{Value, json};

use super::written::Written;
use super::{region, region_in};
use crate::commands::doctor::compare::{Differs, places, sentence as sentence_of};
use crate::commands::doctor::read::Read;
use crate::commands::doctor::told::{Told, sentence};

/// The version of the form: a reader that knows it can read later minor ones.
const VERSION: u32 = 1;

/// The report as one object.
pub(super) fn object(told: &Told) -> String {
    let report = &told.report;
    let fields = json!({
        "v": VERSION, "type": "report", "suppressed": told.suppressed,
        "differences_left_out": told.compared.differences_left_out,
        "connections_not_compared": told.compared.forgotten.iter().map(|it| it.1).sum::<usize>(),
        "events_left_out": report.events_left_out,
        "clients_forgotten": report.clients_forgotten,
        "findings_left_out": report.findings_left_out,
    });
    let read =
        |read: &Read| json!({ "name": read.name, "kind": read.kind, "summary": read.summary });
    let object = Written::new(&fields)
        .list("read", told.read.iter().map(read))
        .list("sources", report.sources.iter().map(source))
        .list("findings", told.findings.iter().map(|it| finding(told, it)))
        .list("suspicions", told.suspicions.iter().map(|it| finding(told, it)))
        .list("clients", report.clients.iter().map(|it| client(told, it)))
        .list("clocks", told.compared.clocks.iter().map(clocks))
        .list("differences", told.compared.differences.iter().map(|it| differs(told, it)))
        .done();
    object + "\n"
}

fn source(summary: &SourceSummary) -> Value {
    let source = &summary.source;
    json!({
        "name": source.name, "vantage": source.vantage.name(), "calendar": source.calendar,
        "resolution_ns": u64::try_from(source.resolution.as_nanos()).ok(),
        "events": summary.events,
        "from": summary.first.map(|at| stamp(at, source.calendar)),
        "to": summary.first.map(|_| stamp(summary.last, source.calendar)),
    })
}

fn client(told: &Told, client: &ClientSummary) -> Value {
    let calendar = told.source_of(client.source).is_some_and(|source| source.calendar);
    let strips = client.strip.iter().map(|it| strip(it, calendar));
    json!({
        "client": client.name, "source": client.source.0, "ended": client.ended,
        "connections": strips.collect::<Vec<_>>(),
    })
}

/// One object for each finding.
pub(super) fn lines(told: &Told) -> String {
    told.findings.iter().map(|it| format!("{}\n", finding(told, it))).collect()
}

fn finding(told: &Told, it: &Finding) -> Value {
    let calendar = it.proof.first().and_then(|proof| told.source(proof));
    let calendar = calendar.is_none_or(|source| source.calendar);
    let proof: Vec<Value> = (it.proof.iter())
        .map(|proof| {
            let (line, byte) = region(told, proof).line_or_byte();
            json!({
                "at": stamp(proof.at, told.source(proof).is_none_or(|it| it.calendar)), "source": proof.source.0,
                "line": line, "byte": byte, "shows": proof.shows,
            })
        })
        .collect();
    json!({
        "v": VERSION, "type": "finding", "rule": it.rule.id, "slug": it.rule.slug,
        "class": it.class, "client": it.client, "severity": it.severity.name(),
        "confidence": it.confidence.name(), "sentence": sentence(it), "times": it.times,
        "first": stamp(it.first, calendar), "last": stamp(it.last, calendar), "proof": proof,
        "fix": it.rule.fix, "raises": it.rule.raises, "references": it.rule.references,
        "consequences": it.consequences.iter().map(|it| finding(told, it)).collect::<Vec<_>>(),
    })
}

fn clocks(clocks: &Clocks) -> Value {
    let (one, other) = clocks.sources;
    let aligned = clocks.aligned.as_ref().ok();
    let why = match clocks.aligned {
        Ok(_) => None,
        Err(Unaligned::TooFew(_)) => Some("too few connections match"),
        Err(Unaligned::TooRegular) => Some("connections match in several ways"),
    };
    json!({
        "sources": [one.0, other.0], "ahead_s": aligned.map(|it| it.ahead_nanos as f64 / 1e9),
        "gains_s_per_hour": aligned.map(|it| it.gains_nanos_per_second as f64 * 3600.0 / 1e9),
        "joined": aligned.map(|it| it.joined), "of": aligned.map(|it| it.of), "why_not": why,
    })
}

fn differs(told: &Told, it: &Differs) -> Value {
    let (one, other) = it.difference.sources;
    let places = places(&it.difference).map(|(source, at, place)| {
        let (line, byte) = region_in(told, source, place).line_or_byte();
        let calendar = told.source_of(source).is_none_or(|it| it.calendar);
        json!({ "at": stamp(at, calendar), "source": source.0, "line": line, "byte": byte })
    });
    let kind = match it.difference.contrary {
        Contrary::KeepAlive(..) => "keep-alive",
        Contrary::LetIn(_) => "let in",
        Contrary::EndedBy(..) => "ended by",
        Contrary::EndedSooner(..) => "ended sooner",
        Contrary::EndedFor(..) => "ended for one",
        Contrary::OnlyIn(_) => "only in one",
    };
    json!({
        "kind": kind, "client": it.client, "sources": [one.0, other.0],
        "sentence": sentence_of(told, it), "times": it.difference.times,
        "places": places.collect::<Vec<_>>(),
    })
}

fn strip(strip: &Strip, calendar: bool) -> Value {
    json!({
        "from": strip.from.map(|at| stamp(at, calendar)),
        "to": strip.to.map(|at| stamp(at, calendar)),
        "fate": fate(strip.fate), "pings": strip.pings,
    })
}

/// How a connection ended, in one word.
pub(super) fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Open => "open",
        Fate::Goodbye => "goodbye",
        Fate::Failed => "failed",
        Fate::Refused(_) => "refused",
        Fate::Client => "client",
        Fate::Server => "server",
        Fate::Ended => "ended",
    }
}

/// RFC 3339 for times of the calendar, seconds for others.
fn stamp(at: Time, calendar: bool) -> Value {
    match jiff::Timestamp::from_nanosecond(at.0.into()) {
        Ok(stamp) if calendar => json!(stamp.to_string()),
        _ => json!(at.0 as f64 / 1e9),
    }
}
