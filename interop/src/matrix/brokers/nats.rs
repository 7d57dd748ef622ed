//! NATS with its MQTT gateway, which needs JetStream.

use std::time::Duration;

use super::{Broker, Making, doors, files_failed, version_of_program};
use crate::folder::Folder;
use crate::matrix::install::{Cache, apt};
use crate::ports;
use crate::server::{Program, Programs, Server};
use crate::site::Site;

pub(super) const BROKER: Broker = Broker {
    name: "NATS",
    version: |_| version_of_program("nats-server", &["--version"]),
    install: |_| apt("nats-server"),
    prepare,
};

fn prepare(_: &Cache) -> Making<'_> {
    Box::pin(async {
        let folder = Folder::new().map_err(files_failed)?;
        let [own, mqtt, websocket] = ports::free().map_err(files_failed)?;
        // The gateway wants each of these groups on lines of their own.
        let config = format!(
            "server_name: \"interop\"\nlisten: \"127.0.0.1:{own}\"\n\
             jetstream {{\n  store_dir: \"{store}\"\n}}\n\
             mqtt {{\n  host: \"127.0.0.1\"\n  port: {mqtt}\n}}\n\
             websocket {{\n  host: \"127.0.0.1\"\n  port: {websocket}\n  no_tls: true\n}}\n",
            store = folder.file("jetstream").display(),
        );
        let file = folder.write("nats.conf", config).map_err(files_failed)?;
        let arguments = ["-c".into(), file.into_os_string()];
        Ok(Box::new(Programs {
            site: Site { doors: doors(mqtt, websocket), ..Site::default() },
            folder,
            programs: vec![Program::new("nats-server", "nats-server", arguments)],
            ports: vec![mqtt, websocket],
            limit: Duration::from_secs(30),
            running: Vec::new(),
        }) as Box<dyn Server>)
    })
}
