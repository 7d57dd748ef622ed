//! Evenkeel with its defaults: one stream per subscription, one receipt per message.

use std::time::Duration;

use evenkeel::{Client, Event, Messages, QoS};
use torture_adapters::{Handling, Job, Publishing, answer_topic, number_of, tell};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let job = Job::from_args();
    let mut builder = Client::builder(&job.url)
        .client_id(&job.client_id)
        .keep_alive(Duration::from_secs(job.keep_alive.into()));
    if let Some(spacing) = job.hint("ping_spacing") {
        let text = format!("name = \"torture\"\nconnection.min_ping_spacing.value = {spacing}");
        builder = builder.profile(evenkeel_profile::Profile::from_toml(&text)?);
    }
    if let Some(limit) = job.hint("limit") {
        let mut profile = evenkeel_profile::aws_iot_core();
        profile.retain(|name, _| name == limit);
        builder = builder.profile(profile);
    }
    let client = builder.start()?;
    tokio::spawn(narrate(client.clone()));
    if let Some(publishing) = job.publishing() {
        tokio::spawn(publish(client.clone(), publishing));
    }
    for filters in job.calls() {
        let messages = client.subscribe(filters).qos(QoS::AtLeastOnce).await?;
        tokio::spawn(handle(client.clone(), messages, job.handling()));
    }
    std::future::pending().await
}

async fn publish(client: Client, publishing: Publishing) {
    let qos = if publishing.at_least_once { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let mut ticks = publishing.ticks();
    for n in 1..=publishing.count {
        publishing.pace(&mut ticks).await;
        tell("offered", n);
        match client.publish(publishing.topic(n), n.to_string()).qos(qos).await {
            Ok(receipt) => {
                tokio::spawn(async move {
                    match receipt.await {
                        Ok(_) => tell("acked", n),
                        Err(error) => tell("failed", format!("{n} {error:?}")),
                    }
                });
            }
            Err(error) => tell("failed", format!("{n} {error}")),
        }
    }
}

async fn handle(client: Client, mut messages: Messages, handling: Handling) {
    while let Some(message) = messages.next().await {
        let n = number_of(message.payload());
        tell("received", n);
        handling.dwell(n).await;
        if let Handling::Answer = handling {
            let answer = client.publish(answer_topic(n), n.to_string());
            if let Err(error) = answer.qos(QoS::AtLeastOnce).delivered().await {
                tell("failed", format!("{n} {error}"));
            }
        }
        tell("handled", n);
    }
}

async fn narrate(client: Client) {
    let mut events = client.events();
    while let Some(report) = events.next().await {
        match report.event {
            Event::Connected(_) => tell("online", ""),
            Event::Disconnected { cause, online_for: Some(_), .. } => {
                tell("offline", format!("{cause:?}"));
            }
            Event::Disconnected { cause, .. } => tell("attempt-failed", format!("{cause:?}")),
            Event::Halted(reason) => tell("halted", format!("{reason:?}")),
            _ => {}
        }
    }
}
