//! Worlds with a story: each a failure that other clients are known for, with
//! what has to come of it. The laws are judged besides.

use std::time::Duration;

use evenkeel_broker::fault::When;
use evenkeel_codec::{PacketType, Text, TopicFilter, Version};
use evenkeel_proto::{Config, DisconnectCause, Halt};

use crate::net::{End, Way};
use crate::report::Report;
use crate::setup::{AppSpec, ClientSpec, Death, Fault, Front, Setup, StoreSpec};
use crate::time::Time;

/// A world with a story.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What `--scenario` calls it.
    pub name: &'static str,
    /// What happens.
    pub about: &'static str,
    /// The world.
    pub setup: fn() -> Setup,
    /// What has to come of it; the error says what did.
    pub expect: fn(&Report) -> Result<(), String>,
}

/// All of them.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "article",
        about: "AWS IoT Core, keep-alive 1000 s, no traffic: one PINGRESP is lost in 12 hours",
        setup: || article(false),
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() <= 2, "one lost PINGRESP costs one reconnect at most", one)?;
            // One ping in 0.675 to 0.825 keep-alives.
            require((52..=64).contains(&one.pings.len()), "12 hours are 52 to 64 pings", one)
        },
    },
    Scenario {
        name: "article-with-traffic",
        about: "The same while messages come: the link is alive, and nothing ends",
        setup: || article(true),
        expect: |report| {
            let one = &report.records[0];
            require(
                one.opens.len() == 1 && one.tolerated.written_off == 1,
                "written off, no reconnect",
                one,
            )
        },
    },
    Scenario {
        name: "one-pong-per-30s",
        about: "The broker answers one ping per 30 s, and the application probes all the time",
        setup: one_pong_per_30s,
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() == 1 && one.pings.len() > 20, "all pings answered", one)?;
            require(one.tolerated.written_off == 0, "no ping is too early", one)
        },
    },
    Scenario {
        name: "late-answers",
        about: "Every PINGRESP comes just before its time is over, to a machine that wakes late or stalls",
        setup: late_answers,
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() == 1 && one.pings.len() > 100, "no link is called dead", one)
        },
    },
    Scenario {
        name: "late-pong-0.6",
        about: "Every PINGRESP is late by 0.6 keep-alives",
        setup: || late_pongs(millis(6_000)),
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() == 1 && one.pings.len() > 100, "no link is called dead", one)
        },
    },
    Scenario {
        name: "late-pong-1.1",
        about: "Every PINGRESP is late by 1.1 keep-alives",
        setup: || late_pongs(millis(11_000)),
        expect: |report| {
            let one = &report.records[0];
            let opens = one.opens.len();
            require((2..=3).contains(&opens) && one.pings.len() > 100, "it is learnt", one)
        },
    },
    Scenario {
        name: "no-pongs",
        about: "The broker answers all but pings, and cuts the connection now and then",
        setup: no_pongs,
        expect: |report| {
            let one = &report.records[0];
            require(one.failed == 0 && one.delivered > 200, "all is delivered", one)?;
            require((20..=90).contains(&one.opens.len()), "it is cut now and then", one)
        },
    },
    Scenario {
        name: "slow-path",
        about: "Pings wait behind large messages on a path of 2,000 bytes a second",
        setup: slow_path,
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() == 1 && one.pings.len() > 10, "no link is called dead", one)
        },
    },
    Scenario {
        name: "herd",
        about: "The broker restarts under 60 clients",
        setup: herd,
        expect: |report| {
            let mut opens: Vec<Time> = Vec::new();
            for record in &report.records {
                require(record.opens.len() <= 10, "few attempts each", record)?;
                opens.extend(record.opens.iter().filter(|at| **at > minutes(2)));
            }
            opens.sort_unstable();
            let within = |from: &Time| {
                opens.iter().filter(|at| *at >= from && at.since(*from) < millis(100)).count()
            };
            let most = opens.iter().map(within).max().unwrap_or_default();
            match most {
                1..=30 => Ok(()),
                _ => Err(format!("{most} of 60 connects within 100 ms")),
            }
        },
    },
    Scenario {
        name: "restarts",
        about: "The broker restarts every four keep-alives, and each connection does useful work",
        setup: restarts,
        expect: |report| {
            let one = &report.records[0];
            let online = one.online(RESTARTS_LAST);
            let share = online.as_secs_f64() / RESTARTS_LAST.since(Time(0)).as_secs_f64();
            require(one.accepted.len() > 50, "online again after each", one)?;
            require(share >= 0.6, &format!("online for 0.6 of the time, not {share:.2}"), one)
        },
    },
    Scenario {
        name: "take-over-fight",
        about: "Two instances share a client identifier",
        setup: take_over_fight,
        expect: |report| {
            let halted = |record: &crate::observers::Record| {
                record.halts.iter().any(|(_, halt)| *halt == Halt::TakenOver)
            };
            let opens: usize = report.records.iter().map(|record| record.opens.len()).sum();
            match report.records.iter().filter(|record| halted(record)).count() {
                1 if opens <= 5 => Ok(()),
                halts => Err(format!("{opens} connects, {halts} clients gave way")),
            }
        },
    },
    Scenario {
        name: "successor",
        about: "A process without memory resumes a session that holds identifiers of another",
        setup: successor,
        expect: |report| {
            let second = &report.records[1];
            require(second.delivered > 100 && second.failed == 0, "all are delivered", second)
        },
    },
    Scenario {
        name: "half-open",
        about: "The link dies without a word while QoS 0 messages are published",
        setup: half_open,
        expect: |report| {
            let one = &report.records[0];
            let found = one.ends.first().map(|(at, _)| at.since(minutes(1)));
            let in_time = found.is_some_and(|after| after <= secs(15));
            let by_ping = matches!(one.ends.first(), Some((_, DisconnectCause::KeepAlive(_))));
            require(in_time && by_ping, "found within 1.5 keep-alives", one)?;
            require(one.opens.len() == 2, "one reconnect", one)
        },
    },
    Scenario {
        name: "suspend",
        about: "A laptop sleeps for 15 minutes, and later for 9 hours",
        setup: suspend,
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() == 2, "the short sleep costs nothing, the long one", one)
        },
    },
    Scenario {
        name: "poison",
        about: "The broker cuts the connection at every message to one topic",
        setup: poison,
        expect: |report| {
            let one = &report.records[0];
            require(one.failed > 0 && one.delivered > 20, "the rest goes on", one)?;
            require(one.opens.len() <= 4 * one.failed, "few connects for each", one)
        },
    },
    Scenario {
        name: "poison-and-crashes",
        about: "The same with a store, and a process that dies now and then",
        setup: poison_and_crashes,
        expect: |report| {
            let one = &report.records[0];
            require(one.failed > 0 && one.delivered > 20, "the rest goes on", one)?;
            require(one.deaths >= 10, "its process dies", one)
        },
    },
    Scenario {
        name: "two-servers",
        about: "One of two servers takes connections and says nothing; the broker restarts",
        setup: two_servers,
        expect: |report| {
            let one = &report.records[0];
            require(one.accepted.len() == 3, "online again each time", one)?;
            // Both have failed while the broker restarts: each has its turn then.
            require(one.opens.len() <= 8, "what failed is remembered", one)?;
            require(one.accepted[0].since(Time(0)) < secs(35), "after one connect time-out", one)
        },
    },
    Scenario {
        name: "proxy-in-front",
        about: "A proxy closes connections until the broker behind it has started",
        setup: proxy_in_front,
        expect: |report| {
            let one = &report.records[0];
            // Which versions it may ask for, the oracle says.
            require(one.opens.len() >= 4, "it is closed out at first", one)?;
            require(one.accepted.len() == 2, "online again after the cut", one)?;
            require(one.delivered > 50, "messages arrive", one)
        },
    },
    Scenario {
        name: "crashes",
        about: "A publisher and a subscriber with stores on a bad line; both die all the time",
        setup: || crashes(Version::V5),
        expect: survivors,
    },
    Scenario {
        name: "crashes-v3",
        about: "The same with MQTT 3.1.1",
        setup: || crashes(Version::V311),
        expect: survivors,
    },
    Scenario {
        name: "overlap",
        about: "Three streams with topics in common; the broker sends a copy for each subscription",
        setup: overlap,
        expect: |report| {
            let two = &report.records[1];
            require(two.taken > report.records[0].published, "copies come", two)
        },
    },
    Scenario {
        name: "overrun",
        about: "After a cut the broker sends 300 messages at once to a client that takes 5",
        setup: overrun,
        expect: |report| {
            let (one, two) = (&report.records[0], &report.records[1]);
            require(one.published > 600, "much is published", one)?;
            require(two.taken == one.published, "each message once", two)?;
            require(two.tolerated.overruns > 0, "the server sends too much", two)?;
            require(two.accepted.len() == 2, "one cut, and no further end", two)
        },
    },
    Scenario {
        name: "full-disk",
        about: "The disk below a store is full for ten minutes",
        setup: full_disk,
        expect: |report| {
            let one = &report.records[0];
            require(one.opens.len() == 1, "the connection stays", one)?;
            require(one.delivered > 100, "the rest is delivered", one)
        },
    },
];

