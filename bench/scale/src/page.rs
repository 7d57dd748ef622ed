//! The tables: a line for each series, and each goal beside its figure.

use std::fmt::Write;

use crate::figures::Figures;
use crate::group::{Bound, Goal, Group};

pub(crate) fn page(groups: &[&Group], figures: &Figures) -> String {
    let mut out = String::new();
    for group in groups {
        let _ = writeln!(out, "### {}\n", group.title);
        table(&mut out, group, figures);
        goals(&mut out, group, figures);
    }
    out
}

fn table(out: &mut String, group: &Group, figures: &Figures) {
    let mut points: Vec<u64> = group.series.iter().flat_map(|one| one.points).copied().collect();
    points.sort_unstable();
    points.dedup();
    let names: Vec<String> =
        points.iter().map(|at| format!("{} {}", count(*at), group.axis)).collect();
    let _ = writeln!(out, "| {} | {} |", group.unit, names.join(" | "));
    let _ = writeln!(out, "|---{}|", "|---".repeat(points.len()));
    for series in group.series {
        let row: Vec<String> = points
            .iter()
            .map(|at| match figures.spread(group, series.name, *at) {
                Some(one) => {
                    format!("**{}** ({}–{})", short(one.median), short(one.least), short(one.most))
                }
                None if series.points.contains(at) => "failed".into(),
                None => "–".into(),
            })
            .collect();
        let _ = writeln!(out, "| {} | {} |", series.name, row.join(" | "));
    }
    out.push('\n');
}

fn goals(out: &mut String, group: &Group, figures: &Figures) {
    if group.goals.is_empty() {
        return;
    }
    out.push_str("| goal | measured | |\n|---|---|---|\n");
    for goal in group.goals {
        let (wanted, measured, met) = judge(group, goal, figures);
        let measured = measured.map_or_else(|| "–".into(), |figure| short(figure));
        let met = match met {
            Some(true) => "met",
            Some(false) => "**not met**",
            None => "not measured",
        };
        let (series, at) = (goal.series, count(goal.at));
        let _ = writeln!(out, "| {series}, {at} {}: {wanted} | {measured} | {met} |", group.axis);
    }
    out.push('\n');
}

/// The goal in words, what it is held against, and whether it is met.
fn judge(group: &Group, goal: &Goal, figures: &Figures) -> (String, Option<f64>, Option<bool>) {
    let figure = figures.spread(group, goal.series, goal.at).map(|one| one.median);
    match goal.bound {
        Bound::AtMost(most) => {
            (format!("at most {most} {}", group.unit), figure, figure.map(|one| one <= most))
        }
        Bound::AtLeast(least) => {
            (format!("at least {least} {}", group.unit), figure, figure.map(|one| one >= least))
        }
        Bound::Times(most, other) => {
            let base = figures.spread(group, other, goal.at).map(|one| one.median);
            let ratio = figure.zip(base).map(|(one, base)| one / base);
            (format!("at most {most} x {other}"), ratio, ratio.map(|ratio| ratio <= most))
        }
    }
}

/// Two or three digits that matter.
pub(crate) fn short(value: f64) -> String {
    match value {
        value if value < 0.1 => format!("{value:.3}"),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// A number with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
