//! Random clients, random faults and random bytes: the broker never panics,
//! keeps its bounds, and forgets everything in the end.
//!
//! A seed says everything; a failure names it.

use std::time::Duration;

use evenkeel_broker::fault::{Announce, Rule, Stop, When};
use evenkeel_codec::{
    Ack, Connect, Packet, PacketType, Properties, Property, Publish, QoS, ReasonCode,
    RetainHandling, SubscribeOptions, Version,
};

use crate::world::*;

/// The generator of Steele, Lea and Flood (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        let index = self.below(of.len() as u64);
        of[usize::try_from(index).unwrap()].clone()
    }

    fn qos(&mut self) -> QoS {
        self.one(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce])
    }

    fn kind(&mut self) -> PacketType {
        let number = u8::try_from(self.below(15)).unwrap() + 1;
        PacketType::from_first_byte(number << 4).unwrap()
    }

    fn id(&mut self) -> u16 {
        u16::try_from(self.below(12)).unwrap() + 1
    }

    fn time(&mut self) -> Duration {
        Duration::from_millis(self.one(&[0, 1, 500, 1500, 3000, 10_000]))
    }

    fn connect(&mut self) -> Connect {
        let version = self.one(&[Version::V31, Version::V311, Version::V5]);
        let mut connect = connect(version, self.one(&["a", "b", "c"]));
        connect.clean_start = self.flip();
        connect.keep_alive = self.one(&[0, 1, 60]);
        if self.flip() {
            connect.will = will("t/w", "gone", 0);
        }
        if version == Version::V5 {
            let mut properties = Properties::new();
            properties.push(Property::SessionExpiryInterval(self.one(&[0, 5, 1000])));
            properties.push(Property::ReceiveMaximum(self.one(&[1, 3, 1000])));
            properties.push(Property::TopicAliasMaximum(self.one(&[0, 2])));
            properties.push(Property::MaximumPacketSize(self.one(&[30, 100_000])));
            connect.properties = properties;
            if connect.will.is_some() {
                connect.will = will("t/w", "gone", self.one(&[0, 3]));
            }
        }
        connect
    }

    fn packet(&mut self) -> Packet {
        match self.below(9) {
            0 | 1 => Packet::Publish(self.publish()),
            2 => puback(self.id()),
            3 => pubrec(self.id()),
            4 => pubrel(self.id()),
            5 => pubcomp(self.id()),
            6 => self.subscribe(),
            7 => unsubscribe(self.one(&["t/+", "#", "$share/g/t/#", "t/w"])),
            _ => Packet::PingReq,
        }
    }

    fn publish(&mut self) -> Publish {
        let qos = self.qos();
        Publish {
            qos,
            packet_id: (qos > QoS::AtMostOnce).then(|| pid(self.id())),
            retain: self.below(4) == 0,
            ..publish(self.one(&["t/1", "t/2", "t/w", "u"]), self.one(&["", "x", "a longer one"]))
        }
    }

    fn subscribe(&mut self) -> Packet {
        let filter = self.one(&["t/+", "#", "$share/g/t/#", "t/1", "+/w", "$SYS/#"]);
        let options = SubscribeOptions {
            qos: self.qos(),
            no_local: self.flip() && !filter.starts_with("$share"),
            retain_as_published: self.flip(),
            retain_handling: self.one(&[RetainHandling::OnSubscribe, RetainHandling::Never]),
        };
        subscribe_with(&[filter], options, None)
    }

    fn rule(&mut self) -> Rule {
        let kind = self.kind();
        let mut when = if self.flip() { When::sent(kind) } else { When::received(kind) };
        if self.flip() {
            when = when.every(1 + self.below(4));
        }
        when = when.times(1 + self.below(20));
        let time = self.time();
        match self.below(10) {
            0 => when.drop(),
            1 => when.delay(time),
            2 => when.duplicate(),
            3 => When::sent(kind).corrupt(self.one(&[0, 1, 9]), 0x41),
            4 => when.silence(self.one(&[Stop::Both, Stop::Reading, Stop::Sending]), Some(time)),
            5 => when.dribble(1 + usize::from(self.id()), Duration::from_millis(3)),
            6 => when.close_after(),
            7 => when.wait(time).disconnect(0x89),
            8 => when.one_per(time),
            _ => {
                let values = Announce { receive_maximum: Some(2), ..Announce::default() };
                When::sent(PacketType::ConnAck).announce(values)
            }
        }
    }
}

fn live(seed: u64) {
    let mut random = Random(seed);
    let mut world = World::with(|config| {
        config.limits.queue_messages = 8;
        config.limits.output_bytes = 300;
        config.limits.sessions = 5;
        config.limits.retained_messages = 2;
        config.behaviour.sys_interval = random.flip().then_some(SECOND);
        config.behaviour.assign_topic_aliases = random.flip();
        config.behaviour.queue_qos_0 = random.flip();
        config.behaviour.message_events = true;
    });
    let mut peers: Vec<Peer> = Vec::new();
    for _ in 0..300 {
        step(&mut random, &mut world, &mut peers);
        assert!(world.core.session_count() <= 5, "seed {seed}");
        for client in ["a", "b", "c"] {
            assert!(world.core.queued(client).is_none_or(|count| count <= 8), "seed {seed}");
        }
    }
    // Peace: whoever comes back clean leaves nothing behind.
    world.core.clear_faults();
    for peer in peers {
        world.cut(peer);
    }
    for client in ["a", "b", "c"] {
        let (peer, connack) = world.try_connect(v5(client));
        assert_eq!(connack.reason, ReasonCode::SUCCESS, "seed {seed}");
        world.cut(peer);
    }
    world.wait(2000 * SECOND);
    assert_eq!(world.core.session_count(), 0, "seed {seed}");
    assert_eq!(world.core.subscription_count(), 0, "seed {seed}");
    assert_eq!(world.core.stats().connections_now, 0, "seed {seed}");
}

fn step(random: &mut Random, world: &mut World, peers: &mut Vec<Peer>) {
    let action = random.below(20);
    if peers.is_empty() || action == 0 {
        let connect = random.connect();
        let peer = world.open(connect.version);
        world.send(peer, connect);
        peers.push(peer);
        return;
    }
    let index = usize::try_from(random.below(peers.len() as u64)).unwrap();
    let peer = peers[index];
    match action {
        1 => {
            world.cut(peer);
            peers.swap_remove(index);
        }
        2 => world.core.add_fault(world.now, random.rule()).map(|_| ()).unwrap(),
        3 => world.wait(random.time()),
        4 => {
            let garbage: Vec<u8> = (0..random.below(20)).map(|_| random.next() as u8).collect();
            world.send_bytes(peer, &garbage);
        }
        5 => world.send(peer, Packet::PubRec(Ack::new(pid(1), ReasonCode(0x80)))),
        6 if random.below(10) == 0 => world.core.stop(world.now, random.flip()),
        7 if random.flip() => world.send(peer, disconnect(ReasonCode::SUCCESS)),
        _ => {
            let packet = random.packet();
            world.send(peer, packet);
        }
    }
    world.raw(peer);
}

#[test]
fn random_lives_end_well() {
    for seed in 0..100 {
        live(seed);
    }
}
