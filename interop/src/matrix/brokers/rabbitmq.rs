//! RabbitMQ with its MQTT plugins, alone and as a cluster of three.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::{Broker, Making, doors, files_failed, version_of_package};
use crate::failed::Failed;
use crate::folder::Folder;
use crate::matrix::install::apt;
use crate::ports;
use crate::server::{Program, Programs, Server};
use crate::site::{Door, Site};

/// The script proper: the one in the path would change the user and with it
/// the process group, and could not be ended from here.
const SCRIPT: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

pub(super) const SINGLE: Broker = Broker {
    name: "RabbitMQ",
    version: |_| version_of_package("rabbitmq-server"),
    install: |_| apt("rabbitmq-server"),
    prepare: |_| prepare(1),
};

pub(super) const CLUSTER: Broker = Broker {
    name: "RabbitMQ x 3",
    version: |_| version_of_package("rabbitmq-server"),
    install: |_| apt("rabbitmq-server"),
    prepare: |_| prepare(3),
};

struct Node {
    name: String,
    folder: PathBuf,
    amqp: u16,
    mqtt: u16,
    websocket: u16,
    distribution: u16,
}

impl Node {
    fn new(folder: &Folder, number: usize) -> Result<Self, Failed> {
        let [amqp, mqtt, websocket, distribution] = ports::free().map_err(files_failed)?;
        let name = format!("r{number}@localhost");
        let own = folder.file(&name);
        std::fs::create_dir_all(&own).map_err(files_failed)?;
        Ok(Self { name, folder: own, amqp, mqtt, websocket, distribution })
    }

    fn doors(&self) -> Vec<Door> {
        doors(self.mqtt, self.websocket)
    }

    fn config(&self, all: &[Self]) -> String {
        let Self { amqp, mqtt, websocket, .. } = self;
        let mut config = format!(
            "listeners.tcp.default = 127.0.0.1:{amqp}\n\
             mqtt.listeners.tcp.default = 127.0.0.1:{mqtt}\n\
             web_mqtt.tcp.listener = 127.0.0.1:{websocket}\nweb_mqtt.ws_path = /mqtt\n\
             log.console = true\nlog.file = false\n"
        );
        if all.len() > 1 {
            config.push_str("cluster_formation.peer_discovery_backend = classic_config\n");
            for (number, node) in all.iter().enumerate() {
                // Writing into a string never fails.
                let _ = writeln!(
                    config,
                    "cluster_formation.classic_config.nodes.{} = {}",
                    number + 1,
                    node.name
                );
            }
        }
        config
    }

    fn program(&self, home: &Folder, epmd: u16, all: &[Self]) -> Result<Program, Failed> {
        let write = |name: &str, content: String| {
            let path = self.folder.join(name);
            std::fs::write(&path, content).map_err(files_failed)?;
            Ok::<_, Failed>(path)
        };
        let config = write("rabbitmq.conf", self.config(all))?;
        let plugins = write("plugins", "[rabbitmq_mqtt,rabbitmq_web_mqtt].\n".to_owned())?;
        Ok(Program::new("rabbitmq", SCRIPT, [""; 0])
            // The nodes of a cluster share the cookie in the home folder.
            .with("HOME", home.path())
            .with("ERL_EPMD_PORT", epmd.to_string())
            .with("RABBITMQ_NODENAME", &self.name)
            .with("RABBITMQ_CONFIG_FILE", config)
            .with("RABBITMQ_ENABLED_PLUGINS_FILE", plugins)
            .with("RABBITMQ_MNESIA_BASE", self.folder.join("mnesia"))
            .with("RABBITMQ_LOG_BASE", self.folder.join("log"))
            .with("RABBITMQ_DIST_PORT", self.distribution.to_string())
            .with(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            ))
    }
}

fn prepare<'a>(count: usize) -> Making<'a> {
    Box::pin(async move {
        let folder = Folder::new().map_err(files_failed)?;
        let [epmd] = ports::free().map_err(files_failed)?;
        let nodes = (1..=count).map(|number| Node::new(&folder, number));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        write_cookie(&folder)?;
        // A name server of our own: a shared one would outlive the run.
        let epmd_port = epmd.to_string();
        let arguments = ["-port", epmd_port.as_str(), "-address", "127.0.0.1"];
        let mut programs = vec![Program::new("epmd", "epmd", arguments)];
        for node in &nodes {
            programs.push(node.program(&folder, epmd, &nodes)?);
        }
        let doors = nodes.iter().flat_map(Node::doors).collect();
        Ok(Box::new(Programs {
            site: Site { doors, ..Site::default() },
            folder,
            programs,
            ports: nodes.iter().flat_map(|node| [node.mqtt, node.websocket]).collect(),
            limit: Duration::from_secs(300),
            running: Vec::new(),
        }) as Box<dyn Server>)
    })
}

/// Nodes that start at once would each make a cookie of their own.
fn write_cookie(home: &Folder) -> Result<(), Failed> {
    use std::os::unix::fs::PermissionsExt;

    let path = home.write(".erlang.cookie", "INTEROP").map_err(files_failed)?;
    // Erlang takes no cookie that others can read.
    let own = std::fs::Permissions::from_mode(0o400);
    std::fs::set_permissions(path, own).map_err(files_failed)
}
