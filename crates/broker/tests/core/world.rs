//! A broker core on virtual time, and clients made of hand-made packets.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;
use evenkeel_broker::core::{Arrival, Core};
use evenkeel_broker::fault::Rule;
use evenkeel_broker::{CloseReason, Config, ConnectionId, Event, EventKind, Instant};
use evenkeel_codec::{
    Ack, Bytes, ConnAck, Connect, Decoder, Disconnect, Packet, PacketId, PacketType, Properties,
    Property, Publish, QoS, ReasonCode, SubAck, Subscribe, SubscribeFilter, SubscribeOptions, Text,
    Unsubscribe, Version, Will,
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A client of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) id: ConnectionId,
    pub(crate) version: Version,
}

pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) now: Instant,
    streams: BTreeMap<ConnectionId, Stream>,
    events: Vec<Event>,
}

struct Stream {
    to_broker: BytesMut,
    to_client: BytesMut,
    decoder: Decoder,
}

/// What can be sent: a packet, or what is in one.
pub(crate) trait ToPacket {
    fn to_packet(self) -> Packet;
}

impl ToPacket for Packet {
    fn to_packet(self) -> Packet {
        self
    }
}

impl ToPacket for Publish {
    fn to_packet(self) -> Packet {
        Packet::Publish(self)
    }
}

impl ToPacket for Connect {
    fn to_packet(self) -> Packet {
        Packet::Connect(self)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A world whose broker publishes no `$SYS` messages unless told to.
    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        config.behaviour.sys_interval = None;
        change(&mut config);
        let now = Instant::START;
        let core = Core::new(config, now);
        Self { core, now, streams: BTreeMap::new(), events: Vec::new() }
    }

    pub(crate) fn faulty(rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut world = Self::new();
        for rule in rules {
            world.core.add_fault(world.now, rule).unwrap();
        }
        world
    }

