//! The way in to Azure IoT Hub by shared access signatures.
//!
//! [`Client::azure_iot_hub`] takes what a device's connection string has, and gives a
//! [`ClientBuilder`]. The password is a token that is signed anew for each attempt to connect.
//!
//! ```no_run
//! use evenkeel::Client;
//!
//! # async fn run(key: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Client::azure_iot_hub("my-hub.azure-devices.net", "pump-17", key)?;
//! let client = hub.builder().start()?;
//! client.try_online().await?;
//! client.publish("devices/pump-17/messages/events/", "4.2").await?;
//! # Ok(())
//! # }
//! ```

mod error;
mod sas;

use std::fmt;
use std::future::ready;
use std::time::SystemTime;

use evenkeel_codec::Version;

use crate::builder::ClientBuilder;
use crate::client::Client;
use crate::error::CredentialsError;
use crate::hooks::Credentials;
use crate::tls::TlsOptions;
use crate::url::Host;

pub use error::AzureError;
pub use sas::SasSigner;

/// What the user name says of the protocol between device and hub.
const API_VERSION: &str = "2021-04-12";
const LONGEST_NAME: usize = 128;

/// A device of an IoT hub, or a module of one. `Debug` does not show the key.
#[derive(Clone)]
#[must_use = "a client is made by its builder"]
pub struct AzureIotHub {
    hub: String,
    /// With the module behind a `/`.
    device: String,
    key: String,
    port: u16,
    tls: TlsOptions,
}

impl Client {
    /// Begins a client of Azure IoT Hub: the `HostName`, `DeviceId` and `SharedAccessKey` of a
    /// device's connection string; see [`azure`](crate::azure). A module is `device/module`.
    pub fn azure_iot_hub(hub: &str, device: &str, key: &str) -> Result<AzureIotHub, AzureError> {
        let hub = match Host::parse(hub) {
            Ok(Host::Name(name)) => name.to_ascii_lowercase(),
            _ => return Err(AzureError::Hub),
        };
        let mut names = device.split('/');
        let is_good = names.by_ref().take(2).all(is_name) && names.next().is_none();
        if !is_good {
            return Err(AzureError::Device);
        }
        // What is wrong with the key is told now.
        sas::key_bytes(key)?;
        let (device, key) = (device.to_owned(), key.to_owned());
        Ok(AzureIotHub { hub, device, key, port: 8883, tls: TlsOptions::new() })
    }
}

/// Names have ASCII characters, and stand in topics.
fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_graphic() && !b"+#".contains(&byte);
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_allowed)
}

impl AzureIotHub {
    /// The settings of TLS, such as the authority of an emulator.
    pub fn tls(mut self, options: TlsOptions) -> Self {
        self.tls = options;
        self
    }

    /// Another port than 8883.
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The client, by MQTT 3.1.1, the only version that IoT Hub has, under its profile. Client
    /// identifier, user name and password are set.
    pub fn builder(self) -> ClientBuilder {
        let Self { hub, device, key, port, tls } = self;
        let resource = format!("{hub}/devices/{}", device.replacen('/', "/modules/", 1));
        let username = format!("{hub}/{device}/?api-version={API_VERSION}");
        let options = tls.clone();
        let credentials = move || {
            let signer = SasSigner::with_tls(&resource, &key, &options);
            let token = signer.and_then(|signer| signer.token(SystemTime::now()));
            let credentials = token.map(|token| Credentials::new(username.clone(), token));
            ready(credentials.map_err(|error| CredentialsError(format!("{error:#}"))))
        };
        Client::builder(format!("mqtts://{hub}:{port}"))
            .version(Version::V311)
            .profile(evenkeel_profile::azure_iot_hub())
            .client_id(device)
            .tls(tls)
            .credentials(credentials)
            // The hub ends a connection whose token expires.
            .maximum_connection_age(sas::LIFETIME)
    }
}

impl fmt::Debug for AzureIotHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureIotHub")
            .field("hub", &self.hub)
            .field("device", &self.device)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn what_a_connection_string_has_is_checked() {
        let of = |hub: &str, device: &str| {
            Client::azure_iot_hub(hub, device, KEY).map(|hub| format!("{hub:?}"))
        };
        let hub = "my-hub.azure-devices.net";
        let longest = "d".repeat(LONGEST_NAME);
        for device in ["pump-17", "pump-17/module", "$a.b_c:d@e", &longest] {
            assert!(!of(hub, device).unwrap().contains("AAEC"));
        }
        for device in ["", "/", "a/", "/b", "a/b/c", "a b", "a+", "é", &format!("{longest}d")] {
            assert_eq!(of(hub, device), Err(AzureError::Device), "{device}");
        }
        for hub in ["", "mqtts://hub", "hub:8883", "hub/devices", "HostName=hub;", "::1"] {
            assert_eq!(of(hub, "pump-17"), Err(AzureError::Hub), "{hub}");
        }
        let error = Client::azure_iot_hub(hub, "pump-17", "s3cret").unwrap_err();
        assert_eq!(error, AzureError::Key);
    }
}
