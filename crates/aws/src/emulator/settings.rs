//! The files of an account, read: `aws.toml`, `things/NAME.toml` and
//! `certificates/NAME.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gate::authorizer::{Answer, AnswerFrom, Authorizer, KeyError, Signing, TokenKey};
use crate::gate::policy::Account;
use crate::gate::sigv4::AccessKey;
use crate::gate::{AuthenticationType, Gate, SessionExpiry};
use crate::rules::Rule;
use crate::{QoS, Services};

/// `aws.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The account's number.
    pub account: String,
    /// Its region.
    pub region: String,
    /// How clients must say who they are: the authentication type of a domain
    /// configuration, `DEFAULT` if there is none.
    pub authentication_type: Option<String>,
    /// Seconds for which sessions outlive their connections at most.
    pub session_expiry: Option<u64>,
    /// Clients must say by SNI whom they want to reach, as at AWS.
    pub require_server_name: bool,
    /// Keys of IAM by their identifiers.
    pub keys: BTreeMap<String, KeySettings>,
    /// Custom authorizers by name.
    pub authorizers: BTreeMap<String, AuthorizerSettings>,
    /// The authorizer of who names none.
    pub default_authorizer: Option<String>,
    /// Rules by name.
    pub rules: BTreeMap<String, RuleSettings>,
    /// Events of jobs are published.
    pub job_events: bool,
    /// Who comes without TLS.
    pub plain: Option<PlainSettings>,
}

/// A key of IAM.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    /// The secret.
    pub secret: String,
    /// The token that a temporary key needs.
    pub session_token: Option<String>,
    /// How lifecycle events name its owner.
    pub principal: Option<String>,
    /// Its policies.
    pub policies: Vec<String>,
}

/// A custom authorizer: a fixed answer, or a command that is asked each time.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizerSettings {
    /// The JSON that its function would answer.
    pub answer: Option<String>,
    /// The program that answers in place of its function, and its arguments.
    pub command: Option<Vec<String>>,
    /// The name under which clients present their token, if it is signed.
    pub token_key_name: Option<String>,
    /// The public keys of tokens, PEM.
    #[serde(default)]
    pub token_public_keys: Vec<String>,
    /// Whether it may be used.
    #[serde(default = "yes")]
    pub active: bool,
}

/// A rule that publishes again what it selects.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSettings {
    /// `SELECT * FROM 'filter'`.
    pub sql: String,
    /// Where it publishes.
    pub topic: String,
    /// With which QoS, 0 or 1.
    #[serde(default)]
    pub qos: u8,
}

/// Clients on ports without TLS, which AWS does not have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainSettings {
    /// What they may do.
    pub policies: Vec<String>,
}

/// `things/NAME.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThingSettings {
    /// The name of its type.
    #[serde(rename = "type")]
    pub thing_type: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// `certificates/NAME.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateSettings {
    /// `ACTIVE`, `INACTIVE`, `PENDING_ACTIVATION` or `REVOKED`.
    pub status: String,
    /// Its policies.
    #[serde(default)]
    pub policies: BTreeSet<String>,
    /// The things that it is attached to.
    #[serde(default)]
    pub things: BTreeSet<String>,
    /// Whether it and its only thing belong to each other alone.
    #[serde(default)]
    pub exclusive: bool,
}

/// Why settings that can be read make no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonsense {
    /// The key in the file, such as `rules.pumps`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl fmt::Display for Nonsense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.problem)
    }
}

impl std::error::Error for Nonsense {}

impl Settings {
    /// The commands of authorizers by their names: program and arguments.
    pub fn commands(&self) -> BTreeMap<String, Vec<String>> {
        let authorizers = self.authorizers.iter();
        let commands = authorizers.filter_map(|(name, authorizer)| {
            authorizer.command.clone().map(|command| (name.clone(), command))
        });
        commands.collect()
    }

    /// Tells gate and services of an account. The registry has its policies already.
    ///
    /// # Errors
    /// If something names what is not there, or cannot be.
    pub fn apply(self, gate: &mut Gate, services: &mut Services) -> Result<(), Nonsense> {
        if self.job_events {
            let arn = format!("arn:aws:iot:{}:{}", self.region, self.account);
            services.jobs().publish_events(arn);
        }
        gate.account = Account { region: self.region.clone(), number: self.account };
        gate.needs_server_name = self.require_server_name;
        if let Some(name) = &self.authentication_type {
            gate.authentication = AuthenticationType::named(name).ok_or_else(|| {
                let problem = format!("{name:?}; hint: {}", AuthenticationType::NAMES);
                Nonsense { key: "authentication_type".into(), problem }
            })?;
        }
        if let Some(seconds) = self.session_expiry {
            gate.session_expiry = SessionExpiry::from_seconds(seconds).ok_or_else(|| {
                let longest = SessionExpiry::LONGEST;
                let problem = format!("{seconds} s; hint: 1 to {longest} s, as AWS allows");
                Nonsense { key: "session_expiry".into(), problem }
            })?;
        }
        gate.verifier.region = self.region;
        gate.verifier.service = SERVICE.into();
        for (id, key) in self.keys {
            check_policies(gate, &format!("keys.{id}"), &key.policies)?;
            gate.verifier.keys.insert(id.clone(), key.into_key(id));
        }
        for (name, authorizer) in self.authorizers {
            let found = authorizer.into_authorizer();
            let key = format!("authorizers.{name}");
            let authorizer = found.map_err(|problem| Nonsense { key, problem })?;
            gate.authorizers.insert(name, authorizer);
        }
        if let Some(name) = &self.default_authorizer
            && !gate.authorizers.contains_key(name)
        {
            let problem = format!("there is no authorizer {name:?}");
            return Err(Nonsense { key: "default_authorizer".into(), problem });
        }
        gate.default_authorizer = self.default_authorizer;
        for (name, rule) in self.rules {
            let key = format!("rules.{name}");
            rule.add(&name, services).map_err(|problem| Nonsense { key, problem })?;
        }
        if let Some(plain) = self.plain {
            check_policies(gate, "plain", &plain.policies)?;
            gate.plain_policies = plain.policies;
        }
        Ok(())
    }
}

