//! Who sends a request of the HTTP API. There is no CONNECT, so no client identifier:
//! variables that need one have no value.

use super::arrival::Arrival;
use super::authorizer::{AuthorizerError, Presented};
use super::connect::{Admission, Gate, Principal};
use super::policy::{Context, Grants, Policy};
use super::refusal::Refusal;
use super::way::Way;

impl Gate {
    /// Who sends a request with this body; `services` are those that it may be signed for.
    pub fn http(
        &self,
        arrival: &Arrival<'_>,
        body: &[u8],
        services: &[&str],
    ) -> Result<Admission, Refusal> {
        let has_default = self.default_authorizer.is_some();
        let way = Way::by_http(arrival, self.needs_server_name, has_default)?;
        let way = self.authentication.settle(Some(way))?.unwrap_or(way);
        let mut context = context(arrival);
        let registry = &self.registry;
        let principal = match way {
            Way::Certificate => {
                let known = self.known(arrival)?;
                let thing = self.tell(&known, "", &mut context);
                let policies = registry.policies(&known.certificate.policies);
                let principal = self.settled(known.id.to_string(), way, policies, &context);
                Principal { thing: thing.map(str::to_owned), ..principal }
            }
            Way::Signature => {
                let request = arrival.request.as_ref().ok_or(Refusal::Nobody)?;
                let key = self.verifier.verify_header(request, body, services, arrival.at.unix)?;
                let policies = registry.policies(&key.policies);
                self.settled(key.principal.clone(), way, policies, &context)
            }
            Way::Plain if self.plain_policies.is_empty() => return Err(Refusal::Plain),
            Way::Plain => {
                let policies = registry.policies(&self.plain_policies);
                self.settled(String::new(), way, policies, &context)
            }
            Way::Authorizer => {
                let request = arrival.request.as_ref().ok_or(Refusal::Nobody)?;
                let presented = Presented::in_request(request).map_err(AuthorizerError::Query)?;
                return self.by_presented(arrival, &presented, None, context);
            }
        };
        Ok(Admission::In(Box::new(principal)))
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