/// The scenario of this name.
pub fn named(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

/// Both have died often, and what the one published the other has.
fn survivors(report: &Report) -> Result<(), String> {
    let (one, two) = (&report.records[0], &report.records[1]);
    require(one.deaths > 20 && two.deaths > 20, "both die", one)?;
    require(one.delivered > 200, "most is delivered", one)?;
    require(two.taken > 200, "most arrives", two)
}

fn require(holds: bool, what: &str, record: &crate::observers::Record) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("expected: {what}; seen: {record:?}")) }
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn minutes(minutes: u64) -> Time {
    Time(minutes * 60_000_000)
}

/// A client with a session that lasts.
fn client(name: &str, keep_alive: u16, app: AppSpec) -> ClientSpec {
    let mut config = Config::default();
    config.connect.client_id = Text::try_from(name).unwrap_or_default();
    config.connect.keep_alive = keep_alive;
    // What comes of a scenario depends on where its first ping falls.
    config.keep_alive.spread_first_ping = false;
    config.connect.clean_start = false;
    config.connect.session_expiry = 3_600;
    ClientSpec::new(config, app)
}

/// What an application does that publishes so often with QoS 1.
fn publishing(every: Duration) -> AppSpec {
    let publish_every = Some(every);
    AppSpec { topics: 1, levels: vec![1], burst: 1, publish_every, ..AppSpec::default() }
}

