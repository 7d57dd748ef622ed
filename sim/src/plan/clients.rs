//! Who lives in a random world.

use std::time::Duration;

use evenkeel_codec::{Text, Version};
use evenkeel_proto::{
    Config, OfflineQos0, Reconnect, RefusedPolicy, TakeOverPolicy, TopicAliases, WhenFull,
    WhenUncertain,
};

use super::{Class, Plan};
use crate::net::{LinkSpec, PathSpec};
use crate::rng::Rng;
use crate::setup::{AppSpec, ClientSpec, Front, StoreSpec};
use crate::time::{Clock, Time};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The server's keep-alive in worlds in which it has one: no client's spacing
/// or path is too slow for it.
const SERVERS_KEEP_ALIVE: u16 = 40;

/// Messages that a client publishes, about, and at most.
const MESSAGES: u32 = 300;

/// A client of a random world.
pub(super) fn client(plan: &Plan, index: usize, rng: &Rng) -> ClientSpec {
    let mut choice = rng.fork("uncertain", index as u64);
    let mut rng = rng.fork("spec", index as u64);
    let mut config = config(plan, &mut rng);
    if choice.one_in(4) {
        config.when_uncertain = WhenUncertain::SendAnew;
    }
    let rival = plan.has(Class::TakeOver) && index > 0 && index + 1 == plan.clients;
    let name = if rival { 0 } else { index };
    config.connect.client_id = Text::try_from(format!("c{name}").as_str()).unwrap_or_default();
    let store = plan.is_durable.then(|| store(index, &mut config, &rng));
    let mut app = app(plan, index, &mut rng);
    // Before MQTT 5 a message with an expiry is refused (D15).
    if !config.version.has_properties() {
        app.expiry = None;
    }
    if rival {
        // The fight is over before the world is calm.
        let whole = Plan::of(plan.seed).duration;
        app.start = Time(0) + whole / 4;
        app.stop = Some((Time(0) + whole / 4 * 3, secs(5)));
    }
    let streams = gives_streams(plan, index, &mut app);
    let link = link(&config, &mut rng);
    let drift = if plan.has(Class::Drift) { rng.range(0, 2_000) as i64 - 1_000 } else { 0 };
    // Large messages byte by byte take long to simulate and show little.
    let least = if app.payload.1 > 2_000 { 500 } else { 1 };
    ClientSpec {
        declared: config.clone(),
        config,
        clock: Clock { origin: rng.below(1 << 40), drift },
        link,
        fronts: vec![Front::Broker],
        wake: rng.pick(&[Duration::ZERO, millis(1), millis(5), millis(20)]),
        chunk: rng.pick(&[1, 7, 100, 4096, 65_536]).max(least),
        app,
        streams,
        store,
        sabotage: None,
    }
}

/// From this seed on first pings are spread, as by default, and connections may
/// have an end. Those before, which tests name, stay the worlds that they were.
const FIRST_PINGS_SPREAD: u64 = 100_000;

fn config(plan: &Plan, rng: &mut Rng) -> Config {
    let mut config = Config::default();
    config.version = rng.pick(&[Version::V5, Version::V5, Version::V311]);
    config.fallback = rng.one_in(2);
    let aliases = [TopicAliases::Automatic, TopicAliases::Off];
    config.topic_aliases = aliases[usize::from(rng.one_in(2))];
    config.connect_timeout = rng.pick(&[secs(5), secs(10), secs(30)]);
    let connect = &mut config.connect;
    connect.keep_alive = if plan.is_long {
        rng.pick(&[60, 300, 1000, 1200])
    } else {
        rng.pick(&[0, 1, 2, 3, 5, 10, 10, 30, 60])
    };
    connect.session_expiry = rng.pick(&[0, 3_600, u32::MAX, u32::MAX]);
    connect.clean_start = !rng.one_in(4);
    connect.receive_maximum = rng.pick(&[1, 2, 10, 1024]);
    connect.topic_alias_maximum = rng.pick(&[0, 2, 64]);
    let interval = secs(connect.keep_alive.into());
    let spacing = rng.pick(&[millis(100), millis(100), interval / 2, interval * 5 / 4]);
    config.keep_alive.spread_first_ping = plan.seed >= FIRST_PINGS_SPREAD;
    config.keep_alive.min_ping_spacing =
        spacing.min(secs(SERVERS_KEEP_ALIVE.into())).max(millis(100));
    if rng.one_in(4) && !interval.is_zero() {
        config.keep_alive.response_timeout = Some(interval * rng.range(4, 12) as u32 / 10);
    }
    config.reconnect = reconnect(rng);
    config.queue.messages = rng.pick(&[5, 100, 10_000]);
    config.queue.offline_qos0 = rng.pick(&[OfflineQos0::Queue, OfflineQos0::Refuse]);
    let bounds = &mut config.bounds;
    bounds.in_flight = rng.pick(&[1, 3, 20, 1024]);
    bounds.filters_per_packet = rng.pick(&[1, 2, 100]);
    bounds.write_buffer = rng.pick(&[500, 20_000, 256 * 1024]);
    bounds.inbox_messages = rng.pick(&[1, 10, 1024]);
    bounds.deaths_per_packet = rng.pick(&[0, 2, 2, 3]);
    let mut rng = rng.fork("age", 0);
    if plan.seed >= FIRST_PINGS_SPREAD && rng.one_in(3) {
        config.bounds.connection_age = Some(secs(rng.range(5, 300)));
    }
    config
}

