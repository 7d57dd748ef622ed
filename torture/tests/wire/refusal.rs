//! Servers that refuse, stay silent or are not there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use evenkeel::{CauseClass, ConnectPhase, DisconnectCause, Halt, State, Version};
use evenkeel_broker::fault::When;
use evenkeel_codec::PacketType;
use evenkeel_torture::{K, Scene, between, most_attempts, pass, scenarios, settled, within};
use socket2::{Domain, SockAddr, Socket, Type};

scenarios![
    every_connack_code_of_mqtt_3_1_1,
    every_connack_code_of_mqtt_5,
    a_server_that_refuses_mqtt_5_gets_3_1_1,
    a_server_silent_to_mqtt_5_gets_3_1_1,
    silence_instead_of_connack,
    tcp_refused_until_the_broker_comes_up,
    tcp_black_hole,
    tcp_opens_and_nothing_answers,
];

/// What a refusal is followed by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// Nothing: the client halts.
    Halts,
    /// Normal back-off.
    BacksOff,
    /// A break of 5 s at least.
    Waits,
}

const OBSERVED: Duration = Duration::from_secs(4);

async fn every_connack_code_of_mqtt_3_1_1() {
    // Unavailable may pass; the others will not by repeating.
    let after = |code| if code == 3 { Then::BacksOff } else { Then::Halts };
    let codes = (1..=5).map(|code| (code, after(code)));
    assert_refusals(Version::V311, codes.collect()).await;
}

async fn every_connack_code_of_mqtt_5() {
    use Then::{BacksOff, Halts, Waits};
    let codes = [
        (0x80, BacksOff), // Unspecified error
        (0x81, BacksOff), // Malformed Packet
        (0x82, BacksOff), // Protocol Error
        (0x83, BacksOff), // Implementation specific error
        (0x84, Halts),    // Unsupported Protocol Version
        (0x85, Halts),    // Client Identifier not valid
        (0x86, Halts),    // Bad User Name or Password
        (0x87, Halts),    // Not authorized
        (0x88, BacksOff), // Server unavailable
        (0x89, Waits),    // Server busy
        (0x8a, Halts),    // Banned
        (0x8c, Halts),    // Bad authentication method
        (0x90, BacksOff), // Topic Name invalid
        (0x95, BacksOff), // Packet too large
        (0x97, Waits),    // Quota exceeded
        (0x99, BacksOff), // Payload format invalid
        (0x9a, BacksOff), // Retain not supported
        (0x9b, BacksOff), // QoS not supported
        (0x9c, BacksOff), // Use another server, and none is named
        (0x9d, BacksOff), // Server moved, and nowhere is named
        (0x9f, Waits),    // Connection rate exceeded
    ];
    assert_refusals(Version::V5, codes.into()).await;
}

/// One client for each code, all at once, each refused forever.
async fn assert_refusals(version: Version, codes: BTreeMap<u8, Then>) {
    let name = |code: &u8| format!("code-{code:02x}");
    let refuse = |code| When::received(PacketType::Connect).client(name(code)).refuse(*code);
    let scene = Scene::new(codes.keys().map(refuse)).await;
    let client = |code| scene.client(&name(code)).version(version).start().unwrap();
    let began = Instant::now();
    let clients: Vec<_> = codes.keys().map(client).collect();
    pass(OBSERVED).await;
    for ((code, then), client) in codes.iter().zip(&clients) {
        let state = client.state();
        let cause = match &state {
            State::Halted { reason, cause } => {
                assert_eq!((*then, *reason), (Then::Halts, Halt::Refused), "{code:#x}: {state:?}");
                cause.as_deref()
            }
            State::Waiting { cause, .. } | State::Connecting { cause, .. } => {
                assert_ne!(*then, Then::Halts, "{code:#x}: {state:?}");
                cause.as_deref()
            }
            _ => panic!("{code:#x}: {state:?}"),
        };
        let Some(DisconnectCause::Refused { wire_code, .. }) = cause else {
            panic!("{code:#x}: {state:?}");
        };
        assert_eq!(wire_code, code);
        let connects = scene.connects(&name(code));
        let time = began.elapsed();
        let expected = match then {
            Then::Halts => 1..=1,
            Then::Waits => 1..=1 + time.as_secs() / 5,
            // Delays of up to 1 s and 2 s, then 2 s at least.
            Then::BacksOff => 2..=most_attempts(time, K, Duration::ZERO),
        };
        between(&name(code), connects, expected);
    }
    scene.assert_laws();
}

