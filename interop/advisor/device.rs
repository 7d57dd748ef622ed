//! A device at AWS IoT Core, by Evenkeel: it follows its shadow, or does its jobs.
//!
//! `advisor-device URL THING shadow|job`

use std::error::Error;

use evenkeel::{Client, QoS, profile};
use serde_json::{Value, json};

type Ended = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Ended {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, thing, what] = &words[..] else { return Err("URL THING shadow|job".into()) };
    let client = Client::builder(url.as_str())
        .profile(profile::aws_iot_core())
        .client_id(thing.as_str())
        .start()?;
    let thing = format!("$aws/things/{thing}");
    match what.as_str() {
        "shadow" => follow(&client, &format!("{thing}/shadow")).await,
        "job" => work(&client, &format!("{thing}/jobs")).await,
        other => Err(format!("'{other}' is neither shadow nor job").into()),
    }
}

/// Reports whatever is desired.
async fn follow(client: &Client, shadow: &str) -> Ended {
    let update = format!("{shadow}/update");
    let mut deltas = client.subscribe(format!("{update}/delta")).qos(QoS::AtLeastOnce).await?;
    send(client, &update, &json!({ "state": { "reported": { "level": 4.2 } } })).await?;
    while let Some(delta) = deltas.next().await {
        let delta: Value = serde_json::from_slice(delta.payload())?;
        send(client, &update, &json!({ "state": { "reported": delta["state"] } })).await?;
    }
    Ok(())
}

/// Takes one job after the other; each succeeds at once.
async fn work(client: &Client, jobs: &str) -> Ended {
    let start_next = format!("{jobs}/start-next");
    let mut news = client
        .subscribe(format!("{start_next}/accepted"))
        .filter(format!("{jobs}/notify-next"), QoS::AtLeastOnce)
        .qos(QoS::AtLeastOnce)
        .await?;
    send(client, &start_next, &json!({})).await?;
    while let Some(message) = news.next().await {
        let content: Value = serde_json::from_slice(message.payload())?;
        if message.topic().ends_with("/notify-next") {
            send(client, &start_next, &json!({})).await?;
        } else if let Some(job) = content["execution"]["jobId"].as_str() {
            let update = format!("{jobs}/{job}/update");
            send(client, &update, &json!({ "status": "SUCCEEDED" })).await?;
        }
    }
    Ok(())
}

/// Waits until AWS has it.
async fn send(client: &Client, topic: &str, content: &Value) -> Ended {
    client.publish(topic, content.to_string()).qos(QoS::AtLeastOnce).await?.await?;
    Ok(())
}
