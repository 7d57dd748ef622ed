//! What can be wrong with the settings of a device of Azure.

use std::fmt;

use crate::explain::{Below, explained_error};
use crate::tls::TlsConfigError;

/// Why there is no way in to Azure IoT Hub with these settings. Holds no part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AzureError {
    /// The hub is no host name.
    Hub,
    /// The device, or its module, has no name, or one with characters that none has.
    Device,
    /// The key is not in Base64, or empty.
    Key,
    /// This machine's clock is earlier than this program: it was never set.
    ClockNotSet,
    /// The settings of TLS have no cryptography to sign with.
    Tls(TlsConfigError),
}

explained_error!(AzureError);

impl AzureError {
    pub(crate) const fn below(&self) -> Below<'_> {
        match self {
            Self::Tls(error) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "the IoT hub is no host name",
            Self::Device => "the name of the device is none that an IoT hub has",
            Self::Key => "the shared access key is no key in Base64",
            Self::ClockNotSet => "the clock was never set",
            Self::Tls(_) => "there is no cryptography to sign with",
        })
    }

    /// Returns advice for the person who wrote the settings.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Hub => "write it like my-hub.azure-devices.net, without scheme, port and path",
            Self::Device => "write it like pump-17, or pump-17/module for a module",
            Self::Key => "take SharedAccessKey out of the device's connection string, all of it",
            Self::ClockNotSet => "set it: the hub takes no token that expired long ago",
            Self::Tls(_) => return None,
        })
    }
}
