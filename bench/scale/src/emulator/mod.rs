//! A load on a running broker, such as `evenkeel broker --aws DIR -p PORT --profile
//! none`: from one thread, so that the other core is the broker's.
//!
//! ```text
//! emulator messages --port PORT [--connections 10000] [--rate 20000] [--seconds 20] [--qos 1]
//!     each connection subscribes to a topic of its own and publishes to its neighbour's
//! emulator shadows --port PORT [--things 1000] [--bytes 8000] [--connections 8] [--seconds 10]
//!     reports one value after the other to the shadows of things whose documents are so
//!     large, each connection as fast as it is answered
//! ```

mod connection;
mod messages;
mod shadows;

use std::time::Duration;

use crate::Outcome;

/// How a load was asked for.
struct Load {
    port: u16,
    connections: usize,
    rate: f64,
    seconds: u64,
    qos: u8,
    things: usize,
    bytes: usize,
}

impl Load {
    fn parse(args: &[&str], connections: usize, seconds: u64) -> Outcome<Self> {
        let mut load = Self {
            port: 0,
            connections,
            rate: 20_000.0,
            seconds,
            qos: 1,
            things: 1000,
            bytes: 8000,
        };
        for pair in args.chunks(2) {
            match *pair {
                ["--port", value] => load.port = value.parse()?,
                ["--connections", value] => load.connections = value.parse()?,
                ["--rate", value] => load.rate = value.parse()?,
                ["--seconds", value] => load.seconds = value.parse()?,
                ["--qos", value] => load.qos = value.parse()?,
                ["--things", value] => load.things = value.parse()?,
                ["--bytes", value] => load.bytes = value.parse()?,
                _ => return Err(format!("unknown option or no value: {}", pair[0]).into()),
            }
        }
        if load.port == 0 || load.connections == 0 || load.qos > 1 {
            return Err("--port is needed, --connections is not 0, --qos is 0 or 1".into());
        }
        Ok(load)
    }

    fn span(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

pub(crate) fn run(args: &[&str]) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    match args {
        ["messages", rest @ ..] => {
            let load = Load::parse(rest, 10_000, 20)?;
            local.block_on(&runtime, messages::run(&load))
        }
        ["shadows", rest @ ..] => {
            let load = Load::parse(rest, 8, 10)?;
            local.block_on(&runtime, shadows::run(&load))
        }
        _ => Err("emulator messages or emulator shadows".into()),
    }
}
