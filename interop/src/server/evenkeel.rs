//! The broker of this repository, inside the process.

use std::net::SocketAddr;

use evenkeel_broker::{Broker, Tls, Users};

use super::{Doing, Memory, Server, Setting};
use crate::certificates::Certificates;
use crate::failed::Failed;
use crate::folder::Folder;
use crate::site::{Address, Door, Site, Transport};

const ANY_PORT: &str = "127.0.0.1:0";

/// Evenkeel's development broker with every listener it has.
pub struct Evenkeel {
    site: Site,
    broker: Broker,
    /// Holds the unix socket.
    _folder: Folder,
}

impl Evenkeel {
    /// Starts one on free ports.
    pub async fn start(setting: Setting) -> Result<Self, Failed> {
        let folder = Folder::new().map_err(failed)?;
        let certificates = Certificates::shared();
        let tls = Tls::from_pem(
            certificates.server.certificate.as_bytes(),
            certificates.server.key.as_bytes(),
            Some(certificates.authority.as_bytes()),
        )
        .map_err(failed)?;
        let mut site = Site { certificates: Some(certificates), ..Site::default() };
        let mut builder = Broker::builder()
            .bind_tcp(ANY_PORT)
            .bind_tls(ANY_PORT, tls.clone())
            .bind_websocket(ANY_PORT)
            .bind_websocket_tls(ANY_PORT, tls)
            .bind_unix(folder.file("evenkeel.sock"))
            // Lets the clients prove that they understand aliases as well.
            .configure(|config| config.behaviour.assign_topic_aliases = true);
        if setting.password {
            let user = ("pump".to_owned(), "open sesame".to_owned());
            let mut users = Users::default();
            users.set(user.0.clone(), user.1.clone());
            builder = builder.configure(|config| config.access.users = Some(users));
            site.user = Some(user);
        }
        let broker = builder.start().await.map_err(failed)?;
        site.doors = doors(&broker);
        Ok(Self { site, broker, _folder: folder })
    }
}

fn doors(broker: &Broker) -> Vec<Door> {
    let port = |address: Option<SocketAddr>| address.map(|address| Address::Port(address.port()));
    let socket = broker.unix_path().map(|path| Address::Socket(path.to_owned()));
    let addresses = [
        (Transport::Tcp, port(broker.tcp_addr())),
        (Transport::Tls, port(broker.tls_addr())),
        (Transport::WebSocket, port(broker.websocket_addr())),
        (Transport::SecureWebSocket, port(broker.websocket_tls_addr())),
        (Transport::Unix, socket),
    ];
    let door = |(transport, address): (_, Option<_>)| Some(Door::new(transport, address?));
    addresses.into_iter().filter_map(door).collect()
}

fn failed(error: impl std::fmt::Display) -> Failed {
    Failed::Server(format!("the broker of this repository: {error}"))
}

impl Server for Evenkeel {
    fn site(&self) -> &Site {
        &self.site
    }

    fn stop(&mut self, memory: Memory) -> Doing<'_> {
        Box::pin(async move { self.broker.stop(memory == Memory::Kept).await.map_err(failed) })
    }

    fn start(&mut self) -> Doing<'_> {
        Box::pin(async { self.broker.resume().await.map_err(failed) })
    }

    fn log(&self) -> String {
        let lines: Vec<_> = self.broker.recorded().iter().map(|event| event.to_json()).collect();
        lines.join("\n")
    }
}
