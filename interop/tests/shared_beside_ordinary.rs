//! Shared and ordinary subscriptions of one client on mosquitto, which sends a
//! copy of a message for each of them (D17).

use std::collections::BTreeSet;

use evenkeel::{Client, Messages, QoS, Version};
use evenkeel_interop::failed::soon;
use evenkeel_interop::server::{Kind, Mosquitto, Server, Setting};
use evenkeel_interop::site::Transport;

const JOBS: usize = 20;

/// The next jobs of a stream, in the order they came.
async fn take(messages: &mut Messages, count: usize) -> Vec<String> {
    let mut jobs = Vec::new();
    while jobs.len() < count {
        let message = soon("a job", messages.next()).await.unwrap().expect("the stream goes on");
        jobs.push(String::from_utf8(message.payload().to_vec()).unwrap());
    }
    jobs
}

async fn client(server: &Mosquitto, name: &str) -> Client {
    let url = server.site().url(Transport::Tcp, Some(Version::V5), 0).expect("a TCP listener");
    let client = Client::builder(url).version(Version::V5).client_id(name).start().unwrap();
    soon("the connection", client.online()).await.unwrap().unwrap();
    client
}

#[tokio::test]
async fn each_job_reaches_one_worker_and_each_watcher_once() {
    if !Kind::Mosquitto.require().unwrap() {
        return;
    }
    let server = Mosquitto::start(Setting::default()).await.unwrap();
    let (a, b) = (client(&server, "a").await, client(&server, "b").await);
    let subscribe = async |client: &Client, filter: &str| {
        client.subscribe(filter).qos(QoS::AtLeastOnce).await.unwrap()
    };
    let mut watch = subscribe(&a, "jobs/#").await;
    let mut work_a = subscribe(&a, "$share/g/jobs/+").await;
    let mut work_b = subscribe(&b, "$share/g/jobs/+").await;
    let mut exact = subscribe(&a, "jobs/1").await;
    let jobs: Vec<String> = (0..JOBS).map(|number| format!("job {number}")).collect();
    for job in &jobs {
        let receipt = b.publish("jobs/1", job.clone()).qos(QoS::AtLeastOnce).await.unwrap();
        soon("the acknowledgement", receipt).await.unwrap().unwrap();
    }
    assert_eq!(take(&mut watch, JOBS).await, jobs);
    assert_eq!(take(&mut exact, JOBS).await, jobs);
    // Behind all the others on both connections: every copy has come by then.
    for last in [&a, &b] {
        last.publish("jobs/1", "last").qos(QoS::AtLeastOnce).delivered().await.unwrap();
    }
    assert_eq!(take(&mut watch, 2).await, ["last", "last"]);
    let mut shared = Vec::new();
    for worker in [&mut work_a, &mut work_b] {
        while let Ok(Some(message)) = tokio::time::timeout(
            // Real time: what does not come cannot be waited for.
            std::time::Duration::from_millis(500),
            worker.next(),
        )
        .await
        {
            shared.push(String::from_utf8(message.payload().to_vec()).unwrap());
        }
    }
    assert_eq!(shared.len(), JOBS + 2, "each job once: {shared:?}");
    assert_eq!(shared.into_iter().collect::<BTreeSet<_>>().len(), JOBS + 1);
}
