//! Cases about Device Shadow and Jobs, by what the services hold.

use serde_json::Value;

use super::super::{Moment, Verdict, What};
use super::Setting;

/// A reported state; the expected one if one is expected.
pub(super) fn reports(setting: &Setting, moments: &[Moment]) -> Verdict {
    became(setting.reported.as_ref(), moments)
}

/// A reported state that follows the desired one.
pub(super) fn follows(setting: &Setting, moments: &[Moment]) -> Verdict {
    became(Some(setting.reported.as_ref().unwrap_or(&setting.desired)), moments)
}

fn became(expected: Option<&Value>, moments: &[Moment]) -> Verdict {
    let states = moments.iter().filter_map(|moment| match &moment.what {
        What::Reported(state) => Some((moment, state)),
        _ => None,
    });
    let mut last = None;
    for (moment, state) in states {
        if expected.is_none_or(|expected| holds(state, expected)) {
            let at = moment.at.as_secs_f64();
            return Verdict::Pass(format!("reported after {at:.1} s"));
        }
        last = Some(moment);
    }
    match (last, expected) {
        (Some(last), Some(expected)) => {
            Verdict::Fail(format!("{}, in place of {expected}", last.what))
        }
        _ => Verdict::Fail("the shadow service took no reported state".to_owned()),
    }
}

/// True if a state has all that is expected, and maybe more.
fn holds(state: &Value, expected: &Value) -> bool {
    match (state, expected) {
        (Value::Object(state), Value::Object(expected)) => expected
            .iter()
            .all(|(key, expected)| state.get(key).is_some_and(|state| holds(state, expected))),
        (state, expected) => state == expected,
    }
}

/// A job that the client brings to its end.
pub(super) fn job(moments: &[Moment]) -> Verdict {
    let mut states = moments.iter().filter_map(|moment| match &moment.what {
        What::Job(status) => Some((moment, status.as_str())),
        _ => None,
    });
    let Some((moment, status)) = states.next_back() else {
        return Verdict::Fail("the client did not come for the job".to_owned());
    };
    let text = format!("{status} after {:.1} s", moment.at.as_secs_f64());
    match status {
        "SUCCEEDED" => Verdict::Pass(text),
        "FAILED" | "REJECTED" => Verdict::Warn(text),
        "QUEUED" => Verdict::Fail("the client did not take the job".to_owned()),
        "IN_PROGRESS" => Verdict::Fail("the client took the job and did not end it".to_owned()),
        _ => Verdict::Fail(text),
    }
}
