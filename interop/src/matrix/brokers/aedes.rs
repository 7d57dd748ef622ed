//! Aedes, a broker for Node.js.

use std::ffi::OsString;
use std::time::Duration;

use super::{Broker, Making, doors, files_failed};
use crate::folder::Folder;
use crate::matrix::install::{Cache, run, version_in};
use crate::ports;
use crate::server::{Program, Programs, Server};
use crate::site::Site;

pub(super) const BROKER: Broker = Broker {
    name: "aedes",
    version: |cache| {
        let package = cache.join("aedes/node_modules/aedes/package.json");
        let text = std::fs::read_to_string(package).ok()?;
        version_in(text.lines().find(|line| line.contains("\"version\""))?)
    },
    install: |cache| {
        let folder = cache.join("aedes");
        let folder = folder.to_string_lossy();
        run("npm", &["install", "--no-fund", "--no-audit", "--prefix", &folder, "aedes", "ws"])
    },
    prepare,
};

/// Aedes is a library: this makes a server of it.
const SERVER: &str = r"
const { createRequire } = require('node:module')
const net = require('node:net')
const http = require('node:http')
const [installed, tcpPort, websocketPort] = process.argv.slice(2)
const requireInstalled = createRequire(installed + '/package.json')
const { Aedes } = requireInstalled('aedes')
const { WebSocketServer, createWebSocketStream } = requireInstalled('ws')

Aedes.createBroker().then((broker) => {
  net.createServer(broker.handle).listen(Number(tcpPort), '127.0.0.1')
  const server = http.createServer()
  new WebSocketServer({ server }).on('connection', (socket, request) => {
    broker.handle(createWebSocketStream(socket), request)
  })
  server.listen(Number(websocketPort), '127.0.0.1')
})
";

fn prepare(cache: &Cache) -> Making<'_> {
    Box::pin(async {
        let folder = Folder::new().map_err(files_failed)?;
        let [tcp, websocket] = ports::free().map_err(files_failed)?;
        let script = folder.write("server.cjs", SERVER).map_err(files_failed)?;
        let arguments: [OsString; 4] = [
            script.into(),
            cache.join("aedes").into(),
            tcp.to_string().into(),
            websocket.to_string().into(),
        ];
        Ok(Box::new(Programs {
            site: Site { doors: doors(tcp, websocket), ..Site::default() },
            folder,
            programs: vec![Program::new("aedes", "node", arguments)],
            ports: vec![tcp, websocket],
            limit: Duration::from_secs(30),
            running: Vec::new(),
        }) as Box<dyn Server>)
    })
}
