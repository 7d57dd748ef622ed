//! What custom authorizers want to see.

use std::fmt;
use std::future::{Future, ready};

use bytes::Bytes;

use super::sign::PATH;
use crate::arguments::IntoBytes;
use crate::encode::encode;
use crate::error::{CredentialsError, EndpointError};
use crate::hooks::{Credentials, HookFuture};
use crate::transport::Endpoint;

const NAME: &str = "x-amz-customauthorizer-name";
const SIGNATURE: &str = "x-amz-customauthorizer-signature";

/// What a custom authorizer of AWS IoT Core is asked with: its name, a token with its signature,
/// and user name and password of MQTT. `Debug` shows nothing of it.
///
/// ```
/// use evenkeel::Client;
/// use evenkeel::aws::{AuthorizerForm, CustomAuthorizer};
///
/// # fn run(token: String, signature: String) -> Result<(), Box<dyn std::error::Error>> {
/// let authorizer = CustomAuthorizer::named("Fleet").token("fleet-token", token, signature);
/// let builder = Client::aws_iot("a1b2-ats.iot.eu-west-1.amazonaws.com")?
///     .authorizer(AuthorizerForm::UserName, authorizer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct CustomAuthorizer {
    name: Option<String>,
    /// Name and value.
    token: Option<(String, String)>,
    signature: Option<String>,
    username: Option<String>,
    password: Option<Bytes>,
}

/// How name, token and signature reach AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthorizerForm {
    /// In the user name of MQTT, as the query behind it; by TLS, with ALPN `mqtt`.
    UserName,
    /// In headers of the WebSocket request.
    Headers,
    /// In the query of the WebSocket request.
    Query,
}

impl CustomAuthorizer {
    /// The endpoint's default authorizer, which needs no name.
    pub fn new() -> Self {
        Self::default()
    }

    /// The authorizer of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// A token under the authorizer's key for tokens (`tokenKeyName`), with its signature in
    /// Base64, percent-encoded or not.
    #[must_use]
    pub fn token(
        self,
        key: impl Into<String>,
        value: impl Into<String>,
        signature: impl Into<String>,
    ) -> Self {
        let signature = signature.into();
        // Base64 has no '%': with one, its three special characters were escaped.
        let escapes =
            [("%2B", "+"), ("%2b", "+"), ("%2F", "/"), ("%2f", "/"), ("%3D", "="), ("%3d", "=")];
        let unescaped = |text: String, (escape, plain): (&str, &str)| text.replace(escape, plain);
        let signature = Some(escapes.into_iter().fold(signature, unescaped));
        Self { signature, ..self.unsigned_token(key, value) }
    }

    /// A token for an authorizer that wants no signature.
    #[must_use]
    pub fn unsigned_token(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.token = Some((key.into(), value.into()));
        self
    }

    /// The user name of MQTT, before the query; only in [`AuthorizerForm::UserName`]. With
    /// another form, [`ClientBuilder::username`](crate::ClientBuilder::username) has it.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The password of MQTT; only in [`AuthorizerForm::UserName`].
    #[must_use]
    pub fn password(mut self, password: impl IntoBytes) -> Self {
        self.password = Some(password.into_bytes());
        self
    }

    /// What is told, in the order in which AWS's SDKs tell it.
    fn pairs(&self) -> Vec<(&str, &str)> {
        let token = self.token.as_ref().map(|(key, value)| (key.as_str(), value.as_str()));
        let name = self.name.as_deref().map(|name| (NAME, name));
        let signature = self.signature.as_deref().map(|signature| (SIGNATURE, signature));
        [name, signature, token].into_iter().flatten().collect()
    }

    /// Empty, or with the `?` before it.
    fn query(&self) -> String {
        let pair = |(key, value): (&str, &str)| format!("{}={}", encode(key), encode(value));
        let pairs: Vec<String> = self.pairs().into_iter().map(pair).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }

    pub(super) fn credentials(self) -> Credentials {
        let username = self.username.clone().unwrap_or_default() + &self.query();
        let username = Some(username).filter(|username| !username.is_empty());
        Credentials { username, password: self.password }
    }

    /// The endpoint with what this form has of it.
    pub(super) fn apply(
        &self,
        form: AuthorizerForm,
        endpoint: Endpoint,
    ) -> Result<Endpoint, EndpointError> {
        if self.username.is_some() || self.password.is_some() {
            let text = "user name and password of the custom authorizer would not be sent; \
                        set them with ClientBuilder::username and password";
            return Err(EndpointError(text.to_owned()));
        }
        if form == AuthorizerForm::Query {
            return Ok(endpoint.with_websocket(format!("{PATH}{}", self.query())));
        }
        let with = |endpoint: Endpoint, (key, value)| endpoint.with_websocket_header(key, value);
        Ok(self.pairs().into_iter().fold(endpoint, with))
    }
}

impl fmt::Debug for CustomAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomAuthorizer").finish_non_exhaustive()
    }
}

/// Says what a custom authorizer is asked with, before every attempt to connect, within the time
/// of [`hook_timeout`](crate::ClientBuilder::hook_timeout): a [`CustomAuthorizer`] that stays the
/// same, or a function that returns a future of one, as for tokens that expire.
pub trait AuthorizerSource: Send + Sync + 'static {
    /// What one attempt asks with.
    fn authorizer(&self) -> HookFuture<Result<CustomAuthorizer, CredentialsError>>;
}

impl AuthorizerSource for CustomAuthorizer {
    fn authorizer(&self) -> HookFuture<Result<CustomAuthorizer, CredentialsError>> {
        Box::pin(ready(Ok(self.clone())))
    }
}

impl<F, Answer> AuthorizerSource for F
where
    F: Fn() -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Result<CustomAuthorizer, CredentialsError>> + Send + 'static,
{
    fn authorizer(&self) -> HookFuture<Result<CustomAuthorizer, CredentialsError>> {
        Box::pin(self())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn username(authorizer: CustomAuthorizer) -> Option<String> {
        authorizer.credentials().username
    }

    /// As AWS's SDK for Python sends it, except for the `/`, which that leaves as it is.
    #[test]
    fn the_user_name_has_a_query() {
        let signed = |signature| CustomAuthorizer::named("MyAuth").token("tok", "val", signature);
        let expected = "user1?x-amz-customauthorizer-name=MyAuth\
                        &x-amz-customauthorizer-signature=sig%2B%2F%3D&tok=val";
        for signature in ["sig+/=", "sig%2B%2F%3D", "sig%2b/%3d"] {
            assert_eq!(username(signed(signature).username("user1")).as_deref(), Some(expected));
        }
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let named = CustomAuthorizer::named("My Auth");
        let expected = "?x-amz-customauthorizer-name=My%20Auth";
        assert_eq!(username(named).as_deref(), Some(expected));
        let token = CustomAuthorizer::new().unsigned_token("t", "a+b/c=&d");
        assert_eq!(username(token).as_deref(), Some("?t=a%2Bb%2Fc%3D%26d"));
        let plain = CustomAuthorizer::new().username("u").password("p").credentials();
        assert_eq!((plain.username.as_deref(), plain.password), (Some("u"), Some("p".into())));
        assert_eq!(username(CustomAuthorizer::new()), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let all = CustomAuthorizer::named("n").token("k", "s3cret", "s3cret").password("s3cret");
        assert!(!format!("{all:?}").contains("s3cret"));
    }
}
