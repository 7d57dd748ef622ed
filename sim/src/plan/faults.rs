//! What goes wrong in a random world, and when.

use std::io::ErrorKind;
use std::time::Duration;

use evenkeel_broker::fault::{Rule, Stop, When};
use evenkeel_codec::{PacketType, ReasonCode, TopicFilter};

use super::{Class, Plan};
use crate::message::topic_name;
use crate::net::{End, LinkSpec, PathSpec, Way};
use crate::rng::Rng;
use crate::setup::{ClientSpec, Death, Fault};
use crate::time::Time;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The faults of all classes that are at work.
pub(super) fn all(plan: &Plan, clients: &[ClientSpec], rng: &Rng) -> Vec<(Time, Fault)> {
    let mut faults = Vec::new();
    for class in &plan.classes {
        for (client, spec) in clients.iter().enumerate() {
            let rng = rng.fork(class.name(), client as u64);
            let mut draw = Draw { client, spec, rng };
            // Times are fractions of what the seed would give, so that a
            // shorter plan has the same beginning.
            let whole = Plan::of(plan.seed).duration;
            let most = if class.is_of_stores() { 9 } else { 6 };
            for _ in 0..draw.rng.range(1, most) {
                let at = Time(0) + draw.rng.span(Duration::ZERO, whole);
                faults.extend(draw.fault(*class).map(|fault| (at, fault)));
            }
        }
    }
    faults
}

/// What faults of one class for one client are drawn from.
struct Draw<'a> {
    client: usize,
    spec: &'a ClientSpec,
    rng: Rng,
}

