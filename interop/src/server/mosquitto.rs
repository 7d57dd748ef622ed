//! Eclipse Mosquitto, as Debian packages it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::{Daemon, Doing, Memory, Server, Setting, Stop};
use crate::certificates::Certificates;
use crate::failed::Failed;
use crate::folder::Folder;
use crate::ports;
use crate::site::{Address, Door, Site, Transport};

/// Times that other ports are tried if another process was faster.
const ATTEMPTS: usize = 5;
/// Where all its processes write, one after the other.
const LOG: &str = "mosquitto.log";
const START: Duration = Duration::from_secs(20);

/// Where Debian puts it, which is not in every user's path.
const PROGRAMS: [&str; 3] = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "mosquitto"];

fn program() -> Option<&'static str> {
    let runs = |program: &&str| Command::new(program).arg("-h").output().is_ok();
    PROGRAMS.into_iter().find(|program| runs(program))
}

/// A mosquitto process with a folder and ports of its own, and persistence on.
pub struct Mosquitto {
    site: Site,
    folder: Folder,
    config: PathBuf,
    daemon: Option<Daemon>,
}

impl Mosquitto {
    /// True if the program is on this machine.
    pub fn is_installed() -> bool {
        program().is_some()
    }

    /// The version of the program; `None` if there is none.
    pub fn installed_version() -> Option<String> {
        let output = Command::new(program()?).arg("-h").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (_, rest) = text.split_once("version ")?;
        rest.split_whitespace().next().map(str::to_owned)
    }

    /// Starts one with every listener that this build has.
    pub async fn start(setting: Setting) -> Result<Self, Failed> {
        let mut transports = Transport::ALL.to_vec();
        let mut attempt = 1;
        loop {
            let mut mosquitto = Self::prepare(setting, &transports)?;
            match mosquitto.run().await {
                Ok(()) => return Ok(mosquitto),
                Err(Failed::Server(log)) if log.contains("Websockets support") => {
                    transports.retain(|transport| !transport.is_websocket());
                }
                Err(Failed::Server(log)) if log.contains("Unix socket support") => {
                    transports.retain(|transport| *transport != Transport::Unix);
                }
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => attempt += 1,
            }
        }
    }

    /// Makes one that is not started yet.
    pub fn prepare(setting: Setting, transports: &[Transport]) -> Result<Self, Failed> {
        let folder = Folder::new().map_err(files_failed)?;
        let free: [u16; 4] = ports::free().map_err(files_failed)?;
        let mut free = free.into_iter();
        let mut site = Site { certificates: Some(Certificates::shared()), ..Site::default() };
        for transport in transports {
            let address = match (transport, free.next()) {
                (Transport::Unix, _) | (_, None) => Address::Socket(folder.file("mosquitto.sock")),
                (_, Some(port)) => Address::Port(port),
            };
            site.doors.push(Door::new(*transport, address));
        }
        if setting.password {
            site.user = Some(("pump".to_owned(), "open sesame".to_owned()));
        }
        let config = write_files(&folder, &site, setting)?;
        Ok(Self { site, folder, config, daemon: None })
    }

    async fn run(&mut self) -> Result<(), Failed> {
        let program = program().ok_or_else(|| Failed::Server("no mosquitto".to_owned()))?;
        let mut command = Command::new(program);
        command.arg("-c").arg(&self.config);
        let log = self.folder.file(LOG);
        let mut daemon = Daemon::spawn("mosquitto", command, log)?;
        // Written once it listens. A mere look at the ports might see another
        // server that was faster to take one of them.
        daemon.says(" running", START).await?;
        self.daemon = Some(daemon);
        Ok(())
    }
}

impl Server for Mosquitto {
    fn site(&self) -> &Site {
        &self.site
    }

    fn stop(&mut self, memory: Memory) -> Doing<'_> {
        Box::pin(async move {
            if let Some(mut daemon) = self.daemon.take() {
                daemon.stop(Stop::Terminate).await;
            }
            if memory == Memory::Lost {
                let file = self.folder.file("mosquitto.db");
                std::fs::remove_file(file).map_err(files_failed)?;
            }
            Ok(())
        })
    }

    fn start(&mut self) -> Doing<'_> {
        Box::pin(self.run())
    }

    fn log(&self) -> String {
        // Of all its processes, as what an earlier one did decides what a later one does.
        let bytes = std::fs::read(self.folder.file(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn files_failed(error: std::io::Error) -> Failed {
    Failed::Server(format!("mosquitto's files: {error}"))
}

/// Writes everything mosquitto reads; returns the path of its configuration.
fn write_files(folder: &Folder, site: &Site, setting: Setting) -> Result<PathBuf, Failed> {
    let certificates = site.certificates.clone().unwrap_or_else(Certificates::shared);
    folder.write("ca.pem", &certificates.authority).map_err(files_failed)?;
    folder.write("server.pem", &certificates.server.certificate).map_err(files_failed)?;
    folder.write("server.key", &certificates.server.key).map_err(files_failed)?;
    let config = config(folder, site, setting)?;
    folder.write("mosquitto.conf", config).map_err(files_failed)
}

fn config(folder: &Folder, site: &Site, setting: Setting) -> Result<String, Failed> {
    let path = folder.path().display();
    // `user` matters to root alone: mosquitto's own user may not enter the folder.
    let mut config = format!(
        "user root\nlog_dest stderr\nlog_type all\npersistence true\npersistence_location {path}/\n\
         persistence_file mosquitto.db\n"
    );
    // By default the 1001st message that waits for a subscriber is lost.
    config.push_str("max_queued_messages 100000\n");
    if let Some(most) = setting.in_flight {
        // Writing into a string never fails.
        let _ = writeln!(config, "max_inflight_messages {most}");
    }
    match &site.user {
        Some((user, password)) => {
            let file = password_file(folder, user, password)?;
            let _ = writeln!(config, "allow_anonymous false\npassword_file {}", file.display());
        }
        None => config.push_str("allow_anonymous true\n"),
    }
    for door in &site.doors {
        let _ = match &door.address {
            Address::Port(port) => writeln!(config, "listener {port} 127.0.0.1"),
            Address::Socket(socket) => writeln!(config, "listener 0 {}", socket.display()),
        };
        if door.transport.is_websocket() {
            config.push_str("protocol websockets\n");
        }
        if door.transport.is_tls() {
            let _ = writeln!(
                config,
                "cafile {path}/ca.pem\ncertfile {path}/server.pem\nkeyfile {path}/server.key\n\
                 require_certificate true"
            );
        }
    }
    Ok(config)
}

fn password_file(folder: &Folder, user: &str, password: &str) -> Result<PathBuf, Failed> {
    let file = folder.file("passwords");
    let output = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&file)
        .args([user, password])
        .output()
        .map_err(|error| Failed::Server(format!("mosquitto_passwd: {error}")))?;
    if output.status.success() {
        Ok(file)
    } else {
        Err(Failed::Server(format!("mosquitto_passwd ended with {}", output.status)))
    }
}
