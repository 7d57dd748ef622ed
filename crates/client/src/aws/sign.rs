//! Signature Version 4 for MQTT over WebSocket.

use std::time::{Duration, SystemTime};

use super::endpoint::checked_region;
use super::time::Utc;
use super::{AwsCredentialsError, AwsError, AwsKeys};
use crate::encode::encode;
use crate::tls::{HmacSha256, TlsOptions};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "iotdevicegateway";
const SCOPE_END: &str = "aws4_request";
/// What AWS IoT Core serves MQTT at.
pub(super) const PATH: &str = "/mqtt";
/// The longest that AWS accepts: seven days.
const LONGEST_EXPIRY: u64 = 7 * 86_400;

/// Signs the request that opens a WebSocket to AWS IoT Core: credentials, region, host and the
/// present time make a URL that is good for some minutes.
///
/// [`AwsIot::signed`](super::AwsIot::signed) signs each attempt anew by itself; this is for
/// programs that need the URL.
///
/// ```
/// use std::time::SystemTime;
///
/// use evenkeel::aws::{AwsKeys, Signer};
///
/// let keys = AwsKeys::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// let host = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com";
/// let url = Signer::new("us-east-1")?.url(&keys, host, SystemTime::now())?;
/// assert!(url.starts_with(&format!("wss://{host}/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    region: String,
    expires: Option<u64>,
    hmac: HmacSha256,
}

impl Signer {
    /// Signs for this region, by the cryptography built in.
    pub fn new(region: &str) -> Result<Self, AwsError> {
        Self::with_tls(region, &TlsOptions::new())
    }

    /// Signs for this region, by the cryptography of these settings.
    pub fn with_tls(region: &str, options: &TlsOptions) -> Result<Self, AwsError> {
        let region = checked_region(region)?;
        let hmac = HmacSha256::of(options).map_err(AwsError::Tls)?;
        Ok(Self { region, expires: None, hmac })
    }

    /// Says for how long a signature is good, in whole seconds from 1 s to 7 days. Unless set,
    /// nothing is said, as AWS's own SDKs do, and AWS allows for some minutes.
    pub fn expires(mut self, expires: Duration) -> Result<Self, AwsError> {
        let seconds = expires.as_secs();
        if !(1..=LONGEST_EXPIRY).contains(&seconds) {
            return Err(AwsError::Expiry { seconds });
        }
        self.expires = Some(seconds);
        Ok(self)
    }

    /// The signed URL for this host, which may have a port behind it, at this time.
    ///
    /// Reads no clock. Fails if the keys have expired by then, are no keys, or if the time is
    /// that of a clock which was never set.
    pub fn url(
        &self,
        keys: &AwsKeys,
        host: &str,
        now: SystemTime,
    ) -> Result<String, AwsCredentialsError> {
        Ok(format!("wss://{host}{}", self.target(keys, host, now)?))
    }

    /// Path and query of that URL.
    pub(super) fn target(
        &self,
        keys: &AwsKeys,
        host: &str,
        now: SystemTime,
    ) -> Result<String, AwsCredentialsError> {
        keys.check(now)?;
        let now = Utc::of(now);
        let scope = format!("{}/{}/{SERVICE}/{SCOPE_END}", now.day(), self.region);
        let query = self.query(&keys.access_key_id, &scope, now);
        let canonical = hex(&self.hmac.hash(self.canonical_request(&query, host).as_bytes()));
        let text = format!("{ALGORITHM}\n{}\n{scope}\n{canonical}", now.stamp());
        let key = self.signing_key(&keys.secret_access_key, now);
        let signature = hex(&self.hmac.sign(&key, text.as_bytes()));
        let mut target = format!("{PATH}?{query}&X-Amz-Signature={signature}");
        if let Some(token) = &keys.session_token {
            // This service wants it behind the signature, and not signed.
            target.push_str("&X-Amz-Security-Token=");
            target.push_str(&encode(token));
        }
        Ok(target)
    }

    /// What is signed of the query, sorted by name.
    fn query(&self, access_key_id: &str, scope: &str, now: Utc) -> String {
        let credential = encode(&format!("{access_key_id}/{scope}"));
        let expires = self.expires.map(|seconds| format!("&X-Amz-Expires={seconds}"));
        format!(
            "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={credential}&X-Amz-Date={}{}\
             &X-Amz-SignedHeaders=host",
            now.stamp(),
            expires.unwrap_or_default()
        )
    }

    fn canonical_request(&self, query: &str, host: &str) -> String {
        let no_payload = hex(&self.hmac.hash(b""));
        format!("GET\n{PATH}\n{query}\nhost:{host}\n\nhost\n{no_payload}")
    }

