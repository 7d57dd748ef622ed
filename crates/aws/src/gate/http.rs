//! Who sends a request of the HTTP API. There is no CONNECT, so no client identifier:
//! variables that need one have no value.

use super::arrival::Arrival;
use super::authentication::AuthenticationType;
use super::authorizer::{Answer, AnswerFrom, AuthorizerError, Presented};
use super::connect::{Gate, Principal};
use super::policy::{Context, Grants, Policy};
use super::refusal::Refusal;
use super::way::Way;

impl Gate {
    /// Who sends a request with this body; `services` are those that it may be signed for.
    ///
    /// An authorizer that has to be asked is [`Refusal::AuthorizerAway`].
    pub fn http(
        &self,
        arrival: &Arrival<'_>,
        body: &[u8],
        services: &[&str],
    ) -> Result<Principal, Refusal> {
        let has_default = self.default_authorizer.is_some();
        let way = Way::by_http(arrival, self.needs_server_name, has_default)?;
        let way = self.authentication.settle(Some(way))?.unwrap_or(way);
        let mut context = context(arrival);
        let registry = &self.registry;
        match way {
            Way::Certificate => {
                let known = self.known(arrival)?;
                let thing = self.tell(&known, "", &mut context);
                let policies = registry.policies(&known.certificate.policies);
                let principal = self.settled(known.id.to_string(), way, policies, &context);
                Ok(Principal { thing: thing.map(str::to_owned), ..principal })
            }
            Way::Signature => {
                let request = arrival.request.as_ref().ok_or(Refusal::Nobody)?;
                let key = self.verifier.verify_header(request, body, services, arrival.at.unix)?;
                let policies = registry.policies(&key.policies);
                Ok(self.settled(key.principal.clone(), way, policies, &context))
            }
            Way::Plain if self.plain_policies.is_empty() => Err(Refusal::Plain),
            Way::Plain => {
                let policies = registry.policies(&self.plain_policies);
                Ok(self.settled(String::new(), way, policies, &context))
            }
            Way::Authorizer => {
                if self.authentication == AuthenticationType::CustomAuthX509 {
                    self.tell(&self.known(arrival)?, "", &mut context);
                }
                self.http_by_authorizer(arrival, &context)
            }
        }
    }

    fn http_by_authorizer(
        &self,
        arrival: &Arrival<'_>,
        context: &Context,
    ) -> Result<Principal, Refusal> {
        let request = arrival.request.as_ref().ok_or(Refusal::Nobody)?;
        let presented = Presented::in_request(request).map_err(AuthorizerError::Query)?;
        let (_, authorizer) = self.authorizer(&presented)?;
        authorizer.signing.check(&presented)?;
        match &authorizer.answer {
            AnswerFrom::Fixed(Answer::Yes { principal, policies, .. }) => {
                let policies = policies.iter().map(|policy| (principal.as_str(), policy));
                Ok(self.settled(principal.clone(), Way::Authorizer, policies, context))
            }
            AnswerFrom::Fixed(_) => Err(Refusal::NotAuthenticated),
            AnswerFrom::Driver => Err(Refusal::AuthorizerAway),
        }
    }

    fn settled<'a>(
        &self,
        id: String,
        way: Way,
        policies: impl IntoIterator<Item = (&'a str, &'a Policy)>,
        context: &Context,
    ) -> Principal {
        let grants = Grants::of(policies, context, &self.account);
        let (thing, certificate, ends_after, refreshed_after) = (None, None, None, None);
        Principal { id, way, thing, certificate, ends_after, refreshed_after, grants }
    }
}

/// What policies may ask about any request.
fn context(arrival: &Arrival<'_>) -> Context {
    let mut context = Context::new()
        .with("aws:SourceIp", arrival.peer.to_canonical().to_string())
        .with("aws:SecureTransport", arrival.tls.is_some().to_string())
        .at(arrival.at.unix);
    if let Some(name) = arrival.tls.and_then(|tls| tls.server_name) {
        context.add("iot:DomainName", name);
    }
    context
}
