//! JUnit, for CI: a case for each finding and for what follows from it, and one that passes if there is none.

use evenkeel_doctor::Severity;

use super::super::told::{Told, sentence};
use super::escaped;

pub(super) fn render(told: &Told) -> String {
    let failures = told.all().filter(|it| it.severity > Severity::Info).count();
    let cases: String = told.all().map(|it| case(told, it)).collect();
    let (tests, cases) = if told.findings.is_empty() {
        (1, "  <testcase classname=\"evenkeel.doctor\" name=\"nothing is wrong\"/>\n".to_owned())
    } else {
        (told.all().count(), cases)
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite \
         name=\"evenkeel doctor\" tests=\"{tests}\" failures=\"{failures}\">\n{cases}</testsuite>\n\
         </testsuites>\n"
    )
}

fn case(told: &Told, finding: &evenkeel_doctor::Finding) -> String {
    let name = escaped(&format!("{} {}", finding.rule.id, finding.client));
    let message = escaped(&sentence(finding));
    let mut proof = String::new();
    for it in &finding.proof {
        proof.push_str(&format!("{}  {}  {}\n", told.time(it), told.place(it), it.shows));
    }
    let body = escaped(&format!("{proof}fix: {}", finding.rule.fix));
    let inner = if finding.severity > Severity::Info {
        let kind = finding.severity.name();
        format!("<failure type=\"{kind}\" message=\"{message}\">{body}</failure>")
    } else {
        format!("<system-out>{message}\n{body}</system-out>")
    };
    format!("  <testcase classname=\"evenkeel.doctor\" name=\"{name}\">{inner}</testcase>\n")
}
