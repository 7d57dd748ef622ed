//! The report for programs.

use serde_json::{Value, json};

use super::super::{Moment, Outcome};
use super::Report;

/// The version of the form. A field that changes its meaning, or goes, is a new
/// version; a new field is not.
pub const JSON_VERSION: u32 = 1;

impl Report {
    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let counts = self.counts();
        json!({
            "format": "evenkeel-advisor",
            "version": JSON_VERSION,
            "program": self.program,
            "began": self.began.as_secs(),
            "summary": {
                "pass": counts.pass,
                "warn": counts.warn,
                "fail": counts.fail,
                "not_run": counts.not_run,
            },
            "cases": self.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        })
    }
}

fn outcome(outcome: &Outcome) -> Value {
    json!({
        "id": outcome.case.id,
        "title": outcome.case.title,
        "verdict": outcome.verdict.word(),
        "reason": outcome.verdict.reason(),
        "seconds": outcome.took.as_secs_f64(),
        "evidence": outcome.moments.iter().map(moment).collect::<Vec<_>>(),
    })
}

fn moment(moment: &Moment) -> Value {
    json!({
        "at": moment.at.as_secs_f64(),
        "connection": moment.connection,
        "what": moment.what.to_string(),
    })
}
