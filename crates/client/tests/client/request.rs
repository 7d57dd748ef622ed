//! Request and response.

use evenkeel::{
    Message, Property, PropertyId, PublishError, PublishLimit, RejectReason, RequestError,
};
use evenkeel_codec::{Packet, Publish};

use crate::support::*;

/// Grants the response topic and returns the request that follows.
async fn take_request(peer: &mut Peer) -> (String, Publish) {
    let subscribe = peer.expect_subscribe().await;
    peer.send(suback(&subscribe, &[subscribe.filters[0].options.qos.level()])).await;
    (subscribe.filters[0].filter.as_str().to_owned(), peer.expect_publish().await)
}

fn response(topic: &str, payload: &str, to: &Publish) -> Publish {
    let mut response = message(topic, payload, AtMostOnce, 0);
    if let Some(data) = to.properties.correlation_data() {
        response.properties.push(Property::CorrelationData(data));
    }
    response
}

#[tokio::test(start_paused = true)]
async fn on_mqtt_5_the_correlation_data_decide() {
    let (client, _server, mut peer) = online_v5().await;
    let serving = async {
        let (topic, request) = take_request(&mut peer).await;
        assert_eq!(request.properties.response_topic(), Some(text(&topic)));
        assert_eq!((request.topic.as_str(), &*request.payload), ("add", &b"1+1"[..]));
        let mut other = message(&topic, "3", AtMostOnce, 0);
        other.properties.push(Property::CorrelationData("of another".into()));
        peer.publish(other).await;
        peer.publish(message(&topic, "none", AtMostOnce, 0)).await;
        peer.publish(response(&topic, "2", &request)).await;
        assert_eq!(peer.expect_unsubscribe().await.filters, [filter(&topic)]);
    };
    let (answer, ()) = tokio::join!(client.request("add", "1+1").into_future(), serving);
    assert_eq!(answer.unwrap().payload(), "2");
}

#[tokio::test(start_paused = true)]
async fn before_mqtt_5_the_first_message_is_the_response() {
    let (client, _server, mut peer) = online(Version::V311, |builder| builder).await;
    let serving = async {
        let (topic, request) = take_request(&mut peer).await;
        assert_eq!(topic, "add/answer");
        assert_eq!(request.qos, AtLeastOnce);
        peer.send(puback(request.packet_id, ReasonCode::SUCCESS)).await;
        peer.publish(message(&topic, "2", AtMostOnce, 0)).await;
    };
    let request = client.request("add", "1+1").qos(AtLeastOnce).response_topic("add/answer");
    let (answer, ()) = tokio::join!(request.into_future(), serving);
    assert_eq!(answer.unwrap().payload(), "2");
}

/// D15: nothing is left out in silence.
#[tokio::test(start_paused = true)]
async fn before_mqtt_5_a_request_needs_a_topic_for_its_response() {
    let (client, _server, mut peer) = online(Version::V311, |builder| builder).await;
    let error = client.request("add", "1+1").await.unwrap_err();
    assert_eq!(error, RequestError::NoResponseTopic);
    assert!(error.to_string().contains("response_topic()"), "{error}");
    let serving = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[0])).await;
        peer.expect_unsubscribe().await;
    };
    let request = client.request("add", "1+1").response_topic("answer").correlation_data("7");
    let (answer, ()) = tokio::join!(request.into_future(), serving);
    let limit = PublishLimit::Property { id: PropertyId::CORRELATION_DATA, version: Version::V311 };
    let refused = PublishError::Rejected(RejectReason::NotAllowed(limit));
    assert_eq!(answer.unwrap_err(), RequestError::Publish(refused));
}

