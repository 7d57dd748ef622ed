//! Subscribing: what is granted, refused and ended.

use evenkeel::{RetainHandling, SubscribeError};
use evenkeel_codec::{SubscribeFilter, SubscribeOptions};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn each_filter_has_its_own_result() {
    let (client, _server, mut peer) = online_v5().await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        let options = SubscribeOptions {
            qos: AtLeastOnce,
            no_local: true,
            retain_as_published: true,
            retain_handling: RetainHandling::Never,
        };
        let second = SubscribeOptions { qos: ExactlyOnce, ..options };
        assert_eq!(
            subscribe.filters,
            [
                SubscribeFilter { filter: filter("a"), options },
                SubscribeFilter { filter: filter("b/#"), options: second },
                SubscribeFilter { filter: filter("c"), options: second },
            ]
        );
        assert_eq!(subscribe.properties.subscription_identifiers().collect::<Vec<_>>(), [42]);
        assert_eq!(subscribe.properties.user_properties().collect::<Vec<_>>(), [("k", "v")]);
        peer.send(suback(&subscribe, &[0, ReasonCode::NOT_AUTHORIZED.0, 2])).await;
        peer
    };
    let subscribing = client
        .subscribe("a")
        .qos(AtLeastOnce)
        .filter("b/#", ExactlyOnce)
        .filter("c", ExactlyOnce)
        .no_local(true)
        .retain_as_published(true)
        .retain_handling(RetainHandling::Never)
        .subscription_identifier(42)
        .user_property("k", "v");
    let (messages, mut peer) = tokio::join!(subscribing, granting);
    let messages = messages.unwrap();
    let granted: Vec<_> = messages.granted().iter().map(|(_, result)| *result).collect();
    assert_eq!(granted, [Ok(AtMostOnce), Err(ReasonCode::NOT_AUTHORIZED), Ok(ExactlyOnce)]);
    // What was refused is not unsubscribed from.
    drop(messages);
    assert_eq!(peer.expect_unsubscribe().await.filters, [filter("a"), filter("c")]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_every_filter_is_an_error() {
    let (client, _server, mut peer) = online_v5().await;
    let refusing = async {
        let subscribe = peer.expect_subscribe().await;
        let codes = [ReasonCode::NOT_AUTHORIZED.0, ReasonCode::QUOTA_EXCEEDED.0];
        peer.send(suback(&subscribe, &codes)).await;
    };
    let (refused, ()) = tokio::join!(client.subscribe("a").filter("b", AtMostOnce), refusing);
    let error = refused.unwrap_err();
    assert_eq!(
        error,
        SubscribeError::Refused(vec![ReasonCode::NOT_AUTHORIZED, ReasonCode::QUOTA_EXCEEDED])
    );
    assert_eq!(
        error.to_string(),
        "the server refused the subscription: Not authorized (0x87), Quota exceeded (0x97)"
    );
    assert_eq!(peer.poll().await, None, "there is nothing to unsubscribe from");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_lacks_is_said_before_it_is_asked() {
    use evenkeel::Property::*;
    let mut server = Server::new();
    let client = server.client().version(Version::V5).start().unwrap();
    let lacking = accepted_with([
        WildcardSubscriptionAvailable(0),
        SharedSubscriptionAvailable(0),
        SubscriptionIdentifierAvailable(0),
    ]);
    let mut peer = server.online_with(lacking).await;
    soon(client.online()).await.unwrap();
    for (filter, identifier, feature) in [
        ("a/+", None, "wildcard subscriptions"),
        ("$share/g/a", None, "shared subscriptions"),
        ("a", Some(1), "subscription identifiers"),
    ] {
        let mut request = client.subscribe(filter);
        if let Some(identifier) = identifier {
            request = request.subscription_identifier(identifier);
        }
        let error = request.await.unwrap_err().to_string();
        assert_eq!(error, format!("the server does not support {feature}"));
    }
    assert_eq!(peer.poll().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_bad_filter_is_named() {
    let (client, _server, mut peer) = online_v5().await;
    let error = client.subscribe("a/#/b").await.unwrap_err();
    assert!(matches!(error, SubscribeError::Filter(_)), "{error:?}");
    assert!(format!("{error:#}").contains('#'), "{error:#}");
    let error = client.unsubscribe("").await.unwrap_err();
    assert!(matches!(error, SubscribeError::Filter(_)), "{error:?}");
    assert_eq!(peer.poll().await, None);
}

#[tokio::test(start_paused = true)]
async fn messages_that_come_before_suback_are_not_lost() {
    let (client, _server, mut peer) = online_v5().await;
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.publish(message("a", "retained", AtMostOnce, 0)).await;
        peer.send(suback(&subscribe, &[0])).await;
    };
    let (messages, ()) = tokio::join!(client.subscribe("a"), granting);
    assert_eq!(soon(messages.unwrap().next()).await.unwrap().payload(), "retained");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_stream_unsubscribes_what_nobody_else_uses() {
    let (client, _server, mut peer) = online_v5().await;
    let first = peer.grant(&client, "a", AtMostOnce).await;
    let second = {
        let granting = async {
            let subscribe = peer.expect_subscribe().await;
            peer.send(suback(&subscribe, &[0, 0])).await;
        };
        tokio::join!(client.subscribe("a").filter("b", AtMostOnce), granting).0.unwrap()
    };
    drop(second);
    let unsubscribe = peer.expect_unsubscribe().await;
    assert_eq!(unsubscribe.filters, [filter("b")], "the first stream needs a");
    peer.send(unsuback(&unsubscribe)).await;
    drop(first);
    assert_eq!(peer.expect_unsubscribe().await.filters, [filter("a")]);
}

#[tokio::test(start_paused = true)]
async fn a_kept_subscription_outlives_its_stream() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    let mut others = client.unmatched().unwrap();
    assert!(client.unmatched().is_none(), "there is one such stream");
    messages.keep();
    drop(messages);
    assert_eq!(peer.poll().await, None);
    peer.publish(message("a", "later", AtLeastOnce, 1)).await;
    assert_eq!(soon(others.next()).await.unwrap().payload(), "later");
    assert_eq!(peer.expect_puback().await.packet_id, id(1));
}

#[tokio::test(start_paused = true)]
async fn a_subscribe_that_is_given_up_is_ended_again() {
    let (client, _server, mut peer) = online_v5().await;
    assert!(stays_pending(client.subscribe("a").into_future()).await);
    let subscribe = peer.expect_subscribe().await;
    assert_eq!(peer.poll().await, None, "UNSUBSCRIBE waits for SUBACK, or might overtake it");
    peer.send(suback(&subscribe, &[0])).await;
    assert_eq!(peer.expect_unsubscribe().await.filters, [filter("a")]);
    settle().await;
    assert!(client.state().is_online());
}

#[tokio::test(start_paused = true)]
async fn unsubscribing_gives_one_code_for_each_filter() {
    let (client, _server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", AtMostOnce).await;
    let answering = async {
        let unsubscribe = peer.expect_unsubscribe().await;
        assert_eq!(unsubscribe.filters, [filter("a"), filter("b")]);
        let codes = vec![ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED];
        let properties = evenkeel::Properties::new();
        let packet_id = unsubscribe.packet_id;
        let unsuback = evenkeel_codec::UnsubAck { packet_id, codes, properties };
        peer.send(evenkeel_codec::Packet::UnsubAck(unsuback)).await;
    };
    let (codes, ()) = tokio::join!(client.unsubscribe("a").filter("b"), answering);
    assert_eq!(codes.unwrap(), [ReasonCode::SUCCESS, ReasonCode::NO_SUBSCRIPTION_EXISTED]);
    assert!(stays_pending(messages.next()).await, "the stream stays open");
}

#[tokio::test(start_paused = true)]
async fn subscribing_while_offline_waits_for_the_server() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let serving = async {
        tokio::time::sleep(secs(3)).await;
        let mut peer = server.online().await;
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[1])).await;
        peer
    };
    let (messages, _peer) = tokio::join!(client.subscribe("a").qos(AtLeastOnce), serving);
    assert_eq!(messages.unwrap().granted(), [(filter("a"), Ok(AtLeastOnce))]);
}

#[tokio::test(start_paused = true)]
async fn subscriptions_come_back_after_a_lost_session() {
    let (client, mut server, mut peer) = online_v5().await;
    let mut messages = peer.grant(&client, "a", AtLeastOnce).await;
    drop(peer);
    let mut peer = server.online().await;
    let restored = peer.expect_subscribe().await;
    assert_eq!(restored.filters[0].filter, filter("a"));
    peer.send(suback(&restored, &[1])).await;
    peer.publish(message("a", "again", AtLeastOnce, 9)).await;
    assert_eq!(soon(messages.next()).await.unwrap().payload(), "again");
}

#[tokio::test(start_paused = true)]
async fn options_and_properties_reach_the_server() {
    use evenkeel::Property;

    let (client, _server, mut peer) = online_v5().await;
    let options =
        SubscribeOptions { qos: AtLeastOnce, no_local: true, ..SubscribeOptions::default() };
    let own =
        SubscribeOptions { retain_handling: RetainHandling::Never, ..SubscribeOptions::default() };
    let request = client.subscribe("a").options(options).filter_with("b", own);
    let request = request.filter("c", ExactlyOnce).user_property("k", "1");
    let request = request.property(Property::SubscriptionIdentifier(7));
    let granting = async {
        let subscribe = peer.expect_subscribe().await;
        peer.send(suback(&subscribe, &[1, 0, 2])).await;
        subscribe
    };
    let (messages, subscribe) = tokio::join!(request, granting);
    let _messages = messages.unwrap();
    let sent: Vec<_> = subscribe.filters.iter().map(|filter| filter.options).collect();
    assert_eq!(sent, [options, own, SubscribeOptions { qos: ExactlyOnce, ..options }]);
    let user = Property::UserProperty(text("k"), text("1"));
    let wanted = [user.clone(), Property::SubscriptionIdentifier(7)];
    assert_eq!(subscribe.properties.iter().cloned().collect::<Vec<_>>(), wanted);

    let answering = async {
        let unsubscribe = peer.expect_unsubscribe().await;
        peer.send(unsuback(&unsubscribe)).await;
        unsubscribe
    };
    let request = client.unsubscribe("x").property(user.clone());
    let (codes, unsubscribe) = tokio::join!(request, answering);
    codes.unwrap();
    assert_eq!(unsubscribe.properties.iter().cloned().collect::<Vec<_>>(), [user]);
}

#[tokio::test(start_paused = true)]
async fn a_property_without_a_place_fails_the_operation_only() {
    use evenkeel::{EncodeError, OperationError, Property, PublishLimit};

    let (client, _server, mut peer) = online_v5().await;
    let alias = Property::TopicAlias(1);
    let subscribe = client.subscribe("a").property(alias.clone());
    let error = soon(subscribe.into_future()).await.unwrap_err();
    let SubscribeError::Operation(OperationError::NotAllowed(PublishLimit::Encode(why))) = error
    else {
        panic!("{error:?}")
    };
    assert!(matches!(why, EncodeError::Property { .. }), "{why:?}");
    let wanted = "SUBSCRIBE must not hold the property TopicAlias (0x23); \
                  see table 2-4 of the MQTT 5 specification";
    assert_eq!(error.to_string(), wanted);
    let unsubscribe = client.unsubscribe("a").property(alias);
    let error = soon(unsubscribe.into_future()).await.unwrap_err();
    let wanted = "UNSUBSCRIBE must not hold the property TopicAlias (0x23); \
                  see table 2-4 of the MQTT 5 specification";
    assert_eq!(error.to_string(), wanted);
    assert_eq!(peer.poll().await, None);
    assert!(client.state().is_online());
}