fn world(clients: Vec<ClientSpec>, faults: Vec<(Time, Fault)>, calm: Time) -> Setup {
    let mut broker = evenkeel_broker::Config::default();
    broker.behaviour.sys_interval = None;
    broker.behaviour.message_events = true;
    Setup { seed: 1, clients, broker, faults, calm, expects_calm: false, keep: 4_000 }
}

/// A rule that is in force from the beginning to the end.
fn rule(rule: evenkeel_broker::fault::Rule) -> (Time, Fault) {
    let rule = Box::new(rule);
    (Time(0), Fault::Rule { harms: Vec::new(), rule, lasts: secs(13 * 3_600) })
}

fn article(traffic: bool) -> Setup {
    let mut device = client("device", 1_000, AppSpec::default());
    device.config.keep_alive.min_ping_spacing = millis(30_500);
    device.declared = device.config.clone();
    // Nothing is written in answer, so that pings are due all the same.
    device.app.subscribe = vec![("from/1/#".into(), 0)];
    let mut clients = vec![device];
    if traffic {
        clients.push(client("other", 1_000, publishing(secs(60))));
    }
    let lost = When::sent(PacketType::PingResp).client("device").nth(3).drop();
    world(clients, vec![rule(lost)], minutes(12 * 60))
}

fn one_pong_per_30s() -> Setup {
    let mut one = client("one", 60, AppSpec::default());
    one.config.keep_alive.min_ping_spacing = millis(30_500);
    one.declared = one.config.clone();
    one.app.probe_every = Some(secs(2));
    let rare = When::received(PacketType::PingReq).one_per(secs(30));
    world(vec![one], vec![rule(rare)], minutes(30))
}

fn late_answers() -> Setup {
    let mut one = client("one", 10, AppSpec::default());
    one.wake = millis(400);
    one.config.keep_alive.response_timeout = Some(secs(5));
    one.declared = one.config.clone();
    // To the end of the 5 s that an answer may take it is the path's time less.
    let late = When::sent(PacketType::PingResp).delay(millis(4_880));
    let stalls = (1..30).map(|nth| (minutes(nth), Fault::Stall { client: 0, lasts: secs(6) }));
    world(vec![one], stalls.chain([rule(late)]).collect(), minutes(30))
}

fn late_pongs(by: Duration) -> Setup {
    let late = When::sent(PacketType::PingResp).delay(by);
    world(vec![client("one", 10, AppSpec::default())], vec![rule(late)], minutes(30))
}

