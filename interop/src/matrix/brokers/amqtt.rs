//! aMQTT, a broker in Python.

use std::time::Duration;

use super::{Broker, Making, doors, files_failed, version_of_program};
use crate::folder::Folder;
use crate::matrix::install::{Cache, run};
use crate::ports;
use crate::server::{Program, Programs, Server};
use crate::site::Site;

pub(super) const BROKER: Broker = Broker {
    name: "aMQTT",
    version: |cache| version_of_program(cache.join("amqtt/bin/amqtt"), &["--version"]),
    install: |cache| {
        let folder = cache.join("amqtt");
        run("python3", &["-m", "venv", &folder.to_string_lossy()])?;
        run(&folder.join("bin/pip").to_string_lossy(), &["install", "-q", "amqtt"])
    },
    prepare,
};

fn prepare(cache: &Cache) -> Making<'_> {
    Box::pin(async {
        let folder = Folder::new().map_err(files_failed)?;
        let [tcp, websocket] = ports::free().map_err(files_failed)?;
        let config = format!(
            "listeners:\n  default:\n    type: tcp\n    bind: 127.0.0.1:{tcp}\n  \
             ws:\n    type: ws\n    bind: 127.0.0.1:{websocket}\n\
             plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n    \
             allow_anonymous: true\n"
        );
        let file = folder.write("amqtt.yaml", config).map_err(files_failed)?;
        let arguments = ["-c".into(), file.into_os_string()];
        let program = Program::new("amqtt", cache.join("amqtt/bin/amqtt"), arguments);
        Ok(Box::new(Programs {
            site: Site { doors: doors(tcp, websocket), ..Site::default() },
            folder,
            programs: vec![program],
            ports: vec![tcp, websocket],
            limit: Duration::from_secs(30),
            running: Vec::new(),
        }) as Box<dyn Server>)
    })
}
