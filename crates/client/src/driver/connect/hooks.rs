//! What the application is asked before each attempt to connect, and how long
//! it may take to answer (R8).

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::Text;
use evenkeel_proto::{Challenge, Credentials, TransportFailure};

use crate::driver::Failure;
use crate::error::TransportError;
#[cfg(feature = "tls")]
use crate::hooks::IdentityHook;
use crate::hooks::{
    Authenticator, AuthenticatorError, CredentialsError, CredentialsHook, EndpointError,
    EndpointHook, HookFuture,
};
use crate::server::Server;
use crate::transport::Endpoint;
use crate::url::ServerUrl;

use super::password_file;

/// How long a hook may take, unless the builder says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Functions of the application's that are asked while connecting.
#[derive(Clone)]
pub(crate) struct Hooks {
    pub(crate) credentials: Option<CredentialsHook>,
    pub(crate) endpoint: Option<EndpointHook>,
    #[cfg(feature = "tls")]
    pub(crate) identity: Option<IdentityHook>,
    /// Where the password stands, if in a file.
    pub(crate) password_file: Option<PathBuf>,
    /// Those of the settings.
    pub(crate) configured: Credentials,
    pub(crate) authenticator: Option<Arc<dyn Authenticator>>,
    pub(crate) timeout: Duration,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            credentials: None,
            endpoint: None,
            #[cfg(feature = "tls")]
            identity: None,
            password_file: None,
            configured: Credentials::default(),
            authenticator: None,
            timeout: TIMEOUT,
        }
    }
}

impl Hooks {
    /// From the hook, or from the server's URL; `None` leaves the configured ones.
    pub(crate) async fn credentials(
        &self,
        server: &Server,
        asking: &Asking,
    ) -> Result<Option<Credentials>, Failure> {
        let fail = |error| (TransportFailure::Credentials, TransportError::Credentials(error));
        let given = match &self.credentials {
            Some(hook) => {
                let given = self.answer(|| hook(), CredentialsError).await.map_err(fail)?;
                asking.note(&given);
                given
            }
            None => match self.of_settings(server).await.map_err(fail)? {
                Some(given) => {
                    // A file may say something new, as a hook may.
                    self.password_file.is_some().then(|| asking.note(&given));
                    given
                }
                None => return Ok(None),
            },
        };
        let username = given
            .username
            .map(Text::try_from)
            .transpose()
            .map_err(|error| fail(CredentialsError(format!("user name: {error}"))))?;
        let length = given.password.as_ref().map_or(0, |password| password.len());
        if length > usize::from(u16::MAX) {
            let text = format!("the password has {length} bytes, and MQTT takes 65535 at most");
            return Err(fail(CredentialsError(text)));
        }
        Ok(Some(Credentials { username, password: given.password }))
    }

    /// Where to go in place of this endpoint; the same without a hook.
    pub(crate) async fn endpoint(&self, endpoint: Endpoint) -> Result<Endpoint, Failure> {
        let Some(hook) = &self.endpoint else { return Ok(endpoint) };
        let fail = |error| (TransportFailure::Endpoint, TransportError::Endpoint(error));
        self.answer(|| hook(endpoint), EndpointError).await.map_err(fail)
    }

    /// The first data of enhanced authentication; `None` if there is none.
    pub(crate) fn first_data(&self) -> Result<Option<Bytes>, Failure> {
        let Some(authenticator) = &self.authenticator else { return Ok(None) };
        match guarded(|| authenticator.start()) {
            Ok(data) => Ok(Some(data)),
            Err(Panicked) => {
                let error = AuthenticatorError(PANICKED.to_owned());
                Err((TransportFailure::Authenticator, TransportError::Authenticator(error)))
            }
        }
    }

    /// What the authenticator says to a step of the server's.
    pub(crate) fn authenticate(&self, challenge: Challenge) -> Authenticating {
        let hooks = self.clone();
        Box::pin(async move {
            let Some(authenticator) = &hooks.authenticator else { return Ok(Some(Bytes::new())) };
            let Challenge { data, done } = challenge;
            let ask = || -> HookFuture<Result<Option<Bytes>, AuthenticatorError>> {
                if done {
                    let verdict = authenticator.finish(data);
                    return Box::pin(async { Ok(verdict.await.then(Bytes::new)) });
                }
                let answer = authenticator.respond(data);
                Box::pin(async { Ok(answer.await) })
            };
            hooks.answer(ask, AuthenticatorError).await
        })
    }

