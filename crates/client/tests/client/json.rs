//! Events as lines of JSON.

use evenkeel::{Credentials, CredentialsError, Report};

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

#[tokio::test(start_paused = true)]
async fn each_event_is_a_line_of_its_own() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    drop(server.online().await);
    let lines = lines(&client, 4).await;
    assert_eq!(lines[0], r#"{"v":1,"type":"event","event":"connecting","attempt":1,"server":0}"#);
    let connected = r#"{"v":1,"type":"event","event":"connected","assigned_client_id":null,"#;
    assert!(lines[1].starts_with(connected), "{}", lines[1]);
    let cut = concat!(
        r#"{"v":1,"type":"event","event":"disconnected","cause":"the server closed the "#,
        r#"connection","class":"Network","online_s":0.0,"reason_code":null}"#
    );
    assert_eq!(lines[2], cut);
    assert!(lines[3].contains(r#""event":"retry","attempt":2,"delay_s":"#), "{}", lines[3]);
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