    /// Lets time pass, and everything due happen at its moment.
    pub(crate) fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.core.next_deadline(self.now).filter(|due| *due <= end) {
            assert!(due >= self.now, "what was due is done");
            self.now = due.max(self.now);
            self.core.tick(self.now);
            self.exchange();
            let next = self.core.next_deadline(self.now);
            assert!(next.is_none_or(|next| next > self.now), "a deadline must not stay due");
        }
        self.now = end;
        self.core.tick(self.now);
        self.exchange();
    }

    pub(crate) fn open(&mut self, version: Version) -> Peer {
        let id = self.core.open(self.now, Arrival::new("memory", "test"));
        let decoder = Decoder::new(version, u32::MAX);
        let stream = Stream { to_broker: BytesMut::new(), to_client: BytesMut::new(), decoder };
        self.streams.insert(id, stream);
        self.exchange();
        Peer { id, version }
    }

    pub(crate) fn send(&mut self, peer: Peer, packet: impl ToPacket) {
        let mut bytes = Vec::new();
        packet.to_packet().encode(peer.version, &mut bytes).unwrap();
        self.send_bytes(peer, &bytes);
    }

    pub(crate) fn send_bytes(&mut self, peer: Peer, bytes: &[u8]) {
        let stream = self.streams.get_mut(&peer.id).unwrap();
        stream.to_broker.extend_from_slice(bytes);
        self.core.receive(self.now, peer.id, &mut stream.to_broker);
        self.exchange();
    }

    /// Everything the client has received and not looked at.
    pub(crate) fn recv(&mut self, peer: Peer) -> Vec<Packet> {
        let stream = self.streams.get_mut(&peer.id).unwrap();
        let mut packets = Vec::new();
        while let Some(packet) = stream.decoder.decode(&mut stream.to_client).unwrap() {
            packets.push(packet);
        }
        packets
    }

    /// The one packet the client has received.
    pub(crate) fn recv_one(&mut self, peer: Peer) -> Packet {
        let mut packets = self.recv(peer);
        assert_eq!(packets.len(), 1, "{packets:?}");
        packets.remove(0)
    }

    /// The messages among what the client has received.
    pub(crate) fn messages(&mut self, peer: Peer) -> Vec<Publish> {
        let publishes = self.recv(peer).into_iter().filter_map(|packet| match packet {
            Packet::Publish(publish) => Some(publish),
            _ => None,
        });
        publishes.collect()
    }

    /// Payloads of the messages among what the client has received.
    pub(crate) fn payloads(&mut self, peer: Peer) -> Vec<String> {
        let text = |publish: Publish| String::from_utf8_lossy(&publish.payload).into_owned();
        self.messages(peer).into_iter().map(text).collect()
    }

    /// Bytes the client has received and not looked at.
    pub(crate) fn raw(&mut self, peer: Peer) -> Vec<u8> {
        self.streams.get_mut(&peer.id).unwrap().to_client.split().to_vec()
    }

    pub(crate) fn connect(&mut self, connect: Connect) -> Peer {
        let (peer, connack) = self.try_connect(connect);
        assert_eq!(connack.reason, ReasonCode::SUCCESS, "{connack:?}");
        peer
    }

    pub(crate) fn try_connect(&mut self, connect: Connect) -> (Peer, ConnAck) {
        let peer = self.open(connect.version);
        self.send(peer, connect);
        let stream = self.streams.get_mut(&peer.id).unwrap();
        match stream.decoder.decode(&mut stream.to_client).unwrap() {
            Some(Packet::ConnAck(connack)) => (peer, connack),
            other => panic!("{other:?} in place of CONNACK"),
        }
    }

    pub(crate) fn subscribe(&mut self, peer: Peer, filter: &str, qos: QoS) {
        self.send(peer, subscribe(filter, qos));
        let suback = self.suback(peer);
        assert_eq!(suback.codes, [ReasonCode(qos.level())]);
    }

    pub(crate) fn suback(&mut self, peer: Peer) -> SubAck {
        let stream = self.streams.get_mut(&peer.id).unwrap();
        match stream.decoder.decode(&mut stream.to_client).unwrap() {
            Some(Packet::SubAck(suback)) => suback,
            other => panic!("{other:?} in place of SUBACK"),
        }
    }

    /// The client's side closes the transport.
    pub(crate) fn cut(&mut self, peer: Peer) {
        self.core.closed(self.now, peer.id);
        self.exchange();
    }

    /// True if the broker is done with the connection.
    pub(crate) fn is_closed(&self, peer: Peer) -> bool {
        self.core.status(self.now, peer.id).closes()
    }

    /// Why the connection ended; fails while it has not.
    pub(crate) fn why_closed(&mut self, peer: Peer) -> CloseReason {
        assert!(self.is_closed(peer));
        self.collect();
        let closed = self.events.iter().find_map(|event| match event.kind {
            EventKind::Closed { why, .. } if event.connection == Some(peer.id) => Some(why),
            _ => None,
        });
        closed.expect("a closed event")
    }

    /// The reason of the DISCONNECT that the client received last of all.
    pub(crate) fn disconnect_reason(&mut self, peer: Peer) -> ReasonCode {
        assert!(self.is_closed(peer));
        match self.recv(peer).pop() {
            Some(Packet::Disconnect(Disconnect { reason, .. })) => reason,
            other => panic!("{other:?} in place of DISCONNECT"),
        }
    }

    /// Names of all events so far, and their JSON.
    pub(crate) fn events(&mut self) -> &[Event] {
        self.collect();
        &self.events
    }

    pub(crate) fn count(&mut self, name: &str) -> usize {
        self.events().iter().filter(|event| event.name() == name).count()
    }

    fn collect(&mut self) {
        while let Some(event) = self.core.next_event() {
            assert_ne!(event.name(), "not_encodable", "{event:?}");
            crate::schema::check(&event);
            self.events.push(event);
        }
    }

    /// Moves bytes until nothing moves any more, as a fast network would.
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
            if self.core.status(self.now, id).reads && !stream.to_broker.is_empty() {
                self.core.receive(self.now, id, &mut stream.to_broker);
            }
        }
    }
}