/// A store, and the settings that have to do with it.
fn store(index: usize, config: &mut Config, rng: &Rng) -> StoreSpec {
    let mut rng = rng.fork("store", index as u64);
    config.connect.session_expiry = rng.pick(&[0, 3_600, u32::MAX, u32::MAX, u32::MAX]);
    config.queue.window.messages = rng.pick(&[1, 3, 1000]);
    config.queue.window.bytes = rng.pick(&[1, 300, 4 << 20]);
    config.queue.store_qos0 = rng.one_in(4);
    config.queue.when_full = rng.pick(&[
        WhenFull::Wait,
        WhenFull::Wait,
        WhenFull::DropOldest,
        WhenFull::DropNewest,
        WhenFull::LatestPerTopic,
    ]);
    StoreSpec {
        commit: rng.pick(&[Duration::ZERO, millis(1), millis(5), millis(20), millis(60)]),
        syncs: !rng.one_in(4),
        segment: rng.pick(&[0, 16 << 10, 8 << 20]),
        max_bytes: rng.pick(&[1 << 30, 1 << 30, 1 << 30, 200_000]),
    }
}

fn reconnect(rng: &mut Rng) -> Reconnect {
    let mut policy = Reconnect::default();
    if rng.one_in(2) {
        return policy;
    }
    policy.base = rng.pick(&[millis(100), millis(500), secs(1), secs(3)]);
    policy.cap = rng.pick(&[secs(3), secs(20), secs(60)]);
    policy.stable_after = rng.pick(&[secs(1), secs(10), secs(30)]);
    policy.budget = Some(rng.pick(&[1, 3, 8, 20]) as u32);
    policy.budget_window = rng.pick(&[secs(10), secs(60)]);
    policy.floor = rng.pick(&[Duration::ZERO, Duration::ZERO, secs(2), secs(11)]);
    policy.refused =
        rng.pick(&[RefusedPolicy::HaltUnlessProven, RefusedPolicy::Halt, RefusedPolicy::SlowLane]);
    policy.taken_over = rng.pick(&[TakeOverPolicy::Halt, TakeOverPolicy::SlowLane]);
    policy.slow_lane = rng.pick(&[(secs(60), secs(120)), (secs(10), secs(30))]);
    policy
}

/// A path that is good enough for the client's response_timeout.
fn link(config: &Config, rng: &mut Rng) -> LinkSpec {
    let interval = secs(config.connect.keep_alive.into());
    let usual = (interval / 2).min(secs(60));
    let mut response_timeout = config.keep_alive.response_timeout.unwrap_or(usual);
    if response_timeout.is_zero() {
        response_timeout = secs(10);
    }
    let mut path = || {
        let latency = rng.span(millis(1), millis(250)).min(response_timeout / 10);
        let jitter = rng.span(Duration::ZERO, millis(100)).min(response_timeout / 20);
        let buffer = rng.pick(&[4_096, 16_384, 65_536, 262_144]);
        // A full buffer is through within a tenth of the response_timeout.
        let least = buffer as u64 * 10_000_000 / response_timeout.as_micros().max(1) as u64;
        let rate = rng.pick(&[20_000, 200_000, 2_000_000, 20_000_000]).max(least);
        PathSpec { latency, jitter, rate, send_buffer: buffer, receive_buffer: buffer }
    };
    LinkSpec { up: path(), down: path() }
}

