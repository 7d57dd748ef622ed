//! Who is measured.

use std::path::Path;
use std::process::Command;

use crate::cases::{Case, Transport, Work};
use crate::options::Options;

pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The program and its first arguments.
    pub(crate) command: Vec<String>,
    /// Its package in this workspace, for Rust.
    pub(crate) package: Option<String>,
    tls: bool,
    websocket: bool,
    exactly_once: bool,
    crowds: bool,
}

impl Client {
    pub(crate) fn takes(&self, case: &Case) -> bool {
        let transport = match case.transport {
            Transport::Tcp => true,
            Transport::Tls => self.tls,
            Transport::WebSocket => self.websocket,
        };
        transport
            && match case.work {
                Work::Publish { qos: 2, .. } => self.exactly_once,
                Work::Idle { .. } => self.crowds,
                _ => true,
            }
    }
}

pub(crate) const RAW: &str = "raw";
pub(crate) const EVENKEEL: &str = "Evenkeel";

/// True for Evenkeel, and the bound, which is no client.
pub(crate) fn is_ours(name: &str) -> bool {
    [EVENKEEL, RAW].contains(&name)
}

/// All clients that are asked for, Evenkeel and the bound first.
pub(crate) fn all(options: &Options) -> Result<Vec<Client>, String> {
    let lock = crate::read(&options.home.join("Cargo.lock"))?;
    let rust = |name: &str, package: &str| {
        let program = options.programs.join(format!("speed-{package}"));
        Client {
            name: name.into(),
            version: locked(&lock, package).unwrap_or_default(),
            command: vec![program.display().to_string()],
            package: Some(format!("speed-{package}")),
            tls: true,
            websocket: true,
            exactly_once: true,
            crowds: true,
        }
    };
    let outside = |name: &str, version: String, command: Vec<String>| Client {
        name: name.into(),
        version,
        command,
        package: None,
        tls: true,
        websocket: true,
        exactly_once: true,
        crowds: false,
    };
    let program = |name: &str| vec![options.programs.join(name).display().to_string()];
    let script = options.modules.join("client.mjs").display().to_string();
    let python = options.home.join("clients/python/client.py").display().to_string();
    let plain = |client: Client| Client { tls: false, websocket: false, ..client };
    let mut clients = vec![
        Client { version: options.commit.clone(), ..rust(EVENKEEL, "evenkeel") },
        Client { package: None, version: String::new(), ..plain(rust(RAW, "raw")) },
        rust("rumqttc", "rumqttc"),
        rust("rumqttc-next", "rumqttc-next"),
        Client { exactly_once: false, ..plain(rust("ntex-mqtt", "ntex-mqtt")) },
        rust("mqtt5", "mqtt5"),
        rust("gneiss-mqtt", "gneiss-mqtt"),
        Client {
            websocket: false,
            ..outside("libmosquitto", debian("libmosquitto1"), program("speed-mosquitto"))
        },
        plain(outside("paho C", debian("libpaho-mqtt1.3"), program("speed-paho"))),
        Client {
            crowds: true,
            ..outside("MQTT.js", npm(&options.modules), vec!["node".into(), script])
        },
        outside(
            "paho Python",
            first_line(&options.home.join("clients/python/requirements.txt")),
            vec![options.python.display().to_string(), python],
        ),
    ];
    if let Some(wanted) = &options.clients {
        let unknown = wanted.iter().find(|name| clients.iter().all(|client| client.name != **name));
        if let Some(name) = unknown {
            let known: Vec<_> = clients.into_iter().map(|client| client.name).collect();
            return Err(format!("--clients: no {name}; there are {}", known.join(", ")));
        }
        clients.retain(|client| wanted.contains(&client.name));
    }
    Ok(clients)
}

fn locked(lock: &str, package: &str) -> Option<String> {
    let from = lock.find(&format!("name = \"{package}\"\nversion = \""))?;
    lock[from..].split('"').nth(3).map(str::to_owned)
}

fn debian(package: &str) -> String {
    let query = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
    query.map_or_else(|_| String::new(), |out| String::from_utf8_lossy(&out.stdout).into_owned())
}

fn npm(modules: &Path) -> String {
    let file = modules.join("node_modules/mqtt/package.json");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    package["version"].as_str().unwrap_or_default().to_owned()
}

fn first_line(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().rsplit('=').next().unwrap_or_default().to_owned()
}
