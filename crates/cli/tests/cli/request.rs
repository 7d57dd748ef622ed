//! `rr`: a request and its response.

use crate::support::{Running, broker, evenkeel, subscribed};
use evenkeel_broker::Broker;

/// Listens for requests; prints response topic, correlation data, payload.
async fn responder(broker: &Broker) -> Running {
    let running = evenkeel("sub ask -V 5 -q 1").args(["-F", "%R %D %p"]).at(broker).start();
    subscribed(broker, 1).await;
    running
}

#[tokio::test]
async fn the_response_with_the_same_correlation_data_counts() {
    let broker = broker().await;
    let mut responder = responder(&broker).await;
    let asking = evenkeel("rr ask question -q 1 -v -W 30").at(&broker).run();
    let asking = tokio::spawn(asking);
    let line = responder.line().await;
    let [topic, data, payload]: [&str; 3] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
    assert!(topic.starts_with("evenkeel/response/") && data.len() == 16, "{line}");
    assert_eq!(payload, "question");
    let answer = |message: &str, data: &str| {
        let run = evenkeel("pub -q 1").args([
            "-t",
            topic,
            "-m",
            message,
            "-D",
            "publish",
            "correlation-data",
            data,
        ]);
        run.at(&broker).run()
    };
    answer("of another", "other").await.expect(0);
    answer("mine", data).await.expect(0);
    assert_eq!(asking.await.unwrap().out(), format!("{topic} mine\n"));
}

#[tokio::test]
async fn data_and_topic_can_be_given_and_a_response_without_data_counts() {
    let broker = broker().await;
    let mut responder = responder(&broker).await;
    let line = "rr -t ask -e my/answers -m question -q 1 -W 30 -D publish correlation-data mine";
    let asking = tokio::spawn(evenkeel(line).at(&broker).run());
    assert_eq!(responder.line().await, "my/answers mine question");
    evenkeel("pub my/answers plain -q 1").at(&broker).run().await.expect(0);
    assert_eq!(asking.await.unwrap().out(), "plain\n");
}

#[tokio::test]
async fn before_mqtt_5_the_first_message_counts_and_the_topic_must_be_given() {
    let broker = broker().await;
    let mut responder = responder(&broker).await;
    let asking = evenkeel("rr ask question -V 311 -e answers -W 30").at(&broker).run();
    let asking = tokio::spawn(asking);
    assert_eq!(responder.line().await, "  question");
    evenkeel("pub answers first").at(&broker).run().await.expect(0);
    assert_eq!(asking.await.unwrap().out(), "first\n");
    let ran = evenkeel("rr ask question -V 311 -W 30").at(&broker).run().await.expect(2);
    ran.says("error: the response needs a topic given by --response-topic");
}

#[tokio::test]
async fn no_response_in_time_is_said() {
    let broker = broker().await;
    let ran = evenkeel("rr ask question -W 0.5").at(&broker).run().await.expect(5);
    ran.says("error: no response to 'ask' within 500 ms");
}

#[tokio::test]
async fn retained_messages_are_no_response_with_r() {
    let broker = broker().await;
    crate::support::retain(&broker, "answers", "old").await;
    evenkeel("rr ask question -e answers -R -W 0.5").at(&broker).run().await.expect(5);
    let ran = evenkeel("rr ask question -e answers -W 30").at(&broker).run().await;
    assert_eq!(ran.out(), "old\n");
}

/// As `request()` of the library does.
#[tokio::test]
async fn the_servers_basis_for_response_topics_is_used_if_it_gives_one() {
    let broker = broker().await;
    let mut responder = responder(&broker).await;
    let asking = evenkeel("rr ask question -q 1 -i boat -W 30");
    let asking = asking.args(["-D", "connect", "request-response-information", "1"]);
    let asking = tokio::spawn(asking.at(&broker).run());
    let line = responder.line().await;
    let (topic, rest) = line.split_once(' ').unwrap();
    assert!(topic.starts_with("response/boat/evenkeel/response/"), "{line}");
    let data = rest.split(' ').next().unwrap();
    let answer = evenkeel("pub -q 1 -m mine -t").args([topic, "-D", "publish", "correlation-data"]);
    answer.args([data]).at(&broker).run().await.expect(0);
    assert_eq!(asking.await.unwrap().out(), "mine\n");
}
