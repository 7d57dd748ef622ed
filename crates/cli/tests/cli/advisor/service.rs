//! Cases about shadows, jobs and policies: a client that passes each, and one that
//! fails it.

use super::{advise, client};
use crate::support::folder;

const SHADOW: &str = "pub -h {host} -p {port} -t $aws/things/{thing}/shadow/update";

#[tokio::test]
async fn a_reported_state_passes() {
    let report = format!("{SHADOW} -m {{\"state\":{{\"reported\":{{\"level\":4}}}}}}");
    let case = "--case Shadow_Publish_Reported_State --execution-timeout 5s";
    let out = advise(case, &report).await.out();
    assert!(out.starts_with("pass    Shadow_Publish_Reported_State ("), "{out}");
    let out = advise(&format!("{case} --reported {{\"level\":5}}"), &report).await.expect(9).out;
    assert!(out.contains("reported {\"level\":4}, in place of {\"level\":5}"), "{out}");
    // What the service does not take is not reported.
    let out = advise(case, &format!("{SHADOW} -m nonsense")).await.expect(9).out;
    assert!(out.contains("took no reported state"), "{out}");
    // A named shadow is another one.
    advise(&format!("{case} --shadow config"), &report).await.expect(9);
    let named = report.replace("/shadow/", "/shadow/name/{shadow}/");
    advise(&format!("{case} --shadow config"), &named).await.out();
}

#[tokio::test]
async fn a_desired_state_is_followed() {
    let case = "--case Shadow_Update_Reported_State";
    let out = client::advise(&format!("{case} --thing pump-17"), "shadow").await.out();
    assert!(out.starts_with("pass    Shadow_Update_Reported_State ("), "{out}");
    let other = format!("{case} --desired {{\"on\":1}} --execution-timeout 2s");
    let out = client::advise(&other, "shadow").await.expect(9).out;
    assert!(out.contains("{\"advised\":true}, in place of {\"on\":1}"), "{out}");
}

#[tokio::test]
async fn a_job_is_brought_to_its_end() {
    let case = "--case Job_Execution --execution-timeout 3s";
    let out = client::advise(case, "job").await.out();
    assert!(out.starts_with("pass    Job_Execution ("), "{out}");
    let out = client::advise(case, "failing-job").await.out();
    assert!(out.starts_with("warn    Job_Execution ("), "{out}");
    client::advise(&format!("{case} --strict"), "failing-job").await.expect(9);
    let out = client::advise(case, "idle-job").await.expect(9).out;
    assert!(out.contains("took the job and did not end it"), "{out}");
    let listener = "sub -h {host} -p {port} -t $aws/things/{thing}/jobs/#";
    let out = advise(case, listener).await.expect(9).out;
    assert!(out.contains("did not take the job"), "{out}");
}

#[tokio::test]
async fn policies_are_read_from_files() {
    let policy = |resource: &str| {
        let path = folder().join("device.json");
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement":
            {{"Effect": "Allow", "Action": "iot:Connect", "Resource": "{resource}"}}}}"#
        );
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let case = "--case Security_Device_Policies";
    let client = "sub -h {host} -p {port} -t {topic}";
    let narrow = policy("arn:aws:iot:eu-west-1:123456789012:client/pump-17");
    let out = advise(&format!("{case} --policy {narrow}"), client).await.out();
    assert!(out.starts_with("pass    Security_Device_Policies (0.0 s)"), "{out}");
    let wide = policy("*");
    let out = advise(&format!("{case} --policy {wide}"), client).await.expect(9).out;
    assert!(out.contains("device.json: a wildcard in Statement[0].Resource"), "{out}");
    let out = advise(case, client).await.out();
    assert!(out.starts_with("not run Security_Device_Policies"), "{out}");
    let broken = folder().join("broken.json");
    std::fs::write(&broken, "{").unwrap();
    let flags = format!("{case} --policy {}", broken.display());
    advise(&flags, client).await.expect(2).says("broken.json' is no policy");
}
