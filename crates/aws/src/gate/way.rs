//! By which way a client says who it is.

use super::arrival::Arrival;
use super::authorizer::Presented;
use super::refusal::Refusal;
use super::sigv4;

/// The port on which ALPN decides.
const SHARED: Option<u16> = Some(443);
/// The port of HTTPS by certificate.
const HTTPS: Option<u16> = Some(8443);
/// What such a client offers on the shared port.
const HTTPS_BY_CERTIFICATE: &str = "x-amzn-http-ca";
/// The path of WebSockets.
const PATH: &str = "/mqtt";

/// By which way a client says who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a client certificate.
    Certificate,
    /// By a WebSocket signed with keys of AWS.
    Signature,
    /// By whatever a custom authorizer asks for.
    Authorizer,
    /// By nothing: without TLS, for tests.
    Plain,
}

impl Way {
    /// The way that port, TLS and HTTP leave; nothing if the user name decides.
    pub(super) fn by_arrival(
        arrival: &Arrival<'_>,
        needs_server_name: bool,
    ) -> Result<Option<Self>, Refusal> {
        if needs_server_name && arrival.tls.is_some_and(|tls| tls.server_name.is_none()) {
            return Err(Refusal::ServerNameMissing);
        }
        if let Some(request) = &arrival.request {
            if request.path() != PATH {
                return Err(Refusal::Path(request.path().chars().take(64).collect()));
            }
            let is_signed = sigv4::is_signed(request);
            return Ok(Some(if is_signed { Self::Signature } else { Self::Authorizer }));
        }
        let Some(tls) = arrival.tls else { return Ok(Some(Self::Plain)) };
        match (arrival.port, tls.alpn) {
            (_, Some("x-amzn-mqtt-ca")) if tls.certificate.is_none() => {
                Err(Refusal::CertificateMissing)
            }
            (_, Some("x-amzn-mqtt-ca")) => Ok(Some(Self::Certificate)),
            (SHARED, Some("mqtt")) => Ok(Some(Self::Authorizer)),
            (SHARED, None) => Err(Refusal::AlpnMissing),
            (_, None | Some("mqtt")) => Ok(None),
            (_, Some(other)) => Err(Refusal::Alpn(other.chars().take(64).collect())),
        }
    }

    /// The way of a request of the HTTP API.
    pub(super) fn by_http(
        arrival: &Arrival<'_>,
        needs_server_name: bool,
        has_default: bool,
    ) -> Result<Self, Refusal> {
        let Some(tls) = arrival.tls else { return Ok(Self::Plain) };
        if needs_server_name && tls.server_name.is_none() {
            return Err(Refusal::ServerNameMissing);
        }
        let by_certificate =
            || tls.certificate.map(|_| Self::Certificate).ok_or(Refusal::CertificateMissing);
        match (arrival.port, tls.alpn) {
            (HTTPS, _) | (SHARED, Some(HTTPS_BY_CERTIFICATE)) => return by_certificate(),
            _ => {}
        }
        let Some(request) = &arrival.request else { return by_certificate() };
        let names_one = Presented::in_request(request).is_ok_and(|found| found.name().is_some());
        let may_have_certificate = arrival.port != SHARED;
        if sigv4::has_authorization(request) {
            Ok(Self::Signature)
        } else if names_one {
            Ok(Self::Authorizer)
        } else if may_have_certificate && tls.certificate.is_some() {
            Ok(Self::Certificate)
        } else if has_default {
            Ok(Self::Authorizer)
        } else if may_have_certificate {
            Err(Refusal::CertificateMissing)
        } else {
            Err(Refusal::Nobody)
        }
    }

    /// The way that the user name decides, if nothing else does: who names an
    /// authorizer is sent to it, and a user name of metrics alone is none.
    pub(super) fn by_user_name(
        has_certificate: bool,
        user_name: Option<&str>,
        has_default: bool,
    ) -> Result<Self, Refusal> {
        let presented = user_name.map(Presented::in_user_name);
        let names_one =
            presented.is_some_and(|found| found.is_ok_and(|found| found.name().is_some()));
        if names_one || (has_default && !has_certificate) {
            Ok(Self::Authorizer)
        } else if has_certificate {
            Ok(Self::Certificate)
        } else {
            Err(Refusal::CertificateMissing)
        }
    }
}
