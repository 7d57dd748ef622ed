//! What all measured programs share: the job they are given, and the line
//! they print. Those in other languages do the same in their own words.
//!
//! A program is called with `KEY=VALUE` arguments, see [`Job`], does one job,
//! and prints one line of JSON: see [`Meter`] and [`Idle`].

use std::time::{Duration, Instant};

/// The topic of everything that is published.
pub const TOPIC: &str = "bench/00";
/// The filter of everything that is received.
pub const FILTER: &str = "bench/#";
/// Where answers go.
pub const ANSWERS: &str = "answer/00";

/// What a program is to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// `mode`.
    pub mode: Mode,
    /// `url` of the server: `mqtt`, `mqtts` or `ws`.
    pub url: String,
    pub host: String,
    pub port: u16,
    /// `ca`: the file with the certificate authority to trust, for `mqtts`.
    pub ca: Option<String>,
    /// `count` of messages.
    pub count: u64,
    /// `size`: bytes of payload in each.
    pub size: usize,
    /// `qos` of each.
    pub qos: u8,
    /// `window`: QoS 1 and 2 messages under way at once.
    pub window: u16,
    /// `connections` to hold idle.
    pub connections: usize,
    /// `seconds` to hold them.
    pub seconds: u64,
    /// `keep_alive` in seconds.
    pub keep_alive: u16,
}

/// Time for what connecting needed to be given back, and for the first ping.
pub const CALM: Duration = Duration::from_secs(7);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Publish `count` messages.
    Publish,
    /// Subscribe, and receive `count` messages.
    Receive,
    /// Subscribe, and publish each message received to [`ANSWERS`], QoS 0.
    Answer,
    /// Hold `connections` for `seconds`.
    Idle,
}

impl Job {
    pub fn from_args() -> Self {
        let args: Vec<String> = std::env::args().skip(1).collect();
        let value = |key: &str| {
            let pairs = args.iter().filter_map(|arg| arg.split_once('='));
            pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
        };
        let number =
            |key: &str| value(key).map_or(0, |value| value.parse::<u64>().expect("a number"));
        let url = value("url").expect("url=").to_owned();
        let (_, address) = url.split_once("://").expect("scheme://host:port");
        let (host, port) = address.trim_end_matches("/mqtt").split_once(':').expect("host:port");
        Self {
            mode: match value("mode") {
                Some("publish") => Mode::Publish,
                Some("receive") => Mode::Receive,
                Some("answer") => Mode::Answer,
                Some("idle") => Mode::Idle,
                mode => panic!("mode {mode:?}"),
            },
            host: host.to_owned(),
            port: port.parse().expect("a port"),
            ca: value("ca").map(str::to_owned),
            count: number("count"),
            size: number("size") as usize,
            qos: number("qos") as u8,
            window: number("window").max(1) as u16,
            connections: number("connections") as usize,
            seconds: number("seconds"),
            keep_alive: value("keep_alive").map_or(60, |value| value.parse().expect("seconds")),
            url,
        }
    }

    /// The payload of every message.
    pub fn payload(&self) -> Vec<u8> {
        vec![b'x'; self.size]
    }

    /// The certificate authority to trust, in PEM.
    pub fn ca_pem(&self) -> Vec<u8> {
        let file = self.ca.as_ref().expect("ca= for mqtts");
        std::fs::read(file).expect("the file of ca= can be read")
    }

    pub fn is_tls(&self) -> bool {
        self.url.starts_with("mqtts:")
    }

    pub fn is_websocket(&self) -> bool {
        self.url.starts_with("ws:")
    }
}

/// Measures a run from the first message to the last.
pub struct Meter {
    start: Instant,
    cpu: Duration,
}

impl Meter {
    /// Begins: directly before the first publish, or SUBSCRIBE.
    pub fn start() -> Self {
        Self { start: Instant::now(), cpu: cpu_time() }
    }

    /// Ends: after the last acknowledgement, or message; and tells.
    pub fn finish(&self, messages: u64) {
        let seconds = self.start.elapsed().as_secs_f64();
        let cpu = cpu_time().saturating_sub(self.cpu).as_secs_f64();
        let rss = status("VmHWM:");
        println!(r#"{{"messages":{messages},"seconds":{seconds:.6},"cpu":{cpu:.6},"rss":{rss}}}"#);
    }
}

/// Measures what idle connections cost.
pub struct Idle {
    connections: usize,
    before: u64,
    watch: Option<(Instant, Duration)>,
}

impl Idle {
    /// Begins: before the first connection.
    pub fn start(job: &Job) -> Self {
        Self { connections: job.connections, before: status("VmRSS:"), watch: None }
    }

    /// All connections are up and things have calmed down: from now on
    /// processor time counts.
    pub fn watch(&mut self) {
        self.watch = Some((Instant::now(), cpu_time()));
    }

    /// Ends, and tells.
    pub fn finish(&self) {
        let (start, cpu) = self.watch.expect("watched before");
        let share = (cpu_time() - cpu).as_secs_f64() / start.elapsed().as_secs_f64();
        let each = status("VmRSS:").saturating_sub(self.before) / self.connections.max(1) as u64;
        println!(
            r#"{{"connections":{},"bytes_each":{each},"cpu_share":{share:.6}}}"#,
            self.connections
        );
    }
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A figure of the process's status, in bytes.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a known figure");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
