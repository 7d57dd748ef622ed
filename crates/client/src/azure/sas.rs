//! Shared access signatures.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::AzureError;
use crate::base64;
use crate::clock;
use crate::encode::encode;
use crate::tls::{HmacSha256, TlsOptions};

/// How long a token is good unless set otherwise.
pub(super) const LIFETIME: Duration = Duration::from_secs(3600);

/// A token for a device of Azure IoT Hub, made of its key; good for an hour unless set
/// otherwise.
///
/// [`Client::azure_iot_hub`](crate::Client::azure_iot_hub) makes one for each attempt by itself;
/// this is for programs that need the token. `Debug` does not show the key.
#[derive(Clone)]
pub struct SasSigner {
    /// Percent-encoded.
    resource: String,
    key: Vec<u8>,
    lifetime: Duration,
    hmac: HmacSha256,
}

impl SasSigner {
    /// Signs for a resource such as `my-hub.azure-devices.net/devices/pump-17` by a key in
    /// Base64.
    pub fn new(resource: &str, key: &str) -> Result<Self, AzureError> {
        Self::with_tls(resource, key, &TlsOptions::new())
    }

    /// The same by the cryptography of these settings.
    pub fn with_tls(resource: &str, key: &str, options: &TlsOptions) -> Result<Self, AzureError> {
        let key = key_bytes(key)?;
        let hmac = HmacSha256::of(options).map_err(AzureError::Tls)?;
        Ok(Self { resource: encode(resource), key, lifetime: LIFETIME, hmac })
    }

    /// How long a token is good, in whole seconds. The hub ends a connection whose token has
    /// expired; the client opens another with a new one.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The token at this time. Reads no clock; fails if the time is that of one which was never
    /// set.
    pub fn token(&self, now: SystemTime) -> Result<String, AzureError> {
        if !clock::was_set(now) {
            return Err(AzureError::ClockNotSet);
        }
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let expiry = now.saturating_add(self.lifetime.as_secs());
        let text = format!("{}\n{expiry}", self.resource);
        let signature = base64::encode(&self.hmac.sign(&self.key, text.as_bytes()));
        let (resource, signature) = (&self.resource, encode(&signature));
        Ok(format!("SharedAccessSignature sr={resource}&sig={signature}&se={expiry}"))
    }
}

/// The key in Base64, as Azure shows it.
pub(super) fn key_bytes(key: &str) -> Result<Vec<u8>, AzureError> {
    base64::decode(key).filter(|key| !key.is_empty()).ok_or(AzureError::Key)
}

impl fmt::Debug for SasSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SasSigner")
            .field("resource", &self.resource)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests {
    use super::*;

    /// The bytes 0 to 31.
    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const DEVICE: &str = "hub.azure-devices.net/devices/pump-17";

    /// Made with Python's hmac, base64 and urllib, as Azure's documentation says.
    #[test]
    fn signs_as_azure_says() {
        for (resource, now, expected) in [
            (
                DEVICE,
                1_795_953_600,
                "SharedAccessSignature sr=hub.azure-devices.net%2Fdevices%2Fpump-17\
                 &sig=BSMnpzyWJfEFY7TLGH7R6te8Q%2BUhQ5INdsyrPbKh%2FZk%3D&se=1795957200",
            ),
            (
                DEVICE,
                1_795_953_601,
                "SharedAccessSignature sr=hub.azure-devices.net%2Fdevices%2Fpump-17\
                 &sig=qa8Qw3jj7E68SLeHhJaW8hvE4h%2FWKXp389Iv8fnUrSc%3D&se=1795957201",
            ),
            (
                "hub.azure-devices.net/devices/pump-17/modules/m 1",
                1_795_953_600,
                "SharedAccessSignature \
                 sr=hub.azure-devices.net%2Fdevices%2Fpump-17%2Fmodules%2Fm%201\
                 &sig=d9mhCYUYSncNcS%2FdA4%2F4f%2FmOj3RrJOgqi3wfv9%2BEeAQ%3D&se=1795957200",
            ),
        ] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
            assert_eq!(SasSigner::new(resource, KEY).unwrap().token(now).unwrap(), expected);
        }
    }

    #[test]
    fn a_token_is_good_as_long_as_is_said() {
        let signer = SasSigner::new(DEVICE, KEY).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_957_140);
        let hour = signer.token(now - Duration::from_secs(3540));
        let minute = signer.lifetime(Duration::from_secs(60)).token(now);
        assert_eq!(minute, hour, "both end at the same time");
        assert!(minute.is_ok());
    }

    #[test]
    fn a_clock_that_was_never_set_makes_no_token() {
        let signer = SasSigner::new(DEVICE, KEY).unwrap();
        let token = |seconds| signer.token(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(token(1_767_225_599), Err(AzureError::ClockNotSet));
        assert!(token(1_767_225_600).is_ok());
    }

    #[test]
    fn what_is_no_key_is_not_shown() {
        for key in ["", "s3cret", "s3cret=", "s3 cret="] {
            let error = SasSigner::new(DEVICE, key).unwrap_err();
            assert_eq!(error, AzureError::Key);
            assert!(!format!("{error} {error:?}").contains("cret"), "{error}");
        }
        let shown = format!("{:?}", SasSigner::new(DEVICE, KEY).unwrap());
        assert!(!shown.contains("AAEC") && !shown.contains("0, 1, 2"), "{shown}");
    }
}
