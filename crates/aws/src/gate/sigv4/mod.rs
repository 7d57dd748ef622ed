//! Signatures of AWS (Signature Version 4) in the query of a request or in its header,
//! verified.
//!
//! Written from AWS's description of what is signed, and from signatures of its
//! own SDKs; it shares nothing with the client that makes them.

mod canonical;
mod error;
mod header;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::query::Query;
use super::request::Request;
use canonical::Canonical;

pub use error::{Guess, SignatureError};
pub(super) use header::has_authorization;

type HmacSha256 = Hmac<Sha256>;

/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What ends every scope.
const SCOPE_END: &str = "aws4_request";
/// How far a clock may be wrong, and how long a signature without
/// `X-Amz-Expires` is good.
pub const CLOCK_SKEW: Duration = Duration::from_secs(300);
/// The longest time that a signature may be good.
pub const LONGEST: Duration = Duration::from_secs(604_800);

/// The secret of an access key, and what the key may do.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The secret.
    pub secret: String,
    /// The token that temporary keys need.
    pub session_token: Option<String>,
    /// When it ends, as time since the beginning of 1970.
    pub expires: Option<Duration>,
    /// Whose it is, as lifecycle events name it.
    pub principal: String,
    /// The names of its policies.
    pub policies: Vec<String>,
}

impl fmt::Debug for AccessKey {
    /// Shows neither secret nor token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey")
            .field("principal", &self.principal)
            .field("policies", &self.policies)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Whom signatures are for, and the keys that make them.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    /// The region of this endpoint.
    pub region: String,
    /// The service, `iotdevicegateway` for MQTT.
    pub service: String,
    /// The keys by their identifiers.
    pub keys: BTreeMap<String, AccessKey>,
}

/// What a signature is made of, besides the request.
struct Signed {
    key_id: String,
    date: String,
    time: String,
    service: String,
    headers: Vec<String>,
    signature: [u8; 32],
    token: Option<String>,
    expires: Option<Duration>,
}

/// True if the query of a target carries a signature, good or bad.
pub(super) fn is_signed(request: &Request<'_>) -> bool {
    let names = ["X-Amz-Algorithm=", "X-Amz-Credential=", "X-Amz-Signature="];
    let mut parts = request.query().split('&');
    parts.any(|part| names.iter().any(|name| part.starts_with(name)))
}

impl Verifier {
    /// The key that has signed the request.
    ///
    /// `unix` is the time since the beginning of 1970.
    pub fn verify(
        &self,
        request: &Request<'_>,
        unix: Duration,
    ) -> Result<&AccessKey, SignatureError> {
        let query = Query::parse(request.query()).map_err(SignatureError::Query)?;
        let signed = self.read(&query)?;
        let payload = canonical::EMPTY;
        let canonical = Canonical { request, query: &query, headers: &signed.headers, payload };
        // The token of `iotdevicegateway` is not signed.
        self.judge(&canonical, &signed, false, unix)
    }

    /// The key that has made the signature; `with_token` if the token of the query is
    /// signed, too.
    fn judge(
        &self,
        canonical: &Canonical<'_>,
        signed: &Signed,
        with_token: bool,
        unix: Duration,
    ) -> Result<&AccessKey, SignatureError> {
        check_time(signed, unix)?;
        let key = self
            .keys
            .get(&signed.key_id)
            .ok_or_else(|| SignatureError::UnknownKey(shortened(&signed.key_id)))?;
        if let Some(expires) = key.expires
            && expires <= unix
        {
            return Err(SignatureError::KeyExpired { by: unix - expires });
        }
        self.check_signature(canonical, signed, with_token, key)?;
        match (&key.session_token, &signed.token) {
            (None, None) => Ok(key),
            (Some(own), Some(found)) if own == found => Ok(key),
            (Some(_), None) => Err(SignatureError::TokenMissing),
            (None, Some(_)) => Err(SignatureError::TokenNotNeeded),
            (Some(_), Some(_)) => Err(SignatureError::TokenWrong),
        }
    }

    /// Reads and checks the form of the parameters.
    fn read(&self, query: &Query) -> Result<Signed, SignatureError> {
        let algorithm = required(query, "X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            return Err(SignatureError::Algorithm(shortened(algorithm)));
        }
        let time = required(query, "X-Amz-Date")?.to_owned();
        let credential = required(query, "X-Amz-Credential")?;
        let key_id = self.scope(credential, &time, &[&self.service])?.to_owned();
        let expires = match single(query, "X-Amz-Expires")? {
            Some(text) => Some(lifetime(text)?),
            None => None,
        };
        Ok(Signed {
            key_id,
            date: time.get(..8).unwrap_or_default().to_owned(),
            time,
            service: self.service.clone(),
            headers: header_names(required(query, "X-Amz-SignedHeaders")?)?,
            signature: hexadecimal(required(query, "X-Amz-Signature")?)
                .ok_or(SignatureError::SignatureForm)?,
            token: single(query, "X-Amz-Security-Token")?.map(str::to_owned),
            expires,
        })
    }

