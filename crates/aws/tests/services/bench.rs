//! Services with a clock that the test turns, and effects that are easy to read.

use std::time::Duration;

use evenkeel_aws::provisioning::{IssueError, Issued, RegistryChange};
use evenkeel_aws::{Effect, Effects, Issuer, Limits, Message, Note, Request, Services, Time};
use serde_json::Value;

/// The wall clock at the beginning of each test, in seconds.
pub(crate) const START: u64 = 1_800_000_000;

/// The client that asks, unless a test says otherwise.
pub(crate) const CLIENT: &str = "client-1";

/// So many seconds into the test.
pub(crate) fn at(seconds: u64) -> Time {
    Time { elapsed: Duration::from_secs(seconds), unix: Duration::from_secs(START + seconds) }
}

/// A message that went out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sent {
    /// The one client that gets it; none for all subscribers.
    pub(crate) to: Option<String>,
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

impl Sent {
    fn new(to: Option<String>, message: Message) -> Self {
        Self { to, topic: message.topic, payload: message.payload.to_vec() }
    }

    /// The payload, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).expect("JSON")
    }
}

/// Makes certificates `cert-1`, `cert-2`.. with tokens `token-1`, `token-2`..
#[derive(Debug, Default)]
pub(crate) struct Counter(u32);

impl Issuer for Counter {
    fn create(&mut self, _: Time) -> Result<Issued, IssueError> {
        self.0 += 1;
        let number = self.0;
        Ok(Issued {
            certificate_id: format!("cert-{number}"),
            certificate_pem: format!("pem-{number}"),
            private_key: Some(format!("key-{number}")),
            ownership_token: format!("token-{number}"),
        })
    }

    fn sign(&mut self, time: Time, request: &str) -> Result<Issued, IssueError> {
        if request == "nonsense" {
            return Err(IssueError::Request { problem: "no PEM".to_owned() });
        }
        Ok(Issued { private_key: None, ..self.create(time)? })
    }
}

/// Services under test.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) services: Services,
    /// Who publishes.
    pub(crate) client: String,
    issuer: Counter,
    /// Seconds since the beginning.
    pub(crate) now: u64,
    pub(crate) registry: Vec<RegistryChange>,
    pub(crate) notes: Vec<Note>,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new(Limits::AWS)
    }
}

impl Bench {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            services: Services::new(limits),
            client: CLIENT.to_owned(),
            issuer: Counter::default(),
            now: 0,
            registry: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(crate) fn time(&self) -> Time {
        at(self.now)
    }

    /// Publishes as the usual client, and returns what goes out.
    pub(crate) fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Vec<Sent> {
        let (time, payload) = (self.time(), payload.as_ref());
        let request = Request { time, client: &self.client, topic, payload };
        let mut effects = Effects::new();
        self.services.on_publish(&request, &mut self.issuer, &mut effects);
        self.read(effects)
    }

    /// Publishes, and returns the only message that goes out.
    pub(crate) fn ask(&mut self, topic: &str, payload: impl AsRef<[u8]>) -> Sent {
        let mut sent = self.publish(topic, payload);
        assert_eq!(sent.len(), 1, "{topic}: {sent:?}");
        sent.remove(0)
    }

    /// Goes on by some seconds and does what is due.
    pub(crate) fn wait(&mut self, seconds: u64) -> Vec<Sent> {
        self.now += seconds;
        self.with(|services, time, out| services.tick(time, out))
    }

    /// Calls the services, and returns what goes out.
    pub(crate) fn with(
        &mut self,
        call: impl FnOnce(&mut Services, Time, &mut Effects),
    ) -> Vec<Sent> {
        let mut effects = Effects::new();
        let time = self.time();
        call(&mut self.services, time, &mut effects);
        self.read(effects)
    }

    fn read(&mut self, mut effects: Effects) -> Vec<Sent> {
        let mut sent = Vec::new();
        for effect in effects.drain() {
            match effect {
                Effect::Publish(message) => sent.push(Sent::new(None, message)),
                Effect::Send { client, message } => sent.push(Sent::new(Some(client), message)),
                Effect::Registry(change) => self.registry.push(change),
                Effect::Note(note) => self.notes.push(note),
                other => panic!("unknown effect {other:?}"),
            }
        }
        sent
    }
}

/// The topics of messages, without what they have in common.
pub(crate) fn topics<'a>(sent: &'a [Sent], prefix: &str) -> Vec<&'a str> {
    sent.iter().map(|one| one.topic.strip_prefix(prefix).unwrap_or(&one.topic)).collect()
}