fn no_pongs() -> Setup {
    let mute = When::sent(PacketType::PingResp).drop();
    let cut = When::received(PacketType::Publish).every(20).close();
    let one = client("one", 20, publishing(secs(4)));
    world(vec![one], vec![rule(mute), rule(cut)], minutes(60))
}

fn slow_path() -> Setup {
    let app = AppSpec { levels: vec![0], payload: (6_000, 12_000), ..publishing(secs(3)) };
    let mut one = client("one", 10, app);
    one.link.up.rate = 2_000;
    one.link.up.send_buffer = 1_024;
    one.link.up.receive_buffer = 4_096;
    world(vec![one], Vec::new(), minutes(20))
}

fn herd() -> Setup {
    let clients = (0..60).map(|index| client(&format!("c{index}"), 60, AppSpec::default()));
    let restart = Fault::Restart { down: secs(3), keeps_sessions: true };
    world(clients.collect(), vec![(minutes(2), restart)], minutes(6))
}

/// The end of the scenario of restarts.
const RESTARTS_LAST: Time = minutes(30);

fn restarts() -> Setup {
    let restart = || Fault::Restart { down: secs(1), keeps_sessions: true };
    let every = (1..90).map(|turn| (Time(turn * 20_000_000), restart()));
    world(vec![client("one", 5, publishing(secs(2)))], every.collect(), RESTARTS_LAST)
}

fn take_over_fight() -> Setup {
    let patient = AppSpec { restart_after: None, ..publishing(secs(5)) };
    let mut clients: Vec<_> = (0..2).map(|_| client("twin", 60, patient.clone())).collect();
    clients[1].app.start = minutes(1);
    // Who gave way stays away.
    clients.iter_mut().for_each(|client| client.app.stop = Some((minutes(20), secs(5))));
    world(clients, Vec::new(), minutes(21))
}

/// The first process dies while PUBREL of its last messages cannot be sent.
fn successor() -> Setup {
    let app = AppSpec { levels: vec![2], burst: 10, ..publishing(millis(200)) };
    let mut clients: Vec<_> = (0..2).map(|_| client("meter", 60, app.clone())).collect();
    for client in &mut clients {
        client.config.connect.clean_start = false;
        client.config.connect.session_expiry = u32::MAX;
        client.declared = client.config.clone();
        client.link.up.latency = millis(100);
        client.link.down.latency = millis(100);
    }
    clients[0].app.stop = Some((minutes(1) + secs(2), Duration::ZERO));
    clients[1].app.start = minutes(2);
    clients[1].app.stop = Some((minutes(4), secs(30)));
    let dead = Fault::Block { client: 0, ways: vec![Way::Up], lasts: None };
    world(clients, vec![(minutes(1), dead)], minutes(5))
}

fn half_open() -> Setup {
    let app = AppSpec { levels: vec![0], ..publishing(millis(500)) };
    let dead = Fault::Block { client: 0, ways: vec![Way::Up, Way::Down], lasts: None };
    world(vec![client("one", 10, app)], vec![(minutes(1), dead)], minutes(3))
}

fn suspend() -> Setup {
    let sleep = |minutes: u64, forgotten| {
        let lasts = secs(minutes * 60);
        Fault::Sleep { client: 0, lasts, forgotten }
    };
    let faults = vec![(minutes(10), sleep(15, false)), (minutes(60), sleep(9 * 60, true))];
    world(vec![client("laptop", 1_200, AppSpec::default())], faults, minutes(12 * 60))
}

fn poison() -> Setup {
    let app = AppSpec { topics: 2, ..publishing(secs(4)) };
    let topic = TopicFilter::try_from("from/0/1").unwrap_or_else(|_| unreachable!());
    let cut = When::received(PacketType::Publish).topic(topic).close();
    world(vec![client("one", 60, app)], vec![rule(cut)], minutes(20))
}

fn two_servers() -> Setup {
    let mut one = client("one", 60, publishing(secs(5)));
    one.config.servers = 2;
    one.declared = one.config.clone();
    one.fronts = vec![Front::Silent, Front::Broker];
    let restart = || Fault::Restart { down: secs(1), keeps_sessions: true };
    let faults = vec![(minutes(3), restart()), (minutes(8), restart())];
    world(vec![one], faults, minutes(12))
}

fn proxy_in_front() -> Setup {
    let mut one = client("one", 60, publishing(secs(5)));
    // Nothing is kept, so that a guess lasts for its connection.
    one.config.connect.clean_start = true;
    one.config.connect.session_expiry = 0;
    one.declared = one.config.clone();
    one.fronts = vec![Front::Closing(Time(5_000_000))];
    let cut = Fault::Cut { client: 0, way: Way::Down, bytes: 1, how: End::Reset };
    world(vec![one], vec![(minutes(4), cut)], minutes(8))
}

