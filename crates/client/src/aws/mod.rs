//! Ways in to AWS IoT Core.
//!
//! [`Client::aws_iot`](crate::Client::aws_iot) begins with the endpoint of an account and has a method for each way in.
//! All speak MQTT 5 under the profile of AWS IoT Core, verify the server's certificate, and give
//! a [`ClientBuilder`](crate::ClientBuilder) for everything else:
//!
//! | way in | port | by |
//! |---|---|---|
//! | client certificate | 8883, or 443 with ALPN | [`AwsIot::certificate`] |
//! | signed WebSocket (SigV4) | 443 | [`AwsIot::signed`] |
//! | custom authorizer | 443 | [`AwsIot::authorizer`] |
//!
//! ```no_run
//! use evenkeel::Client;
//! use evenkeel::tls::TlsIdentity;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::aws_iot("a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com")?
//!     .certificate(TlsIdentity::from_files("device.crt", "device.key"))
//!     .client_id("pump-17")
//!     .start()?;
//! client.try_online().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Fleet provisioning
//!
//! A device that has only the certificate of its fleet gets one of its own by
//! [`FleetProvisioning`].
//!
//! # Credentials
//!
//! Signing needs [`AwsCredentials`], which are asked before every attempt: fixed ones
//! ([`AwsKeys`]), those of the [`Environment`], of a [`SharedProfile`], of a
//! [`CredentialProcess`], the first of these that there are ([`DefaultSources`]), or a function of
//! the application's own. Single sign-on and roles come through the AWS command line, as a
//! profile with
//! `credential_process = aws configure export-credentials --profile NAME --format process`.
//!
//! No secret is shown by `Debug` or `Display`, logged, or part of an error.

mod authorizer;
mod credentials;
mod endpoint;
mod error;
mod iot;
mod provisioning;
mod sign;
mod time;

pub use authorizer::{AuthorizerForm, AuthorizerSource, CustomAuthorizer};
pub use credentials::{
    AwsCredentials, AwsCredentialsError, AwsKeys, CredentialProcess, DefaultSources, Environment,
    ProcessError, SharedProfile,
};
pub use endpoint::AwsIotEndpoint;
pub use error::AwsError;
pub use iot::AwsIot;
pub use provisioning::{
    FleetProvisioning, IssuedCertificate, ProvisionedThing, ProvisioningError, ProvisioningStep,
};
pub use sign::Signer;
