//! Clients of AWS IoT Core.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use evenkeel_codec::Version;
use evenkeel_profile::Profile;

use super::sign::PATH;
use super::{AuthorizerForm, AuthorizerSource, AwsCredentials, AwsError, AwsIotEndpoint, Signer};
use crate::builder::ClientBuilder;
use crate::client::Client;
use crate::error::EndpointError;
use crate::tls::{TlsIdentity, TlsOptions};
use crate::transport::Endpoint;

/// Where MQTT over TLS is without ALPN.
const MQTT_PORT: u16 = 8883;
/// Where ALPN says what is spoken.
const HTTPS_PORT: u16 = 443;
/// How long AWS lets a connection live whose WebSocket was signed.
const SIGNED_AGE: Duration = Duration::from_secs(24 * 3600);
/// For connections that have no known end, whatever the profile says of signed ones.
const NO_END: Duration = Duration::ZERO;

/// The endpoint of an account, for which a way in is to be chosen.
///
/// Its settings come before the way in; those of the client follow. The client speaks MQTT 5 only
/// and keeps to the profile of AWS IoT Core, unless the builder says otherwise.
#[derive(Clone, Debug)]
#[must_use = "choose a way in"]
pub struct AwsIot {
    endpoint: AwsIotEndpoint,
    port: Option<u16>,
    tls: TlsOptions,
    profile: Profile,
}

impl Client {
    /// Begins a client of AWS IoT Core at this endpoint, such as
    /// `a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com`, or an [`AwsIotEndpoint`] under a domain
    /// of one's own; see [`aws`](crate::aws).
    pub fn aws_iot<E>(endpoint: E) -> Result<AwsIot, AwsError>
    where
        E: TryInto<AwsIotEndpoint>,
        AwsError: From<E::Error>,
    {
        Ok(AwsIot {
            endpoint: endpoint.try_into()?,
            port: None,
            tls: TlsOptions::new(),
            profile: evenkeel_profile::aws_iot_core(),
        })
    }
}

impl AwsIot {
    /// The settings of TLS, such as the authority of an emulator; the way in adds what it needs
    /// to them. A finished configuration ([`TlsOptions::from_rustls`]) must offer ALPN by itself.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = options;
        self
    }

    /// Another port than that of the way in. At 443 a [`certificate`](Self::certificate) gets
    /// through firewalls that let nothing else out.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Keeps to what AWS allows through the endpoint of a VPC, which cuts keep-alive to 230 s.
    pub fn vpc_endpoint(mut self) -> Self {
        self.profile = evenkeel_profile::aws_iot_core_vpc();
        self
    }

    /// By the device's own certificate: at port 8883, or at [another](Self::port) with ALPN
    /// `x-amzn-mqtt-ca`, as AWS wants it at 443.
    pub fn certificate(self, identity: TlsIdentity) -> ClientBuilder {
        let port = self.port.unwrap_or(MQTT_PORT);
        let tls = self.tls.clone().client_identity(identity.clone());
        let tls = if port == MQTT_PORT { tls } else { tls.alpn(["x-amzn-mqtt-ca"]) };
        let is_finished = tls.finished().is_some();
        let builder = self.builder("mqtts", port, "", tls).maximum_connection_age(NO_END);
        // A finished configuration takes an identity for an attempt only.
        if is_finished {
            builder.tls_identity(move || std::future::ready(Ok(identity.clone())))
        } else {
            builder
        }
    }

    /// By keys of AWS: over WebSocket, whose request is signed anew for each attempt
    /// (Signature Version 4). AWS ends such a connection after 24 hours; the client renews it
    /// 5 to 20 minutes before.
    pub fn signed(self, credentials: impl AwsCredentials) -> ClientBuilder {
        let sign = Arc::new(Signing {
            credentials: Box::new(credentials),
            region: self.endpoint.region().to_owned(),
            tls: self.tls.clone(),
        });
        self.websocket().maximum_connection_age(SIGNED_AGE).endpoint(move |endpoint| {
            let sign = sign.clone();
            async move { sign.endpoint(endpoint).await }
        })
    }

    /// By a custom authorizer, which is asked as this form says. The time after which it ends
    /// connections (`disconnectAfterInSeconds`) is to be given to the builder, as
    /// [`maximum_connection_age`](ClientBuilder::maximum_connection_age); unless it is, the
    /// client does not renew its connections.
    pub fn authorizer(
        self,
        form: AuthorizerForm,
        authorizer: impl AuthorizerSource,
    ) -> ClientBuilder {
        let source = Arc::new(authorizer);
        if form == AuthorizerForm::UserName {
            let (port, tls) = (self.port.unwrap_or(HTTPS_PORT), self.tls.clone().alpn(["mqtt"]));
            let builder = self.builder("mqtts", port, "", tls).maximum_connection_age(NO_END);
            return builder.credentials(move || {
                let asked = source.authorizer();
                async move { Ok(asked.await?.credentials()) }
            });
        }
        self.websocket().maximum_connection_age(NO_END).endpoint(move |endpoint| {
            let asked = source.authorizer();
            async move {
                let authorizer = asked.await.map_err(|error| EndpointError(error.0))?;
                if endpoint.is_websocket() {
                    authorizer.apply(form, endpoint)
                } else {
                    Ok(endpoint)
                }
            }
        })
    }

    fn websocket(self) -> ClientBuilder {
        let port = self.port.unwrap_or(HTTPS_PORT);
        let tls = self.tls.clone().alpn(["http/1.1"]);
        self.builder("wss", port, PATH, tls)
    }

    fn builder(self, scheme: &str, port: u16, path: &str, tls: TlsOptions) -> ClientBuilder {
        let url = format!("{scheme}://{}:{port}{path}", self.endpoint);
        Client::builder(url).version(Version::V5).profile(self.profile).tls(tls)
    }
}

/// What signs each attempt.
struct Signing {
    credentials: Box<dyn AwsCredentials>,
    region: String,
    tls: TlsOptions,
}

impl Signing {
    /// The endpoint with a signed query. One that the application added without WebSocket is left
    /// as it is.
    async fn endpoint(&self, endpoint: Endpoint) -> Result<Endpoint, EndpointError> {
        if !endpoint.is_websocket() {
            return Ok(endpoint);
        }
        let told = |error: &dyn std::fmt::Display| EndpointError(format!("{error:#}"));
        let signer = Signer::with_tls(&self.region, &self.tls).map_err(|error| told(&error))?;
        let keys = self.credentials.keys().await.map_err(|error| told(&error))?;
        let host = endpoint.http_authority();
        let target =
            signer.target(&keys, &host, SystemTime::now()).map_err(|error| told(&error))?;
        // What is signed is what is sent, whatever the settings of WebSocket say.
        Ok(endpoint.with_websocket(target).with_websocket_header("Host", host))
    }
}
