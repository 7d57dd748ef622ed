//! A broker core with an emulator, and clients.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_aws::emulator::Emulator;
use evenkeel_aws::emulator::settings::{Settings, read};
use evenkeel_aws::gate::policy::Policy;
use evenkeel_aws::gate::{CertificateId, CertificateStatus, Gate, Thing};
use evenkeel_aws::provisioning::{IssueError, Issued, Issuer};
use evenkeel_aws::{Services, Time, WrittenState};
use evenkeel_broker::core::{Arrival, Core, TlsFacts};
use evenkeel_broker::{Config, ConnectionId, Event, Instant, Quota};
use evenkeel_codec::{
    Bytes, Connect, Decoder, Packet, PacketId, Properties, Publish, QoS, ReasonCode, Subscribe,
    SubscribeFilter, SubscribeOptions, Version, Will,
};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

/// 2027-01-15, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

/// Allows everything.
pub(crate) const ALL: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;

/// Allows a thing its own topics, and to come in by its own name.
pub(crate) const OWN: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "iot:Connect",
     "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}"},
    {"Effect": "Allow", "Action": ["iot:Publish", "iot:Receive"],
     "Resource": "arn:aws:iot:*:*:topic/$aws/things/${iot:Connection.Thing.ThingName}/*"},
    {"Effect": "Allow", "Action": "iot:Subscribe",
     "Resource": "arn:aws:iot:*:*:topicfilter/$aws/things/${iot:Connection.Thing.ThingName}/*"}
  ]}"#;

/// An account whose ports without TLS let everybody do everything.
pub(crate) const OPEN: &str = "plain.policies = [\"all\"]\n";

pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) now: Instant,
    streams: BTreeMap<ConnectionId, Stream>,
    pub(crate) events: Vec<Event>,
}

struct Stream {
    to_client: BytesMut,
    decoder: Decoder,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    version: Version,
}

/// The DER of a new certificate, and its id.
pub(crate) fn certificate() -> (Vec<u8>, CertificateId) {
    let key = KeyPair::generate().unwrap();
    let der = CertificateParams::new([]).unwrap().self_signed(&key).unwrap().der().to_vec();
    let id = CertificateId::of(&der);
    (der, id)
}

/// Gives out certificates made beforehand.
pub(crate) struct Stock(pub(crate) Vec<CertificateId>);

impl Issuer for Stock {
    fn create(&mut self, _: Time) -> Result<Issued, IssueError> {
        let id =
            self.0.pop().ok_or_else(|| IssueError::Unavailable { problem: "none left".into() })?;
        Ok(Issued {
            certificate_id: id.to_string(),
            certificate_pem: "PEM".into(),
            private_key: Some("KEY".into()),
            ownership_token: format!("token of {id}"),
        })
    }

    fn sign(&mut self, time: Time, _: &str) -> Result<Issued, IssueError> {
        self.create(time)
    }
}

/// What an account has before its clients come.
pub(crate) struct Setup {
    pub(crate) gate: Gate,
    pub(crate) services: Services,
    pub(crate) stock: Vec<CertificateId>,
}

impl Setup {
    /// With the policies `all` and `own`, and the settings of a file.
    pub(crate) fn new(settings: &str) -> Self {
        let (mut gate, mut services) = (Gate::default(), Services::default());
        for (name, text) in [("all", ALL), ("own", OWN)] {
            gate.registry.set_policy(name, Policy::parse(text).unwrap()).unwrap();
        }
        let settings: Settings = read(settings).unwrap();
        settings.apply(&mut gate, &mut services).unwrap();
        Self { gate, services, stock: Vec::new() }
    }

    /// With a thing and its certificate, whose DER this is.
    pub(crate) fn thing(&mut self, name: &str, status: CertificateStatus) -> Vec<u8> {
        let (der, id) = certificate();
        let registry = &mut self.gate.registry;
        registry.set_thing(name, Thing::default()).unwrap();
        registry.register(id, status).unwrap();
        registry.attach_policy(id, "own").unwrap();
        registry.attach_thing(id, name, false).unwrap();
        der
    }

