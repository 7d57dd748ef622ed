//! `Retry-After` of a WebSocket server or a proxy that refuses, through the whole client (R13).

use std::time::Duration;

use evenkeel::transport::Proxy;
use evenkeel::{CauseClass, Client, Event, Pace, Reconnect, Retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{serve, soon};

/// What follows the first refusal, of a client whose back-off is at most 10 s.
async fn after(answer: &'static str, is_proxy: bool) -> (CauseClass, Retry, Duration, String) {
    let port = serve(move |mut stream| async move {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let mut policy = Reconnect::default();
    policy.base = Duration::from_millis(10);
    policy.cap = Duration::from_secs(10);
    let client = if is_proxy {
        let proxy = Proxy::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        Client::builder("mqtt://192.0.2.7").proxy(proxy)
    } else {
        Client::builder(format!("ws://127.0.0.1:{port}"))
    };
    let client = client.reconnect(policy).start().unwrap();
    let mut events = client.events();
    let (mut class, mut words) = (None, String::new());
    loop {
        let report = soon(events.next()).await.unwrap();
        match report.event {
            Event::Disconnected { cause, .. } => {
                class = Some(cause.class());
                words = report.error.unwrap().fact();
            }
            Event::RetryScheduled { retry, delay } => return (class.unwrap(), retry, delay, words),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_the_server_asks_for_is_waited_for_up_to_the_cap() {
    let seconds = Duration::from_secs;
    for (answer, low, high) in [
        ("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\n\r\n", seconds(7), seconds(8)),
        ("HTTP/1.1 403 Not now\r\nRetry-After: 7\r\n\r\n", seconds(7), seconds(8)),
        ("HTTP/1.1 503 Busy\r\nRetry-After: 86400\r\n\r\n", seconds(10), seconds(11)),
        (
            "HTTP/1.1 429 Slow\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\
             Retry-After: Thu, 01 Jan 1970 00:00:05 GMT\r\n\r\n",
            seconds(5),
            seconds(6),
        ),
    ] {
        for is_proxy in [false, true] {
            let (class, retry, delay, words) = after(answer, is_proxy).await;
            assert_eq!((class, retry.pace), (CauseClass::Throttled, Pace::Throttled), "{answer}");
            assert!((low..=high).contains(&delay), "{delay:?} for {answer}");
            assert!(words.contains("(Retry-After "), "{words}");
        }
    }
    // Without one, 503 is a failure like any other.
    let (class, retry, delay, _) = after("HTTP/1.1 503 Busy\r\n\r\n", false).await;
    assert_eq!((class, retry.pace), (CauseClass::Network, Pace::BackOff));
    assert!(delay <= Duration::from_millis(10), "{delay:?}");
}
