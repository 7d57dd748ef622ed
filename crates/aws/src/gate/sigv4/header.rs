//! Signatures in the header `Authorization`, as requests of the HTTP API have them.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::super::query::Query;
use super::super::request::Request;
use super::canonical::Canonical;
use super::{ALGORITHM, AccessKey, SignatureError, Signed, Verifier};

/// True if the header carries a signature, good or bad.
pub(in crate::gate) fn has_authorization(request: &Request<'_>) -> bool {
    request.header("authorization").any(|value| value.starts_with(ALGORITHM))
}

impl Verifier {
    /// The key that has signed a request in its header, with its body, for one of these
    /// services.
    ///
    /// `unix` is the time since the beginning of 1970.
    pub fn verify_header(
        &self,
        request: &Request<'_>,
        body: &[u8],
        services: &[&str],
        unix: Duration,
    ) -> Result<&AccessKey, SignatureError> {
        let query = Query::parse(request.query()).map_err(SignatureError::Query)?;
        let signed = self.read_header(request, services)?;
        let payload = super::hex(&Sha256::digest(body));
        if let Some(found) = single(request, "X-Amz-Content-Sha256")?
            && found != payload
        {
            return Err(SignatureError::Payload);
        }
        check_own(request, &signed.headers)?;
        let headers = &signed.headers;
        let canonical = Canonical { request, query: &query, headers, payload: &payload };
        self.judge(&canonical, &signed, true, unix)
    }

    fn read_header(
        &self,
        request: &Request<'_>,
        services: &[&str],
    ) -> Result<Signed, SignatureError> {
        let missing = SignatureError::Missing;
        let authorization =
            single(request, "Authorization")?.ok_or_else(|| missing("Authorization"))?;
        let (credential, headers, signature) =
            parts(authorization).ok_or(SignatureError::Authorization)?;
        let time = single(request, "X-Amz-Date")?.ok_or_else(|| missing("X-Amz-Date"))?;
        let key_id = self.scope(credential, time, services)?.to_owned();
        let service = credential.split('/').nth(3).unwrap_or_default().to_owned();
        Ok(Signed {
            key_id,
            date: time.get(..8).unwrap_or_default().to_owned(),
            time: time.to_owned(),
            service,
            headers: super::header_names(headers)?,
            signature: super::hexadecimal(signature).ok_or(SignatureError::SignatureForm)?,
            token: single(request, "X-Amz-Security-Token")?.map(str::to_owned),
            expires: None,
        })
    }
}

/// Demands that all headers of AWS's own are signed.
fn check_own(request: &Request<'_>, signed: &[String]) -> Result<(), SignatureError> {
    let mut own = request.headers.iter().filter(|(name, _)| name.starts_with("x-amz-"));
    match own.find(|(name, _)| !signed.contains(name)) {
        None => Ok(()),
        Some((name, _)) => Err(SignatureError::HeaderNotSigned(super::shortened(name))),
    }
}

/// Credential, names of headers, and signature.
fn parts(authorization: &str) -> Option<(&str, &str, &str)> {
    let rest = authorization.strip_prefix(ALGORITHM)?.strip_prefix(' ')?;
    let (mut credential, mut headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let place = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut headers,
            "Signature" => &mut signature,
            _ => return None,
        };
        if place.replace(value).is_some() {
            return None;
        }
    }
    Some((credential?, headers?, signature?))
}

/// The only value of a header; nothing if there is none.
fn single<'a>(
    request: &Request<'a>,
    name: &'static str,
) -> Result<Option<&'a str>, SignatureError> {
    let mut values = request.header(name);
    let value = values.next();
    if values.next().is_some() { Err(SignatureError::Twice(name)) } else { Ok(value) }
}
