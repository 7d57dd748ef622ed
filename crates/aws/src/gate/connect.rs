//! Who comes in, what they may do, and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use super::arrival::{Arrival, Login};
use super::authentication::AuthenticationType;
use super::authorizer::{Authorizer, AuthorizerError, Presented, Question};
use super::certificate::{Certificate, CertificateId, CertificateStatus};
use super::policy::{Account, Action, Context, Decision, Grants, Policy};
use super::refusal::Refusal;
use super::registry::Registry;
use super::session_expiry::SessionExpiry;
use super::sigv4::Verifier;
use super::way::Way;
use super::x509::X509;

/// How long a connection by a signed WebSocket lasts.
const WEBSOCKET_LIFE: Duration = Duration::from_secs(86_400);

/// All that decides who comes in.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// The account that resources of policies belong to.
    pub account: Account,
    /// How clients must say who they are.
    pub authentication: AuthenticationType,
    /// How long sessions outlive their connections.
    pub session_expiry: SessionExpiry,
    /// Whether TLS without the server's name is refused.
    pub needs_server_name: bool,
    /// Things, certificates and policies.
    pub registry: Registry,
    /// Keys of AWS, for signed WebSockets.
    pub verifier: Verifier,
    /// Custom authorizers by their names.
    pub authorizers: BTreeMap<String, Authorizer>,
    /// The authorizer of clients that name none.
    pub default_authorizer: Option<String>,
    /// The names of the policies of connections without TLS; without any, none
    /// comes in.
    pub plain_policies: Vec<String>,
}

/// How a CONNECT goes on.
#[derive(Clone, Debug)]
pub enum Admission {
    /// The client is in.
    In(Box<Principal>),
    /// The driver asks the authorizer and brings what it says to
    /// [`Gate::answered`].
    Ask(Box<Question>),
}

/// Who is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The identifier in lifecycle events.
    pub id: String,
    /// By which way it came in.
    pub way: Way,
    /// The thing that it is.
    pub thing: Option<String>,
    /// The certificate without which it would not be in.
    pub certificate: Option<CertificateId>,
    /// The connection ends after this time.
    pub ends_after: Option<Duration>,
    /// The authorizer is asked again after this time.
    pub refreshed_after: Option<Duration>,
    pub(super) grants: Grants,
}

/// A certificate that may be used.
pub(super) struct Known<'a> {
    pub(super) id: CertificateId,
    pub(super) certificate: &'a Certificate,
    facts: X509,
}

impl Principal {
    /// What the policies say of an action on a topic, filter or thing.
    #[must_use]
    pub fn decide(&self, action: Action, name: &str) -> Decision<'_> {
        self.grants.decide(action, name)
    }

    /// True if the policies allow an action.
    #[must_use]
    pub fn may(&self, action: Action, name: &str) -> bool {
        self.grants.allow(action, name)
    }

    /// True if the policies allow to publish, with RETAIN or without.
    #[must_use]
    pub fn may_publish(&self, topic: &str, retain: bool) -> bool {
        self.grants.allow_publish(topic, retain)
    }
}

