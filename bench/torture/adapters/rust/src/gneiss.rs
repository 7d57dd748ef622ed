//! gneiss-mqtt's tokio client as its crate documentation shows: a listener for
//! events, operations that are queued while offline.
//!
//! Subscribing anew if the server has lost the session is left to the
//! application. The listener runs on the client's task, so messages go to a
//! task of their own.

use std::sync::Arc;

use gneiss_mqtt::client::config::{
    ConnectOptions, ExponentialBackoffJitterType, MqttClientOptions, PostReconnectQueueDrainPolicy,
};
use gneiss_mqtt::client::{
    AsyncClient, AsyncClientHandle, ClientEvent, PublishResponse, TokioClientBuilder,
};
use gneiss_mqtt::mqtt::{PublishPacket, QualityOfService, SubscribePacket};
use tokio::sync::mpsc;
use torture_adapters::{
    Handling, Job, Publishing, answer_topic, number_of, tell, wait_in_callback,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let job = Job::from_args();
    let options = ConnectOptions::builder()
        .with_client_id(&job.client_id)
        .with_keep_alive_interval_seconds(Some(job.keep_alive))
        .build();
    let mut client_options = MqttClientOptions::builder();
    if job.hint("poison").is_some() {
        client_options
            .with_max_interrupted_retries(1)
            .with_post_reconnect_queue_drain_policy(PostReconnectQueueDrainPolicy::OneAtATime);
    }
    if let Some(floor) = job.floor() {
        client_options
            .with_base_reconnect_period(floor)
            .with_reconnect_period_jitter(ExponentialBackoffJitterType::None);
    }
    let client = TokioClientBuilder::new(&job.host, job.port)
        .with_connect_options(options)
        .with_client_options(client_options.build())
        .build()?;
    let (messages, mut received) = mpsc::unbounded_channel();
    let (handler, handling, inline) = (client.clone(), job.handling(), job.inline());
    tokio::spawn(async move {
        while let Some(n) = received.recv().await {
            handle(&handler, n, handling).await;
        }
    });
    let (listener, calls) = (client.clone(), job.calls());
    client.start(Some(Arc::new(move |event: Arc<ClientEvent>| {
        narrate(&event);
        match event.as_ref() {
            ClientEvent::ConnectionSuccess(success) if !success.connack.session_present() => {
                tokio::spawn(subscribe(listener.clone(), calls.clone()));
            }
            ClientEvent::PublishReceived(received) => {
                let payload = received.publish.payload().unwrap_or_default();
                let n = number_of(payload);
                if inline {
                    wait_in_callback(handle(&listener, n, handling));
                } else {
                    let _ = messages.send(n);
                }
            }
            _ => {}
        }
    })))?;
    if let Some(publishing) = job.publishing() {
        publish(client, publishing).await;
    }
    std::future::pending().await
}

fn narrate(event: &ClientEvent) {
    match event {
        ClientEvent::ConnectionSuccess(_) => tell("online", ""),
        ClientEvent::ConnectionFailure(failure) => tell("attempt-failed", &failure.error),
        ClientEvent::Disconnection(end) => tell("offline", &end.error),
        ClientEvent::Stopped(_) => tell("halted", ""),
        _ => {}
    }
}

async fn subscribe(client: AsyncClientHandle, calls: Vec<Vec<String>>) {
    for filters in calls {
        let mut packet = SubscribePacket::builder();
        for filter in filters {
            packet = packet.with_subscription_simple(filter, QualityOfService::AtLeastOnce);
        }
        if let Err(error) = client.subscribe(packet.build(), None).await {
            tell("failed", format!("0 {error}"));
        }
    }
}

async fn publish(client: AsyncClientHandle, publishing: Publishing) {
    let mut ticks = publishing.ticks();
    for n in 1..=publishing.count {
        publishing.pace(&mut ticks).await;
        tell("offered", n);
        let (client, topic) = (client.clone(), publishing.topic(n));
        tokio::spawn(async move { send(&client, topic, n, publishing.at_least_once).await });
    }
}

async fn send(client: &AsyncClientHandle, topic: String, n: u64, at_least_once: bool) {
    let qos =
        if at_least_once { QualityOfService::AtLeastOnce } else { QualityOfService::AtMostOnce };
    let packet =
        PublishPacket::builder(topic, qos).with_payload(n.to_string().into_bytes()).build();
    match client.publish(packet, None).await {
        Ok(PublishResponse::Qos1(ack)) if !ack.reason_code().is_success() => {
            tell("failed", format!("{n} {:?}", ack.reason_code()));
        }
        Ok(_) => tell("acked", n),
        Err(error) => tell("failed", format!("{n} {error}")),
    }
}

async fn handle(client: &AsyncClientHandle, n: u64, handling: Handling) {
    tell("received", n);
    handling.dwell(n).await;
    if let Handling::Answer = handling {
        send(client, answer_topic(n), n, true).await;
    }
    tell("handled", n);
}