pub(crate) fn connect(version: Version, client_id: &str) -> Connect {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        client_id: text(client_id),
        will: None,
        username: None,
        password: None,
        properties: Properties::new(),
    }
}

/// MQTT 5, a clean start, and a session that ends with the connection.
pub(crate) fn v5(client_id: &str) -> Connect {
    connect(Version::V5, client_id)
}

pub(crate) fn v311(client_id: &str) -> Connect {
    connect(Version::V311, client_id)
}

/// MQTT 5, a session to resume that lives for this many seconds.
pub(crate) fn lasting(client_id: &str, seconds: u32) -> Connect {
    let properties = Properties::new().with(Property::SessionExpiryInterval(seconds));
    Connect { clean_start: false, properties, ..v5(client_id) }
}

pub(crate) fn will(topic: &str, payload: &str, delay: u32) -> Option<Box<Will>> {
    let properties = match delay {
        0 => Properties::new(),
        _ => Properties::new().with(Property::WillDelayInterval(delay)),
    };
    Some(Box::new(Will {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: topic.try_into().unwrap(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties,
    }))
}

/// QoS 0.
pub(crate) fn publish(topic: &str, payload: &str) -> Publish {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: text(topic),
        packet_id: None,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
        properties: Properties::new(),
    }
}

pub(crate) fn publish_1(topic: &str, payload: &str, packet_id: u16) -> Publish {
    let packet_id = Some(pid(packet_id));
    Publish { qos: QoS::AtLeastOnce, packet_id, ..publish(topic, payload) }
}

pub(crate) fn publish_2(topic: &str, payload: &str, packet_id: u16) -> Publish {
    let packet_id = Some(pid(packet_id));
    Publish { qos: QoS::ExactlyOnce, packet_id, ..publish(topic, payload) }
}

pub(crate) fn retained(topic: &str, payload: &str) -> Publish {
    Publish { retain: true, ..publish(topic, payload) }
}

pub(crate) fn subscribe(filter: &str, qos: QoS) -> Packet {
    subscribe_with(&[filter], SubscribeOptions { qos, ..SubscribeOptions::default() }, None)
}

pub(crate) fn subscribe_with(
    filters: &[&str],
    options: SubscribeOptions,
    identifier: Option<u32>,
) -> Packet {
    let filter = |text: &&str| SubscribeFilter { filter: (*text).try_into().unwrap(), options };
    Packet::Subscribe(Subscribe {
        packet_id: pid(1),
        filters: filters.iter().map(filter).collect(),
        properties: identifier.map(Property::SubscriptionIdentifier).into_iter().collect(),
    })
}

pub(crate) fn unsubscribe(filter: &str) -> Packet {
    Packet::Unsubscribe(Unsubscribe {
        packet_id: pid(1),
        filters: vec![filter.try_into().unwrap()],
        properties: Properties::new(),
    })
}

pub(crate) fn disconnect(reason: ReasonCode) -> Packet {
    Packet::Disconnect(Disconnect { reason, properties: Properties::new() })
}

pub(crate) fn puback(packet_id: u16) -> Packet {
    Packet::PubAck(Ack::new(pid(packet_id), ReasonCode::SUCCESS))
}

pub(crate) fn pubrec(packet_id: u16) -> Packet {
    Packet::PubRec(Ack::new(pid(packet_id), ReasonCode::SUCCESS))
}

pub(crate) fn pubrel(packet_id: u16) -> Packet {
    Packet::PubRel(Ack::new(pid(packet_id), ReasonCode::SUCCESS))
}

pub(crate) fn pubcomp(packet_id: u16) -> Packet {
    Packet::PubComp(Ack::new(pid(packet_id), ReasonCode::SUCCESS))
}

pub(crate) fn pid(value: u16) -> PacketId {
    PacketId::new(value).unwrap()
}

pub(crate) fn text(value: &str) -> Text {
    value.try_into().unwrap()
}

/// Types of some packets, for comparing a whole exchange at a glance.
pub(crate) fn kinds(packets: &[Packet]) -> Vec<PacketType> {
    packets.iter().map(Packet::packet_type).collect()
}
