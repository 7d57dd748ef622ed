//! The places that show a finding, as a table whose rows lead to the client's strip.

use evenkeel_doctor::{Finding, Proof};

use super::super::super::told::Told;
use super::{escaped, strip};

/// The places that show a finding, oldest first. The day stands above them, if
/// all are of one.
pub(super) fn table(told: &Told, finding: &Finding, number: usize, shown: &[usize]) -> String {
    let proof = once(finding);
    let day = day(told, &proof);
    let rows: String = (proof.iter().enumerate())
        .map(|(line, it)| {
            let time = told.time(it);
            let (class, time) = match &day {
                Some(day) => ("clock", time.trim_start_matches(day.as_str()).trim_start()),
                None => ("time", time.as_str()),
            };
            let place = place(told, it);
            let place = match strip::of(told, finding, it, shown) {
                Some(strip) => format!("<a href=\"#strip-{strip}\">{place}</a>"),
                None => place,
            };
            format!(
                "<tr id=\"place-{number}-{line}\"><td class=\"{class}\">{}<td title=\"{}\">{place}<td>{}</tr>\n",
                escaped(time),
                escaped(&told.place(it)),
                escaped(it.shows),
            )
        })
        .collect();
    let day = day.map(|day| format!(", on {} (UTC)", escaped(&day))).unwrap_or_default();
    format!(
        "<table>\n<caption>What shows it{day}</caption>\n<thead><tr><th scope=\"col\">time\
         <th scope=\"col\">place<th scope=\"col\">what</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
}

/// The proof, oldest first, each place once.
pub(super) fn once(finding: &Finding) -> Vec<Proof> {
    let mut proof = finding.proof.clone();
    proof.dedup();
    proof
}

/// The day of all places, if they have one and the same.
fn day(told: &Told, proof: &[Proof]) -> Option<String> {
    let day = |it: &Proof| {
        let calendar = told.source(it).is_some_and(|source| source.calendar);
        calendar.then(|| told.time(it).split(' ').next().map(str::to_owned)).flatten()
    };
    let first = day(proof.first()?)?;
    proof.iter().all(|it| day(it).as_ref() == Some(&first)).then_some(first)
}

/// A place by the last part of its file's name, unless another file has the same.
fn place(told: &Told, proof: &Proof) -> String {
    let place = told.place(proof);
    let Some(name) = told.source(proof).map(|source| source.name.as_str()) else {
        return escaped(&place);
    };
    let last = |name: &str| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let shared = (told.report.sources.iter())
        .any(|it| it.source.name != name && last(&it.source.name) == last(name));
    match place.strip_prefix(name) {
        Some(rest) if !shared => escaped(&format!("{}{rest}", last(name))),
        _ => escaped(&place),
    }
}