fn check_policies(gate: &Gate, key: &str, names: &[String]) -> Result<(), Nonsense> {
    let is_gone = |name: &&String| gate.registry.policies([*name]).next().is_none();
    match names.iter().find(is_gone) {
        None => Ok(()),
        Some(name) => {
            let problem = format!("there is no policy {name:?}; hint: policies/{name}.json");
            Err(Nonsense { key: key.into(), problem })
        }
    }
}

impl KeySettings {
    fn into_key(self, id: String) -> AccessKey {
        AccessKey {
            secret: self.secret,
            session_token: self.session_token,
            expires: None,
            principal: self.principal.unwrap_or(id),
            policies: self.policies,
        }
    }
}

impl AuthorizerSettings {
    fn into_authorizer(self) -> Result<Authorizer, String> {
        let answer = self.answer()?;
        let keys = self.token_public_keys.iter().map(|key| TokenKey::from_pem(key));
        let keys: Result<Vec<TokenKey>, KeyError> = keys.collect();
        let keys = keys.map_err(|error| format!("token_public_keys: {error}"))?;
        let signing = match self.token_key_name {
            None if keys.is_empty() => Signing::Disabled,
            None => return Err("token_public_keys without token_key_name".into()),
            Some(_) if keys.is_empty() => {
                return Err("token_key_name without token_public_keys".into());
            }
            Some(token_key_name) => Signing::Required { token_key_name, keys },
        };
        Ok(Authorizer { is_active: self.active, signing, answer })
    }

    fn answer(&self) -> Result<AnswerFrom, String> {
        match (&self.answer, &self.command) {
            (Some(text), None) => Answer::parse(text)
                .map(AnswerFrom::Fixed)
                .map_err(|error| format!("answer: {error}")),
            (None, Some(command)) if command.first().is_some_and(|program| !program.is_empty()) => {
                Ok(AnswerFrom::Driver)
            }
            (None, Some(_)) => Err("command has no program; hint: [\"./auth.py\"]".into()),
            _ => Err("it needs either answer or command".into()),
        }
    }
}

impl RuleSettings {
    fn add(&self, name: &str, services: &mut Services) -> Result<(), String> {
        let qos = match self.qos {
            0 => QoS::AtMostOnce,
            1 => QoS::AtLeastOnce,
            _ => return Err("qos is 0 or 1".into()),
        };
        let rule = Rule::new(&self.sql, &self.topic, qos);
        let added = rule.and_then(|rule| services.rules().set(name, rule));
        added.map_err(|error| error.to_string())
    }
}

/// The service that requests for a WebSocket are signed for.
const SERVICE: &str = "iotdevicegateway";

const fn yes() -> bool {
    true
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            authentication_type: None,
            session_expiry: None,
            require_server_name: true,
            keys: BTreeMap::new(),
            authorizers: BTreeMap::new(),
            default_authorizer: None,
            rules: BTreeMap::new(),
            job_events: false,
            plain: None,
        }
    }
}

impl fmt::Debug for KeySettings {
    /// Shows neither secret nor token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySettings").field("policies", &self.policies).finish_non_exhaustive()
    }
}

impl fmt::Debug for AuthorizerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizerSettings").field("active", &self.active).finish_non_exhaustive()
    }
}

/// Why a file cannot be read. What stands on the line is not told: it may be a
/// secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.problem)
    }
}

impl std::error::Error for SettingsError {}

/// Reads one of the files.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, SettingsError> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        SettingsError { line, problem: error.message().to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_an_account() {
        let settings: Settings = read("").unwrap();
        assert_eq!(settings.region, "eu-west-1");
        assert!(settings.require_server_name && settings.plain.is_none());
    }

    #[test]
    fn faults_have_their_line() {
        for (text, line, part) in [
            ("region = 1", 1, "string"),
            ("account = \"1\"\nregoin = \"x\"\n", 2, "regoin"),
            ("[keys.A]\nsecret = \"s3cret\"\n", 1, "policies"),
            ("[keys.A\n", 1, ""),
        ] {
            let error = read::<Settings>(text).unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.problem.contains(part), "{error}");
            assert!(!error.to_string().contains("s3cret"));
        }
    }
}
