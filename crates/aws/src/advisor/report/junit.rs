//! The report for CI, in the form of JUnit.

use std::time::Duration;

use super::super::{Outcome, Verdict};
use super::{Report, escaped, seconds};

impl Report {
    /// The report as XML in the form of JUnit. A warning is a pass with output;
    /// what did not run is skipped.
    #[must_use]
    pub fn to_junit(&self) -> String {
        let counts = self.counts();
        let took: Duration = self.outcomes.iter().map(|outcome| outcome.took).sum();
        let cases: String = self.outcomes.iter().map(case).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
             <testsuite name=\"evenkeel advisor: {}\" tests=\"{}\" failures=\"{}\" \
             skipped=\"{}\" time=\"{}\">\n{cases}  </testsuite>\n</testsuites>\n",
            escaped(&self.program),
            self.outcomes.len(),
            counts.fail,
            counts.not_run,
            seconds(took),
        )
    }
}

fn case(outcome: &Outcome) -> String {
    let reason = escaped(outcome.verdict.reason());
    let result = match outcome.verdict {
        Verdict::Pass(_) => String::new(),
        Verdict::Warn(_) => format!("      <system-out>warning: {reason}</system-out>\n"),
        Verdict::Fail(_) => {
            format!("      <failure message=\"{reason}\">{}</failure>\n", evidence(outcome))
        }
        Verdict::NotRun(_) => format!("      <skipped message=\"{reason}\"/>\n"),
    };
    format!(
        "    <testcase classname=\"advisor\" name=\"{}\" time=\"{}\">\n{result}    </testcase>\n",
        escaped(outcome.case.id),
        seconds(outcome.took),
    )
}

fn evidence(outcome: &Outcome) -> String {
    let lines = outcome.moments.iter().map(|moment| {
        let what = escaped(&moment.what.to_string());
        format!("{} #{} {what}", seconds(moment.at), moment.connection)
    });
    lines.collect::<Vec<_>>().join("\n")
}
