//! The brokers of the matrix: how each is got, told apart and started.

mod aedes;
mod amqtt;
mod nats;
mod rabbitmq;
mod rumqttd;

use std::future::Future;
use std::pin::Pin;

use super::install::{Cache, apt, output, version_in};
use crate::failed::Failed;
use crate::server::{Evenkeel, Memory, Mosquitto, Server, Setting};
use crate::site::{Address, Door, Transport};

/// A server being made.
pub type Making<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn Server>, Failed>> + Send + 'a>>;

/// A broker of the matrix.
pub struct Broker {
    /// Its name.
    pub name: &'static str,
    /// Its version; `None` if it is not installed.
    pub version: fn(&Cache) -> Option<String>,
    /// Installs it.
    pub install: fn(&Cache) -> Result<(), Failed>,
    /// Makes one that is not started yet.
    pub prepare: for<'a> fn(&'a Cache) -> Making<'a>,
}

/// Every broker.
pub const ALL: &[Broker] = &[
    EVENKEEL,
    MOSQUITTO,
    rabbitmq::SINGLE,
    rabbitmq::CLUSTER,
    nats::BROKER,
    aedes::BROKER,
    amqtt::BROKER,
    rumqttd::BROKER,
];

const EVENKEEL: Broker = Broker {
    name: "Evenkeel",
    version: |_| Some(env!("CARGO_PKG_VERSION").to_owned()),
    install: |_| Ok(()),
    prepare: |_| {
        Box::pin(async {
            let mut server = Evenkeel::start(Setting::default()).await?;
            // It chooses its ports itself, and keeps them while it is stopped.
            server.stop(Memory::Lost).await?;
            Ok(Box::new(server) as Box<dyn Server>)
        })
    },
};

const MOSQUITTO: Broker = Broker {
    name: "mosquitto",
    version: |_| Mosquitto::installed_version(),
    install: |_| apt("mosquitto"),
    prepare: |_| {
        Box::pin(async {
            let server = Mosquitto::prepare(Setting::default(), &Transport::ALL)?;
            Ok(Box::new(server) as Box<dyn Server>)
        })
    },
};

/// The doors of a broker with these two ports.
fn doors(tcp: u16, websocket: u16) -> Vec<Door> {
    vec![
        Door::new(Transport::Tcp, Address::Port(tcp)),
        Door::new(Transport::WebSocket, Address::Port(websocket)),
    ]
}

fn files_failed(error: std::io::Error) -> Failed {
    Failed::Server(format!("the broker's files: {error}"))
}

fn version_of_program(program: impl AsRef<std::path::Path>, arguments: &[&str]) -> Option<String> {
    version_in(&output(program, arguments)?)
}

fn version_of_package(package: &str) -> Option<String> {
    let text = output("dpkg-query", &["-W", "-f=${Version}", package])?;
    let version = text.split(['-', '+']).next()?;
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}