fn app(plan: &Plan, index: usize, rng: &mut Rng) -> AppSpec {
    let clients = plan.clients as u64;
    // A shorter plan has the same beginning.
    let whole = Plan::of(plan.seed).duration;
    let scale = if plan.is_long { 200 } else { 1 };
    let every = rng.pick(&[None, Some(millis(300)), Some(secs(1)), Some(secs(5)), Some(secs(30))]);
    let mut filters: Vec<String> = vec!["from/+/0".into(), "from/#".into()];
    for other in 0..clients {
        filters.extend([format!("from/{other}/#"), format!("from/{other}/1")]);
    }
    let mut subscribe: Vec<(String, u8)> = Vec::new();
    for _ in 0..rng.below(4) {
        let filter = filters[rng.index(filters.len())].clone();
        subscribe.retain(|(other, _)| *other != filter);
        subscribe.push((filter, rng.below(3) as u8));
    }
    let levels: Vec<u8> = match rng.below(4) {
        0 => vec![0],
        1 => vec![1],
        2 => vec![2],
        _ => vec![0, 1, 2],
    };
    // Drawn whether they are needed or not: what is left out changes nothing else.
    let take = rng.span(millis(50), secs(4));
    let busy = rng.span(millis(50), secs(8));
    let churn = rng.span(secs(2), secs(60));
    let meddle = rng.span(secs(1), secs(40));
    let stop = rng.span(Duration::ZERO, whole);
    let limit = rng.pick(&[Duration::ZERO, millis(200), secs(3), secs(60)]);
    let most = rng.pick(&[60, 2_000, 40_000]);
    let stops = plan.has(Class::Stop) && rng.one_in(2);
    let changing = vec![format!("from/{index}/#"), "from/+/1".into(), "from/0/#".into()];
    let burst = rng.pick(&[1, 1, 3, 30]);
    let least = whole * burst / MESSAGES;
    AppSpec {
        start: Time(0) + rng.span(Duration::ZERO, secs(3)),
        topics: 2,
        levels,
        publish_every: every.map(|every: Duration| every.max(least)),
        burst: burst.into(),
        payload: (12, most),
        expiry: plan.has(Class::Expiry).then_some(5),
        subscribe,
        churn: plan.has(Class::Churn).then_some((churn * scale, changing)),
        take_every: (plan.has(Class::SlowApp) && !plan.is_long).then_some(take),
        busy_for: plan.has(Class::SlowApp).then_some(busy),
        probe_every: None,
        meddle_every: plan.has(Class::Meddle).then_some(meddle * scale),
        stop: stops.then_some((Time(0) + stop, limit)),
        restart_after: Some(secs(60)),
    }
}

/// From this seed on, some applications have streams, and some brokers send a copy for
/// each subscription.
const STREAMS: u64 = 300_000;

/// Gives an application streams, most of which have topics in common. They are for one
/// process with an identifier of its own, as a session may know the marks of another.
fn gives_streams(plan: &Plan, index: usize, app: &mut AppSpec) -> bool {
    let mut rng = Rng::new(plan.seed).fork("streams", index as u64);
    let is_alone = !plan.is_durable && !plan.has(Class::TakeOver);
    if plan.seed < STREAMS || !is_alone || rng.one_in(3) {
        return false;
    }
    app.churn = None;
    app.take_every = None;
    for filter in ["from/#", "from/+/1", "from/0/#", "from/+/0"] {
        let is_new = app.subscribe.iter().all(|(known, _)| known != filter);
        if is_new && rng.one_in(2) {
            app.subscribe.push((filter.into(), rng.below(3) as u8));
        }
    }
    true
}

/// The broker of a random world.
pub(super) fn broker(plan: &Plan, rng: &Rng) -> evenkeel_broker::Config {
    let mut copies = rng.fork("copies", 0);
    let mut rng = rng.fork("broker", 0);
    let mut config = evenkeel_broker::Config::default();
    config.behaviour.sys_interval = None;
    config.behaviour.message_events = true;
    config.behaviour.assign_topic_aliases = rng.one_in(2);
    config.offer.topic_alias_maximum = rng.pick(&[0, 2, 32]);
    if plan.seed >= STREAMS {
        // Two clients that share a session have no account of their copies.
        let merges = copies.one_in(2) || plan.has(Class::TakeOver);
        config.behaviour.merge_subscriptions = merges;
        config.offer.subscription_identifiers = !copies.one_in(4);
    }
    if plan.has(Class::Overrun) {
        overrun(&mut config);
    }
    if plan.has(Class::Offer) {
        config.offer.receive_maximum = rng.pick(&[1, 2, 10]);
        config.offer.server_keep_alive =
            rng.pick(&[None, Some(0), Some(SERVERS_KEEP_ALIVE), Some(60)]);
    }
    config
}

/// A broker that sends all it has, whatever it was told.
pub(crate) const fn overrun(config: &mut evenkeel_broker::Config) {
    config.behaviour.honour_receive_maximum = false;
    config.limits.inflight = u16::MAX;
}
