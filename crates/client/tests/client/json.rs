//! Events as lines of JSON.

use evenkeel::{Credentials, CredentialsError, Report};
use serde_json::{Value, json};

use crate::support::*;

/// The lines of the first events, times cut out.
async fn lines(client: &Client, count: usize) -> Vec<String> {
    let mut events = client.events();
    let mut lines = Vec::new();
    while lines.len() < count {
        let report: Report = soon(events.next()).await.unwrap();
        let line = report.to_json();
        let (head, rest) = line.split_once("\"time\":\"20").expect("a time of this century");
        let (time, rest) = rest.split_once('"').unwrap();
        assert_eq!(time.len(), "26-11-23T06:05:29.000000000Z".len(), "{time}");
        lines.push(format!("{head}{}", rest.trim_start_matches(',')));
    }
    lines
}

fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_event_is_a_line_of_its_own() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    drop(server.online().await);
    let lines = lines(&client, 4).await;
    let [connecting, connected, cut] = [0, 1, 2].map(|line| value(&lines[line]));
    assert_eq!((&connecting["v"], &connecting["event"]), (&json!(2), &json!("connecting")));
    assert_eq!((&connecting["attempt"], &connecting["server"]), (&json!(1), &json!(0)));
    assert_eq!((&connecting["connection"], &connecting["keep_alive_s"]), (&json!(1), &Value::Null));
    assert_eq!(connected["event"], "connected");
    assert_eq!((&connected["keep_alive_s"], &connected["in_flight"]), (&json!(60), &json!(0)));
    let own = ["cause", "class", "closer", "online_s", "reason_code"].map(|key| cut[key].clone());
    let closed = "the server closed the connection";
    assert_eq!(own, [json!(closed), json!("network"), json!("peer"), json!(0.0), Value::Null]);
    let retry = value(&lines[3]);
    assert_eq!((&retry["event"], &retry["attempt"]), (&json!("retry"), &json!(2)));
    assert_eq!(retry["pace"], "back_off");
}

#[tokio::test(start_paused = true)]
async fn secrets_stay_out_and_the_hooks_words_come_in() {
    let server = Server::new();
    let hook = || std::future::ready(Err::<Credentials, _>(CredentialsError("sealed".into())));
    let client = server.client().username("boat").password("hunter2").credentials(hook);
    let client = client.start().unwrap();
    let lines = lines(&client, 3).await.join("\n");
    assert!(lines.contains(r#""cause":"no credentials: sealed""#), "{lines}");
    assert!(!lines.contains("hunter2"), "{lines}");
}
