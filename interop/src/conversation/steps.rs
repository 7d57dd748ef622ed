//! What many conversations do.

use evenkeel::{Client, Event, Events, Message, Messages, QoS};

use crate::failed::{Failed, soon};
use crate::must;

/// Subscribes and expects the QoS asked for to be granted.
pub(super) async fn subscribe(client: &Client, filter: &str, qos: QoS) -> Result<Messages, Failed> {
    let messages = soon("SUBACK", client.subscribe(filter).qos(qos)).await??;
    for (_, granted) in messages.granted() {
        must!(*granted == Ok(qos), "asked for {qos:?}, granted {granted:?}");
    }
    Ok(messages)
}

/// Publishes and waits for the outcome.
pub(super) async fn publish(
    client: &Client,
    topic: &str,
    payload: &str,
    qos: QoS,
) -> Result<(), Failed> {
    let publish = client.publish(topic, payload.to_owned()).qos(qos);
    soon("the acknowledgement", publish.delivered()).await??;
    Ok(())
}

/// Publishes a message that the server keeps.
pub(super) async fn publish_retained(
    client: &Client,
    topic: &str,
    payload: &str,
) -> Result<(), Failed> {
    let publish = client.publish(topic, payload.to_owned()).qos(QoS::AtLeastOnce).retain(true);
    soon("the acknowledgement", publish.delivered()).await??;
    Ok(())
}

/// The next message of a stream.
pub(super) async fn next(messages: &mut Messages) -> Result<Message, Failed> {
    let message = soon("a message", messages.next()).await?;
    message.ok_or_else(|| Failed::Wrong("the stream of messages ended".to_owned()))
}

/// The payload as text.
pub(super) fn text(message: &Message) -> String {
    String::from_utf8_lossy(message.payload()).into_owned()
}

/// Expects the next message to have this payload.
pub(super) async fn expect(messages: &mut Messages, payload: &str) -> Result<Message, Failed> {
    let message = next(messages).await?;
    let got = text(&message);
    must!(got == payload, "expected the message {payload:?}, got {got:?} on {}", message.topic());
    Ok(message)
}

/// Expects exactly these payloads in this order, each once.
pub(super) async fn expect_all(
    messages: &mut Messages,
    payloads: impl IntoIterator<Item = String>,
) -> Result<(), Failed> {
    for payload in payloads {
        expect(messages, &payload).await?;
    }
    Ok(())
}

/// Waits for an event; events were subscribed to before what brings it about.
pub(super) async fn event<T>(
    events: &mut Events,
    what: &str,
    mut pick: impl FnMut(&Event) -> Option<T>,
) -> Result<T, Failed> {
    let search = async {
        while let Some(report) = events.next().await {
            if let Some(found) = pick(&report.event) {
                return Ok(found);
            }
        }
        Err(Failed::Wrong(format!("closed without {what}")))
    };
    soon(what, search).await?
}

/// Waits until the client is connected again; says whether the session was there.
pub(super) async fn connected(events: &mut Events) -> Result<bool, Failed> {
    event(events, "a connection", |event| match event {
        Event::Connected(connected) => Some(connected.session_present),
        _ => None,
    })
    .await
}

/// Waits until a connection has ended.
pub(super) async fn disconnected(events: &mut Events) -> Result<(), Failed> {
    event(events, "the end of the connection", |event| {
        matches!(event, Event::Disconnected { .. }).then_some(())
    })
    .await
}

/// Numbers in words, as payloads.
pub(super) fn numbered(name: &str, count: usize) -> impl Iterator<Item = String> + Clone {
    let name = name.to_owned();
    (0..count).map(move |number| format!("{name} {number}"))
}