#[tokio::test(start_paused = true)]
async fn the_servers_basis_for_response_topics_is_used() {
    for (given, is_used) in [("from/pump-17/", true), ("no/+/basis", false)] {
        let mut server = Server::new();
        let client = server.client().start().unwrap();
        let information = Property::ResponseInformation(text(given));
        let mut peer = server.online_with(accepted_with([information])).await;
        let serving = async {
            let (topic, request) = take_request(&mut peer).await;
            assert_eq!(topic.starts_with("from/pump-17/evenkeel/response/"), is_used, "{topic}");
            assert_eq!(request.properties.response_topic(), Some(text(&topic)));
            peer.publish(response(&topic, "2", &request)).await;
        };
        let (answer, ()) = tokio::join!(client.request("add", "1+1").into_future(), serving);
        assert_eq!(answer.unwrap().payload(), "2");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_at_the_same_time_do_not_mix() {
    let (client, _server, mut peer) = online_v5().await;
    let serving = async {
        let mut requests = Vec::new();
        while requests.len() < 2 {
            match peer.expect().await {
                Packet::Subscribe(subscribe) => peer.send(suback(&subscribe, &[0])).await,
                Packet::Publish(publish) => requests.push(publish),
                other => panic!("{other:?}"),
            }
        }
        for request in requests.iter().rev() {
            let topic = request.properties.response_topic().unwrap();
            let payload = std::str::from_utf8(&request.payload).unwrap();
            peer.publish(response(&topic, payload, request)).await;
        }
    };
    let ask = |payload: &'static str| client.request("echo", payload).into_future();
    let (one, two, ()) = tokio::join!(ask("one"), ask("two"), serving);
    let payload = |answer: Result<Message, RequestError>| answer.unwrap().payload().clone();
    assert_eq!((&*payload(one), &*payload(two)), (&b"one"[..], &b"two"[..]));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_answer_times_out_and_unsubscribes() {
    let (client, _server, mut peer) = online_v5().await;
    let begun = tokio::time::Instant::now();
    let serving = async {
        let (topic, _) = take_request(&mut peer).await;
        assert_eq!(peer.expect_unsubscribe().await.filters, [filter(&topic)]);
    };
    let request = client.request("add", "1+1").timeout(secs(7)).into_future();
    let (answer, ()) = tokio::join!(request, serving);
    let error = answer.unwrap_err();
    assert_eq!(error, RequestError::TimedOut(secs(7)));
    assert_eq!(error.to_string(), "no response within 7s");
    assert_eq!(begun.elapsed().as_secs(), 7);
}

/// A command must not be carried out long after everyone stopped waiting.
#[tokio::test(start_paused = true)]
async fn a_request_is_of_no_use_after_its_time_out() {
    let (client, mut server, mut peer) = online(Version::V5, |b| b.in_flight(1)).await;
    drop(client.publish("first", "x").qos(AtLeastOnce).await.unwrap());
    let request = client.request("add", "1+1").qos(AtLeastOnce).timeout(secs(7)).into_future();
    let blocking = async {
        let first = peer.expect_publish().await;
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[1])).await;
        (first, peer)
    };
    let (answer, (_, peer)) = tokio::join!(request, blocking);
    assert_eq!(answer.unwrap_err(), RequestError::TimedOut(secs(7)));
    settle().await;
    assert_eq!(client.queued(), 0, "the request waited behind the first message");
    drop(peer);
    let mut peer = server.online().await;
    while let Some(packet) = peer.poll().await {
        if let Packet::Publish(publish) = packet {
            assert_eq!(publish.topic, text("first"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failures_on_the_way_are_told_apart() {
    let (client, _server, mut peer) = online_v5().await;
    let error = client.request("a/#", "x").await.unwrap_err();
    assert!(matches!(error, RequestError::Publish(_)));
    assert_eq!(peer.poll().await, None, "nothing is subscribed to in vain");

    let refused = client.request("a", "x").qos(AtLeastOnce).into_future();
    let serving = async {
        let (_, request) = take_request(&mut peer).await;
        peer.send(puback(request.packet_id, ReasonCode::NOT_AUTHORIZED)).await;
    };
    let (error, ()) = tokio::join!(refused, serving);
    assert_eq!(error.unwrap_err().to_string(), "the server refused it: Not authorized (0x87)");
    let error = client.request("a", "x").response_topic("a/+/#/b").await.unwrap_err();
    assert!(matches!(error, RequestError::Subscribe(_)));
}
