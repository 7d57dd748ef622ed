//! rumqttc, MQTT 3.1.1, as its README shows: one task polls the event loop and
//! goes on polling after an error, which is how it reconnects.
//!
//! The README warns against blocking in that loop, so messages go to a task of
//! their own. Subscribing anew after a reconnect is left to the application.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, SubscribeFilter};
use tokio::sync::mpsc;
use torture_adapters::{Handling, Job, Publishing, answer_topic, number_of, tell};

#[tokio::main]
async fn main() {
    let job = Job::from_args();
    let mut options = MqttOptions::new(&job.client_id, &job.host, job.port);
    options.set_keep_alive(Duration::from_secs(job.keep_alive.into()));
    // The default of 10 KiB is less than the largest message of the scenarios.
    options.set_max_packet_size(1 << 20, 1 << 20);
    #[cfg(feature = "tls")]
    if let Some(tls) = job.rumqttc_tls() {
        options.set_transport(tls);
    }
    let (client, mut events) = AsyncClient::new(options, 10);
    let (messages, mut received) = mpsc::unbounded_channel();
    let (handler, handling) = (client.clone(), job.handling());
    tokio::spawn(async move {
        while let Some(n) = received.recv().await {
            handle(&handler, n, handling).await;
        }
    });
    if let Some(publishing) = job.publishing() {
        tokio::spawn(publish(client.clone(), publishing));
    }
    let mut online = false;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                online = true;
                tell("online", "");
                tokio::spawn(subscribe(client.clone(), job.calls()));
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let n = number_of(&publish.payload);
                if job.inline() {
                    handle(&client, n, job.handling()).await;
                } else {
                    let _ = messages.send(n);
                }
            }
            Ok(_) => {}
            Err(error) => {
                let what = if std::mem::take(&mut online) { "offline" } else { "attempt-failed" };
                tell(what, error);
                if let Some(pause) = job.pause() {
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

async fn subscribe(client: AsyncClient, calls: Vec<Vec<String>>) {
    for filters in calls {
        let filters = filters.into_iter().map(|it| SubscribeFilter::new(it, QoS::AtLeastOnce));
        if let Err(error) = client.subscribe_many(filters).await {
            tell("failed", format!("0 {error}"));
        }
    }
}

async fn publish(client: AsyncClient, publishing: Publishing) {
    let qos = if publishing.at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let mut ticks = publishing.ticks();
    for n in 1..=publishing.count {
        publishing.pace(&mut ticks).await;
        tell("offered", n);
        let accepted = client.publish(publishing.topic(n), qos, false, n.to_string()).await;
        if let Err(error) = accepted {
            tell("failed", format!("{n} {error}"));
        }
    }
}

/// The library tells no acknowledgements of single messages: an answer is
/// waited for only until the event loop has taken it.
async fn handle(client: &AsyncClient, n: u64, handling: Handling) {
    tell("received", n);
    handling.dwell(n).await;
    if let Handling::Answer = handling {
        let answer = client.publish(answer_topic(n), QoS::AtLeastOnce, false, n.to_string());
        if let Err(error) = answer.await {
            tell("failed", format!("{n} {error}"));
        }
    }
    tell("handled", n);
}
