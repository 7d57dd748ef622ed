//! Cases about shadows, jobs and policies, on both sides.

use evenkeel_aws::advisor::{Case, Setting, What, judge};
use evenkeel_aws::gate::policy::Policy;
use serde_json::{Value, json};

use super::judge::check;
use super::scene::at;

fn verdict(id: &str, setting: &Setting, whats: &[What]) -> (&'static str, String) {
    let moments: Vec<_> = whats.iter().map(|what| at(1.0, 1, what.clone())).collect();
    let verdict = judge(Case::by_id(id).unwrap(), setting, &moments);
    (verdict.word(), verdict.reason().to_owned())
}

#[test]
fn any_reported_state_or_the_expected_one() {
    let reported = |state: Value| What::Reported(state);
    let case = "Shadow_Publish_Reported_State";
    let any = Setting::default();
    assert_eq!(verdict(case, &any, &[reported(json!({"level": 1}))]).0, "pass");
    assert_eq!(verdict(case, &any, &[]).0, "fail");
    let expected = Setting { reported: Some(json!({"a": {"b": 1}})), ..any };
    let more = reported(json!({"a": {"b": 1, "c": 2}, "d": 3}));
    assert_eq!(verdict(case, &expected, &[more]).0, "pass");
    let (word, reason) = verdict(case, &expected, &[reported(json!({"a": {"b": 2}}))]);
    assert_eq!(word, "fail");
    assert!(reason.contains(r#"{"a":{"b":2}}, in place of {"a":{"b":1}}"#), "{reason}");
}

#[test]
fn what_is_desired_is_reported() {
    let case = "Shadow_Update_Reported_State";
    let setting = Setting { desired: json!({"on": true}), ..Setting::default() };
    let [on, off] = [true, false].map(|on| What::Reported(json!({ "on": on })));
    assert_eq!(verdict(case, &setting, &[off.clone(), on.clone()]).0, "pass");
    assert_eq!(verdict(case, &setting, &[off]).0, "fail");
    // Something else may be expected of the client.
    let other = Setting { reported: Some(json!({"lamp": 1})), ..setting };
    assert_eq!(verdict(case, &other, &[on]).0, "fail");
    assert_eq!(verdict(case, &other, &[What::Reported(json!({"lamp": 1}))]).0, "pass");
}

#[test]
fn the_last_state_of_the_job_counts() {
    let job = |states: &[&str]| {
        let moments: Vec<_> =
            states.iter().map(|state| at(1.0, 1, What::Job((*state).into()))).collect();
        moments
    };
    let case = "Job_Execution";
    check(case, &job(&["QUEUED", "IN_PROGRESS", "SUCCEEDED"]), "pass", "SUCCEEDED after 1.0 s");
    check(case, &job(&["QUEUED", "FAILED"]), "warn", "FAILED");
    check(case, &job(&["QUEUED", "REJECTED"]), "warn", "REJECTED");
    check(case, &job(&["QUEUED", "IN_PROGRESS"]), "fail", "did not end it");
    check(case, &job(&["QUEUED"]), "fail", "did not take the job");
    check(case, &job(&["QUEUED", "TIMED_OUT"]), "fail", "TIMED_OUT");
    check(case, &[], "fail", "did not come");
}

fn policy(effect: &str, action: &str, resource: &str) -> Policy {
    let text = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "{effect}", {action}, {resource}}}]}}"#
    );
    Policy::parse(&text).unwrap()
}

#[test]
fn policies_name_what_they_allow() {
    const NARROW: [&str; 2] = [
        r#""Action": "iot:Publish""#,
        r#""Resource": "arn:aws:iot:eu-west-1:1:topic/${iot:ClientId}/a""#,
    ];
    let judged = |policy: Policy| {
        let policies = vec![("device.json".to_owned(), policy)];
        verdict("Security_Device_Policies", &Setting { policies, ..Setting::default() }, &[])
    };
    assert_eq!(judged(policy("Allow", NARROW[0], NARROW[1])).0, "pass");
    let any = r#""Resource": "*""#;
    let escaped = r#""Resource": "arn:aws:iot:eu-west-1:1:topic/${*}""#;
    assert_eq!(judged(policy("Allow", NARROW[0], escaped)).0, "pass", "a star of its own");
    assert_eq!(judged(policy("Deny", NARROW[0], any)).0, "pass", "what is denied is not allowed");
    for (action, resource, field) in [
        (NARROW[0], any, "Resource"),
        (r#""Action": "iot:*""#, NARROW[1], "Action"),
        (r#""Action": "iot:Publ?sh""#, NARROW[1], "Action"),
        (r#""NotAction": "iot:Publish""#, NARROW[1], "NotAction"),
        (NARROW[0], r#""Resource": "arn:aws:iot:eu-west-1:1:topic/a/*""#, "Resource"),
    ] {
        let (word, reason) = judged(policy("Allow", action, resource));
        assert_eq!(word, "fail", "{action} {resource}");
        assert_eq!(reason, format!("device.json: a wildcard in Statement[0].{field}"));
    }
    let without = verdict("Security_Device_Policies", &Setting::default(), &[]);
    assert_eq!(without.0, "not run");
}
