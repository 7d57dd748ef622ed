//! The facade for programs without async.

use evenkeel::blocking::{Client, TimedOut};
use evenkeel::{Event, Reconnect};
use evenkeel_broker::{Broker, fault::When};
use evenkeel_codec::PacketType;

use crate::support::{AtLeastOnce, ExactlyOnce, millis, secs};

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
    let mut messages = client.subscribe("a").qos(AtLeastOnce).send().unwrap();
    assert_eq!(messages.next_within(millis(10)).unwrap_err(), TimedOut { after: millis(10) });
    client.publish("a", "1").qos(AtLeastOnce).delivered().unwrap();
    assert_eq!(messages.next().unwrap().payload(), "1");
    let receipt = client.publish("a", "2").send().unwrap();
    receipt.wait().unwrap();
    assert_eq!(messages.next_within(secs(10)).unwrap().unwrap().payload(), "2");
    let other = client.clone();
    std::thread::spawn(move || other.publish("a", "3").qos(AtLeastOnce).delivered().unwrap());
    assert_eq!(messages.next().unwrap().payload(), "3");
    let answer = client.request("nobody", "?").timeout(millis(50)).send();
    assert_eq!(answer.unwrap_err().to_string(), "no response within 50ms");
    assert_eq!(client.unsubscribe("a").send().unwrap().len(), 1);
    assert!(client.shutdown(secs(5)).is_clean());
    assert_eq!(messages.next_within(secs(10)).map(|next| next.is_none()), Ok(true), "an end");
    assert!(messages.next().is_none(), "the iterator ends with the client");
}

#[test]
fn a_receipt_can_be_waited_for_in_bits() {
    let late = When::sent(PacketType::PubAck).delay(millis(300));
    let (_runtime, broker) = broker(Broker::builder().fault(late));
    let client = start(&broker);
    let mut receipt = client.publish("a", "1").qos(AtLeastOnce).send().unwrap();
    assert!(receipt.wait_within(millis(10)).is_err());
    receipt.wait_within(secs(10)).unwrap().unwrap();
}

#[test]
fn a_program_may_simply_end() {
    let late = When::sent(PacketType::PubAck).delay(millis(300));
    let (_runtime, broker) = broker(Broker::builder().fault(late));
    let client = start(&broker);
    let mut messages = client.subscribe("a").qos(AtLeastOnce).send().unwrap();
    drop(client.publish("a", "1").qos(AtLeastOnce).send().unwrap());
    drop(messages.next());
    drop(client);
    drop(messages);
    // Dropping the last of them waited for the acknowledgement and sent DISCONNECT.
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
    let begun = std::time::Instant::now();
    drop(Client::start(builder).unwrap());
    assert!(begun.elapsed() < secs(5), "nothing is waited for");
}

/// Accepts fifty messages that the broker is slow to acknowledge.
fn fifty(url: &str) -> Client {
    let client = Client::start(evenkeel::Client::builder(url).client_id("boat")).unwrap();
    for number in 0..50 {
        drop(client.publish("a", format!("{number}")).qos(AtLeastOnce).send().unwrap());
    }
    client
}

fn slow_broker() -> (tokio::runtime::Runtime, Broker) {
    let late = When::sent(PacketType::PubAck).delay(millis(300));
    broker(Broker::builder().fault(late))
}

#[track_caller]
fn assert_all_finished(broker: &Broker) {
    let packets = broker.stats().packets;
    assert_eq!(packets.received(PacketType::Publish), 50);
    assert_eq!(packets.sent(PacketType::PubAck), 50);
    assert_eq!(packets.received(PacketType::Disconnect), 1);
}

/// Who may wait is asked of the thread: these all know of a runtime.
#[test]
fn wherever_a_thread_may_wait_dropping_finishes_what_was_accepted() {
    for on_many_threads in [false, true] {
        let (_runtime, broker) = slow_broker();
        let url = broker.url();
        let program = if on_many_threads {
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()
        } else {
            tokio::runtime::Builder::new_current_thread().build()
        };
        let program = program.unwrap();
        let task = program.handle().spawn_blocking(move || drop(fifty(&url)));
        program.block_on(task).unwrap();
        assert_all_finished(&broker);
        // A thread that has entered a runtime, and runs none of its tasks.
        let (_runtime, broker) = slow_broker();
        let entered = program.enter();
        drop(fifty(&broker.url()));
        drop(entered);
        assert_all_finished(&broker);
        if on_many_threads {
            // A task that told its runtime that it blocks.
            let (_runtime, broker) = slow_broker();
            let url = broker.url();
            let task =
                program.spawn(async move { tokio::task::block_in_place(|| drop(fifty(&url))) });
            program.block_on(task).unwrap();
            assert_all_finished(&broker);
        }
    }
}

/// Async code is not blocked, and loses nothing as long as the program goes on.
#[test]
fn dropped_in_async_code_it_finishes_in_the_background() {
    for on_many_threads in [false, true] {
        let (_runtime, broker) = slow_broker();
        let program = if on_many_threads {
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
        } else {
            tokio::runtime::Builder::new_current_thread().enable_all().build()
        };
        let client = fifty(&broker.url());
        let (dropping, dropped) = (std::time::Instant::now(), std::sync::mpsc::channel());
        let program = program.unwrap();
        program.block_on(async {
            tokio::spawn(async move { drop(client) }).await.unwrap();
            dropped.0.send(dropping.elapsed()).unwrap();
            // The broker counts in its own time.
            let finished = async {
                while broker.stats().packets.received(PacketType::Disconnect) == 0 {
                    tokio::time::sleep(millis(10)).await;
                }
            };
            tokio::time::timeout(secs(20), finished).await.expect("it does not finish");
        });
        // Acknowledgements alone take 300 ms.
        assert!(dropped.1.recv().unwrap() < millis(6900), "the task was held up");
        assert_all_finished(&broker);
    }
}

/// No setting needs a detour by the async client.
#[test]
fn requests_have_the_settings_of_the_async_ones() {
    let (_runtime, broker) = broker(Broker::builder());
    let client = start(&broker);
    let mut events = client.events();
    client.online_within(secs(10)).unwrap().unwrap();
    let connected = events.any(|report| matches!(report.event, Event::Connected(_)));
    assert!(connected && events.next_within(millis(1)).is_err());
    let publish = client.publish("kept", b"1").qos(AtLeastOnce).retain(true);
    let publish = publish.content_type("text/plain").user_property("a", "b");
    publish.expiry(secs(600)).delivered().unwrap();
    let filters = client.subscribe(["kept", "other/#"]).qos(AtLeastOnce);
    let mut messages = filters.filter("third", ExactlyOnce).manual_ack().send().unwrap();
    let granted: Vec<_> = messages.granted().iter().map(|(_, granted)| *granted).collect();
    assert_eq!(granted, [Ok(AtLeastOnce), Ok(AtLeastOnce), Ok(ExactlyOnce)]);
    let message = messages.next_within(secs(10)).unwrap().unwrap();
    assert!(message.retain());
    assert!(message.properties().content_type().is_some_and(|text| text == "text/plain"));
    message.ack();
    assert_eq!(client.unsubscribe(["kept", "other/#"]).send().unwrap().len(), 2);
    client.drained_within(secs(10)).unwrap();
    client.shutdown(secs(5));
    assert!(matches!(events.last().unwrap().event, Event::Disconnected { .. }));
}
