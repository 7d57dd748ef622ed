//! What all adapters share: the job they are given and the lines they print.
//!
//! An adapter is called as `ADAPTER URL CLIENT_ID KEEP_ALIVE [KEY=VALUE...]`
//! and prints one line for each thing the conductor cannot see on the wire:
//!
//! - `offered N`, `acked N`, `failed N WHY`: a message handed to the library,
//!   acknowledged by the server, or reported as failed by the library;
//! - `received N`, `handled N`: a message as it comes to the application, and
//!   when the application is done with it;
//! - `online`, `offline WHY`, `attempt-failed WHY`, `halted WHY`: what the
//!   library tells of the connection.

use std::collections::HashMap;
use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

/// What an adapter is to do.
#[derive(Clone, Debug)]
pub struct Job {
    pub url: String,
    pub host: String,
    pub port: u16,
    pub client_id: String,
    pub keep_alive: u16,
    hints: HashMap<String, String>,
}

/// Numbered messages, from 1, to be published one by one.
#[derive(Clone, Copy, Debug)]
pub struct Publishing {
    pub every: Duration,
    pub count: u64,
    pub at_least_once: bool,
    poison: u64,
}

/// What the application does with a message.
#[derive(Clone, Copy, Debug)]
pub enum Handling {
    Quick,
    /// Takes this long over the first message.
    Slow(Duration),
    /// Publishes an answer with QoS 1 and waits for what the library gives to
    /// wait for.
    Answer,
}

/// When messages are due.
pub type Ticks = Option<tokio::time::Interval>;

impl Job {
    pub fn from_args() -> Self {
        let mut args = std::env::args().skip(1);
        let mut next = || args.next().expect("URL CLIENT_ID KEEP_ALIVE [KEY=VALUE...]");
        let (url, client_id, keep_alive) = (next(), next(), next());
        let address = url.split_once("://").expect("mqtt://HOST:PORT").1;
        let (host, port) = address.split_once(':').expect("mqtt://HOST:PORT");
        let hint = |arg: String| {
            let (key, value) = arg.split_once('=').expect("KEY=VALUE");
            (key.to_owned(), value.to_owned())
        };
        let job = Self {
            host: host.to_owned(),
            port: port.parse().expect("a port"),
            client_id,
            keep_alive: keep_alive.parse().expect("seconds"),
            hints: args.map(hint).collect(),
            url,
        };
        job.end_in_time();
        job
    }

    /// An adapter ends by itself even if nobody is left to end it.
    fn end_in_time(&self) {
        let run = Duration::from_secs(self.number("run_s").unwrap_or(60));
        std::thread::spawn(move || {
            std::thread::sleep(run);
            std::process::exit(0);
        });
    }

    pub fn hint(&self, key: &str) -> Option<&str> {
        self.hints.get(key).map(String::as_str)
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.hint(key).map(|value| value.parse().expect("a number"))
    }

    /// The filters to subscribe to, by the calls: each has one of its own,
    /// unless the scenario is about one call for all.
    pub fn calls(&self) -> Vec<Vec<String>> {
        let filters = self.filters();
        match self.number("together") {
            Some(1) => vec![filters],
            _ => filters.into_iter().map(|filter| vec![filter]).collect(),
        }
    }

    fn filters(&self) -> Vec<String> {
        match self.number("filters") {
            None => Vec::new(),
            Some(1) => vec!["torture/in/#".into()],
            Some(count) => (1..=count).map(|n| format!("torture/in/{n}")).collect(),
        }
    }

    /// TLS that trusts the authority of the hint `ca`, if there is one.
    #[cfg(feature = "tls")]
    pub fn rumqttc_tls(&self) -> Option<rumqttc::Transport> {
        let ca = std::fs::read(self.hint("ca")?).expect("the authority");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = rumqttc::TlsConfiguration::Simple { ca, alpn: None, client_auth: None };
        Some(rumqttc::Transport::Tls(tls))
    }

    /// The least time between two CONNECTs that the broker asks for.
    pub fn floor(&self) -> Option<Duration> {
        self.number("floor_s").map(Duration::from_secs)
    }

    pub fn publishing(&self) -> Option<Publishing> {
        let count = self.number("publish")?;
        Some(Publishing {
            count,
            every: Duration::from_millis(self.number("publish_every_ms").unwrap_or(500)),
            at_least_once: self.number("publish_qos") == Some(1),
            poison: self.number("poison").unwrap_or_default(),
        })
    }

    pub fn handling(&self) -> Handling {
        match self.hint("handling") {
            Some("answer") => Handling::Answer,
            Some(ms) => Handling::Slow(Duration::from_millis(ms.parse().expect("ms or `answer`"))),
            None => Handling::Quick,
        }
    }

    /// Whether messages are handled where the library delivers them, in its
    /// callback or loop, and not in a task of their own.
    pub fn inline(&self) -> bool {
        self.number("inline") == Some(1)
    }

    /// How long the application itself pauses after an error; only for
    /// libraries that leave pacing to it.
    pub fn pause(&self) -> Option<Duration> {
        let pause = self.number("pause_ms").map(Duration::from_millis)?;
        Some(pause.max(self.floor().unwrap_or_default()))
    }
}

impl Publishing {
    /// Waits until the next message is due.
    pub async fn pace(&self, ticks: &mut Ticks) {
        if let Some(ticks) = ticks {
            ticks.tick().await;
        }
    }

    /// None if all messages are published at once.
    pub fn ticks(&self) -> Ticks {
        (!self.every.is_zero()).then(|| tokio::time::interval(self.every))
    }

    pub fn topic(&self, n: u64) -> String {
        let branch = if n == self.poison { "poison" } else { "out" };
        format!("torture/{branch}/{n}")
    }
}

impl Handling {
    /// The time the first message takes.
    pub async fn dwell(self, n: u64) {
        if let Self::Slow(time) = self
            && n == 1
        {
            tokio::time::sleep(time).await;
        }
    }
}

/// Waits inside a callback that is not async, as applications do that must.
pub fn wait_in_callback(work: impl Future<Output = ()>) {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work));
}

pub fn answer_topic(n: u64) -> String {
    format!("torture/answer/{n}")
}

/// The number a payload begins with.
pub fn number_of(payload: &[u8]) -> u64 {
    let digits = payload.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// Prints one line for the conductor. Ends the program when nobody listens.
pub fn tell(what: &str, about: impl Display) {
    let line = format!("{what} {about}").replace('\n', " ");
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
