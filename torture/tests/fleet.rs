//! P2: clients that have a profile break none of its limits, whatever they are
//! asked for and whatever happens to them; the same clients without it do, so
//! the judge is not blind.
//!
//! A fleet on virtual time, against a broker that enforces the profile of AWS
//! IoT Core on a harsh day. 100 clients for 10 hours take minutes:
//!
//! ```sh
//! EVENKEEL_FLEET_CLIENTS=100 EVENKEEL_FLEET_HOURS=10 \
//!     cargo test --release -p evenkeel-torture --test fleet
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use evenkeel::transport::Endpoint;
use evenkeel::{Client, ClientBuilder, Clock, QoS, Version, Will};
use evenkeel_broker::fault::When;
use evenkeel_broker::{Broker, Quota, Strictness};
use evenkeel_codec::{PacketType, ReasonCode};
use evenkeel_profile::{Handling, Obeyed, Profile, aws_iot_core};
use tokio::time::{Instant, sleep, sleep_until};

const MINUTE: Duration = Duration::from_secs(60);

/// What a fleet was seen to do.
struct Seen {
    /// Packets of clients that broke a limit, by the limit's name.
    broken: BTreeMap<&'static str, u64>,
    connects: u64,
    publishes: u64,
}

/// Numbers that look random, from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)) % bound
    }
}

struct Fleet {
    broker: Broker,
    is_down: Arc<AtomicBool>,
    clients: Vec<Client>,
    dice: Dice,
}

fn name(index: usize) -> String {
    format!("fleet-{index}")
}

/// The broker alone on loopback's place, and clients with the profile or without.
async fn fleet(count: usize, profile: Option<&Profile>) -> Fleet {
    let quota = Quota { strictness: Strictness::Harsh, seed: 7, ..Quota::new(aws_iot_core()) };
    let builder = Broker::builder().profile(quota).configure(|config| {
        config.behaviour.sys_interval = None;
        config.limits.recorded_events = 1000;
    });
    let broker = builder.start().await.unwrap();
    let is_down = Arc::new(AtomicBool::new(false));
    let clients = (0..count).map(|index| start(&broker, &is_down, index, profile)).collect();
    Fleet { broker, is_down, clients, dice: Dice(1) }
}

fn start(
    broker: &Broker,
    is_down: &Arc<AtomicBool>,
    index: usize,
    profile: Option<&Profile>,
) -> Client {
    let (broker, is_down) = (broker.clone(), is_down.clone());
    let connect = move || {
        let (broker, is_down) = (broker.clone(), is_down.load(Ordering::Relaxed));
        async move {
            if is_down {
                Err(io::ErrorKind::ConnectionRefused.into())
            } else {
                Ok(broker.connect())
            }
        }
    };
    let will = Will::new(format!("fleet/{index}/gone"), "x").qos(QoS::AtLeastOnce);
    let builder = ClientBuilder::for_endpoint(Endpoint::custom(connect))
        .client_id(name(index))
        .version(if index.is_multiple_of(3) { Version::V311 } else { Version::V5 })
        .clean_start(false)
        .session_expiry(Duration::from_secs(3600))
        // What a VPC endpoint would cut is not asked for.
        .keep_alive(Duration::from_secs([60, 120, 230][index % 3]))
        .will(will)
        .clock(Clock::tokio())
        .seed(index as u64);
    let builder = match profile {
        Some(profile) => builder.profile(profile.clone()),
        None => builder,
    };
    let client = builder.start().unwrap();
    listen(&client, vec![format!("fleet/{index}/#")]);
    client
}

/// Subscribes and takes what comes, for as long as the client lives.
fn listen(client: &Client, filters: Vec<String>) {
    let client = client.clone();
    tokio::spawn(async move {
        let Ok(mut messages) = client.subscribe(filters).qos(QoS::AtLeastOnce).await else {
            return;
        };
        while let Some(message) = messages.next().await {
            drop(message);
        }
    });
}

impl Fleet {
    /// Everything at once and over and over, for this long.
    async fn live(&mut self, lasts: Duration) -> Seen {
        let end = Instant::now() + lasts;
        let mut next = Instant::now();
        while next < end {
            next += MINUTE / 2 + Duration::from_millis(self.dice.below(60_000));
            sleep_until(next).await;
            match self.dice.below(8) {
                0 | 1 => self.storm(),
                2 => self.flood_of_subscriptions(),
                3 => self.odd_messages(),
                4 | 5 => self.cut(),
                6 => self.restart().await,
                _ => self.disconnect(),
            }
        }
        sleep(5 * MINUTE).await;
        let stats = self.broker.stats();
        Seen {
            broken: stats.quota_breaks.clone(),
            connects: stats.clients.values().map(|client| client.connects).sum(),
            publishes: stats.publishes_received(),
        }
    }

