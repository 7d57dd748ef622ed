//! The clients, how they are started and what they are.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::scenario::{KEEP_ALIVE, Setup};

/// A client library as an application uses it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    /// For the command line.
    pub(crate) key: &'static str,
    program: Program,
    /// The version it speaks unless told otherwise.
    pub(crate) speaks_mqtt5: bool,
    hints: &'static [(&'static str, &'static str)],
    /// What is not the library's default, and how it is used.
    pub(crate) settings: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Program {
    /// Programs for the default version and for MQTT 5.
    Rust(&'static str, &'static str),
    /// The name of the installed package.
    Node(&'static str),
    Python,
}

/// Evenkeel's own package, which the runner packs.
const OWN_PACKAGE: &str = "evenkeel";

/// Where things are installed.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// This folder's parent.
    pub(crate) home: PathBuf,
    /// The Rust adapters.
    pub(crate) programs: PathBuf,
    /// The folder that holds `node_modules`.
    pub(crate) modules: PathBuf,
    /// The interpreter with paho-mqtt.
    pub(crate) python: PathBuf,
}

pub(crate) const CLIENTS: &[Client] = &[
    Client {
        name: "Evenkeel",
        key: "evenkeel",
        program: Program::Rust("adapter-evenkeel", "adapter-evenkeel"),
        speaks_mqtt5: true,
        hints: &[],
        settings: "MQTT 5. `start()`; one stream per `subscribe().await`, a receipt per \
                   `publish().await`. Defaults.",
    },
    Client {
        name: "rumqttc",
        key: "rumqttc",
        program: Program::Rust("adapter-rumqttc", "adapter-rumqttc-v5"),
        speaks_mqtt5: false,
        hints: &[],
        settings: "MQTT 3.1.1 (`rumqttc::v5` in *server-keep-alive-0*). One task polls the event \
                   loop and goes on after errors, as the README says (\"automatic reconnections \
                   by just continuing the loop\"). Subscribes on each CONNACK, one SUBSCRIBE per \
                   filter but in *filters-per-subscribe*. Packets up to 1 MiB allowed (default \
                   10 KiB).",
    },
    Client {
        name: "rumqttc, pausing",
        key: "rumqttc-pausing",
        program: Program::Rust("adapter-rumqttc", "adapter-rumqttc-v5"),
        speaks_mqtt5: false,
        hints: &[("pause_ms", "1000")],
        settings: "The same, but the application sleeps 1 s after each error. The documentation \
                   does not ask for it; many applications do it.",
    },
    Client {
        name: "mqtt5",
        key: "mqtt5",
        program: Program::Rust("adapter-mqtt5", "adapter-mqtt5"),
        speaks_mqtt5: true,
        hints: &[],
        settings: "MQTT 5. As the example `simple_client`: `with_clean_start(true)`, \
                   `with_automatic_reconnect(true)` (the default), callbacks per subscription.",
    },
    Client {
        name: "gneiss-mqtt",
        key: "gneiss",
        program: Program::Rust("adapter-gneiss", "adapter-gneiss"),
        speaks_mqtt5: true,
        hints: &[],
        settings: "MQTT 5. The tokio client, `start` with a listener. Subscribes on each CONNACK \
                   without a session, one SUBSCRIBE per filter but in *filters-per-subscribe*.",
    },
    Client {
        name: "Evenkeel, npm",
        key: "evenkeel-js",
        program: Program::Node(OWN_PACKAGE),
        speaks_mqtt5: false,
        hints: &[],
        settings: "The package `evenkeel` of `js/`, as npm packs it, in the program of MQTT.js with \
                   another import: MQTT 3.1.1 (5 in *server-keep-alive-0*). Defaults; a `profile` \
                   if Evenkeel has one.",
    },
    Client {
        name: "MQTT.js 5.16",
        key: "mqttjs",
        program: Program::Node("mqtt"),
        speaks_mqtt5: false,
        hints: &[],
        settings: "MQTT 3.1.1 (5 in *server-keep-alive-0*). `connect()`, `on('message')`, \
                   `publishAsync`; `handleMessage` in the *inline* scenarios.",
    },
    Client {
        name: "MQTT.js 5.3.4",
        key: "mqttjs-old",
        program: Program::Node("mqtt-5-3-4"),
        speaks_mqtt5: false,
        hints: &[],
        settings: "The same; the version of MQTT.js issue 1845, from January 2024.",
    },
    Client {
        name: "paho-mqtt",
        key: "paho",
        program: Program::Python,
        speaks_mqtt5: false,
        hints: &[],
        settings: "MQTT 3.1.1 (5 in *server-keep-alive-0*). `loop_start()`, subscribing in \
                   `on_connect`, one SUBSCRIBE per filter but in *filters-per-subscribe*; \
                   messages are handled in a thread of the application's, in `on_message` in the \
                   *inline* scenarios.",
    },
];

