//! One conversation with one server: its clients, their names and topics.

use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use evenkeel::transport::Endpoint;
use evenkeel::{Client, ClientBuilder, Event, Reconnect, Version};

use crate::failed::{Failed, within};
use crate::server::{Memory, Server};
use crate::site::{Site, Transport};
use crate::wire::Wire;

/// How long one attempt to connect may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a client may take to get in or to give up, with several attempts.
const ONLINE: Duration = Duration::from_secs(120);

/// One conversation with one server.
pub struct Case {
    server: tokio::sync::Mutex<Box<dyn Server>>,
    site: Site,
    transport: Transport,
    version: Option<Version>,
    /// Attempts in a row after which its clients give up.
    attempts: Option<u32>,
    number: u32,
    /// Clients made, so that they spread over a cluster.
    turn: AtomicUsize,
    guests: Mutex<Vec<Guest>>,
}

/// A client of the conversation and what befell it.
struct Guest {
    role: String,
    client: Client,
    diary: Arc<Mutex<Vec<String>>>,
}

/// How one client of a conversation fared.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its part in the conversation.
    pub role: String,
    /// Connections it opened, successful or not.
    pub connects: u64,
    /// How its connections ended, in order.
    pub ends: Vec<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} connects", self.role, self.connects)?;
        self.ends.iter().try_for_each(|end| write!(f, "; {end}"))
    }
}

impl Case {
    /// A conversation with this server. Without a version its clients choose.
    pub fn new(server: Box<dyn Server>, transport: Transport, version: Option<Version>) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Self {
            site: server.site().clone(),
            server: tokio::sync::Mutex::new(server),
            transport,
            version,
            attempts: None,
            number: COUNT.fetch_add(1, Ordering::Relaxed),
            turn: AtomicUsize::new(0),
            guests: Mutex::default(),
        }
    }

    /// Lets its clients give up after this many attempts in a row.
    #[must_use]
    pub const fn giving_up_after(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// The version spoken; `None` if the clients choose.
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// True if all clients speak MQTT 5.
    pub fn has_properties(&self) -> bool {
        self.version.is_some_and(Version::has_properties)
    }

    /// Where the server is.
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// A topic of this conversation's own.
    pub fn topic(&self, tail: &str) -> String {
        format!("evenkeel/{}/{}/{tail}", std::process::id(), self.number)
    }

    /// A client identifier of this conversation's own; short enough for MQTT 3.1.
    pub fn client_id(&self, role: &str) -> String {
        format!("{role}-{}-{}", std::process::id(), self.number)
    }

    /// Settings of a client that plays a role.
    pub fn builder(&self, role: &str) -> Result<ClientBuilder, Failed> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let url = self.site.url(self.transport, self.version, turn);
        Ok(self.complete(Client::builder(url.ok_or_else(|| self.no_door())?), role))
    }

    /// Settings of a client whose connection can be cut.
    pub fn builder_with_wire(&self, role: &str) -> Result<(ClientBuilder, Wire), Failed> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let address = self.site.address(self.transport, self.version, turn);
        let wire = Wire::new(address.ok_or_else(|| self.no_door())?.clone());
        let mut endpoint = Endpoint::custom(wire.clone());
        if self.transport.is_tls() {
            endpoint = endpoint.with_tls();
        }
        if self.transport.is_websocket() {
            endpoint = endpoint.with_websocket("/mqtt");
        }
        Ok((self.complete(ClientBuilder::for_endpoint(endpoint), role), wire))
    }

    fn no_door(&self) -> Failed {
        Failed::Server(format!("not reachable over {}", self.transport.name()))
    }

    fn complete(&self, builder: ClientBuilder, role: &str) -> ClientBuilder {
        let mut reconnect = Reconnect::default();
        // Quicker than the default, as the servers here come back at once.
        reconnect.base = Duration::from_millis(200);
        reconnect.attempts = self.attempts;
        let mut builder = builder
            .client_id(self.client_id(role))
            .connect_timeout(CONNECT)
            .reconnect(reconnect)
            .tls(self.site.tls());
        if let Some(version) = self.version {
            builder = builder.version(version);
        }
        if let Some((user, password)) = &self.site.user {
            builder = builder.username(user).password(password.clone());
        }
        builder
    }

    /// Starts a client and keeps its account.
    pub fn start(&self, role: &str, builder: ClientBuilder) -> Result<Client, Failed> {
        let client = builder.start()?;
        let diary = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(keep_diary(client.events(), diary.clone()));
        let guest = Guest { role: role.to_owned(), client: client.clone(), diary };
        self.guests.lock().unwrap_or_else(PoisonError::into_inner).push(guest);
        Ok(client)
    }

    /// Starts a client and waits until it is online.
    pub async fn online(&self, role: &str, builder: ClientBuilder) -> Result<Client, Failed> {
        let client = self.start(role, builder)?;
        within(ONLINE, &format!("{role} connects"), client.online()).await??;
        Ok(client)
    }

    /// A client with the usual settings that is online.
    pub async fn connect(&self, role: &str) -> Result<Client, Failed> {
        self.online(role, self.builder(role)?).await
    }

    /// Lets the server end.
    pub async fn stop_server(&self, memory: Memory) -> Result<(), Failed> {
        self.server.lock().await.stop(memory).await
    }

    /// Starts the server again.
    pub async fn start_server(&self) -> Result<(), Failed> {
        self.server.lock().await.start().await
    }

    /// What the server wrote about what it saw.
    pub async fn server_log(&self) -> String {
        self.server.lock().await.log()
    }

    /// Closes all clients and says how each fared.
    pub async fn close(&self) -> Vec<Account> {
        let guests =
            std::mem::take(&mut *self.guests.lock().unwrap_or_else(PoisonError::into_inner));
        let mut accounts = Vec::new();
        for guest in guests {
            guest.client.shutdown(Duration::ZERO).await;
            accounts.push(Account {
                role: guest.role,
                connects: guest.client.stats().connects,
                ends: guest.diary.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            });
        }
        accounts
    }
}

/// Writes down how each connection ended. Ends with the client.
async fn keep_diary(mut events: evenkeel::Events, diary: Arc<Mutex<Vec<String>>>) {
    while let Some(report) = events.next().await {
        if let Event::Disconnected { cause, .. } = &report.event {
            let words = match &report.error {
                Some(error) => error.to_string(),
                None => cause.to_string(),
            };
            diary.lock().unwrap_or_else(PoisonError::into_inner).push(words);
        }
    }
}
