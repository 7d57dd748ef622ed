//! Coming online, or the reason why not.

use evenkeel::{
    ConnectError, ConnectPhase, DeliveryError, DisconnectCause, Event, Halt, OperationError,
    PublishError, Reconnect, Refusal, RefusedPolicy, RejectReason, SubscribeError,
    TransportFailure,
};

use crate::support::*;

/// What `online` says when the first end of a connection halts the client.
async fn refusal(
    server: &mut Server,
    builder: ClientBuilder,
    connack: evenkeel_codec::ConnAck,
) -> String {
    let client = builder.start().unwrap();
    let _peer = server.online_with(connack).await;
    let error = soon(client.online()).await.unwrap_err();
    assert!(matches!(client.state(), State::Halted { .. }));
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn a_refusal_for_good_halts_with_the_servers_words() {
    let mut server = Server::new();
    let mut connack = refused(ReasonCode::NOT_AUTHORIZED);
    connack.properties.push(evenkeel::Property::ReasonString(text("no such tenant")));
    let builder = server.client();
    assert_eq!(
        refusal(&mut server, builder, connack).await,
        "the server refused the connection: Not authorized (0x87) (no such tenant)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_an_older_server_shows_its_return_code() {
    let mut server = Server::new();
    let builder = server.client().version(Version::V311);
    let connack = evenkeel_codec::ConnAck {
        reason: ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        wire_code: 4,
        ..accepted()
    };
    assert_eq!(
        refusal(&mut server, builder, connack).await,
        "the server refused the connection: Bad User Name or Password (0x86), return code 4"
    );
}

/// Whoever waits hears why, and not only that nothing goes on.
#[tokio::test(start_paused = true)]
async fn the_first_operations_end_with_the_refusal() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let subscribing = tokio::spawn(client.subscribe("a").into_future());
    settle().await;
    let _peer = server.online_with(refused(ReasonCode::NOT_AUTHORIZED)).await;
    let refusal = Refusal::Reason(ReasonCode::NOT_AUTHORIZED);
    let expected = DeliveryError::ConnectionRefused { refusal, attempts: 0 };
    assert_eq!(soon(receipt).await, Err(expected.clone()));
    let words = "the server refused the connection: Not authorized (0x87)";
    assert_eq!(expected.to_string(), words);
    let expected = SubscribeError::Operation(OperationError::ConnectionRefused(refusal));
    assert_eq!(soon(subscribing).await.unwrap().unwrap_err(), expected);
    assert_eq!(expected.to_string(), words);
    // And so do those that come later.
    let error = soon(client.publish("a", "2").into_future()).await.unwrap_err();
    assert_eq!(error, PublishError::Rejected(RejectReason::ConnectionRefused(refusal)));
    assert_eq!(error.to_string(), words);
    let error = soon(client.subscribe("a").into_future()).await.unwrap_err();
    assert_eq!(error, expected);
    client.shutdown(secs(0)).await;
    let error = soon(client.publish("a", "2").into_future()).await.unwrap_err();
    assert_eq!(error, PublishError::Rejected(RejectReason::Closed), "closed is closed");
}

/// A device that nobody looks after goes on; its messages are kept.
#[tokio::test(start_paused = true)]
async fn in_the_slow_lane_each_refusal_is_told_at_once_and_the_client_goes_on() {
    let mut server = Server::new();
    let mut policy = Reconnect::default();
    policy.refused = RefusedPolicy::SlowLane;
    let client = server.client().reconnect(policy).start().unwrap();
    let receipt = client.publish("a", "1").qos(AtLeastOnce).await.unwrap();
    let begun = tokio::time::Instant::now();
    // The first one comes while nobody waits, the second one while two do.
    drop(server.online_with(refused(ReasonCode::NOT_AUTHORIZED)).await);
    state_of(&client, |state| matches!(state, State::Waiting { .. })).await;
    let error = soon(client.online()).await.unwrap_err();
    let ConnectError::Refused { retry, cause, .. } = &error else { panic!("{error:?}") };
    assert_eq!(error.to_string(), "the server refused the connection: Not authorized (0x87)");
    assert!(matches!(**cause, DisconnectCause::Refused { .. }));
    assert!(retry.at.since(client.now()) >= secs(59));
    assert!(begun.elapsed() < secs(1), "at once");
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.online().await })
        })
        .collect();
    drop(server.online_with(refused(ReasonCode::NOT_AUTHORIZED)).await);
    for waiter in waiting {
        let error = soon(waiter).await.unwrap().unwrap_err();
        assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    }
    assert!(begun.elapsed() >= secs(60), "it did not come sooner");
    let (online, mut peer) = tokio::join!(client.online(), server.online());
    online.unwrap();
    let publish = peer.expect_publish().await;
    peer.send(puback(publish.packet_id, ReasonCode::SUCCESS)).await;
    soon(receipt).await.unwrap();
}