    fn signing_key(&self, secret: &str, now: Utc) -> Vec<u8> {
        let first = format!("AWS4{secret}").into_bytes();
        let parts = [now.day(), self.region.clone(), SERVICE.to_owned(), SCOPE_END.to_owned()];
        parts.iter().fold(first, |key, part| self.hmac.sign(&key, part.as_bytes()))
    }
}

/// Bytes in small hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
mod tests {
    use super::*;
    use crate::aws::time::parse;

    const ID: &str = "AKIDEXAMPLE";
    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    const HOST: &str = "a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com";
    const NOON: &str = "2026-11-29T12:00:00Z";

    fn at(text: &str) -> SystemTime {
        parse(text).unwrap()
    }

    fn keys() -> AwsKeys {
        AwsKeys::new(ID, SECRET)
    }

    fn signer() -> Signer {
        Signer::new("us-east-1").unwrap()
    }

    /// The signature in a URL.
    fn signature(url: &str) -> &str {
        url.split("X-Amz-Signature=").nth(1).unwrap().split('&').next().unwrap()
    }

    fn signed(signer: &Signer, host: &str, now: &str) -> String {
        signature(&signer.url(&keys(), host, at(now)).unwrap()).to_owned()
    }

    fn canonical(signer: &Signer) -> String {
        let now = Utc::of(at(NOON));
        let query = signer.query(ID, "20261129/us-east-1/iotdevicegateway/aws4_request", now);
        hex(&signer.hmac.hash(signer.canonical_request(&query, HOST).as_bytes()))
    }

    /// Made with awscrt 0.36.1 and AWSIoTPythonSDK 1.6.2, AWS's own signers.
    #[test]
    fn signs_as_aws_does() {
        let plain = signer();
        let expected = "45eea167bfc1953374aa3411fed9b6811b7bd62127a68c11cc259ddafe031edf";
        assert_eq!(canonical(&plain), expected);
        let expected = "1eaa2cf4a7ea58729083490a310d4130b42d4bfea3f4d759941ab40e30538afa";
        assert_eq!(signed(&plain, HOST, NOON), expected);

        let for_a_day = signer().expires(Duration::from_secs(86_400)).unwrap();
        let expected = "b3ae37613a1a31ae57374ca65da52336316f098924fc1f49ee9766b4cf00317b";
        assert_eq!(canonical(&for_a_day), expected);
        let expected = "b73404710a18092eab53a2ef894cf7d37951413a8abdab5454cdbb5bcc153391";
        assert_eq!(signed(&for_a_day, HOST, NOON), expected);
    }

    #[test]
    fn the_url_has_all_in_its_order() {
        let url = signer().url(&keys(), HOST, at(NOON)).unwrap();
        let expected = format!(
            "wss://{HOST}/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
             &X-Amz-Credential=AKIDEXAMPLE%2F20261129%2Fus-east-1%2Fiotdevicegateway%2Faws4_request\
             &X-Amz-Date=20261129T120000Z&X-Amz-SignedHeaders=host\
             &X-Amz-Signature=1eaa2cf4a7ea58729083490a310d4130b42d4bfea3f4d759941ab40e30538afa"
        );
        assert_eq!(url, expected);
        assert!(crate::url::ServerUrl::parse(&url).is_ok());
    }

    /// The token of the same vector: it changes no signature, and is escaped.
    #[test]
    fn a_session_token_stands_behind_the_signature_and_is_not_signed() {
        let without = signer().url(&keys(), HOST, at(NOON)).unwrap();
        for (token, escaped) in [
            (
                "AQoDYXdzEJr//////////wEa+test/token==",
                "AQoDYXdzEJr%2F%2F%2F%2F%2F%2F%2F%2F%2F%2FwEa%2Btest%2Ftoken%3D%3D",
            ),
            ("plain-._~Token0", "plain-._~Token0"),
            ("a%2Bb", "a%252Bb"),
        ] {
            let with = keys().session_token(token);
            let url = signer().url(&with, HOST, at(NOON)).unwrap();
            assert_eq!(url, format!("{without}&X-Amz-Security-Token={escaped}"));
        }
    }

