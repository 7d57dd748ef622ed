//! What the application is asked before each attempt to connect, and how long
//! it may take to answer (R8).

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use evenkeel_codec::Text;
use evenkeel_proto::{Credentials, TransportFailure};

use crate::error::TransportError;
use crate::hooks::{Authenticator, CredentialsError, CredentialsHook, EndpointError, EndpointHook};
use crate::transport::Endpoint;

use super::Failure;
use super::dial::Server;

/// How long a hook may take, unless the builder says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Functions of the application's that are asked while connecting.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) credentials: Option<CredentialsHook>,
    pub(crate) endpoint: Option<EndpointHook>,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) timeout: Duration,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { credentials: None, endpoint: None, authenticator: None, timeout: TIMEOUT }
    }
}

impl Hooks {
    /// From the hook, or from the server's URL; `None` leaves the configured ones.
    pub(super) async fn credentials(
        &self,
        server: &Server,
        asking: &Asking,
    ) -> Result<Option<Credentials>, Failure> {
        let fail = |error| (TransportFailure::Credentials, TransportError::Credentials(error));
        let given = match &self.credentials {
            Some(hook) => {
                let given = self.answer(hook(), CredentialsError).await.map_err(fail)?;
                asking.note(&given);
                given
            }
            None => match of_url(server) {
                Some(given) => given,
                None => return Ok(None),
            },
        };
        let username = given
            .username
            .map(Text::try_from)
            .transpose()
            .map_err(|error| fail(CredentialsError(format!("user name: {error}"))))?;
        Ok(Some(Credentials { username, password: given.password }))
    }

    /// Where to go in place of this endpoint; the same without a hook.
    pub(super) async fn endpoint(&self, endpoint: Endpoint) -> Result<Endpoint, Failure> {
        let Some(hook) = &self.endpoint else { return Ok(endpoint) };
        let fail = |error| (TransportFailure::Endpoint, TransportError::Endpoint(error));
        self.answer(hook(endpoint), EndpointError).await.map_err(fail)
    }

    async fn answer<T, E>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
        error: impl FnOnce(String) -> E,
    ) -> Result<T, E> {
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(error(format!("the hook gave no answer within {:?}", self.timeout))),
        }
    }
}

fn of_url(server: &Server) -> Option<crate::Credentials> {
    let url = server.url.as_ref()?;
    let username = url.user_name().map(str::to_owned);
    let password = url.password().map(bytes::Bytes::copy_from_slice);
    (username.is_some() || password.is_some()).then_some(crate::Credentials { username, password })
}

/// Which hook is being asked, told across the task that asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    asked: AtomicU8,
    /// Tells credentials apart without keeping them; 0 for none.
    fingerprint: AtomicU64,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Credentials = 0,
    Endpoint = 1,
    /// Nobody: the transport is being opened.
    Nobody = 2,
}

impl Asking {
    pub(super) fn set(&self, asked: Asked) {
        self.0.asked.store(asked as u8, Ordering::Relaxed);
    }

    /// The credentials hook has answered.
    fn note(&self, given: &crate::Credentials) {
        // With a key of this process, so that nobody can look for what has a given fingerprint.
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let fingerprint = KEY.hash_one((&given.username, &given.password)).max(1);
        self.0.fingerprint.store(fingerprint, Ordering::Relaxed);
    }

    /// What tells the credentials hook's answer from others, once it has answered.
    pub(super) fn fingerprint(&self) -> Option<u64> {
        Some(self.0.fingerprint.load(Ordering::Relaxed)).filter(|fingerprint| *fingerprint != 0)
    }

    pub(super) fn get(&self) -> Asked {
        match self.0.asked.load(Ordering::Relaxed) {
            0 => Asked::Credentials,
            1 => Asked::Endpoint,
            _ => Asked::Nobody,
        }
    }
}
