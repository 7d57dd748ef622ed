//! How clients of an endpoint must say who they are, as a domain configuration of
//! AWS sets it.

use super::refusal::Refusal;
use super::way::Way;

/// The authentication type of an endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthenticationType {
    /// Any; each client chooses by port, ALPN and user name.
    #[default]
    Default,
    /// A certificate.
    X509,
    /// A signed WebSocket.
    SigV4,
    /// A custom authorizer.
    CustomAuth,
    /// A certificate, and a custom authorizer that is told of it.
    CustomAuthX509,
}

impl AuthenticationType {
    const ALL: [Self; 5] =
        [Self::Default, Self::X509, Self::SigV4, Self::CustomAuth, Self::CustomAuthX509];

    /// All names, for the reader of an error.
    pub const NAMES: &str = "DEFAULT, AWS_X509, AWS_SIGV4, CUSTOM_AUTH or CUSTOM_AUTH_X509";

    /// The name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::X509 => "AWS_X509",
            Self::SigV4 => "AWS_SIGV4",
            Self::CustomAuth => "CUSTOM_AUTH",
            Self::CustomAuthX509 => "CUSTOM_AUTH_X509",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The way in after what the arrival has left open; nothing if the user name
    /// decides. Connections without TLS have no type at AWS, as it has none of them.
    pub(super) fn settle(self, way: Option<Way>) -> Result<Option<Way>, Refusal> {
        let only = match self {
            Self::Default => return Ok(way),
            Self::X509 => Way::Certificate,
            Self::SigV4 => Way::Signature,
            Self::CustomAuth | Self::CustomAuthX509 => Way::Authorizer,
        };
        match way {
            Some(Way::Plain) => Ok(way),
            Some(Way::Certificate) if self == Self::CustomAuthX509 => Ok(Some(only)),
            // A WebSocket is no way out of an open choice.
            None if only == Way::Signature => Err(Refusal::AuthenticationType(self)),
            None => Ok(Some(only)),
            Some(found) if found == only => Ok(way),
            Some(_) => Err(Refusal::AuthenticationType(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_takes_its_own_ways_alone() {
        use AuthenticationType::{CustomAuth, CustomAuthX509, Default, SigV4, X509};
        let (cert, sign, auth) = (Way::Certificate, Way::Signature, Way::Authorizer);
        let refused = |kind| Err(Refusal::AuthenticationType(kind));
        for (kind, open, by_certificate, by_signature, by_authorizer) in [
            (Default, Ok(None), Ok(Some(cert)), Ok(Some(sign)), Ok(Some(auth))),
            (X509, Ok(Some(cert)), Ok(Some(cert)), refused(X509), refused(X509)),
            (SigV4, refused(SigV4), refused(SigV4), Ok(Some(sign)), refused(SigV4)),
            (CustomAuth, Ok(Some(auth)), refused(CustomAuth), refused(CustomAuth), Ok(Some(auth))),
            (
                CustomAuthX509,
                Ok(Some(auth)),
                Ok(Some(auth)),
                refused(CustomAuthX509),
                Ok(Some(auth)),
            ),
        ] {
            assert_eq!(kind.settle(None), open, "{kind:?}");
            assert_eq!(kind.settle(Some(cert)), by_certificate, "{kind:?}");
            assert_eq!(kind.settle(Some(sign)), by_signature, "{kind:?}");
            assert_eq!(kind.settle(Some(auth)), by_authorizer, "{kind:?}");
            assert_eq!(kind.settle(Some(Way::Plain)), Ok(Some(Way::Plain)));
            assert_eq!(AuthenticationType::named(kind.name()), Some(kind));
        }
        assert_eq!(AuthenticationType::named("custom_auth"), None);
    }
}
