//! `rr`: publishes a request and prints the response.

use std::hash::{BuildHasher, Hasher, RandomState};

use evenkeel::{
    Bytes, Client, DeliveryError, Message, Messages, Property, PropertyId, PublishFailure, Text,
    TopicName,
};

use super::deadline::Deadline;
use super::subscribe::print;
use super::{client, grace, interrupted, never_connected, policy, stdin};
use crate::duration;
use crate::error::Failure;
use crate::exit::Exit;
use crate::observer::{self, Observer, Told};
use crate::printer::Printer;
use crate::settings::{RequestSettings, no_way_back};
use crate::signals::Stop;

pub(super) async fn run(
    settings: &RequestSettings,
    printer: Printer,
    mut stop: Stop,
) -> Result<(), Failure> {
    let deadline = Deadline::new(settings.timeout);
    let client = client::start(&settings.connection, policy(false), printer)?;
    stop.represent(&client);
    let options = observer::Options::new(printer, &settings.connection);
    let mut observer = Observer::start(&client, options);
    let told = observer.told();
    let result = tokio::select! {
        biased;
        () = stop.requested() => Err(interrupted("there was no response yet")),
        failure = observer.over() => Err(failure),
        () = deadline.over() => Err(late(&observer, deadline, settings)),
        response = exchange(&client, settings, printer, told) => response.and_then(|(message, _stream)| {
            let mut out = printer.data();
            if !print(&message, &settings.output, &mut out)? {
                return Err(Failure::new(Exit::Failed, "the response is not JSON, which %J needs"));
            }
            out.flush()
        }),
    };
    client.shutdown(grace(result.is_ok(), &client)).await;
    observer.finish().await;
    result
}

fn late(observer: &Observer, deadline: Deadline, settings: &RequestSettings) -> Failure {
    if !observer.was_online() {
        return never_connected(observer, deadline.limit());
    }
    let topic = &settings.topic;
    Failure::new(
        Exit::Timeout,
        format!("no response to '{topic}' within {}", duration::text(deadline.limit())),
    )
    .hint("check that somebody answers there, or give more time by --timeout")
}

/// Subscribes to the response, publishes the request, waits. The stream comes
/// with the message: it is dropped after that was printed.
async fn exchange(
    client: &Client,
    settings: &RequestSettings,
    printer: Printer,
    mut told: Told,
) -> Result<(Message, Messages), Failure> {
    let payload = stdin::whole(&settings.payload).await?;
    let response_topic = match &settings.response_topic {
        Some(topic) => topic.clone(),
        None => own_topic(client).await?,
    };
    let mut responses = client
        .subscribe(response_topic.as_str())
        .qos(settings.qos)
        .await
        .map_err(|error| not_asked(Exit::SubscriptionRefused, error))?;
    let has_properties = client.limits().is_none_or(|limits| limits.version.has_properties());
    if !has_properties && settings.response_topic.is_none() {
        return Err(no_way_back());
    }
    let correlation = correlation_data(settings, printer);
    let mut request = client.publish(&settings.topic, payload).qos(settings.qos);
    if has_properties {
        for property in &settings.connection.properties.publish {
            if !matches!(property.id(), PropertyId::RESPONSE_TOPIC | PropertyId::CORRELATION_DATA) {
                request = request.property(property.clone());
            }
        }
        request = request.property(Property::ResponseTopic(Text::clone(response_topic.text())));
        if let Some(data) = &correlation {
            request = request.property(Property::CorrelationData(data.clone()));
        }
    }
    if let Err(error) = request.delivered().await {
        // mosquitto_rr does not look at the answer to its request.
        if !printer.personality().is_mosquitto() {
            return Err(not_asked(exit_of(&error), error));
        }
        printer.warn(&format!("the request was not delivered: {error:#}"));
    }
    told.online().await;
    printer.debug(&format!(
        "asked '{}', waiting for the response on '{response_topic}'",
        settings.topic
    ));
    let is_checked = has_properties && !printer.personality().is_mosquitto();
    let checked = if is_checked { correlation } else { None };
    while let Some(message) = responses.next().await {
        let stale = settings.no_retained && message.retain();
        if !stale && answers(&message, checked.as_ref()) {
            return Ok((message, responses));
        }
    }
    // The client has ended; the observer knows why.
    std::future::pending().await
}

/// Whether the message answers: it has the request's correlation data, or
/// none, as from responders that know nothing of it.
fn answers(message: &Message, wanted: Option<&Bytes>) -> bool {
    match (message.properties().correlation_data(), wanted) {
        (Some(data), Some(wanted)) => data == *wanted,
        _ => true,
    }
}

/// What the user gave; mosquitto_rr sends none of its own.
fn correlation_data(settings: &RequestSettings, printer: Printer) -> Option<Bytes> {
    let given = settings.connection.properties.publish.correlation_data();
    given.or_else(|| (!printer.personality().is_mosquitto()).then(|| random_hex().into()))
}

/// A topic that nobody else uses: below what the server gives as a basis for such
/// topics, if it gives one.
async fn own_topic(client: &Client) -> Result<TopicName, Failure> {
    if client.connected().is_none() {
        // A client that halts says so at the next step.
        let _ = client.online().await;
    }
    let own = format!("evenkeel/response/{}", random_hex());
    let basis = client.connected().and_then(|connected| connected.response_information);
    let below = basis.map(|basis| format!("{}/{own}", basis.trim_end_matches('/')));
    let below = below.and_then(|topic| TopicName::try_from(topic).ok());
    below
        .map_or_else(|| TopicName::try_from(own), Ok)
        .map_err(|error| Failure::new(Exit::Failed, "no topic for the response").why(error))
}

/// 64 bits of the standard library's random keys.
fn random_hex() -> String {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("{:016x}", hasher.finish())
}

/// Refused, or perhaps with the server.
const fn exit_of(outcome: &PublishFailure) -> Exit {
    match outcome {
        PublishFailure::NotAccepted(_)
        | PublishFailure::NotDelivered(
            DeliveryError::Refused { .. } | DeliveryError::NotAllowed(_),
        ) => Exit::RefusedMessage,
        PublishFailure::NotDelivered(_) => Exit::NotAcknowledged,
    }
}

fn not_asked(exit: Exit, why: impl std::fmt::Display) -> Failure {
    Failure::new(exit, "the request could not be made")
        .why(why)
        .hint("check what the server allows this client")
}