    /// The same with a certificate that may do everything.
    pub(crate) fn all(&mut self, name: &str, status: CertificateStatus) -> Vec<u8> {
        let der = self.thing(name, status);
        self.gate.registry.attach_policy(CertificateId::of(&der), "all").unwrap();
        der
    }

    /// With one more policy.
    pub(crate) fn policy(&mut self, name: &str, text: &str) {
        self.gate.registry.set_policy(name, Policy::parse(text).unwrap()).unwrap();
    }

    pub(crate) fn emulator(self) -> Emulator {
        Emulator::new(self.gate, self.services, Box::new(Stock(self.stock)), 7)
    }

    pub(crate) fn world(self) -> World {
        World::of(self.emulator())
    }
}

impl World {
    pub(crate) fn of(emulator: Emulator) -> Self {
        Self::with_quota(emulator, None)
    }

    /// With the limits of a profile.
    pub(crate) fn with_quota(emulator: Emulator, quota: Option<Quota>) -> Self {
        let mut config = Config { quota, ..Config::default() };
        config.behaviour.sys_interval = None;
        let now = Instant::START;
        let mut core = Core::new(config, now);
        core.set_wall_clock(now, Duration::from_secs(NOW));
        core.extend(Box::new(emulator));
        Self { core, now, streams: BTreeMap::new(), events: Vec::new() }
    }

