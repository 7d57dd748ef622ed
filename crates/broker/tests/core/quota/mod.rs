//! The limits of profiles, enforced: both sides of each bound, on virtual time.

mod announce;
mod connect;
mod every;
mod flow;
mod scene;
mod service;
mod subscribe;

use evenkeel_broker::{By, EventKind, Quota, Strictness};
use evenkeel_codec::{Connect, Version};
use evenkeel_profile::Profile;

use crate::world::*;

/// One that every profile allows, in seconds.
const KEEP_ALIVE: u16 = 1000;

/// What a `quota` event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) limit: &'static str,
    pub(crate) action: &'static str,
    pub(crate) code: Option<u8>,
    pub(crate) by: By,
    pub(crate) metric: Option<&'static str>,
    pub(crate) texts: (String, String),
}

/// A broker that enforces all of a profile, the bad days apart.
pub(crate) fn enforcing(profile: Profile) -> World {
    enforcing_with(Quota::new(profile))
}

pub(crate) fn enforcing_with(quota: Quota) -> World {
    World::with(|config| config.quota = Some(quota))
}

pub(crate) fn aws() -> World {
    enforcing(evenkeel_profile::aws_iot_core())
}

pub(crate) fn strict(profile: Profile, strictness: Strictness) -> Quota {
    Quota { strictness, ..Quota::new(profile) }
}

/// MQTT 5 with a keep-alive that every profile allows.
pub(crate) fn v5(client_id: &str) -> Connect {
    connect(Version::V5, client_id)
}

/// The same before MQTT 5.
pub(crate) fn v311(client_id: &str) -> Connect {
    connect(Version::V311, client_id)
}

/// The same with a session to resume.
pub(crate) fn lasting(client_id: &str, seconds: u32) -> Connect {
    Connect { keep_alive: KEEP_ALIVE, ..crate::world::lasting(client_id, seconds) }
}

pub(crate) fn connect(version: Version, client_id: &str) -> Connect {
    Connect { keep_alive: KEEP_ALIVE, ..crate::world::connect(version, client_id) }
}

impl World {
    /// All quota events so far.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        let told = self.events().iter().filter_map(|event| match &event.kind {
            EventKind::Quota { limit, value, seen, action, code, by, metric } => Some(Told {
                limit,
                action,
                code: *code,
                by: *by,
                metric: *metric,
                texts: (value.clone(), seen.clone()),
            }),
            _ => None,
        });
        told.collect()
    }

    /// The limits that clients' packets broke, in order.
    pub(crate) fn broken(&mut self) -> Vec<&'static str> {
        let told = self.told().into_iter().filter(|told| told.by == By::Client);
        told.map(|told| told.limit).collect()
    }
}

/// Field names are a contract: that no limit was touched is one grep.
#[test]
fn a_verdict_is_one_json_line() {
    let mut world = aws();
    let peer = world.connect(v5("a"));
    for _ in 0..2 {
        world.send(peer, evenkeel_codec::Packet::PingReq);
    }
    let line = world.events().iter().find(|event| event.name() == "quota").unwrap().to_json();
    let expected = concat!(
        r#""limit":"min_ping_spacing","value":"30.5 s","seen":"0.000 s after the last","#,
        r#""action":"ignores","reason_code":null,"by":"client","metric":null}"#
    );
    assert!(line.contains(r#""event":"quota""#) && line.ends_with(expected), "{line}");
    let stats = world.core.stats();
    assert_eq!(stats.quota_breaks.get("min_ping_spacing"), Some(&1));
}

#[test]
fn without_a_profile_nothing_is_judged() {
    let mut world = World::new();
    let peer = world.connect(crate::world::v5("$odd"));
    for number in 1..=500 {
        world.send(peer, publish_1("a/b/c/d/e/f/g/h/i/j", "x", number));
        world.send(peer, evenkeel_codec::Packet::PingReq);
    }
    assert!(!world.is_closed(peer));
    assert_eq!(world.told(), []);
    assert!(world.core.stats().quota_breaks.is_empty());
}

#[test]
fn strictness_says_which_limits_hold() {
    let profile = || evenkeel_profile::aws_iot_core();
    let pings = |strictness| {
        let mut world = enforcing_with(strict(profile(), strictness));
        let peer = world.connect(v5("a"));
        world.send(peer, evenkeel_codec::Packet::PingReq);
        world.send(peer, evenkeel_codec::Packet::PingReq);
        world.recv(peer).len()
    };
    assert_eq!(pings(Strictness::Documented), 2, "the spacing was only observed");
    assert_eq!(pings(Strictness::Observed), 1);
    assert_eq!(pings(Strictness::Harsh), 1);
    let left_out = strict(profile(), Strictness::Documented).left_out();
    assert!(left_out.contains(&"min_ping_spacing") && !left_out.contains(&"publish_rate"));
    assert_eq!(strict(profile(), Strictness::Harsh).left_out(), [""; 0]);
}

#[test]
fn hastening_divides_hours_only() {
    let mut quota = Quota::new(evenkeel_profile::aws_iot_core());
    quota.hasten = 1440.try_into().unwrap();
    let spans: Vec<_> =
        quota.spans().iter().map(|span| (span.limit, span.hastened.as_secs())).collect();
    assert_eq!(spans, [("maximum_connection_age", 60), ("maximum_session_expiry", 420)]);
    let real: Vec<_> = quota.spans().iter().map(|span| span.real.as_secs()).collect();
    assert_eq!(real, [86_400, 604_800]);
}

/// The settings of a running broker.
#[test]
fn a_profile_can_come_and_go() {
    let mut world = World::new();
    world.core.configure(|config| config.quota = Some(evenkeel_profile::aws_iot_core().into()));
    assert_eq!(world.core.config().offer.receive_maximum, 100);
    let peer = world.connect(v5("a"));
    world.send(peer, evenkeel_codec::Packet::PingReq);
    world.core.configure(|config| config.limits.queue_messages = 7);
    world.send(peer, evenkeel_codec::Packet::PingReq);
    assert_eq!(world.broken(), ["min_ping_spacing"]);
    world.core.configure(|config| config.quota = None);
    world.send(peer, evenkeel_codec::Packet::PingReq);
    assert_eq!(world.broken().len(), 1);
}