    /// Made with botocore 1.43.11.
    #[test]
    fn the_day_of_the_key_turns_at_midnight() {
        let host = "a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com";
        for (now, seconds, expected) in [
            (
                "2026-11-29T23:59:59Z",
                1,
                "4325076e58fa7a9ccdc30742008ec4f4bad35c4322201f333efb02e8c5939513",
            ),
            (
                "2026-11-29T23:59:59Z",
                604_800,
                "726ef3ad1ba6be74f0cffd4d8cd0fbf71eb4372ab5f884126b2271cef9597526",
            ),
            (
                "2026-11-30T00:00:00Z",
                1,
                "de3851f996c25c0323aa75390a21bcf59ff5fdc7e69f938a5ac8b3d001b2695d",
            ),
            (
                "2028-02-29T12:00:00Z",
                604_800,
                "bac2f23da3c33a4cf0501245468d298dd7d81f671a119447fdf7957501ba8aa4",
            ),
        ] {
            let signer = Signer::new("eu-west-1").unwrap();
            let signer = signer.expires(Duration::from_secs(seconds)).unwrap();
            assert_eq!(signed(&signer, host, now), expected, "{now}");
            let url = signer.url(&keys(), host, at(now)).unwrap();
            let day = now[..10].replace('-', "");
            assert!(url.contains(&format!("AKIDEXAMPLE%2F{day}%2Feu-west-1")), "{url}");
        }
    }

    /// Made with botocore 1.43.11: what is signed is what the `Host` header will say.
    #[test]
    fn a_port_is_part_of_the_host() {
        let signer = signer().expires(Duration::from_secs(86_400)).unwrap();
        let expected = "78007088c33c9897259cc5aa39e639ab98b44c395901ef7f92534457e7070702";
        assert_eq!(signed(&signer, "localhost:28993", NOON), expected);
    }

    /// Made with Python's hmac. The key is "AWS4" and the secret: 64 and 65 bytes.
    #[test]
    fn a_secret_may_be_longer_than_a_block_of_the_hash() {
        for (length, expected) in [
            (60, "51e85df8f4eb7198b4f8323a9b57829b0886861688caa8fb9bd1f0ffed81078d"),
            (61, "c9e9982befc2d5b91d0fa0563f31b8c7dd6a6e3002233282567608460b1f2a8a"),
        ] {
            let keys = AwsKeys::new(ID, "k".repeat(length));
            let url = signer().url(&keys, HOST, at(NOON)).unwrap();
            assert_eq!(signature(&url), expected, "{length}");
        }
    }

    #[test]
    fn a_signature_is_good_for_one_second_to_seven_days() {
        for (seconds, is_allowed) in [(0, false), (1, true), (604_800, true), (604_801, false)] {
            let made = signer().expires(Duration::from_secs(seconds));
            assert_eq!(made.is_ok(), is_allowed, "{seconds}");
            if let Err(error) = made {
                assert_eq!(error, AwsError::Expiry { seconds });
            }
        }
        assert_eq!(Signer::new("nowhere").unwrap_err(), AwsError::Region);
    }

    #[test]
    fn keys_that_have_expired_sign_nothing() {
        let until = |text| keys().expires_at(at(text));
        let sign = |keys: &AwsKeys| signer().url(keys, HOST, at(NOON));
        assert!(sign(&until("2026-11-29T12:00:01Z")).is_ok());
        let expired = until(NOON);
        let error = sign(&expired).unwrap_err();
        assert_eq!(error, AwsCredentialsError::Expired { at: at(NOON), now: at(NOON) });
        assert!(error.hint().unwrap().contains("clock"));
    }

    #[test]
    fn a_clock_that_was_never_set_signs_nothing() {
        for (now, is_allowed) in [
            ("1970-01-01T00:00:00Z", false),
            ("2025-12-31T23:59:59Z", false),
            ("2026-01-01T00:00:00Z", true),
        ] {
            let signed = signer().url(&keys(), HOST, at(now));
            assert_eq!(signed.is_ok(), is_allowed, "{now}");
            if let Err(error) = signed {
                assert_eq!(error, AwsCredentialsError::ClockNotSet { now: at(now) });
                assert!(error.to_string().contains(now), "{error}");
            }
        }
    }

    #[test]
    fn keys_that_are_none_sign_nothing() {
        for (keys, field) in [
            (AwsKeys::new("", SECRET), "access key id"),
            (AwsKeys::new(ID, ""), "secret access key"),
            (AwsKeys::new(ID, "se cret"), "secret access key"),
            (AwsKeys::new(ID, "secret\n"), "secret access key"),
            (AwsKeys::new(ID, "sécret"), "secret access key"),
            (AwsKeys::new(ID, SECRET).session_token(""), "session token"),
        ] {
            let error = signer().url(&keys, HOST, at(NOON)).unwrap_err();
            assert_eq!(error, AwsCredentialsError::Invalid { field });
            let shown = format!("{error} {error:?} {keys:?}");
            assert!(!shown.contains("cret\n") && !shown.contains("se cret"), "{shown}");
        }
    }
}