    /// Lets time pass, and everything due happen at its moment.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.core.next_deadline(self.now).filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.core.tick(self.now);
            self.exchange();
            // As a driver does, which writes it down.
            self.core.unsaved(self.now);
        }
        self.now = end;
        self.core.tick(self.now);
        self.exchange();
    }

    pub(crate) fn open(&mut self, transport: &'static str, version: Version) -> Peer {
        let id = self.core.open(self.now, Arrival::new(transport, "192.0.2.7:4711"));
        let decoder = Decoder::new(version, u32::MAX);
        self.streams.insert(id, Stream { to_client: BytesMut::new(), decoder });
        Peer { id, version }
    }

    /// A connection over TLS with this certificate, to this name.
    pub(crate) fn open_tls(&mut self, version: Version, der: &[u8], name: Option<&str>) -> Peer {
        let peer = self.open("tls", version);
        let tls = TlsFacts {
            certificate: (!der.is_empty()).then(|| Bytes::copy_from_slice(der)),
            server_name: name.map(str::to_owned),
            ..TlsFacts::default()
        };
        self.core.secured(self.now, peer.id, tls);
        peer
    }

    pub(crate) fn send(&mut self, peer: Peer, packet: Packet) {
        let mut bytes = Vec::new();
        packet.encode(peer.version, &mut bytes).unwrap();
        self.core.receive(self.now, peer.id, &mut BytesMut::from(&bytes[..]));
        self.exchange();
    }

    pub(crate) fn recv(&mut self, peer: Peer) -> Vec<Packet> {
        let stream = self.streams.get_mut(&peer.id).unwrap();
        let mut packets = Vec::new();
        while let Some(packet) = stream.decoder.decode(&mut stream.to_client).unwrap() {
            packets.push(packet);
        }
        packets
    }

    /// Topics and payloads of the messages that the client has received.
    pub(crate) fn messages(&mut self, peer: Peer) -> Vec<(String, Value)> {
        let packets = self.recv(peer).into_iter();
        let messages = packets.filter_map(|packet| match packet {
            Packet::Publish(publish) => {
                let payload = serde_json::from_slice(&publish.payload).unwrap_or_default();
                Some((publish.topic.as_str().to_owned(), payload))
            }
            _ => None,
        });
        messages.collect()
    }

    /// The reason in CONNACK; `None` if the connection was closed without one.
    pub(crate) fn login(&mut self, peer: Peer, connect: Connect) -> Option<ReasonCode> {
        self.send(peer, Packet::Connect(connect));
        match self.recv(peer).pop() {
            Some(Packet::ConnAck(connack)) => Some(connack.reason),
            None => None,
            other => panic!("{other:?}"),
        }
    }

    /// A client without TLS.
    pub(crate) fn connect(&mut self, name: &str) -> Peer {
        let peer = self.open("tcp", Version::V5);
        assert_eq!(self.login(peer, connect(Version::V5, name)), Some(ReasonCode::SUCCESS));
        peer
    }

    pub(crate) fn subscribe(&mut self, peer: Peer, filter: &str) -> ReasonCode {
        self.send(peer, subscribe(filter));
        let suback = self.recv(peer).into_iter().find_map(|packet| match packet {
            Packet::SubAck(suback) => Some(suback.codes[0]),
            _ => None,
        });
        suback.expect("a SUBACK")
    }

    /// Publishes with QoS 1 and gives what comes back.
    pub(crate) fn publish(&mut self, peer: Peer, topic: &str, payload: &str) -> Vec<Packet> {
        self.send(peer, Packet::Publish(publish(topic, payload)));
        self.recv(peer)
    }

    pub(crate) fn is_closed(&self, peer: Peer) -> bool {
        self.core.status(self.now, peer.id).closes()
    }

    /// The client's side closes the transport.
    pub(crate) fn cut(&mut self, peer: Peer) {
        self.core.closed(self.now, peer.id);
        self.exchange();
    }

    /// Lets clients have what was sent to them.
    pub(crate) fn deliver(&mut self) {
        self.exchange();
    }

    /// The line of what has changed since it was asked last.
    pub(crate) fn changed(&mut self) -> Option<String> {
        let changes = self.core.unsaved(self.now);
        (!changes.is_empty()).then(|| WrittenState::line_of(&changes))
    }

    /// The lines of the whole state.
    pub(crate) fn whole(&self) -> Vec<String> {
        let parts = self.core.state(self.now);
        let lines = parts.map(|(name, value)| WrittenState::line([(&*name, Some(&*value))]));
        lines.collect()
    }

    /// What services and gate have told the operator.
    pub(crate) fn told(&mut self) -> Vec<String> {
        self.collect();
        self.events.iter().map(Event::to_json).collect()
    }

    fn collect(&mut self) {
        while let Some(event) = self.core.next_event() {
            self.events.push(event);
        }
    }

    fn exchange(&mut self) {
        while let Some(id) = self.core.next_woken() {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            loop {
                let mut bytes = Vec::new();
                self.core.take_output(self.now, id, &mut bytes);
                if bytes.is_empty() {
                    break;
                }
                stream.to_client.extend_from_slice(&bytes);
                self.core.written(self.now, id, bytes.len());
            }
        }
        self.collect();
    }
}

pub(crate) fn connect(version: Version, client_id: &str) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id: client_id.try_into().unwrap(),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    }
}

pub(crate) fn will(topic: &str) -> Option<Box<Will>> {
    Some(Box::new(Will {
        qos: QoS::AtMostOnce,
        retain: false,
        topic: topic.try_into().unwrap(),
        payload: Bytes::from_static(b"{}"),
        properties: Properties::new(),
    }))
}

pub(crate) fn publish(topic: &str, payload: &str) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: topic.try_into().unwrap(),
        packet_id: PacketId::new(1),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties: Properties::new(),
    }
}

pub(crate) fn subscribe(filter: &str) -> Packet {
    let options = SubscribeOptions::default();
    Packet::Subscribe(Subscribe {
        packet_id: PacketId::new(1).unwrap(),
        filters: vec![SubscribeFilter { filter: filter.try_into().unwrap(), options }],
        properties: Properties::new(),
    })
}
