//! `minimal-mqtt5 mqtt://HOST:PORT`, or `mqtts`.

use mqtt5::{MqttClient, PublishOptions, QoS};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let url = std::env::args().nth(1).ok_or("no URL")?;
    let client = MqttClient::new("minimal");
    client.connect(&url).await?;
    let options = PublishOptions { qos: QoS::AtLeastOnce, ..PublishOptions::default() };
    client.publish_with_options("minimal", "hello", options).await?;
    Ok(())
}
