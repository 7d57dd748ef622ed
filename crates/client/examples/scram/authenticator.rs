//! SCRAM as an `Authenticator`: the steps of one exchange.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel::{Authenticator, Bytes, HookFuture};
use rsasl::prelude::{Mechname, SASLClient, SASLConfig, SASLError, Session, State};

const METHOD: &str = "SCRAM-SHA-256";

/// SCRAM-SHA-256 (RFC 7677): the password is never sent, and the server has to
/// prove that it knows it, too.
pub(crate) struct Scram {
    config: Arc<SASLConfig>,
    exchange: Mutex<Exchange>,
}

/// How far the present exchange has come.
enum Exchange {
    /// None is under way, or it has failed.
    None,
    Running(Box<Session>),
    /// The server has proven itself.
    Verified,
}

impl Scram {
    pub(crate) fn new(user: &str, password: &str) -> Result<Self, SASLError> {
        let config = SASLConfig::with_credentials(None, user.to_owned(), password.to_owned())?;
        Ok(Self { config, exchange: Mutex::new(Exchange::None) })
    }

    fn begin(&self) -> Option<Session> {
        let method = Mechname::parse(METHOD.as_bytes()).ok()?;
        SASLClient::new(self.config.clone()).start_suggested(&[method]).ok()
    }

    /// Takes what the server said; returns what to say. `None` where it is wrong.
    fn step(&self, input: Option<&[u8]>) -> Option<Bytes> {
        let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever is wrong ends the exchange.
        let Exchange::Running(mut session) = std::mem::replace(&mut *exchange, Exchange::None)
        else {
            return None;
        };
        let mut output = Vec::new();
        *exchange = match session.step(input, &mut output).ok()? {
            State::Running => Exchange::Running(session),
            State::Finished(_) => Exchange::Verified,
        };
        Some(output.into())
    }

    fn is_verified(&self) -> bool {
        let exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(*exchange, Exchange::Verified)
    }
}

impl Authenticator for Scram {
    fn method(&self) -> &str {
        METHOD
    }

    fn start(&self) -> Bytes {
        let session = self.begin();
        let running = session.map_or(Exchange::None, |session| Exchange::Running(session.into()));
        *self.exchange.lock().unwrap_or_else(PoisonError::into_inner) = running;
        self.step(None).unwrap_or_default()
    }

    fn respond(&self, challenge: Bytes) -> HookFuture<Option<Bytes>> {
        Box::pin(ready(self.step(Some(&challenge))))
    }

    fn finish(&self, data: Bytes) -> HookFuture<bool> {
        // Some servers say their last word in a challenge, and nothing here.
        let is_taken = data.is_empty() || self.step(Some(&data)).is_some();
        let believed = is_taken && self.is_verified();
        Box::pin(ready(believed))
    }
}