    /// The key's identifier of a credential whose scope is this endpoint, for one of these
    /// services.
    fn scope<'a>(
        &self,
        credential: &'a str,
        time: &str,
        services: &[&str],
    ) -> Result<&'a str, SignatureError> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [key_id, date, region, service, end] = parts[..] else {
            return Err(SignatureError::Credential);
        };
        let wanted =
            services.iter().find(|wanted| **wanted == service).or_else(|| services.first());
        for (part, expected, found) in [
            ("date", time.get(..8).unwrap_or_default(), date),
            ("region", self.region.as_str(), region),
            ("service", wanted.copied().unwrap_or_default(), service),
            ("end", SCOPE_END, end),
        ] {
            if expected != found {
                let expected = shortened(expected);
                return Err(SignatureError::Scope { part, expected, found: shortened(found) });
            }
        }
        Ok(key_id)
    }

    fn check_signature(
        &self,
        canonical: &Canonical<'_>,
        signed: &Signed,
        with_token: bool,
        key: &AccessKey,
    ) -> Result<(), SignatureError> {
        let fits = |host, token| -> Result<bool, SignatureError> {
            let text = canonical.text(host, token)?;
            let signer = self.signer(signed, key, &text);
            Ok(signer.is_some_and(|mac| mac.verify_slice(&signed.signature).is_ok()))
        };
        // At AWS the port is 443 and nobody writes it; here it is another one,
        // which some clients leave out of what they sign.
        let hosts = [canonical::Host::Whole, canonical::Host::WithoutPort];
        if fits(hosts[0], with_token)? || fits(hosts[1], with_token)? {
            return Ok(());
        }
        let guess = if !with_token && signed.token.is_some() && fits(canonical::Host::Whole, true)?
        {
            Guess::TokenSigned
        } else {
            Guess::SecretOrText
        };
        let text = canonical.text(canonical::Host::Whole, with_token)?;
        let canonical = hex(&Sha256::digest(text));
        Err(SignatureError::Mismatch { canonical, guess })
    }

    /// The MAC of a canonical request, to be compared in constant time.
    fn signer(&self, signed: &Signed, key: &AccessKey, canonical: &str) -> Option<HmacSha256> {
        let digest = hex(&Sha256::digest(canonical));
        let scope = [signed.date.as_str(), &self.region, &signed.service, SCOPE_END];
        let text = format!("{ALGORITHM}\n{}\n{}\n{digest}", signed.time, scope.join("/"));
        let secret = format!("AWS4{}", key.secret).into_bytes();
        let signing_key = scope.iter().try_fold(secret, |key, part| {
            mac(&key, part).map(|mac| mac.finalize().into_bytes().to_vec())
        })?;
        mac(&signing_key, &text)
    }
}

/// Never nothing: a key of any length is good for HMAC.
fn mac(key: &[u8], text: &str) -> Option<HmacSha256> {
    let mut mac = HmacSha256::new_from_slice(key).ok()?;
    mac.update(text.as_bytes());
    Some(mac)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The only value of a parameter; nothing if there is none.
fn single<'a>(query: &'a Query, name: &'static str) -> Result<Option<&'a str>, SignatureError> {
    let mut values = query.all(name);
    let value = values.next();
    if values.next().is_some() { Err(SignatureError::Twice(name)) } else { Ok(value) }
}

fn required<'a>(query: &'a Query, name: &'static str) -> Result<&'a str, SignatureError> {
    single(query, name)?.ok_or(SignatureError::Missing(name))
}

/// The names of the signed headers: lower case, in order, `host` among them.
fn header_names(text: &str) -> Result<Vec<String>, SignatureError> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let is_name = |name: &String| {
        let is_letter = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"-_.".contains(&c);
        !name.is_empty() && name.bytes().all(is_letter)
    };
    let is_good = names.iter().all(is_name) && names.is_sorted_by(|one, next| one < next);
    if !is_good {
        return Err(SignatureError::SignedHeaders);
    }
    if !names.iter().any(|name| name == "host") {
        return Err(SignatureError::HostNotSigned);
    }
    Ok(names)
}

fn lifetime(text: &str) -> Result<Duration, SignatureError> {
    let bad = || SignatureError::Expires(shortened(text));
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = if is_number { text.parse().map_err(|_error| bad())? } else { 0 };
    let lifetime = Duration::from_secs(seconds);
    if lifetime.is_zero() || lifetime > LONGEST { Err(bad()) } else { Ok(lifetime) }
}

/// Whether the signature is of this time.
fn check_time(signed: &Signed, unix: Duration) -> Result<(), SignatureError> {
    let made = super::date::parse(&signed.time)
        .ok_or_else(|| SignatureError::Date(shortened(&signed.time)))?;
    if made > unix + CLOCK_SKEW {
        return Err(SignatureError::Early { by: made - unix });
    }
    let end = made + signed.expires.unwrap_or(CLOCK_SKEW);
    if unix > end {
        return Err(SignatureError::Late { by: unix - end });
    }
    Ok(())
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.bytes().all(is_digit) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// What a peer has sent, short enough to be shown.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
