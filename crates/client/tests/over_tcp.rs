//! The whole client over a real transport, with nothing but what the
//! specification asks for on either side.

use bytes::Bytes;
use evenkeel::{Client, QoS, Version};
use evenkeel_broker::Broker;

const MESSAGES: u32 = 500;

/// Messages of many sizes go out and come back whole and in order, over a
/// transport that orders bytes and loses none, in each version.
//= [MQTT-4.2-1] test
//= [MQTT-4.2.0-1] test
//= [MQTT311-7.0.0-2] test
//= [MQTT311-7.1.2-1] test
#[tokio::test]
async fn bytes_travel_in_order_and_without_loss_both_ways() {
    let broker = Broker::builder().bind_tcp("127.0.0.1:0").start().await.unwrap();
    for version in [Version::V311, Version::V5] {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let client = Client::builder(broker.url()).version(version).start().unwrap();
            let mut echo = client.subscribe("echo").qos(qos).await.unwrap();
            let publisher = client.clone();
            let publishing = tokio::spawn(async move {
                for number in 0..MESSAGES {
                    let receipt = publisher.publish("echo", payload(number)).qos(qos).await;
                    drop(receipt.unwrap());
                }
            });
            for number in 0..MESSAGES {
                let message = echo.next().await.unwrap();
                assert_eq!(message.payload(), &payload(number), "{version:?} {qos:?} {number}");
            }
            publishing.await.unwrap();
        }
    }
}

/// The number, and as many bytes after it as make sizes from 4 bytes to 64 KiB.
fn payload(number: u32) -> Bytes {
    let size = 4 + (number as usize * 7919) % (64 * 1024);
    let mut payload = vec![number as u8; size];
    payload[..4].copy_from_slice(&number.to_be_bytes());
    payload.into()
}