/// For a program that somebody looks at: a server that is down is told of.
#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_told_to_who_tries_and_the_client_goes_on() {
    let mut server = Server::new();
    let client = server.client().reconnect(hasty()).start().unwrap();
    // The first one fails while nobody waits, the second one while one does.
    drop(server.connecting().await);
    state_of(&client, |state| matches!(state, State::Waiting { .. })).await;
    for _ in 0..2 {
        let (error, _) = tokio::join!(soon(client.try_online()), async {
            let is_waiting = matches!(client.state(), State::Waiting { .. });
            if !is_waiting {
                drop(server.connecting().await);
            }
        });
        let error = error.unwrap_err();
        assert_eq!(error.to_string(), "the server closed the connection while waiting for CONNACK");
        let ConnectError::Failed { retry, .. } = error else { panic!("{error:?}") };
        assert!(retry.at > client.now());
        // Told once: the next one waits for the next attempt.
        assert!(stays_pending(client.try_online()).await);
        state_of(&client, |state| matches!(state, State::Connecting { .. })).await;
    }
    let (online, _peer) = tokio::join!(client.try_online(), server.online());
    online.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_tries_hears_of_no_connection_that_was_lost() {
    let mut server = Server::new();
    let client = server.client().reconnect(hasty()).start().unwrap();
    let peer = server.online().await;
    soon(client.try_online()).await.unwrap();
    drop(peer);
    state_of(&client, |state| !matches!(state, State::Online { .. })).await;
    let (online, _peer) = tokio::join!(client.try_online(), server.online());
    online.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_tries_hears_of_a_refusal_as_all_do() {
    let mut server = Server::new();
    let mut policy = Reconnect::default();
    policy.refused = RefusedPolicy::SlowLane;
    let client = server.client().reconnect(policy).start().unwrap();
    drop(server.online_with(refused(ReasonCode::NOT_AUTHORIZED)).await);
    let error = soon(client.try_online()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn without_reconnect_the_first_failure_is_the_answer() {
    let mut server = Server::new();
    let client = server.client().reconnect(Reconnect::never()).start().unwrap();
    let (peer, _) = server.connecting().await;
    drop(peer);
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server closed the connection while waiting for CONNACK");
    let ConnectError::Halted { halt, cause, detail } = error else { panic!("{error:?}") };
    assert_eq!((halt, detail), (Halt::Disabled, None));
    let (failure, phase) = (TransportFailure::Eof, Some(ConnectPhase::Handshake));
    assert_eq!(cause.as_deref(), Some(&DisconnectCause::Transport { failure, phase }));
}

/// The words of the first failure once outlived it.
#[tokio::test(start_paused = true)]
async fn the_words_of_one_failure_do_not_explain_the_next() {
    let mut server = Server::new();
    let mut policy = Reconnect::default();
    policy.attempts = Some(2);
    let client = ClientBuilder::for_endpoint(evenkeel::transport::Endpoint::custom({
        let endpoint = server.endpoint();
        let attempts = std::sync::atomic::AtomicU32::new(0);
        let opener = evenkeel::transport::internals::Opener::default();
        move || {
            let first = attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            let (opener, endpoint) = (opener.clone(), endpoint.clone());
            async move {
                if first {
                    return Err(std::io::ErrorKind::PermissionDenied.into());
                }
                let progress = evenkeel::transport::internals::ConnectProgress::new();
                Ok(opener.open(&endpoint, &progress).await.unwrap())
            }
        }
    }));
    let client = client.clock(Clock::tokio()).reconnect(policy).start().unwrap();
    drop(server.connecting().await);
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server closed the connection while waiting for CONNACK");
}

#[tokio::test(start_paused = true)]
async fn the_connect_time_out_says_where_it_ran_out() {
    let mut server = Server::new();
    let client = server.client().connect_timeout(secs(5)).reconnect(Reconnect::never());
    let client = client.start().unwrap();
    let _silent = server.connecting().await;
    let begun = tokio::time::Instant::now();
    let error = soon(client.online()).await.unwrap_err();
    assert_eq!(error.to_string(), "no connection within 5s, ran out while waiting for CONNACK");
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn online_waits_through_attempts_and_is_ready_at_once_later() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let serving = async {
        drop(server.accept().await);
        drop(server.connecting().await);
        server.online().await
    };
    let (online, _peer) = tokio::join!(soon(client.online()), serving);
    online.unwrap();
    assert!(matches!(futures_util::FutureExt::now_or_never(client.online()), Some(Ok(()))));
}

#[tokio::test(start_paused = true)]
async fn what_connack_said_can_be_asked_for_at_any_time() {
    use evenkeel::Property::{AssignedClientIdentifier, ResponseInformation};
    let mut server = Server::new();
    let client = server.client().client_id("").start().unwrap();
    assert_eq!(client.connected(), None);
    let connack = accepted_with([
        AssignedClientIdentifier(text("assigned-7")),
        ResponseInformation(text("answers/7")),
    ]);
    let peer = server.online_with(connack).await;
    soon(client.online()).await.unwrap();
    let connected = client.connected().unwrap();
    assert_eq!(connected.assigned_client_id, Some(text("assigned-7")));
    assert_eq!(connected.response_information, Some(text("answers/7")));
    drop(peer);
    let (_peer, connect) = server.connecting().await;
    assert_eq!(connect.client_id, text("assigned-7"), "used from then on");
    assert_eq!(client.connected(), Some(connected));
}

#[tokio::test(start_paused = true)]
async fn waiting_for_online_ends_with_the_client() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let _silent = server.connecting().await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.online().await }
    });
    settle().await;
    client.shutdown(secs(0)).await;
    assert_eq!(soon(waiting).await.unwrap(), Err(ConnectError::Closed));
}

