//! Ask a question over MQTT and wait for its answer.
//!
//! `cargo run -p evenkeel --example request_response`

use std::error::Error;
use std::time::Duration;

use evenkeel::{Client, Property, QoS};
use evenkeel_broker::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await?;

    // The one who answers: to the topic that the request names, with the
    // correlation data that it carries.
    let thermometer = Client::builder(broker.url()).client_id("thermometer").start()?;
    let mut questions = thermometer.subscribe("room/temperature").qos(QoS::AtLeastOnce).await?;
    let answering = tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let properties = question.properties();
            let (Some(topic), Some(data)) =
                (properties.response_topic(), properties.correlation_data())
            else {
                continue;
            };
            let answer =
                thermometer.publish(topic, "21.5 °C").property(Property::CorrelationData(data));
            if let Err(error) = answer.await {
                eprintln!("no answer was given: {error}");
            }
        }
    });

    // The one who asks.
    let display = Client::builder(broker.url()).client_id("display").start()?;
    let request = display.request("room/temperature", "?").qos(QoS::AtLeastOnce);
    let answer = request.timeout(Duration::from_secs(5)).await?;
    println!("it is {:?}", answer.payload());
    assert_eq!(answer.payload(), "21.5 °C");

    answering.abort();
    Ok(())
}