impl Client {
    /// The call of the adapter; it ends by itself some time after the run.
    pub(crate) fn command(&self, places: &Places, url: &str, setup: &Setup) -> Command {
        let mut command = match self.program {
            Program::Rust(usual, mqtt5) => {
                Command::new(places.programs.join(if setup.mqtt5 { mqtt5 } else { usual }))
            }
            Program::Node(package) => {
                let mut command = Command::new("node");
                command.arg(places.home.join("adapters/js/adapter.mjs"));
                command.env("MQTT_MODULES", &places.modules).env("MQTT_PACKAGE", package);
                command
            }
            Program::Python => {
                let mut command = Command::new(&places.python);
                command.arg("-u").arg(places.home.join("adapters/python/adapter.py"));
                command
            }
        };
        command.arg(url).arg(CLIENT_ID).arg(KEEP_ALIVE.as_secs().to_string());
        command.arg(format!("run_s={}", setup.run.as_secs() + 30));
        command.arg(format!("filters={}", setup.filters));
        command.args(self.hints.iter().map(|(key, value)| format!("{key}={value}")));
        command.args(setup.hints.iter().map(|(key, value)| format!("{key}={value}")));
        if setup.mqtt5 {
            command.arg("v=5");
        }
        command
    }

    /// The version in the lock file it was installed by.
    pub(crate) fn version(&self, home: &Path, commit: &str) -> String {
        let read = |path: &str| std::fs::read_to_string(home.join(path)).unwrap_or_default();
        let crate_version = |name: &str| {
            let lock = read("Cargo.lock");
            between(&lock, &format!("name = \"{name}\"\nversion = \""), "\"")
        };
        match self.program {
            Program::Rust("adapter-evenkeel", _) => {
                format!("{} at {commit}", crate_version("evenkeel"))
            }
            Program::Rust("adapter-rumqttc", _) => crate_version("rumqttc"),
            Program::Rust("adapter-mqtt5", _) => crate_version("mqtt5"),
            Program::Rust(..) => crate_version("gneiss-mqtt"),
            Program::Node(OWN_PACKAGE) => {
                let manifest = read("../../js/package.json");
                let version = between(&manifest, "\"version\": \"", "\"");
                format!("{version} at {commit} on Node {}", said(Command::new("node")))
            }
            Program::Node(package) => {
                let lock = read("adapters/js/package-lock.json");
                let start = format!("\"node_modules/{package}\": {{");
                let entry = lock.split_once(&start).map_or("", |(_, rest)| rest);
                format!(
                    "{} on Node {}",
                    between(entry, "\"version\": \"", "\""),
                    said(Command::new("node"))
                )
            }
            Program::Python => {
                let pinned = read("adapters/python/requirements.txt");
                let python = said(Command::new("python3"));
                format!("{} on {python}", between(&pinned, "paho-mqtt==", "\n"))
            }
        }
    }
}

/// The client identifier of every adapter.
pub(crate) const CLIENT_ID: &str = "torture";

fn between(text: &str, start: &str, end: &str) -> String {
    let rest = text.split_once(start).map_or("", |(_, rest)| rest);
    rest.split_once(end).map_or("?", |(found, _)| found).to_owned()
}

fn said(mut program: Command) -> String {
    let output = program.arg("--version").as_std_mut().output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