    fn any(&mut self) -> (usize, &Client) {
        let index = self.dice.below(self.clients.len() as u64) as usize;
        (index, &self.clients[index])
    }

    /// Hundreds of messages at once, large ones among them; some clients at a time.
    fn storm(&mut self) {
        for _ in 0..1 + self.clients.len() / 10 {
            let levels = [QoS::AtMostOnce, QoS::AtLeastOnce];
            let size = if self.dice.below(4) == 0 { 20_000 } else { 50 };
            let count = self.clients.len();
            let (index, client) = self.any();
            let topic = format!("fleet/{}/storm", (index + 1) % count);
            for number in 0..400 {
                let publish = client.publish(topic.as_str(), vec![b'x'; size]);
                // A queue that is full refuses: that breaks nothing.
                drop(publish.qos(levels[number % 2]).try_send());
            }
        }
    }

    fn flood_of_subscriptions(&mut self) {
        let first = self.dice.below(100);
        let (index, client) = self.any();
        for group in 0..4 {
            let filter = |number| format!("fleet/{index}/{group}/{}", first + number);
            listen(client, (0..20).map(filter).collect());
        }
        let unsubscribing = client.clone();
        let filters: Vec<String> =
            (0..20).map(|number| format!("fleet/{index}/0/{}", first + number)).collect();
        tokio::spawn(async move { unsubscribing.unsubscribe(filters).await });
    }

    /// What the service does not take: a client that knows refuses it itself.
    fn odd_messages(&mut self) {
        let (_, client) = self.any();
        let client = client.clone();
        let deep = ["a"; 9].join("/");
        let long = "x".repeat(257);
        for topic in [deep.as_str(), long.as_str(), "fleet/odd"] {
            drop(client.publish(topic, "x").qos(QoS::AtLeastOnce).try_send());
        }
        drop(client.publish("fleet/odd", vec![0; 131_073]).qos(QoS::AtLeastOnce).try_send());
        drop(client.publish("fleet/odd", "x").qos(QoS::ExactlyOnce).try_send());
        client.probe();
        client.probe();
        client.reconnect();
    }

    /// The connection breaks at the next packet of its client, wherever that is.
    fn cut(&mut self) {
        let kinds = [PacketType::Publish, PacketType::PingReq, PacketType::Connect];
        let kind = kinds[self.dice.below(3) as usize];
        let (index, _) = self.any();
        let rule = When::received(kind).client(name(index)).times(1).close();
        self.broker.clear_faults();
        self.broker.add_fault(rule).unwrap();
    }

    async fn restart(&mut self) {
        let down_for = Duration::from_secs(1 + self.dice.below(60));
        self.is_down.store(true, Ordering::Relaxed);
        self.broker.restart(true, down_for).await.unwrap();
        self.is_down.store(false, Ordering::Relaxed);
    }

    fn disconnect(&mut self) {
        let reasons = [ReasonCode::SERVER_BUSY, ReasonCode::ADMINISTRATIVE_ACTION];
        let reason = reasons[self.dice.below(2) as usize];
        let (index, _) = self.any();
        self.broker.disconnect(&name(index), reason);
    }
}

fn setting(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn size() -> (usize, Duration) {
    let clients = setting("EVENKEEL_FLEET_CLIENTS", 20) as usize;
    (clients, 60 * MINUTE * setting("EVENKEEL_FLEET_HOURS", 1) as u32)
}

/// Limits that today's client keeps in part or not at all, by its own word.
fn is_open(limit: &str) -> bool {
    Handling::of(limit).is_some_and(|handling| handling.obeyed != Obeyed::Yes)
}

#[tokio::test(start_paused = true)]
async fn a_fleet_with_the_profile_breaks_no_limit_on_a_harsh_day() {
    let (clients, lasts) = size();
    let profile = aws_iot_core();
    let mut fleet = fleet(clients, Some(&profile)).await;
    let seen = fleet.live(lasts).await;
    println!("{} connects, {} messages, broken: {:?}", seen.connects, seen.publishes, seen.broken);
    assert!(seen.publishes > 1000 && seen.connects > clients as u64, "the fleet has lived");
    let worse: Vec<_> = seen.broken.keys().filter(|limit| !is_open(limit)).collect();
    assert!(worse.is_empty(), "{worse:?} of {:?}", seen.broken);
}

#[tokio::test(start_paused = true)]
async fn a_fleet_without_the_profile_breaks_many() {
    let (clients, lasts) = size();
    let mut fleet = fleet(clients, None).await;
    let seen = fleet.live(lasts).await;
    println!("{} connects, {} messages, broken: {:?}", seen.connects, seen.publishes, seen.broken);
    for limit in ["publish_rate", "connect_floor", "filters_per_subscribe", "maximum_topic_levels"]
    {
        assert!(seen.broken.contains_key(limit), "{limit} is not in {:?}", seen.broken);
    }
}