#[tokio::test(start_paused = true)]
async fn the_state_and_the_events_tell_the_same_story() {
    let mut server = Server::new();
    let client = server.client().start().unwrap();
    let (mut events, mut watch) = (client.events(), client.watch_state());
    let (mut peer, _) = server.connecting().await;
    assert!(matches!(*watch.borrow_and_update(), State::Connecting { attempt: 1, .. }));
    peer.send(evenkeel_codec::Packet::ConnAck(accepted())).await;
    soon(client.online()).await.unwrap();
    assert!(matches!(*watch.borrow_and_update(), State::Online { session_present: false, .. }));
    drop(peer);
    soon(watch.changed()).await.unwrap();
    let failure = TransportFailure::Eof;
    let eof = DisconnectCause::Transport { failure, phase: None };
    let State::Waiting { retry, cause } = watch.borrow_and_update().clone() else { panic!() };
    assert_eq!(cause.as_deref(), Some(&eof));
    assert!(retry.at > client.now());
    let _peer = server.online().await;
    state_of(&client, State::is_online).await;
    client.shutdown(secs(0)).await;

    let mut story = Vec::new();
    while let Some(report) = events.try_next() {
        assert_eq!(report.error, None);
        story.push(match report.event {
            Event::Connecting { conn, attempt, .. } => format!("connecting {} {attempt}", conn.0),
            Event::Connected(connected) => format!("connected {}", connected.conn.0),
            Event::Disconnected { conn, cause, .. } if *cause == eof => format!("eof {}", conn.0),
            Event::Disconnected { conn, cause, .. } => {
                assert_eq!(cause, Box::new(DisconnectCause::Shutdown));
                format!("shutdown {}", conn.0)
            }
            Event::RetryScheduled { retry, .. } => format!("retry {}", retry.attempt),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(
        story,
        [
            "connecting 1 1",
            "connected 1",
            "eof 1",
            "retry 2",
            "connecting 2 2",
            "connected 2",
            "shutdown 2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_events_is_told_how_many_it_missed() {
    let settings = |b: ClientBuilder| b.keep_alive(secs(0));
    let (client, _server, mut peer) = online(Version::V5, settings).await;
    let mut events = client.events();
    while events.try_next().is_some() {}
    for _ in 0..2000 {
        peer.send(evenkeel_codec::Packet::PingResp).await;
    }
    settle().await;
    let Some(Event::Lagged { lost: missed }) = events.next().await.map(|report| report.event)
    else {
        panic!("nothing missed")
    };
    let mut kept = 0;
    while events.try_next().is_some() {
        kept += 1;
    }
    assert_eq!(missed + kept, 2000);
}

/// On a runtime where the driver does not wait for the one who started it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_there_from_the_first_one_on_however_late_they_are_asked_for() {
    let mut server = Server::new();
    let client = server.client().clock(Clock::default()).start().unwrap();
    let _peer = server.online().await;
    soon(client.online()).await.unwrap();
    let mut events = client.events();
    let first = soon(events.next()).await.unwrap().event;
    assert!(matches!(first, Event::Connecting { attempt: 1, .. }), "{first:?}");
    let second = soon(events.next()).await.unwrap().event;
    assert!(matches!(second, Event::Connected(_)), "{second:?}");
    let connected = client.connected();
    assert_eq!(Event::Connected(connected.unwrap().into()), second);
}