impl Gate {
    /// Whether a request may become a WebSocket. Who names an authorizer in its
    /// CONNECT alone is let through to it.
    pub fn upgrade(&self, arrival: &Arrival<'_>) -> Result<(), Refusal> {
        let way = self.way_by_arrival(arrival)?;
        let Some(request) = &arrival.request else { return Ok(()) };
        match way {
            Some(Way::Signature) => {
                self.verifier.verify(request, arrival.at.unix)?;
            }
            Some(Way::Authorizer) => {
                let presented = Presented::in_request(request).map_err(AuthorizerError::Query)?;
                if presented.name().is_some() {
                    let (_, authorizer) = self.authorizer(&presented)?;
                    authorizer.signing.check(&presented)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a CONNECT is accepted, and as whom.
    pub fn admit(&self, arrival: &Arrival<'_>, login: &Login<'_>) -> Result<Admission, Refusal> {
        let principal = match self.way(arrival, login)? {
            Way::Certificate => self.by_certificate(arrival, login)?,
            Way::Signature => self.by_signature(arrival, login)?,
            Way::Plain => self.by_nothing(arrival, login)?,
            Way::Authorizer => return self.by_authorizer(arrival, login),
        };
        Ok(Admission::In(Box::new(principal)))
    }

    fn way_by_arrival(&self, arrival: &Arrival<'_>) -> Result<Option<Way>, Refusal> {
        let way = Way::by_arrival(arrival, self.needs_server_name)?;
        self.authentication.settle(way)
    }

    fn way(&self, arrival: &Arrival<'_>, login: &Login<'_>) -> Result<Way, Refusal> {
        if let Some(way) = self.way_by_arrival(arrival)? {
            return Ok(way);
        }
        let has_certificate = arrival.tls.is_some_and(|tls| tls.certificate.is_some());
        let has_default = self.default_authorizer.is_some();
        Way::by_user_name(has_certificate, login.user_name, has_default)
    }

    fn by_certificate(
        &self,
        arrival: &Arrival<'_>,
        login: &Login<'_>,
    ) -> Result<Principal, Refusal> {
        let known = self.known(arrival)?;
        let mut context = context(arrival, login);
        let thing = self.tell(&known, login.client_id, &mut context);
        let policies = self.registry.policies(&known.certificate.policies);
        let grants = self.grants(policies, &context, login.client_id)?;
        Ok(Principal {
            id: known.id.to_string(),
            way: Way::Certificate,
            thing: thing.map(str::to_owned),
            certificate: Some(known.id),
            ends_after: None,
            refreshed_after: None,
            grants,
        })
    }

    /// The certificate that a client has shown, if it may be used.
    pub(super) fn known(&self, arrival: &Arrival<'_>) -> Result<Known<'_>, Refusal> {
        let der = arrival.tls.and_then(|tls| tls.certificate);
        let der = der.ok_or(Refusal::CertificateMissing)?;
        let id = CertificateId::of(der);
        let certificate = self.active(id)?;
        let facts = X509::parse(der).ok_or(Refusal::CertificateForm(id))?;
        let unix = arrival.at.unix;
        if unix < facts.not_before {
            return Err(Refusal::CertificateEarly { id, by: facts.not_before - unix });
        }
        if unix > facts.not_after {
            return Err(Refusal::CertificateEnded { id, by: unix - facts.not_after });
        }
        Ok(Known { id, certificate, facts })
    }

    /// A certificate that is neither unknown nor switched off.
    pub(super) fn active(&self, id: CertificateId) -> Result<&Certificate, Refusal> {
        let certificate = self.registry.certificate(id).ok_or(Refusal::CertificateUnknown(id))?;
        match certificate.status {
            CertificateStatus::Active => Ok(certificate),
            status => Err(Refusal::CertificateStatus { id, status }),
        }
    }

    /// Tells a context all that policies may ask about a certificate and its thing,
    /// whose name is given back.
    pub(super) fn tell<'a>(
        &self,
        known: &Known<'a>,
        client_id: &str,
        context: &mut Context,
    ) -> Option<&'a str> {
        context.add("iot:CertificateId", known.id.to_string());
        known.facts.tell(context);
        let thing = known.certificate.thing(client_id);
        context.add("iot:Connection.Thing.IsAttached", thing.is_some().to_string());
        if let Some(thing) = thing {
            self.registry.tell(thing, context);
        }
        thing
    }

    fn by_signature(&self, arrival: &Arrival<'_>, login: &Login<'_>) -> Result<Principal, Refusal> {
        let request = arrival.request.as_ref().ok_or(Refusal::CertificateMissing)?;
        let key = self.verifier.verify(request, arrival.at.unix)?;
        let context = context(arrival, login);
        let grants =
            self.grants(self.registry.policies(&key.policies), &context, login.client_id)?;
        Ok(Principal {
            id: key.principal.clone(),
            way: Way::Signature,
            thing: None,
            certificate: None,
            ends_after: Some(WEBSOCKET_LIFE),
            refreshed_after: None,
            grants,
        })
    }

    fn by_nothing(&self, arrival: &Arrival<'_>, login: &Login<'_>) -> Result<Principal, Refusal> {
        if self.plain_policies.is_empty() {
            return Err(Refusal::Plain);
        }
        let context = context(arrival, login);
        let grants =
            self.grants(self.registry.policies(&self.plain_policies), &context, login.client_id)?;
        Ok(Principal {
            id: login.client_id.to_owned(),
            way: Way::Plain,
            thing: None,
            certificate: None,
            ends_after: None,
            refreshed_after: None,
            grants,
        })
    }

    /// What policies allow, which must be to connect at least.
    pub(super) fn grants<'a>(
        &self,
        policies: impl IntoIterator<Item = (&'a str, &'a Policy)>,
        context: &Context,
        client_id: &str,
    ) -> Result<Grants, Refusal> {
        let grants = Grants::of(policies, context, &self.account);
        match grants.decide(Action::Connect, client_id) {
            Decision::Allowed(_) => Ok(grants),
            decision => Err(Refusal::connect(client_id, decision)),
        }
    }
}

/// What policies may ask about any connection.
pub(super) fn context(arrival: &Arrival<'_>, login: &Login<'_>) -> Context {
    let mut context = Context::new()
        .with("iot:ClientId", login.client_id)
        .with("aws:SourceIp", arrival.peer.to_canonical().to_string())
        .with("aws:SecureTransport", arrival.tls.is_some().to_string())
        .at(arrival.at.unix);
    if let Some(name) = arrival.tls.and_then(|tls| tls.server_name) {
        context.add("iot:DomainName", name);
    }
    for (is_set, attribute) in
        [(login.is_persistent, "PersistentConnect"), (login.has_will, "LastWill")]
    {
        if is_set {
            context.add("iot:ConnectAttributes", attribute);
        }
    }
    context
}
