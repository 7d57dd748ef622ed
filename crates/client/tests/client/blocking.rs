//! The facade for programs without async.

use evenkeel::Reconnect;
use evenkeel::blocking::Client;
use evenkeel_broker::{Broker, fault::When};
use evenkeel_codec::PacketType;

use crate::support::{AtLeastOnce, AtMostOnce, millis, secs};

/// A broker on a runtime of its own.
fn broker(builder: evenkeel_broker::Builder) -> (tokio::runtime::Runtime, Broker) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let broker = runtime.block_on(builder.bind_tcp("127.0.0.1:0").start()).unwrap();
    (runtime, broker)
}

fn start(broker: &Broker) -> Client {
    Client::start(evenkeel::Client::builder(broker.url()).client_id("boat")).unwrap()
}

#[test]
fn messages_go_round_without_async() {
    let (_runtime, broker) = broker(Broker::builder());
    let client = start(&broker);
    client.online().unwrap();
    let mut messages = client.subscribe("a", AtLeastOnce).unwrap();
    assert!(messages.next_within(millis(10)).is_none());
    client.publish_and_wait("a", "1", AtLeastOnce).unwrap();
    assert_eq!(messages.next().unwrap().payload(), "1");
    let receipt = client.publish("a", "2", AtMostOnce).unwrap();
    receipt.wait().unwrap();
    assert_eq!(messages.next_within(secs(10)).unwrap().payload(), "2");
    let other = client.clone();
    std::thread::spawn(move || other.publish_and_wait("a", "3", AtLeastOnce).unwrap());
    assert_eq!(messages.next().unwrap().payload(), "3");
    let answer = client.wait(client.handle().request("nobody", "?").timeout(millis(50)));
    assert_eq!(answer.unwrap_err().to_string(), "no response within 50ms");
    assert_eq!(client.unsubscribe("a").unwrap().len(), 1);
    assert!(client.shutdown(secs(5)).is_clean());
    assert!(messages.next().is_none(), "the iterator ends with the client");
}

#[test]
fn a_receipt_can_be_waited_for_in_bits() {
    let late = When::sent(PacketType::PubAck).delay(millis(300));
    let (_runtime, broker) = broker(Broker::builder().fault(late));
    let client = start(&broker);
    let mut receipt = client.publish("a", "1", AtLeastOnce).unwrap();
    assert!(receipt.wait_within(millis(10)).is_none());
    receipt.wait_within(secs(10)).unwrap().unwrap();
}

#[test]
fn a_program_may_simply_end() {
    let late = When::sent(PacketType::PubAck).delay(millis(300));
    let (_runtime, broker) = broker(Broker::builder().fault(late));
    let client = start(&broker);
    let mut messages = client.subscribe("a", AtLeastOnce).unwrap();
    drop(client.publish("a", "1", AtLeastOnce).unwrap());
    drop(messages.next());
    drop(client);
    drop(messages);
    // Dropping the last of them waited for the acknowledgement and said goodbye.
    let packets = broker.stats().packets;
    assert_eq!(packets.sent(PacketType::PubAck), 1);
    assert_eq!(packets.received(PacketType::Disconnect), 1);
}

#[test]
fn settings_and_refusals_are_errors_here_too() {
    let error = Client::start(evenkeel::Client::builder("nonsense")).unwrap_err().to_string();
    assert!(error.starts_with("the server URL has no scheme"), "{error}");
    let builder = evenkeel::Client::builder("mqtt://127.0.0.1:1").reconnect(Reconnect::never());
    let client = Client::start(builder).unwrap();
    let error = client.online().unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1"), "{error}");
}

/// Waiting is forbidden inside of a runtime, but dropping is not.
#[tokio::test]
async fn it_can_be_dropped_inside_of_a_runtime() {
    let builder = evenkeel::Client::builder("mqtt://127.0.0.1:1");
    drop(Client::start(builder).unwrap());
}
