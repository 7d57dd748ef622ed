//! What MQTT 5 says beside topic and payload.

use std::time::Duration;

use evenkeel::{Client, Messages, Property, QoS, Will};

use super::steps::{connected, expect, next, publish, subscribe};
use crate::case::Case;
use crate::failed::{Failed, soon};
use crate::must;

/// Properties of a message reach its receiver as they were sent.
pub(super) async fn message_properties(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("properties");
    let client = case.connect("client").await?;
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    let publish = client
        .publish(&topic, "{}")
        .qos(QoS::AtLeastOnce)
        .content_type("application/json")
        .response_topic("answers/here")
        .correlation_data(&b"\x00\x01\xff"[..])
        .property(Property::PayloadFormatIndicator(1))
        .expiry(Duration::from_secs(100))
        .user_property("colour", "blue")
        .user_property("ключ", "значение")
        .user_property("colour", "red");
    soon("the acknowledgement", publish.delivered()).await??;
    let message = next(&mut messages).await?;
    let properties = message.properties();
    let as_str = |text: Option<evenkeel::Text>| text.map(|text| text.as_str().to_owned());
    let content_type = as_str(properties.content_type());
    must!(content_type.as_deref() == Some("application/json"), "content type {content_type:?}");
    let response_topic = as_str(properties.response_topic());
    must!(response_topic.as_deref() == Some("answers/here"), "response to {response_topic:?}");
    let correlation = properties.correlation_data();
    must!(correlation.as_deref() == Some(b"\x00\x01\xff"), "correlation data {correlation:?}");
    let format = properties.payload_format_indicator();
    must!(format == Some(1), "payload format {format:?}");
    let expiry = properties.message_expiry_interval();
    must!(matches!(expiry, Some(90..=100)), "expires in {expiry:?}");
    let users: Vec<_> = properties.user_properties().collect();
    let expected = [("colour", "blue"), ("ключ", "значение"), ("colour", "red")];
    must!(users == expected, "user properties {users:?}");
    Ok(())
}

/// The number given with a subscription comes back with its messages.
pub(super) async fn subscription_identifier(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("identifier");
    let client = case.connect("client").await?;
    let request = client.subscribe(&topic).qos(QoS::AtLeastOnce);
    // The largest number that a variable byte integer holds.
    let request = request.subscription_identifier(268_435_455).user_property("who", "interop");
    let mut messages = soon("SUBACK", request).await??;
    publish(&client, &topic, "numbered", QoS::AtLeastOnce).await?;
    let message = expect(&mut messages, "numbered").await?;
    let numbers: Vec<_> = message.properties().subscription_identifiers().collect();
    must!(numbers == [268_435_455], "came with the identifiers {numbers:?}");
    Ok(())
}

/// A question gets the answer that belongs to it.
pub(super) async fn request_response(case: &Case) -> Result<(), Failed> {
    let (questions, answers) = (case.topic("questions"), case.topic("answers"));
    let responder = case.connect("answerer").await?;
    let requests = subscribe(&responder, &questions, QoS::AtLeastOnce).await?;
    let requester = case.connect("asker").await?;
    let asking = async {
        for question in ["one", "two"] {
            let mut request = requester.request(&questions, question).qos(QoS::AtLeastOnce);
            if !case.has_properties() {
                // Before MQTT 5 both sides have to know where answers go.
                request = request.response_topic(&answers);
            }
            let answer = request.timeout(Duration::from_secs(20)).await?;
            let expected = format!("re: {question}");
            must!(answer.payload() == expected.as_bytes(), "answered {:?}", answer.payload());
        }
        Ok(())
    };
    tokio::select! {
        asked = asking => asked,
        failed = answer(&responder, requests, &answers) => failed,
    }
}

/// Answers for as long as it is let.
async fn answer(client: &Client, mut requests: Messages, fallback: &str) -> Result<(), Failed> {
    while let Some(request) = requests.next().await {
        let properties = request.properties();
        let topic = properties.response_topic();
        let topic = topic.as_ref().map_or(fallback, |topic| topic.as_str());
        let text = format!("re: {}", String::from_utf8_lossy(request.payload()));
        let mut answer = client.publish(topic, text).qos(QoS::AtLeastOnce);
        if let Some(data) = properties.correlation_data() {
            answer = answer.correlation_data(data);
        }
        soon("the acknowledgement", answer.delivered()).await??;
    }
    Err(Failed::Wrong("the stream of requests ended".to_owned()))
}

/// A message that waits too long for its receiver is not delivered.
pub(super) async fn message_expiry(case: &Case) -> Result<(), Failed> {
    let topic = case.topic("expiry");
    let desk = case.connect("desk").await?;
    let (builder, wire) = case.builder_with_wire("pump")?;
    let builder = builder.clean_start(false).session_expiry(Duration::from_secs(600));
    let builder = builder.will(Will::new(case.topic("will"), "gone"));
    let pump = case.online("pump", builder).await?;
    let mut events = pump.events();
    let mut orders = subscribe(&pump, &topic, QoS::AtLeastOnce).await?;
    let mut wills = subscribe(&desk, &case.topic("will"), QoS::AtMostOnce).await?;
    wire.cut();
    // What is on its way already does not expire: the server must have noticed.
    expect(&mut wills, "gone").await?;
    for (payload, expiry) in [("stale", 1), ("fresh", 100)] {
        let publish = desk.publish(&topic, payload).qos(QoS::AtLeastOnce);
        let publish = publish.expiry(Duration::from_secs(expiry));
        soon("the acknowledgement", publish.delivered()).await??;
    }
    // The message expires by the server's clock, which the test cannot turn.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    wire.restore();
    must!(connected(&mut events).await?, "the session was not present");
    let message = expect(&mut orders, "fresh").await?;
    let left = message.properties().message_expiry_interval();
    must!(left.is_some_and(|left| left < 100), "after 2.5 s of 100 s there are {left:?} left");
    Ok(())
}
