//! `--metrics`: what Prometheus reads, and how the program is, by HTTP.
//!
//! It runs on a thread of its own, so that it slows nothing that it watches: whoever
//! reads slowly, or asks often, takes that thread's time alone.

mod broker;
mod http;
mod server;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::thread;

use evenkeel::Client;
use evenkeel_broker::Broker;
use evenkeel_metrics::{Clients, Health};
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;
use tokio::runtime::Builder;

use crate::args::MetricsAddress;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use broker::BrokerMetrics;

/// A place that is listened on and not yet served.
pub(crate) struct Monitor {
    listener: TcpListener,
    address: SocketAddr,
}

/// What is told of.
pub(crate) struct Sources {
    pub(crate) clients: Option<Clients>,
    pub(crate) broker: Option<Broker>,
}

/// Metrics of one client, which comes later: the place is taken before it connects.
pub(crate) fn of_client(
    address: Option<&MetricsAddress>,
    printer: Printer,
) -> Result<Clients, Failure> {
    let clients = Clients::new();
    if let Some(monitor) = Monitor::bind(address)? {
        let sources = Sources { clients: Some(clients.clone()), broker: None };
        monitor.serve(sources, printer)?;
    }
    Ok(clients)
}

/// Adds a client by the name of what it is for.
pub(crate) fn add(clients: &Clients, name: &str, client: &Client) {
    // Each is added once, and by a name that can be one.
    let _ = clients.add(name, client);
}

impl Monitor {
    /// Takes the place, if one is asked for: a mistake is told before anything begins.
    pub(crate) fn bind(address: Option<&MetricsAddress>) -> Result<Option<Self>, Failure> {
        address
            .map(|address| listen(address).map_err(|error| no_place(address, &error)))
            .transpose()
    }

    /// Serves it for as long as the program runs, and says where.
    pub(crate) fn serve(self, sources: Sources, printer: Printer) -> Result<(), Failure> {
        let Self { listener, address } = self;
        let cannot = |error| Failure::new(Exit::Failed, "metrics cannot be served").why(error);
        let runtime = Builder::new_current_thread().enable_all().build().map_err(cannot)?;
        let entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(cannot)?;
        drop(entered);
        let serve = move || runtime.block_on(server::serve(listener, sources));
        thread::Builder::new().name("metrics".to_owned()).spawn(serve).map_err(cannot)?;
        printer.say(&format!("metrics at http://{address}/metrics"));
        Ok(())
    }
}

fn listen(address: &MetricsAddress) -> io::Result<Monitor> {
    let MetricsAddress { host, port } = address;
    let places: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
    let listener = TcpListener::bind(&places[..])?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok(Monitor { listener, address })
}

fn no_place(address: &MetricsAddress, error: &io::Error) -> Failure {
    let MetricsAddress { host, port } = address;
    let hint = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there; give another port, or 0 for any",
        ErrorKind::PermissionDenied => "ports below 1024 are for root; 9464 is a usual one",
        ErrorKind::AddrNotAvailable => "this machine has no such address; give the port alone",
        _ => "9464 is a port of 127.0.0.1, 0.0.0.0:9464 one of all addresses",
    };
    let place =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Failure::usage(format!("metrics cannot be served at {place}")).why(error).hint(hint)
}

impl Sources {
    /// All metrics, as the text of OpenMetrics.
    fn metrics(&self) -> String {
        let mut registry = Registry::default();
        if let Some(clients) = &self.clients {
            registry.register_collector(Box::new(clients.clone()));
        }
        if let Some(broker) = &self.broker {
            registry.register_collector(Box::new(BrokerMetrics(broker.snapshot())));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &registry);
        text
    }

    fn health(&self) -> Health {
        let mut health =
            self.clients.as_ref().map_or_else(Health::without_clients, Clients::health);
        if self.broker.as_ref().is_some_and(|broker| !broker.snapshot().listening) {
            health.ready = false;
            health.push("broker", "it is down, or lets nobody in");
        }
        health
    }
}
