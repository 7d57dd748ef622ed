//! What survives a connection: exchanges in flight, the queue, received
//! QoS 2 identifiers and subscriptions (laws D1-D9).

pub(crate) mod control;
pub(crate) mod flights;
pub(crate) mod inbound;
pub(crate) mod queue;
pub(crate) mod replay;
pub(crate) mod subscriptions;

use crate::config::Config;

use flights::Flights;
use inbound::Inbound;
use queue::Queue;
use replay::Replay;
use subscriptions::Subscriptions;

/// The client's half of the session state.
#[derive(Debug)]
pub(crate) struct Session {
    /// Exchanges that hold a packet identifier.
    pub(crate) flights: Flights,
    /// Messages accepted and not yet sent.
    pub(crate) queue: Queue,
    /// What has to be sent again before anything new.
    pub(crate) replay: Replay,
    /// What the server has sent us and we have not finished.
    pub(crate) inbound: Inbound,
    /// Filters, and the SUBSCRIBE and UNSUBSCRIBE operations on their way.
    pub(crate) subscriptions: Subscriptions,
    /// True once the server has accepted this session.
    pub(crate) established: bool,
    /// A CONNECT went out that no CONNACK answered: the server may have begun
    /// a session with it that we take for ours when it is resumed.
    pub(crate) unproven: bool,
}

impl Session {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            flights: Flights::default(),
            queue: Queue::new(config.queue),
            replay: Replay::default(),
            inbound: Inbound::default(),
            subscriptions: Subscriptions::default(),
            established: false,
            unproven: false,
        }
    }
}
