//! The report for people: one page without anything from elsewhere.

use super::super::{Moment, Outcome, Side, What};
use super::{Report, escaped, seconds};

const STYLE: &str = include_str!("style.css");

/// What the marks of a timeline are.
const LEGEND: &str = "<p class=\"legend\">Above the line: <b class=\"client\">the client</b>; below \
it: <b class=\"judge\">the judge</b>; <b class=\"service\">TLS and services</b>; \
<b class=\"end\">ends of connections</b></p>\n";

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
             {LEGEND}{cases}</html>\n",
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
    let marks: String = outcome.moments.iter().map(|moment| mark(moment, whole)).collect();
    format!(
        "<svg viewBox=\"-4 0 {} 34\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"what happened when\">\n\
         <line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"17\" y2=\"17\"/>\n{marks}</svg>\n\
         <p class=\"scale\"><span>0 s</span><span>{:.1} s</span></p>\n",
        WIDTH + 8.0,
        whole,
    )
}

fn mark(moment: &Moment, whole: f64) -> String {
    let x = (moment.at.as_secs_f64() / whole).min(1.0) * WIDTH;
    let (from, to, class) = match moment.what {
        What::Opened => (12, 17, "axis"),
        What::Received(_) | What::Offered(_) => (2, 17, "client"),
        What::Reported(_) | What::Job(_) => (2, 17, "service"),
        What::Sent(_) => (17, 32, "judge"),
        What::Secured(_) => (12, 22, "service"),
        What::Unsecured(_) => (12, 22, "end"),
        What::Closed(Side::Client) => (2, 17, "end"),
        What::Closed(Side::Judge) | What::Away => (17, 32, "end"),
        What::Back => (17, 32, "judge"),
        What::Begun(_) => (7, 27, "axis"),
    };
    let title = escaped(&format!("{} s: {}", seconds(moment.at), moment.what));
    format!(
        "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{from}\" y2=\"{to}\">\
         <title>{title}</title></line>\n"
    )
}
