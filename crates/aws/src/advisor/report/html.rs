//! The report for people: one page without anything from elsewhere.

use super::super::{Moment, Outcome, Side, What};
use super::{Report, escaped, seconds};

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
color:#222;background:#fff}\
h1{font-size:1.4rem}h2{font-size:1rem;margin:0}section{border-top:1px solid #ddd;padding:1rem 0}\
.verdict{display:inline-block;min-width:4rem;text-align:center;border-radius:.3rem;\
color:#fff;margin-right:.6rem}\
.pass{background:#2a7f3f}.warn{background:#9a6700}.fail{background:#b3261e}\
.not-run{background:#666}\
svg{display:block;width:100%;height:34px;margin:.5rem 0}\
table{border-collapse:collapse;font:12px/1.4 ui-monospace,monospace}\
td{padding:0 .8rem 0 0;vertical-align:top}td:first-child{text-align:right}\
details{margin-top:.3rem}summary{cursor:pointer}\
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}\
section{border-color:#444}}";

/// The width of a timeline.
const WIDTH: f64 = 1000.0;

impl Report {
    /// The report as one page of HTML.
    #[must_use]
    pub fn to_html(&self) -> String {
        let counts = self.counts();
        let cases: String = self.outcomes.iter().map(section).collect();
        let program = escaped(&self.program);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n\
             <title>{program}: acceptance tests</title>\n<style>{STYLE}</style>\n\
             <h1>{program}</h1>\n<p>{} passed, {} with warnings, {} failed, {} not run</p>\n\
             {cases}</html>\n",
            counts.pass, counts.warn, counts.fail, counts.not_run,
        )
    }
}

fn section(outcome: &Outcome) -> String {
    let word = outcome.verdict.word();
    let class = word.replace(' ', "-");
    let rows: String = outcome.moments.iter().map(row).collect();
    format!(
        "<section id=\"{id}\">\n<h2><span class=\"verdict {class}\">{word}</span>{id}</h2>\n\
         <p>{}: {}</p>\n{}<details><summary>{} moments in {} s</summary>\n\
         <table>\n{rows}</table></details>\n</section>\n",
        escaped(outcome.case.title),
        escaped(outcome.verdict.reason()),
        timeline(outcome),
        outcome.moments.len(),
        seconds(outcome.took),
        id = escaped(outcome.case.id),
    )
}

fn row(moment: &Moment) -> String {
    let what = escaped(&moment.what.to_string());
    format!(
        "<tr><td>{}</td><td>#{}</td><td>{what}</td></tr>\n",
        seconds(moment.at),
        moment.connection
    )
}

/// A line with a mark for each moment: above it what the client did, below it
/// what the judge did.
fn timeline(outcome: &Outcome) -> String {
    let whole = outcome.took.as_secs_f64();
    if outcome.moments.is_empty() || whole <= 0.0 {
        return String::new();
    }
    let marks: String = outcome
        .moments
        .iter()
        .map(|moment| {
            let x = (moment.at.as_secs_f64() / whole).min(1.0) * WIDTH;
            let (from, to, color) = match moment.what {
                What::Opened => (12, 17, "#888"),
                What::Received(_) => (2, 17, "#1f6feb"),
                What::Sent(_) => (17, 32, "#9a6700"),
                What::Closed(Side::Client) => (2, 17, "#b3261e"),
                What::Closed(Side::Judge) => (17, 32, "#b3261e"),
            };
            let title = escaped(&format!("{} s: {}", seconds(moment.at), moment.what));
            format!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from}\" y2=\"{to}\" stroke=\"{color}\" \
                 stroke-width=\"3\"><title>{title}</title></line>\n"
            )
        })
        .collect();
    format!(
        "<svg viewBox=\"0 0 {WIDTH} 34\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"what happened when\">\n\
         <line x1=\"0\" x2=\"{WIDTH}\" y1=\"17\" y2=\"17\" stroke=\"#888\"/>\n{marks}</svg>\n"
    )
}
