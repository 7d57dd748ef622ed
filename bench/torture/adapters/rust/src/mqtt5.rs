//! mqtt5 as its example `simple_client` shows: automatic reconnect, a callback
//! per subscription, `connect` once.
//!
//! Its documentation asks for short callbacks, so messages go to a task of
//! their own.

use std::time::Duration;

use mqtt5::{ConnectOptions, ConnectionEvent, MqttClient, PublishOptions, PublishOutcome, QoS};
use mqtt5_protocol::KeepaliveConfig;
use tokio::sync::{mpsc, watch};
use torture_adapters::{
    Handling, Job, Publishing, answer_topic, number_of, tell, wait_in_callback,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let job = Job::from_args();
    let mut options = ConnectOptions::new(&job.client_id)
        .with_keep_alive(Duration::from_secs(job.keep_alive.into()))
        .with_clean_start(true)
        .with_automatic_reconnect(true);
    if job.hint("ping_spacing").is_some() {
        options = options.with_keepalive_config(KeepaliveConfig::new(100, 150));
    }
    if let Some(floor) = job.floor() {
        // The second is the default.
        options = options.with_reconnect_delay(floor, Duration::from_secs(60));
    }
    let client = MqttClient::with_options(options);
    let (connections, mut connected) = watch::channel(0);
    client.on_connection_event(move |event| narrate(event, &connections)).await?;
    if let Err(error) = client.connect(&job.url).await {
        // It goes on in the background if the error is one it retries.
        let what = if error.classify().is_some() { "attempt-failed" } else { "halted" };
        tell(what, error);
    }
    connected.wait_for(|count| *count > 0).await?;
    let (messages, mut received) = mpsc::unbounded_channel();
    let (handler, handling) = (client.clone(), job.handling());
    tokio::spawn(async move {
        while let Some(n) = received.recv().await {
            handle(&handler, n, handling).await;
        }
    });
    for filters in job.calls() {
        let (messages, handler, inline) = (messages.clone(), client.clone(), job.inline());
        let callback = move |message: mqtt5::Message| {
            let n = number_of(&message.payload);
            if inline {
                wait_in_callback(handle(&handler, n, handling));
            } else {
                let _ = messages.send(n);
            }
        };
        let filters = filters.iter().map(|filter| (filter.as_str(), QoS::AtLeastOnce)).collect();
        client.subscribe_many(filters, callback).await?;
    }
    if let Some(publishing) = job.publishing() {
        publish(client, publishing).await;
    }
    std::future::pending().await
}

fn narrate(event: ConnectionEvent, connections: &watch::Sender<u64>) {
    match event {
        ConnectionEvent::Connected { .. } => {
            tell("online", "");
            connections.send_modify(|count| *count += 1);
        }
        ConnectionEvent::Disconnected { reason } => tell("offline", format!("{reason:?}")),
        // Told before each attempt; all but the first follow a failed one.
        ConnectionEvent::Reconnecting { attempt } if attempt > 1 => tell("attempt-failed", ""),
        ConnectionEvent::ReconnectFailed { error } => tell("halted", error),
        _ => {}
    }
}

async fn publish(client: MqttClient, publishing: Publishing) {
    let qos = if publishing.at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let mut ticks = publishing.ticks();
    for n in 1..=publishing.count {
        publishing.pace(&mut ticks).await;
        tell("offered", n);
        let (client, topic) = (client.clone(), publishing.topic(n));
        tokio::spawn(async move { send(&client, topic, n, qos).await });
    }
}

async fn send(client: &MqttClient, topic: String, n: u64, qos: QoS) {
    let options = PublishOptions { qos, ..PublishOptions::default() };
    match client.publish_with_options(topic, n.to_string(), options).await {
        Ok(result) => match result.outcome().await {
            PublishOutcome::Delivered(_) => tell("acked", n),
            outcome => tell("failed", format!("{n} {outcome:?}")),
        },
        Err(error) => tell("failed", format!("{n} {error}")),
    }
}

async fn handle(client: &MqttClient, n: u64, handling: Handling) {
    tell("received", n);
    handling.dwell(n).await;
    if let Handling::Answer = handling {
        send(client, answer_topic(n), n, QoS::AtLeastOnce).await;
    }
    tell("handled", n);
}
