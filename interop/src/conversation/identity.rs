//! Who connects, and whether the server lets them.

use std::time::Duration;

use evenkeel::{
    CauseClass, ConnectError, DisconnectCause, Event, Halt, QoS, ReasonCode, Reconnect, State,
    Version,
};

use super::steps::{event, expect, publish, subscribe};
use crate::case::Case;
use crate::failed::{Failed, soon, within};
use crate::must;
use crate::site::{Door, Transport};

/// Connects with the version asked for, and sends DISCONNECT.
pub(super) async fn connect(case: &Case) -> Result<(), Failed> {
    let client = case.connect("connect").await?;
    let spoken = client.limits().map(|limits| limits.version);
    must!(case.version().is_none() || spoken == case.version(), "speaks {spoken:?}");
    let state = client.state();
    let fresh = matches!(state, State::Online { session_present: false, .. });
    must!(fresh, "is {state:?} after a clean start");
    let report = soon("the shutdown", client.shutdown(Duration::from_secs(5))).await?;
    must!(report.is_clean(), "left at the shutdown: {report:?}");
    must!(client.state() == State::Closed, "is {:?} after the shutdown", client.state());
    Ok(())
}

/// Tries from before the server listens until it lets the client in; with a
/// cluster, a client for each of its nodes.
pub(super) async fn start_up(case: &Case) -> Result<(), Failed> {
    let is_plain = |door: &&Door| door.transport == Transport::Tcp;
    let mut clients = Vec::new();
    for number in 1..=case.site().doors.iter().filter(is_plain).count() {
        let role = format!("early{number}");
        clients.push(case.start(&role, case.builder(&role)?)?);
    }
    let all_in = async {
        for client in &clients {
            client.online().await?;
        }
        Ok::<_, Failed>(())
    };
    // A broker may take minutes to start, a cluster on a busy machine more.
    within(Duration::from_secs(400), "the connection", all_in).await?
}

/// Finds a version that the server speaks, and can be used with it.
pub(super) async fn fallback(case: &Case) -> Result<(), Failed> {
    let client = case.connect("chooser").await?;
    let topic = case.topic("fallback");
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    publish(&client, &topic, "hello", QoS::AtLeastOnce).await?;
    expect(&mut messages, "hello").await.map(drop)
}

/// The server chooses the identifier if the client has none.
pub(super) async fn empty_client_id(case: &Case) -> Result<(), Failed> {
    let client = case.start("nameless", case.builder("nameless")?.client_id(""))?;
    let mut events = client.events();
    let assigned = event(&mut events, "CONNACK", |event| match event {
        Event::Connected(connected) => Some(connected.assigned_client_id.clone()),
        Event::Halted(_) => Some(None),
        _ => None,
    })
    .await?;
    soon("the connection", client.online()).await??;
    if case.version() == Some(Version::V5) {
        must!(assigned.is_some_and(|id| !id.is_empty()), "no identifier was assigned");
    }
    let topic = case.topic("nameless");
    let mut messages = subscribe(&client, &topic, QoS::AtLeastOnce).await?;
    publish(&client, &topic, "hello", QoS::AtLeastOnce).await?;
    expect(&mut messages, "hello").await.map(drop)
}

/// The right password opens the door.
pub(super) async fn right_password(case: &Case) -> Result<(), Failed> {
    let client = case.connect("known").await?;
    must!(client.stats().connects == 1, "{} connections", client.stats().connects);
    Ok(())
}

/// A wrong password is refused for good: one attempt, then a typed error.
pub(super) async fn wrong_password(case: &Case) -> Result<(), Failed> {
    let client = case.start("stranger", case.builder("stranger")?.password("wrong"))?;
    let error = match soon("the refusal", client.online()).await? {
        Ok(()) => return Err(Failed::Wrong("the wrong password was accepted".to_owned())),
        Err(error) => error,
    };
    let ConnectError::Halted { halt: Halt::Refused, cause: Some(cause), .. } = &error else {
        return Err(Failed::Connect(error));
    };
    let DisconnectCause::Refused { reason, .. } = **cause else {
        return Err(Failed::Connect(error));
    };
    let expected = [ReasonCode::BAD_USER_NAME_OR_PASSWORD, ReasonCode::NOT_AUTHORIZED];
    must!(expected.contains(&reason), "refused with {reason}");
    must!(client.stats().connects == 1, "{} connections", client.stats().connects);
    Ok(())
}

/// A second client with the same identifier takes the place of the first.
pub(super) async fn take_over(case: &Case) -> Result<(), Failed> {
    let builder = || Ok::<_, Failed>(case.builder("twin")?.reconnect(Reconnect::never()));
    let first = case.online("twin", builder()?).await?;
    let mut events = first.events();
    let second = case.online("twin", builder()?).await?;
    let cause = event(&mut events, "the first to be closed", |event| match event {
        Event::Disconnected { cause, .. } => Some(cause.clone()),
        _ => None,
    })
    .await?;
    // Before MQTT 5 a server has no way to say why it closes, and some never do.
    let expected = if case.has_properties() {
        &[CauseClass::TakenOver, CauseClass::Network][..]
    } else {
        &[CauseClass::Network]
    };
    must!(expected.contains(&cause.class()), "the first was closed: {cause:?}");
    must!(second.state().is_online(), "the second is {:?}", second.state());
    Ok(())
}
