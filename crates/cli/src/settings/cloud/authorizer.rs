//! Custom authorizers of AWS IoT Core.

use std::path::PathBuf;

use evenkeel::aws::{AuthorizerForm, CustomAuthorizer};
use evenkeel::url::{Scheme, ServerUrl};

use super::{WayIn, aws};
use crate::args::{AuthorizerWay, Connection, Secret};
use crate::error::Failure;
use crate::settings::{Context, secret_file};

const TOKEN: &str = "EVENKEEL_AUTHORIZER_TOKEN";
const SIGNATURE: &str = "EVENKEEL_AUTHORIZER_SIGNATURE";

/// What stands in for flags.
pub(in crate::settings) const VARIABLES: [&str; 2] = [TOKEN, SIGNATURE];

/// What an authorizer is asked with; files are read anew for each attempt.
#[derive(Clone, Debug)]
pub(crate) struct Authorizer {
    name: Option<String>,
    token: Option<Token>,
}

#[derive(Clone, Debug)]
struct Token {
    key: String,
    value: Source,
    signature: Option<Source>,
}

/// Where a secret is.
#[derive(Clone, Debug)]
enum Source {
    Given(Secret),
    File(PathBuf),
}

impl Source {
    fn of(file: Option<&PathBuf>, variable: &str, context: Context<'_>) -> Option<Self> {
        let given = || (context.variable)(variable).map(|text| Self::Given(Secret(text)));
        file.cloned().map(Self::File).or_else(given)
    }

    fn read(&self, kind: &str) -> Result<String, Failure> {
        match self {
            Self::Given(secret) => Ok(secret.0.clone()),
            Self::File(file) => {
                let without = "leave the flag out if the authorizer wants none";
                Ok(secret_file::first_line(file, kind, without)?.0)
            }
        }
    }
}

/// The way in by a custom authorizer.
pub(super) fn collect(
    flags: &Connection,
    context: Context<'_>,
) -> Result<(WayIn, ServerUrl), Failure> {
    let cloud = &flags.cloud;
    let (form, scheme) = match cloud.authorizer_form.unwrap_or(AuthorizerWay::Username) {
        AuthorizerWay::Username => (AuthorizerForm::UserName, Scheme::Mqtts),
        AuthorizerWay::Headers => (AuthorizerForm::Headers, Scheme::Wss),
        AuthorizerWay::Query => (AuthorizerForm::Query, Scheme::Wss),
    };
    let (endpoint, server) = aws::server(flags, scheme, context)?;
    let value = Source::of(cloud.authorizer_token_file.as_ref(), TOKEN, context);
    let signature = Source::of(cloud.authorizer_signature_file.as_ref(), SIGNATURE, context);
    let token = match (cloud.authorizer_token_key.clone(), value) {
        (Some(key), Some(value)) => Some(Token { key, value, signature }),
        (None, None) if signature.is_none() => None,
        (Some(_), None) => {
            return Err(Failure::usage("the authorizer's token is missing")
                .why("--authorizer-token-key says only what it is called")
                .hint(format!("give it by --authorizer-token-file or {TOKEN}")));
        }
        (None, Some(_)) => {
            return Err(Failure::usage("the name of the authorizer's token is missing")
                .why("the authorizer looks for the token under its tokenKeyName")
                .hint("give that name by --authorizer-token-key"));
        }
        (None, None) => {
            return Err(Failure::usage("a signature needs the token that it signs").hint(format!(
                "give it by --authorizer-token-key and --authorizer-token-file or {TOKEN}"
            )));
        }
    };
    let name = cloud.authorizer.clone().filter(|name| !name.is_empty());
    let authorizer = Authorizer { name, token };
    // A mistake is to be found before anything is sent.
    authorizer.read()?;
    Ok((WayIn::Authorizer { endpoint, form, authorizer }, server))
}

impl Authorizer {
    /// Reads the files.
    pub(crate) fn read(&self) -> Result<CustomAuthorizer, Failure> {
        let authorizer = match &self.name {
            Some(name) => CustomAuthorizer::named(name),
            None => CustomAuthorizer::new(),
        };
        let Some(Token { key, value, signature }) = &self.token else { return Ok(authorizer) };
        let value = value.read("token")?;
        Ok(match signature {
            Some(signature) => authorizer.token(key, value, signature.read("signature")?),
            None => authorizer.unsigned_token(key, value),
        })
    }
}
