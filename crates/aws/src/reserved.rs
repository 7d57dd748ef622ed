//! Which topic that begins with `$` is what, and who may use it.

use crate::names;

/// What becomes of a PUBLISH of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// An ordinary message for the router.
    Pass,
    /// A service takes it; the router never sees it.
    Consume,
    /// No client may publish there. AWS closes the connection.
    Forbid,
}

/// A reserved topic, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reserved<'a> {
    /// A request to the shadow service.
    Shadow {
        /// The thing.
        thing: &'a str,
        /// The shadow's name; none for the classic one.
        name: Option<&'a str>,
        /// What is asked.
        operation: ShadowOperation,
    },
    /// A request to the jobs service.
    Jobs {
        /// The thing.
        thing: &'a str,
        /// What is asked.
        operation: JobsOperation<'a>,
    },
    /// A request to fleet provisioning.
    Provisioning {
        /// What is asked.
        operation: ProvisioningOperation<'a>,
        /// How request and answer are written.
        format: Format,
    },
    /// A message straight to a rule, past the router.
    BasicIngest {
        /// The rule.
        rule: &'a str,
        /// The topic as the rule sees it, without the first three levels.
        topic: &'a str,
    },
    /// A topic that AWS publishes on and clients only subscribe to: answers,
    /// notifications, events.
    Answer,
    /// A request to a service that is not emulated.
    NotEmulated,
    /// Nothing of AWS's.
    Unknown,
}

/// Requests to a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShadowOperation {
    /// `../get`
    Get,
    /// `../update`
    Update,
    /// `../delete`
    Delete,
}

/// Requests to the jobs of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobsOperation<'a> {
    /// `../jobs/get`
    GetPending,
    /// `../jobs/start-next`
    StartNext,
    /// `../jobs/<job>/get`; the job may be `$next`.
    Describe(&'a str),
    /// `../jobs/<job>/update`
    Update(&'a str),
    /// Anything else below `jobs`.
    Invalid,
}

/// Requests of fleet provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvisioningOperation<'a> {
    /// `$aws/certificates/create/<format>`
    CreateKeysAndCertificate,
    /// `$aws/certificates/create-from-csr/<format>`
    CreateCertificateFromCsr,
    /// `$aws/provisioning-templates/<template>/provision/<format>`
    RegisterThing(&'a str),
}

/// How payloads of fleet provisioning are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// CBOR, RFC 8949.
    Cbor,
}

/// Second levels below which clients may subscribe. `rules` is not one of them.
const SUBSCRIBABLE: [&str; 7] =
    ["things", "events", "certificates", "provisioning-templates", "sitewise", "+", "#"];

/// True for the last level of an answer.
fn is_answer(level: &str) -> bool {
    matches!(level, "accepted" | "rejected")
}

impl<'a> Reserved<'a> {
    /// Takes a topic apart; `None` if it is an ordinary one.
    #[must_use]
    pub fn parse(topic: &'a str) -> Option<Self> {
        if !topic.starts_with('$') {
            return None;
        }
        let levels: Vec<&str> = topic.splitn(12, '/').collect();
        Some(match levels.as_slice() {
            ["$aws", "things", thing, rest @ ..] if names::is_thing(thing) => {
                Self::of_thing(thing, rest)
            }
            ["$aws", "rules", rule, ..] if names::is_rule(rule) => {
                let prefix = "$aws/rules/".len() + rule.len();
                let topic = topic.get(prefix + 1..).unwrap_or_default();
                Self::BasicIngest { rule, topic }
            }
            ["$aws", "certificates", rest @ ..] => Self::of_certificates(rest),
            ["$aws", "provisioning-templates", template, "provision", rest @ ..]
                if names::is_template(template) =>
            {
                Self::provisioning(ProvisioningOperation::RegisterThing(template), rest)
            }
            ["$aws", "events", _, ..] => Self::Answer,
            _ => Self::Unknown,
        })
    }

