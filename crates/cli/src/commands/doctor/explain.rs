//! `doctor explain`, `doctor rules`, `doctor formats`.

use evenkeel_doctor::{Meta, Vantage, rule};
use serde_json::json;

use crate::error::Failure;
use crate::printer::Printer;

/// Explains one rule.
pub(super) fn explain(name: &str, printer: Printer) -> Result<(), Failure> {
    let meta = rule(name).ok_or_else(|| {
        Failure::usage(format!("there is no rule '{name}'"))
            .hint("evenkeel doctor rules lists them")
    })?;
    printer.show(&explanation(meta))
}

fn explanation(meta: &Meta) -> String {
    let mut text = format!("{} {} ({})\n", meta.id, meta.slug, meta.severity.name());
    let mut part = |title: &str, body: &str| {
        if !body.is_empty() {
            text.push_str(&format!("\n{title}\n{}", wrapped(body)));
        }
    };
    part("What people see", meta.sees);
    part("What happens", meta.why);
    part("What to do", meta.fix);
    part("What shows it", &shown_by(meta));
    part("To be surer", meta.raises);
    let named = |id: &&str| rule(id).map_or_else(|| (*id).into(), |it| format!("{id} {}", it.slug));
    let others = meta.explains.iter().filter(|id| **id != meta.id);
    let follows: Vec<String> = others.map(named).collect();
    part("What follows from it", &follows.join(", "));
    let thresholds: Vec<String> = (meta.thresholds.iter())
        .map(|it| format!("{} = {}: {}", it.name, it.value, it.reason))
        .collect();
    if !thresholds.is_empty() {
        text.push_str("\nNumbers (--threshold)\n");
        thresholds.iter().for_each(|line| text.push_str(&wrapped(line)));
    }
    text.push_str("\nTo read\n");
    meta.references.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    text
}

fn shown_by(meta: &Meta) -> String {
    let names =
        |all: &[Vantage]| all.iter().map(|vantage| vantage.name()).collect::<Vec<_>>().join(", ");
    let (show, support) = (names(meta.vantages.show), names(meta.vantages.support));
    let profile = meta.profile.map(|name| format!("; only with --profile {name}"));
    let profile = profile.unwrap_or_default();
    if support.is_empty() {
        format!("{show}{profile}")
    } else {
        format!("{show}; likely by {support}{profile}")
    }
}

/// A text in lines of at most 78 columns, each moved in by two.
pub(super) fn wrapped(text: &str) -> String {
    let mut out = String::new();
    let mut line = String::from(" ");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > 78 && line.len() > 1 {
            out.push_str(&line);
            out.push('\n');
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    out
}

/// Lists the rules.
pub(super) fn rules_text() -> String {
    let mut text = String::new();
    for meta in evenkeel_doctor::rules() {
        text.push_str(&format!("{}  {:<5}  {}\n", meta.id, meta.severity.name(), meta.slug));
    }
    text
}

/// Lists the rules, as text or as JSON.
pub(super) fn rules(as_json: bool, printer: Printer) -> Result<(), Failure> {
    if !as_json {
        return printer.show(&rules_text());
    }
    let mut text = String::new();
    for meta in evenkeel_doctor::rules() {
        let vantages = |all: &[Vantage]| all.iter().map(|it| it.name()).collect::<Vec<_>>();
        let line = json!({
            "id": meta.id, "slug": meta.slug, "severity": meta.severity.name(),
            "shown_by": vantages(meta.vantages.show),
            "supported_by": vantages(meta.vantages.support),
            "profile": meta.profile, "sees": meta.sees, "why": meta.why, "fix": meta.fix,
            "raises": meta.raises, "explains": meta.explains, "references": meta.references,
            "thresholds": meta.thresholds.iter().map(|it| json!({
                "name": it.name, "value": it.value, "reason": it.reason,
            })).collect::<Vec<_>>(),
        });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    printer.show(&text)
}

/// Lists what can be read.
pub(super) fn formats(as_json: bool, printer: Printer) -> Result<(), Failure> {
    let mut text = String::new();
    for format in evenkeel_evidence::reader::formats() {
        if as_json {
            let vantage = format.vantage.name();
            let line = json!({
                "name": format.name, "of": format.of, "vantage": vantage, "shows": format.shows,
            });
            text.push_str(&format!("{line}\n"));
        } else {
            text.push_str(&format!(
                "{:<16}  {}\n{}",
                format.name,
                format.of,
                wrapped(format.shows)
            ));
        }
    }
    printer.show(&text)
}