impl Draw<'_> {
    fn fault(&mut self, class: Class) -> Option<Fault> {
        let client = self.client;
        let is_first = client == 0;
        let fault = match class {
            Class::Cut => self.cut(),
            Class::HalfOpen => Fault::Block { client, ways: self.ways(), lasts: None },
            Class::Hold => {
                let lasts = Some(self.span());
                Fault::Block { client, ways: self.ways(), lasts }
            }
            Class::Path => Fault::Path { client, link: self.path(), lasts: self.span() },
            Class::Stall => Fault::Stall { client, lasts: self.span() },
            Class::Sleep => {
                let lasts = self.span() * self.rng.pick(&[1, 4, 30]);
                Fault::Sleep { client, lasts, forgotten: self.rng.one_in(2) }
            }
            Class::Unreachable => {
                Fault::Unreachable { client, lasts: self.span(), refused: self.rng.one_in(2) }
            }
            Class::Restart | Class::Amnesia if is_first => Fault::Restart {
                down: self.rng.span(Duration::ZERO, secs(20)),
                keeps_sessions: class == Class::Restart,
            },
            Class::Pings => self.pings(),
            Class::Acks => self.acks(),
            Class::ConnAck => self.connack(),
            Class::Refuse => {
                let code = self.rng.pick(&[0x87, 0x88, 0x89, 0x97, 0x84, 0x9F]);
                let rule = self.when(When::received(PacketType::Connect)).refuse(code);
                self.rule(rule, true)
            }
            Class::Disconnect => {
                let reason = ReasonCode(self.rng.pick(&[0x80, 0x87, 0x89, 0x8B, 0x97, 0x98]));
                Fault::Disconnect { client, reason }
            }
            Class::Silence => {
                let stop = self.rng.pick(&[Stop::Both, Stop::Reading, Stop::Sending]);
                let lasts = self.span();
                let rule = self.when(When::any_received()).times(1).silence(stop, Some(lasts));
                self.rule(rule, true)
            }
            Class::Poison => {
                let topic = TopicFilter::try_from(topic_name(client, 1).as_str()).ok()?;
                let when = self.when(When::received(PacketType::Publish)).topic(topic);
                let rule = if self.rng.one_in(2) { when.larger_than(40) } else { when }.close();
                self.rule(rule, true)
            }
            Class::Offer if is_first => Fault::Offer {
                receive_maximum: self.rng.pick(&[1, 3, 50]),
                keep_alive: self.rng.pick(&[None, Some(0), Some(40), Some(60)]),
            },
            _ => return self.of_stores(class),
        };
        Some(fault)
    }

    /// What happens to processes and their stores.
    fn of_stores(&mut self, class: Class) -> Option<Fault> {
        let client = self.client;
        Some(match class {
            Class::Kill => self.death(Death::Killed),
            Class::PowerCut => self.death(Death::PowerCut),
            Class::Leave => {
                let limit = self.rng.pick(&[Duration::ZERO, Duration::from_millis(200), secs(5)]);
                self.death(Death::Leave(limit))
            }
            Class::FullDisk => {
                let free = self.rng.below(3_000) as usize;
                Fault::FullDisk { client, free, lasts: self.rng.span(secs(1), secs(60)) }
            }
            Class::FailingDisk => {
                let kind = self.rng.pick(&[ErrorKind::StorageFull, ErrorKind::Other]);
                Fault::FailingDisk { client, times: self.rng.range(1, 4), kind }
            }
            Class::HangingDisk => {
                Fault::HangingDisk { client, lasts: self.rng.span(secs(1), secs(30)) }
            }
            _ => return None,
        })
    }

    /// At once, or in the middle of what the process does next.
    fn death(&mut self, how: Death) -> Fault {
        let steps = match self.rng.below(4) {
            0 => 0,
            1 => self.rng.below(6),
            _ => self.rng.below(60),
        };
        let down = self.rng.span(Duration::ZERO, secs(10));
        Fault::Death { client: self.client, steps: steps as u32, how, down }
    }

    /// A span in proportion to the client's keep-alive.
    fn span(&mut self) -> Duration {
        let interval = secs(self.spec.config.connect.keep_alive.max(2).into());
        let percent = self.rng.pick(&[5, 30, 60, 110, 200, 350]);
        self.rng.span(interval * percent / 200, interval * percent / 100)
    }

    fn ways(&mut self) -> Vec<Way> {
        match self.rng.below(3) {
            0 => vec![Way::Up],
            1 => vec![Way::Down],
            _ => vec![Way::Up, Way::Down],
        }
    }

    fn cut(&mut self) -> Fault {
        let way = self.rng.pick(&[Way::Up, Way::Down]);
        let bytes = match self.rng.below(3) {
            0 => self.rng.below(20),
            1 => self.rng.below(300),
            _ => self.rng.below(50_000),
        };
        let how = self.rng.pick(&[End::Eof, End::Reset, End::Reset, End::TimedOut]);
        Fault::Cut { client: self.client, way, bytes, how }
    }

    fn path(&mut self) -> LinkSpec {
        let mut path = |before: PathSpec| PathSpec {
            latency: before.latency * self.rng.range(1, 20) as u32,
            jitter: before.jitter * self.rng.range(1, 20) as u32,
            rate: self.rng.pick(&[50, 500, 5_000, 50_000]),
            ..before
        };
        LinkSpec { up: path(self.spec.link.up), down: path(self.spec.link.down) }
    }

    /// For this client, a few times.
    fn when(&mut self, when: When) -> When {
        let client_id = self.spec.config.connect.client_id.as_str();
        when.client(client_id).times(self.rng.range(1, 6))
    }

    fn rule(&mut self, rule: Rule, harms: bool) -> Fault {
        let harms = if harms { vec![self.client] } else { Vec::new() };
        Fault::Rule { harms, rule: Box::new(rule), lasts: self.span() * 5 }
    }

    fn pings(&mut self) -> Fault {
        let delay = self.span();
        let when = self.when(When::sent(PacketType::PingResp));
        match self.rng.below(3) {
            0 => self.rule(when.drop(), true),
            1 => self.rule(when.delay(delay), true),
            _ => self.rule(when.duplicate(), false),
        }
    }

    fn acks(&mut self) -> Fault {
        let delay = self.span();
        let late = [
            PacketType::PubAck,
            PacketType::PubRec,
            PacketType::PubComp,
            PacketType::PubRel,
            PacketType::SubAck,
            PacketType::UnsubAck,
        ];
        let kind = self.rng.pick(&late);
        let when = self.when(When::sent(kind));
        let rule = if self.rng.one_in(2) { when.delay(delay) } else { when.duplicate() };
        self.rule(rule, false)
    }

    fn connack(&mut self) -> Fault {
        let delay = self.rng.span(Duration::ZERO, secs(6));
        let when = self.when(When::sent(PacketType::ConnAck));
        let rule = match self.rng.below(3) {
            // What follows CONNACK is held back with it.
            0 => when.silence(Stop::Sending, None),
            1 => when.silence(Stop::Sending, Some(delay)),
            _ => when.close_after(),
        };
        self.rule(rule, true)
    }
}