    fn of_thing(thing: &'a str, levels: &[&'a str]) -> Self {
        match levels {
            ["shadow", "name", name, rest @ ..] if names::is_shadow(name) => {
                Self::of_shadow(thing, Some(name), rest)
            }
            ["shadow", rest @ ..] => Self::of_shadow(thing, None, rest),
            ["jobs", rest @ ..] => Self::of_jobs(thing, rest),
            ["defender", "metrics", "json" | "cbor"]
            | ["streams", _, "get" | "describe", "json" | "cbor"] => Self::NotEmulated,
            ["defender", "metrics", "json" | "cbor", last] if is_answer(last) => Self::Answer,
            ["streams", _, "data" | "description" | "rejected", "json" | "cbor"]
            | ["tunnels", "notify"] => Self::Answer,
            _ => Self::Unknown,
        }
    }

    fn of_shadow(thing: &'a str, name: Option<&'a str>, levels: &[&'a str]) -> Self {
        let operation = match levels {
            ["get"] => ShadowOperation::Get,
            ["update"] => ShadowOperation::Update,
            ["delete"] => ShadowOperation::Delete,
            ["update", "delta" | "documents"] => return Self::Answer,
            ["get" | "update" | "delete", last] if is_answer(last) => return Self::Answer,
            _ => return Self::Unknown,
        };
        Self::Shadow { thing, name, operation }
    }

    fn of_jobs(thing: &'a str, levels: &[&'a str]) -> Self {
        let operation = match levels {
            ["get"] => JobsOperation::GetPending,
            ["start-next"] => JobsOperation::StartNext,
            ["notify" | "notify-next"] => return Self::Answer,
            ["get" | "start-next", last] if is_answer(last) => return Self::Answer,
            [job, "get"] if *job == "$next" || names::is_job(job) => JobsOperation::Describe(job),
            [job, "update"] if names::is_job(job) => JobsOperation::Update(job),
            [_, "get" | "update", last] if is_answer(last) => return Self::Answer,
            _ => JobsOperation::Invalid,
        };
        Self::Jobs { thing, operation }
    }

    fn of_certificates(levels: &[&'a str]) -> Self {
        match levels {
            ["create", rest @ ..] => {
                Self::provisioning(ProvisioningOperation::CreateKeysAndCertificate, rest)
            }
            ["create-from-csr", rest @ ..] => {
                Self::provisioning(ProvisioningOperation::CreateCertificateFromCsr, rest)
            }
            _ => Self::Unknown,
        }
    }

    fn provisioning(operation: ProvisioningOperation<'a>, levels: &[&'a str]) -> Self {
        match levels {
            ["json"] => Self::Provisioning { operation, format: Format::Json },
            ["cbor"] => Self::Provisioning { operation, format: Format::Cbor },
            ["json" | "cbor", last] if is_answer(last) => Self::Answer,
            _ => Self::Unknown,
        }
    }

    /// What becomes of a PUBLISH of a client on it.
    #[must_use]
    pub fn claim(&self) -> Claim {
        match self {
            Self::Answer | Self::Unknown => Claim::Forbid,
            _ => Claim::Consume,
        }
    }
}

/// What becomes of a PUBLISH of a client on this topic.
///
/// ```
/// use evenkeel_aws::{Claim, claim};
///
/// assert_eq!(claim("sensors/7"), Claim::Pass);
/// assert_eq!(claim("$aws/things/lamp/shadow/update"), Claim::Consume);
/// assert_eq!(claim("$aws/things/lamp/shadow/update/accepted"), Claim::Forbid);
/// ```
#[must_use]
pub fn claim(topic: &str) -> Claim {
    Reserved::parse(topic).map_or(Claim::Pass, |reserved| reserved.claim())
}

/// True if clients may subscribe to the filter, as far as reserved topics go.
///
/// Filters of ordinary topics all may; below `$` those may that AWS publishes
/// on, with wildcards too. Basic ingest has no subscribers.
#[must_use]
pub fn may_subscribe(filter: &str) -> bool {
    let filter = match filter.strip_prefix("$share/") {
        Some(shared) => shared.split_once('/').map_or("", |(_, filter)| filter),
        None => filter,
    };
    if !filter.starts_with('$') {
        return true;
    }
    let mut levels = filter.split('/');
    levels.next() == Some("$aws")
        && levels.next().is_some_and(|level| SUBSCRIBABLE.contains(&level))
}
