//! AWS Device Advisor's MQTT_Connect_Jitter_Backoff_Retries on virtual time, for many
//! seeds, judged as `evenkeel advisor` judges (R18).

use std::time::Duration;

use bytes::BytesMut;
use evenkeel_aws::advisor::{Case, Moment, Packet as Seen, Setting, Verdict, What, judge};
use evenkeel_codec::{ConnAck, Packet, PacketType, Version};
use evenkeel_proto::profile::aws_iot_core;
use evenkeel_proto::{
    Client, Config, ConnectionId, Input, Instant, Output, Transmit, TransportFailure,
};

/// Clients, in each version.
const SEEDS: u64 = 2000;
/// CONNECTs of a round; the last one is answered.
const ROUND: usize = 6;
/// How long an answered connection lives.
const LIFE: Duration = Duration::from_secs(1);
/// From opening the transport to CONNECT: name, TCP and TLS.
const HANDSHAKE: Duration = Duration::from_millis(300);

/// One client before a server that answers every sixth CONNECT.
struct Scene {
    client: Client,
    now: Instant,
    connects: Vec<Instant>,
}

impl Scene {
    fn new(version: Version, seed: u64) -> Self {
        let mut config = Config::default();
        (config.version, config.fallback) = (version, false);
        config.connect.client_id = "pump".try_into().unwrap();
        config.obey(&aws_iot_core()).unwrap();
        let now = Instant::from_micros(1 << 40);
        let client = Client::new(config, seed, now).unwrap();
        Self { client, now, connects: Vec::new() }
    }

    /// Lets the client do what it wants up to its next deadline; returns the
    /// connection that it has asked for, if it has.
    fn settle(&mut self) -> (Option<ConnectionId>, Option<Instant>) {
        let mut opened = None;
        loop {
            match self.client.poll(self.now) {
                Output::Open(open) => opened = Some(open.conn),
                Output::Wait(deadline) => {
                    let mut bytes = Transmit::default();
                    let Some(conn) = self.client.take_transmit(&mut bytes) else {
                        return (opened, deadline.map(|deadline| deadline.at));
                    };
                    self.client.handle(self.now, Input::Written(conn, bytes.len()));
                }
                _ => {}
            }
        }
    }

    /// Waits until the client asks for a connection.
    fn await_open(&mut self) -> ConnectionId {
        loop {
            match self.settle() {
                (Some(conn), _) => return conn,
                (None, at) => self.now = self.now.max(at.expect("another attempt is planned")),
            }
        }
    }

    /// The transport is open, and CONNECT goes out.
    fn connect(&mut self) -> ConnectionId {
        let conn = self.await_open();
        self.now = self.now + HANDSHAKE;
        self.client.handle(self.now, Input::Opened(conn, None));
        self.settle();
        self.connects.push(self.now);
        conn
    }

    /// CONNACK, and the end of the connection after its life.
    fn answer_and_cut(&mut self, conn: ConnectionId, version: Version) {
        let mut connack = Vec::new();
        Packet::ConnAck(ConnAck::default()).encode(version, &mut connack).unwrap();
        let mut arrived = BytesMut::from(&connack[..]);
        self.client.handle(self.now, Input::Received(conn, &mut arrived));
        self.settle();
        self.now = self.now + LIFE;
        self.client.handle(self.now, Input::Closed(conn, TransportFailure::Eof));
    }
}

/// When a client sends its twelve CONNECTs.
fn connects(version: Version, seed: u64) -> Vec<Instant> {
    let mut scene = Scene::new(version, seed);
    scene.client.start(scene.now);
    for _ in 0..2 {
        for _ in 1..ROUND {
            scene.connect();
        }
        let conn = scene.connect();
        scene.answer_and_cut(conn, version);
    }
    scene.connects
}

fn verdict(connects: &[Instant]) -> Verdict {
    let case = Case::by_id("MQTT_Connect_Jitter_Backoff_Retries").unwrap();
    let moments: Vec<Moment> = connects
        .iter()
        .zip(1..)
        .map(|(at, connection)| Moment {
            at: at.since(connects[0]),
            connection,
            what: What::Received(Seen::new(PacketType::Connect)),
        })
        .collect();
    judge(case, &Setting::default(), &moments)
}

#[test]
fn a_client_of_aws_passes_the_case_of_jitter_within_its_time() {
    for version in [Version::V311, Version::V5] {
        let mut warnings = 0;
        for seed in 0..SEEDS {
            let connects = connects(version, seed);
            let took = connects[11].since(connects[0]);
            assert!(took <= Duration::from_secs(286), "{took:?} for seed {seed}");
            let gaps = connects.windows(2).map(|pair| pair[1].since(pair[0]));
            assert!(gaps.min().unwrap() >= Duration::from_secs(11), "seed {seed}");
            match verdict(&connects) {
                Verdict::Pass(_) => {}
                // Random distances look exponential by chance, once in a thousand.
                Verdict::Warn(_) => warnings += 1,
                other => panic!("{other:?} for seed {seed}"),
            }
        }
        assert!(warnings < SEEDS / 200, "{warnings} of {SEEDS} warned");
    }
}