/// The end of a process after so many steps, and the next one soon after.
fn death(client: usize, steps: u32, how: Death) -> Fault {
    Fault::Death { client, steps, how, down: secs(2) }
}

fn poison_and_crashes() -> Setup {
    let mut setup = poison();
    setup.clients[0].store = Some(StoreSpec::USUAL);
    let deaths = (1..=12).map(|number| {
        let how = if number % 3 == 0 { Death::PowerCut } else { Death::Killed };
        (Time(number * 47_000_000), death(0, number as u32, how))
    });
    setup.faults.extend(deaths);
    setup
}

fn crashes(version: Version) -> Setup {
    let app = AppSpec {
        topics: 3,
        levels: vec![0, 1, 2],
        subscribe: vec![("from/0/#".into(), 2)],
        ..AppSpec::default()
    };
    let publishing = AppSpec { publish_every: Some(secs(2)), subscribe: Vec::new(), ..app.clone() };
    let mut clients = vec![client("one", 20, publishing), client("two", 20, app)];
    for client in &mut clients {
        client.config.version = version;
        client.declared = client.config.clone();
        client.store = Some(StoreSpec::USUAL);
    }
    let mut faults = Vec::new();
    for number in 0..60_u64 {
        let client = (number % 2) as usize;
        let how = match number % 6 {
            0 | 1 => Death::Leave(secs(1)),
            2 | 3 => Death::PowerCut,
            _ => Death::Killed,
        };
        faults.push((Time(number * 30_000_000), death(client, number as u32, how)));
        let cut = Fault::Cut { client, way: Way::Down, bytes: number, how: End::Reset };
        faults.push((Time(number * 30_000_000 + 17_000_000), cut));
    }
    for (at, keeps_sessions) in [(8, true), (16, false), (24, true)] {
        faults.push((minutes(at), Fault::Restart { down: secs(5), keeps_sessions }));
    }
    world(clients, faults, minutes(31))
}

fn overlap() -> Setup {
    let app = AppSpec { topics: 2, levels: vec![0, 2], ..publishing(secs(1)) };
    let filters = ["from/0/0", "from/+/0", "from/0/#"];
    let subscribe = filters.map(|filter| (filter.into(), 2)).to_vec();
    let taking = AppSpec { subscribe, ..AppSpec::default() };
    let mut clients = vec![client("one", 60, app), client("two", 60, taking)];
    clients[1].streams = true;
    clients[1].config.fallback = false;
    clients[1].declared = clients[1].config.clone();
    let restart = |keeps_sessions| Fault::Restart { down: secs(2), keeps_sessions };
    let cut = Fault::Cut { client: 1, way: Way::Down, bytes: 100, how: End::Reset };
    let faults = vec![(minutes(2), cut), (minutes(3), restart(true)), (minutes(5), restart(false))];
    let mut setup = world(clients, faults, minutes(8));
    setup.broker.behaviour.merge_subscriptions = false;
    setup
}

fn overrun() -> Setup {
    let app = AppSpec { levels: vec![1, 2], burst: 20, ..publishing(secs(5)) };
    let subscribe = vec![("from/0/#".into(), 2)];
    let taking = AppSpec { subscribe, take_every: Some(millis(20)), ..AppSpec::default() };
    let mut clients = vec![client("one", 60, app), client("two", 60, taking)];
    clients[1].config.connect.receive_maximum = 5;
    clients[1].config.bounds.inbox_messages = 10;
    clients[1].declared = clients[1].config.clone();
    let cut = Fault::Cut { client: 1, way: Way::Down, bytes: 1, how: End::Reset };
    let away = Fault::Unreachable { client: 1, lasts: secs(150), refused: true };
    let faults = vec![(minutes(1), away), (minutes(1), cut)];
    let mut setup = world(clients, faults, minutes(8));
    crate::plan::overrun(&mut setup.broker);
    setup
}

fn full_disk() -> Setup {
    let mut one = client("one", 60, publishing(secs(4)));
    one.store = Some(StoreSpec::USUAL);
    let full = Fault::FullDisk { client: 0, free: 900, lasts: secs(600) };
    world(vec![one], vec![(minutes(5), full)], minutes(30))
}