async fn a_server_that_refuses_mqtt_5_gets_3_1_1() {
    let refuse = When::received(PacketType::Connect).connection(1).refuse(0x84);
    let scene = Scene::new([refuse]).await;
    let client = scene.client("pump").start().unwrap();
    within(3 * K, "online", client.online()).await.unwrap();
    assert_eq!(scene.connects("pump"), 2);
    let connected = scene.event(K, |event| event.name() == "connected").await;
    assert!(connected.to_json().contains(r#""version":4"#), "{}", connected.to_json());
    scene.assert_laws();
}

/// As aMQTT does: TCP stays open, and no answer comes to MQTT 5.
async fn a_server_silent_to_mqtt_5_gets_3_1_1() {
    let silent = When::sent(PacketType::ConnAck).connections(1..=2).drop();
    let scene = Scene::new([silent]).await;
    let client = scene.client("pump").connect_timeout(K).start().unwrap();
    // Two time-outs, delays of up to 1 s and 2 s.
    within(8 * K, "online", client.online()).await.unwrap();
    assert_eq!(scene.connects("pump"), 3);
    let old = |event: &evenkeel_broker::Event| event.to_json().contains(r#""version":4"#);
    scene.event(K, old).await;
    scene.assert_laws();
}

async fn silence_instead_of_connack() {
    let scene = Scene::new([When::sent(PacketType::ConnAck).drop()]).await;
    let began = Instant::now();
    let client = scene.client("pump").connect_timeout(K).start().unwrap();
    pass(8 * K).await;
    // Time-outs of 1 s, delays of up to 1 s, 2 s and 4 s.
    let connects = scene.connects("pump");
    between("connects", connects, 2..=most_attempts(began.elapsed(), K, K));
    let (State::Waiting { cause, .. } | State::Connecting { cause, .. }) = client.state() else {
        panic!("{:?}", client.state());
    };
    let expected = DisconnectCause::ConnectTimeout { phase: ConnectPhase::Handshake, after: K };
    assert_eq!(cause.as_deref(), Some(&expected));
    scene.broker().clear_faults();
    within(11 * K, "online", client.online()).await.unwrap();
    scene.assert_laws();
}

async fn tcp_refused_until_the_broker_comes_up() {
    let scene = Scene::new([]).await;
    scene.stop().await;
    let began = Instant::now();
    let client = scene.client("pump").start().unwrap();
    pass(4 * K).await;
    // The broker sees nothing of it: delays of up to 1 s and 2 s, then 2 s at least.
    let attempts = client.stats().connects;
    between("attempts", attempts, 2..=most_attempts(began.elapsed(), K, Duration::ZERO));
    assert_eq!(scene.connects("pump"), 0);
    let (State::Waiting { cause, .. } | State::Connecting { cause, .. }) = client.state() else {
        panic!("{:?}", client.state());
    };
    assert_eq!(cause.unwrap().class(), CauseClass::Network);
    scene.resume().await;
    within(9 * K, "online", client.online()).await.unwrap();
    assert_eq!(scene.connects("pump"), 1);
    scene.assert_laws();
}

/// A listener whose queue is full drops SYN packets, as a firewall would.
async fn tcp_black_hole() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    listener.bind(&SockAddr::from(any)).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    // What fits into a queue of length 0 differs between systems.
    let mut queued = Vec::new();
    loop {
        let connecting = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(K / 4, connecting).await {
            Ok(stream) => queued.push(stream.unwrap()),
            Err(_) => break,
        }
        if queued.len() > 64 {
            eprintln!("skipped: this system queues connections without bound");
            return;
        }
    }
    let builder = evenkeel::Client::builder(format!("mqtt://{address}"));
    let began = Instant::now();
    let client = builder.client_id("pump").connect_timeout(K).start().unwrap();
    pass(8 * K).await;
    let attempts = client.stats().connects;
    between("attempts", attempts, 2..=most_attempts(began.elapsed(), K, K));
    let (State::Waiting { cause, .. } | State::Connecting { cause, .. }) = client.state() else {
        panic!("{:?}", client.state());
    };
    let expected = DisconnectCause::ConnectTimeout { phase: ConnectPhase::Connect, after: K };
    assert_eq!(cause.as_deref(), Some(&expected));
    within(3 * K, "shutdown", client.shutdown(K)).await;
}

/// TCP opens, and the server never takes the connection.
async fn tcp_opens_and_nothing_answers() {
    let scene = Scene::new([]).await;
    scene.broker().set_accepting(false);
    let began = Instant::now();
    let client = scene.client("pump").connect_timeout(K).start().unwrap();
    pass(5 * K).await;
    let attempts = client.stats().connects;
    between("attempts", attempts, 2..=most_attempts(began.elapsed(), K, K));
    assert_eq!(scene.connects("pump"), 0);
    scene.broker().set_accepting(true);
    // Attempts that were given up are still in the listener's queue.
    settled(&client, 25 * K, 3 * K).await;
    let connects = scene.connects("pump");
    between("connects", connects, 1..=client.stats().connects);
    scene.assert_laws();
}
