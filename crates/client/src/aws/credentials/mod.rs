//! Credentials of AWS, and where they come from.

mod environment;
mod error;
mod ini;
mod process;
mod profile;

use std::ffi::OsString;
use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::SystemTime;

use crate::clock;
use crate::hooks::HookFuture;

pub use environment::{DefaultSources, Environment};
pub use error::{AwsCredentialsError, ProcessError};
pub use process::CredentialProcess;
pub use profile::SharedProfile;

/// Gives the keys that requests are signed with.
///
/// Asked before every attempt to connect, within the time of
/// [`hook_timeout`](crate::ClientBuilder::hook_timeout). It fails like any hook: the client tries
/// again. A function that returns a future of keys is one, too:
///
/// ```
/// use evenkeel::Client;
/// use evenkeel::aws::{AwsCredentialsError, AwsKeys};
///
/// # async fn fetch() -> Result<(String, String), AwsCredentialsError> {
/// #     Ok((String::new(), String::new()))
/// # }
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let vault = || async {
///     let (id, secret) = fetch().await?;
///     Ok(AwsKeys::new(id, secret))
/// };
/// let builder = Client::aws_iot("a1b2-ats.iot.eu-west-1.amazonaws.com")?.signed(vault);
/// # Ok(())
/// # }
/// ```
pub trait AwsCredentials: Send + Sync + 'static {
    /// The keys for one attempt.
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>>;
}

impl<F, Answer> AwsCredentials for F
where
    F: Fn() -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<AwsKeys, AwsCredentialsError>> + Send + 'static,
{
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        Box::pin(self())
    }
}

/// An access key of AWS: long-lived, or temporary with a session token. As
/// [`AwsCredentials`] it is always the same. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AwsKeys {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
    expires_at: Option<SystemTime>,
}

impl AwsKeys {
    /// An access key that does not expire.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: impl Into<String>) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            secret_access_key: secret_access_key.into(),
            session_token: None,
            expires_at: None,
        }
    }

    /// The session token that belongs to a temporary key.
    #[must_use]
    pub fn session_token(mut self, token: impl Into<String>) -> Self {
        self.session_token = Some(token.into());
        self
    }

    /// When a temporary key ends: nothing is signed from then on.
    #[must_use]
    pub const fn expires_at(mut self, at: SystemTime) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Whether a request can be signed with it at this time.
    pub(super) fn check(&self, now: SystemTime) -> Result<(), AwsCredentialsError> {
        let fields = [
            ("access key id", Some(&self.access_key_id)),
            ("secret access key", Some(&self.secret_access_key)),
            ("session token", self.session_token.as_ref()),
        ];
        let is_text =
            |text: &&String| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_wrong = |value: &Option<&String>| value.is_some_and(|text| !is_text(&text));
        if let Some((field, _)) = fields.iter().find(|(_, value)| is_wrong(value)) {
            return Err(AwsCredentialsError::Invalid { field });
        }
        if !clock::was_set(now) {
            return Err(AwsCredentialsError::ClockNotSet { now });
        }
        match self.expires_at {
            Some(at) if at <= now => Err(AwsCredentialsError::Expired { at, now }),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for AwsKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKeys").finish_non_exhaustive()
    }
}

impl AwsCredentials for AwsKeys {
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        Box::pin(ready(Ok(self.clone())))
    }
}

/// Looks up an environment variable; tests have variables of their own.
#[derive(Clone)]
struct Variables(Arc<LookUp>);

type LookUp = dyn Fn(&str) -> Option<OsString> + Send + Sync;

impl Variables {
    /// An empty one counts as none, as AWS's tools have it.
    fn get(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, AwsCredentialsError> {
        let text = |value: OsString| {
            value.into_string().map_err(|_| AwsCredentialsError::Invalid { field: name })
        };
        self.get(name).map(text).transpose()
    }
}

impl Default for Variables {
    fn default() -> Self {
        Self(Arc::new(|name| std::env::var_os(name)))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

/// Does what blocks, such as reading files, beside the task that waits for it.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AwsCredentialsError> + Send + 'static,
) -> Result<T, AwsCredentialsError> {
    let interrupted = || AwsCredentialsError::Other("reading was interrupted".to_owned());
    // Fails only if the runtime is going away.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(interrupted()))
}

#[cfg(test)]
impl Variables {
    fn of(values: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), OsString::from(value));
        let values: std::collections::BTreeMap<String, OsString> =
            values.iter().map(owned).collect();
        Self(Arc::new(move |name| values.get(name).cloned()))
    }
}
