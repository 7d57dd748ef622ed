//! The way in by a custom authorizer: what it is asked, and what its answer allows.

use super::arrival::{Arrival, Login};
use super::authentication::AuthenticationType;
use super::authorizer::{
    Answer, AnswerFrom, Authorizer, AuthorizerError, Presented, Question, ShownCertificate,
    ShownLogin,
};
use super::connect::{Admission, Gate, Principal, context};
use super::policy::{Context, Grants};
use super::refusal::Refusal;
use super::way::Way;
use crate::Time;

impl Gate {
    pub(super) fn by_authorizer(
        &self,
        arrival: &Arrival<'_>,
        login: &Login<'_>,
    ) -> Result<Admission, Refusal> {
        let presented = presented(arrival, login)?;
        let shown = ShownLogin {
            client_id: login.client_id.to_owned(),
            user_name: login.user_name.map(str::to_owned),
            password: login.password.map(<[u8]>::to_vec),
        };
        self.by_presented(arrival, &presented, Some(shown), context(arrival, login))
    }

    /// The same for a CONNECT and, without a login, for a request of the HTTP API.
    pub(super) fn by_presented(
        &self,
        arrival: &Arrival<'_>,
        presented: &Presented,
        login: Option<ShownLogin>,
        mut context: Context,
    ) -> Result<Admission, Refusal> {
        let (name, authorizer) = self.authorizer(presented)?;
        let is_signature_verified = authorizer.signing.check(presented)?;
        let certificate = match self.authentication {
            AuthenticationType::CustomAuthX509 => {
                let known = self.known(arrival)?;
                let client_id = login.as_ref().map_or("", |login| &login.client_id);
                self.tell(&known, client_id, &mut context);
                let der = arrival.tls.and_then(|tls| tls.certificate).unwrap_or_default();
                Some(ShownCertificate { id: known.id, der: der.to_vec() })
            }
            _ => None,
        };
        let question = Question {
            authorizer: name.to_owned(),
            is_signature_verified,
            token: authorizer.signing.token(presented).map(str::to_owned),
            server_name: arrival.tls.and_then(|tls| tls.server_name).map(str::to_owned),
            certificate,
            http: arrival
                .request
                .map(|request| (request.headers.to_vec(), request.query().to_owned())),
            login,
            context,
        };
        match &authorizer.answer {
            AnswerFrom::Fixed(answer) => {
                let principal = self.answered(arrival.at, &question, answer)?;
                Ok(Admission::In(Box::new(principal)))
            }
            AnswerFrom::Driver => Ok(Admission::Ask(Box::new(question))),
        }
    }

    /// Whether a CONNECT, or a request of the HTTP API, is accepted after what its
    /// authorizer has said, and what is allowed from now on.
    pub fn answered(
        &self,
        now: Time,
        question: &Question,
        answer: &Answer,
    ) -> Result<Principal, Refusal> {
        let Answer::Yes { principal, disconnect_after, refresh_after, policies } = answer else {
            return Err(Refusal::NotAuthenticated);
        };
        let certificate = question.certificate.as_ref().map(|certificate| certificate.id);
        if let Some(id) = certificate {
            // It may have been switched off while the authorizer was asked.
            self.active(id)?;
        }
        let policies = policies.iter().map(|policy| (principal.as_str(), policy));
        let context = question.context.clone().at(now.unix);
        let grants = match &question.login {
            Some(login) => self.grants(policies, &context, &login.client_id)?,
            None => Grants::of(policies, &context, &self.account),
        };
        Ok(Principal {
            id: principal.clone(),
            way: Way::Authorizer,
            thing: None,
            certificate,
            ends_after: Some(*disconnect_after),
            refreshed_after: Some(*refresh_after),
            grants,
        })
    }

    /// The authorizer that a client names, or the default, with its name.
    pub(super) fn authorizer(
        &self,
        presented: &Presented,
    ) -> Result<(&str, &Authorizer), AuthorizerError> {
        let name = presented.name().or(self.default_authorizer.as_deref());
        let name = name.ok_or(AuthorizerError::NotNamed)?;
        let shown = || name.chars().take(128).collect();
        let found = self.authorizers.get_key_value(name);
        let (name, authorizer) = found.ok_or_else(|| AuthorizerError::Unknown(shown()))?;
        if authorizer.is_active {
            Ok((name, authorizer))
        } else {
            Err(AuthorizerError::NotActive(shown()))
        }
    }
}

/// What a client presents to its authorizer: with its request, else in its user
/// name.
fn presented(arrival: &Arrival<'_>, login: &Login<'_>) -> Result<Presented, AuthorizerError> {
    if let Some(request) = &arrival.request {
        let presented = Presented::in_request(request).map_err(AuthorizerError::Query)?;
        if presented.name().is_some() {
            return Ok(presented);
        }
    }
    let user_name = login.user_name.unwrap_or_default();
    Presented::in_user_name(user_name).map_err(AuthorizerError::Query)
}