    /// Those of the server's URL, completed by those of the settings. The
    /// password file is read anew (R12). `None` leaves the configured ones.
    async fn of_settings(
        &self,
        server: &Server,
    ) -> Result<Option<crate::hooks::Credentials>, CredentialsError> {
        let url = server.url.as_ref();
        let username = url.and_then(ServerUrl::user_name).map(str::to_owned);
        let password = url.and_then(ServerUrl::password).map(Bytes::copy_from_slice);
        if username.is_none() && password.is_none() && self.password_file.is_none() {
            return Ok(None);
        }
        let configured = || self.configured.username.as_ref().map(|name| name.as_str().to_owned());
        let username = username.or_else(configured);
        let password = match (password, &self.password_file) {
            (Some(password), _) => Some(password),
            (None, Some(file)) => Some(password_file::read(file.clone()).await?),
            (None, None) => self.configured.password.clone(),
        };
        Ok(Some(crate::hooks::Credentials { username, password }))
    }

    /// The endpoint with the identity that a hook gives for it.
    #[cfg(feature = "tls")]
    pub(crate) async fn identified(&self, endpoint: Endpoint) -> Result<Endpoint, Failure> {
        let Some(hook) = &self.identity else { return Ok(endpoint) };
        if !endpoint.is_tls() {
            return Ok(endpoint);
        }
        let fail = |error| (TransportFailure::Credentials, TransportError::Credentials(error));
        let identity = self.answer(|| hook(), CredentialsError).await.map_err(fail)?;
        Ok(endpoint.with_tls_identity(identity))
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) async fn identified(&self, endpoint: Endpoint) -> Result<Endpoint, Failure> {
        Ok(endpoint)
    }

    async fn answer<T, E>(
        &self,
        ask: impl FnOnce() -> HookFuture<Result<T, E>>,
        error: impl FnOnce(String) -> E,
    ) -> Result<T, E> {
        let asked = async {
            match guarded(ask) {
                Ok(answer) => Guarded(answer).await,
                Err(Panicked) => Err(Panicked),
            }
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Panicked)) => Err(error(PANICKED.to_owned())),
            Err(_) => Err(error(format!("the hook gave no answer within {:?}", self.timeout))),
        }
    }
}

/// An answer of the authenticator's that is being waited for; `None` gives up.
pub(crate) type Authenticating = HookFuture<Result<Option<Bytes>, AuthenticatorError>>;

/// What a panic says may hold a secret, and it was printed already.
const PANICKED: &str = "the hook panicked";

/// The application's code has panicked.
pub(crate) struct Panicked;

/// Calls the application's code. Its panic is the end of its call alone.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Panicked)
}

/// A future of the application's. Its panic is the end of it alone.
struct Guarded<T>(HookFuture<T>);

impl<T> Future for Guarded<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match guarded(|| self.0.as_mut().poll(cx)) {
            Ok(polled) => polled.map(Ok),
            Err(Panicked) => Poll::Ready(Err(Panicked)),
        }
    }
}

/// Which hook is being asked, told across the task that asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking(Arc<Told>);

#[derive(Debug, Default)]
struct Told {
    asked: AtomicU8,
    /// Tells credentials apart without keeping them; 0 for none.
    fingerprint: AtomicU64,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Credentials = 0,
    Endpoint = 1,
    /// Nobody: the transport is being opened.
    Nobody = 2,
}

impl Asking {
    pub(crate) fn set(&self, asked: Asked) {
        self.0.asked.store(asked as u8, Ordering::Relaxed);
    }

    /// The credentials hook has answered.
    fn note(&self, given: &crate::hooks::Credentials) {
        // With a key of this process, so that nobody can look for what has a given fingerprint.
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        let fingerprint = KEY.hash_one((&given.username, &given.password)).max(1);
        self.0.fingerprint.store(fingerprint, Ordering::Relaxed);
    }

    /// What tells the credentials hook's answer from others, once it has answered.
    pub(crate) fn fingerprint(&self) -> Option<u64> {
        Some(self.0.fingerprint.load(Ordering::Relaxed)).filter(|fingerprint| *fingerprint != 0)
    }

    pub(crate) fn get(&self) -> Asked {
        match self.0.asked.load(Ordering::Relaxed) {
            0 => Asked::Credentials,
            1 => Asked::Endpoint,
            _ => Asked::Nobody,
        }
    }
}
