//! rumqttd, a broker in Rust with a port for each version.

use std::time::Duration;

use evenkeel::Version;

use super::{Broker, Making, files_failed, version_of_program};
use crate::folder::Folder;
use crate::matrix::install::{Cache, run};
use crate::ports;
use crate::server::{Program, Programs, Server};
use crate::site::{Address, Door, Site, Transport};

pub(super) const BROKER: Broker = Broker {
    name: "rumqttd",
    version: |cache| version_of_program(cache.join("rumqttd/bin/rumqttd"), &["--version"]),
    install: |cache| {
        // Without --locked: a dependency of its lock file does not build any more.
        let folder = cache.join("rumqttd");
        run("cargo", &["install", "--root", &folder.to_string_lossy(), "rumqttd"])
    },
    prepare,
};

fn prepare(cache: &Cache) -> Making<'_> {
    Box::pin(async {
        let folder = Folder::new().map_err(files_failed)?;
        let [old, new, websocket, console] = ports::free().map_err(files_failed)?;
        let file = folder.write("rumqttd.toml", config(old, new, websocket, console));
        let arguments = ["-c".into(), file.map_err(files_failed)?.into_os_string()];
        let program = Program::new("rumqttd", cache.join("rumqttd/bin/rumqttd"), arguments);
        let door =
            |transport, port, version| Door::new(transport, Address::Port(port)).only(version);
        let doors = vec![
            door(Transport::Tcp, old, Version::V311),
            door(Transport::Tcp, new, Version::V5),
            door(Transport::WebSocket, websocket, Version::V311),
        ];
        Ok(Box::new(Programs {
            site: Site { doors, ..Site::default() },
            folder,
            programs: vec![program],
            ports: vec![old, new, websocket],
            limit: Duration::from_secs(30),
            running: Vec::new(),
        }) as Box<dyn Server>)
    })
}

fn config(old: u16, new: u16, websocket: u16, console: u16) -> String {
    let server = |kind: &str, port: u16| {
        format!(
            "[{kind}.1]\nname = \"{kind}-1\"\nlisten = \"127.0.0.1:{port}\"\n\
             next_connection_delay_ms = 1\n[{kind}.1.connections]\n\
             connection_timeout_ms = 60000\nmax_payload_size = 4194304\n\
             max_inflight_count = 100\ndynamic_filters = true\n"
        )
    };
    format!(
        "id = 0\n[router]\nid = 0\nmax_connections = 1000\nmax_outgoing_packet_count = 200\n\
         max_segment_size = 104857600\nmax_segment_count = 10\n\
         [console]\nlisten = \"127.0.0.1:{console}\"\n{}{}{}",
        server("v4", old),
        server("v5", new),
        server("ws", websocket),
    )
}
