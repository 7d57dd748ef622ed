//! What may be given for topics, payloads and filters.

use std::borrow::Cow;
use std::future::IntoFuture;

use bytes::{Bytes, BytesMut};
use evenkeel::{IntoBytes, TopicFilter, Will};

use crate::support::*;

/// A helper as applications have them: nothing it is given outlives the call.
async fn report(client: &Client, topic: &str, value: &str, raw: &[u8]) {
    drop(client.publish(topic, value).await.unwrap());
    let tagged = client.publish(topic, raw).qos(AtLeastOnce).correlation_data(raw);
    drop(tagged.await.unwrap());
    drop(Will::new(topic, value));
}

#[tokio::test(start_paused = true)]
async fn a_helper_publishes_what_it_borrows() {
    let (client, _server, mut peer) = online_v5().await;
    let (topic, value, raw) = ("a".repeat(9), "b".repeat(9), vec![7; 9]);
    report(&client, &topic, &value, &raw).await;
    for payload in [value.as_bytes(), &raw] {
        let published = peer.expect_publish().await;
        assert_eq!((published.topic.as_str(), &published.payload[..]), (&topic[..], payload));
    }
}

/// Owned bytes are those that are sent, and borrowed ones are copied.
#[test]
fn only_what_is_borrowed_is_copied() {
    let is_same = |at: *const u8, bytes: Bytes| bytes.as_ptr() == at && bytes.len() == 64;
    let vector = vec![1_u8; 64];
    assert!(is_same(vector.as_ptr(), vector.into_bytes()));
    let boxed = vec![1_u8; 64].into_boxed_slice();
    assert!(is_same(boxed.as_ptr(), boxed.into_bytes()));
    let text = "a".repeat(64);
    assert!(is_same(text.as_ptr(), IntoBytes::into_bytes(text)));
    let cow: Cow<'_, str> = Cow::Owned("a".repeat(64));
    assert!(is_same(cow.as_ptr(), cow.into_bytes()));
    let shared = Bytes::from(vec![1_u8; 64]);
    assert!(is_same(shared.as_ptr(), (&shared).into_bytes()));
    assert!(is_same(shared.as_ptr(), shared.into_bytes()));
    let written = BytesMut::from(&[1_u8; 64][..]);
    assert!(is_same(written.as_ptr(), written.into_bytes()));
    let array = [1_u8; 64];
    assert!(!is_same(array.as_ptr(), (&array).into_bytes()));
    assert!(!is_same(array.as_ptr(), array[..].into_bytes()));
    let cow: Cow<'_, [u8]> = Cow::Borrowed(&array);
    assert_eq!(cow.into_bytes(), &array[..]);
}

#[tokio::test(start_paused = true)]
async fn several_filters_go_into_one_packet_and_each_has_its_answer() {
    let (client, _server, mut peer) = online_v5().await;
    let configured = vec!["a/#".to_owned(), "b".to_owned()];
    let name = TopicFilter::try_from("c").unwrap();
    let one = client.subscribe("a").qos(AtLeastOnce);
    assert!(format!("{one:?}").contains("\"a\""), "{one:?}");
    drop((
        one,
        client.subscribe(&name),
        client.subscribe(["a", "b"]),
        client.subscribe(vec![name]),
    ));
    let subscribing = tokio::spawn(client.subscribe(&configured).qos(AtLeastOnce).into_future());
    let subscribe = peer.expect_subscribe().await;
    let asked: Vec<_> =
        subscribe.filters.iter().map(|it| (it.filter.as_str(), it.options.qos)).collect();
    assert_eq!(asked, [("a/#", AtLeastOnce), ("b", AtLeastOnce)]);
    peer.send(suback(&subscribe, &[0x01, 0x87])).await;
    let messages = subscribing.await.unwrap().unwrap();
    let granted: Vec<_> = messages.granted().iter().map(|(_, granted)| *granted).collect();
    assert_eq!(granted, [Ok(AtLeastOnce), Err(ReasonCode::NOT_AUTHORIZED)]);
    let none: [&str; 0] = [];
    client.subscribe(none).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn requests_can_be_shown_and_show_no_payload() {
    let (client, _server, _peer) = online_v5().await;
    let secret = "s3cret";
    let shown = [
        format!("{:?}", client.publish("topic", secret).retain(true)),
        format!("{:?}", client.request("topic", secret)),
        format!("{:?}", client.publish("topic", secret).into_future()),
        format!("{:?}", Will::new("topic", secret)),
        format!("{:?}", client.publish("a/#", secret).try_send().unwrap_err()),
        format!("{:?}", client.unsubscribe(["topic", "b"])),
    ];
    for text in shown {
        assert!(!text.contains(secret), "{text}");
        assert!(text.contains("topic"), "{text}");
    }
}
