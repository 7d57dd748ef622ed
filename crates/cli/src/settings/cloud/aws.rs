//! AWS IoT Core: its endpoints, and the keys that sign.

use std::time::SystemTime;

use evenkeel::aws::{
    AwsCredentials, AwsCredentialsError, AwsError, AwsIotEndpoint, AwsKeys, DefaultSources,
    ProcessError, SharedProfile, Signer,
};
use evenkeel::config::HookFuture;
use evenkeel::url::{Host, Scheme, ServerUrl};
use tokio::runtime::Builder;

use super::{WayIn, contradiction};
use crate::args::{CloudFlags, Connection};
use crate::error::Failure;
use crate::exit::Exit;
use crate::settings::{Context, servers};

/// Where everything but MQTT without ALPN is.
pub(super) const PORT: u16 = 443;
const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Where the keys come from, which are asked for before each attempt.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    /// The environment, else the profile of AWS's tools.
    Default,
    /// This profile.
    Profile(String),
}

impl AwsCredentials for KeySource {
    fn keys(&self) -> HookFuture<Result<AwsKeys, AwsCredentialsError>> {
        match self {
            Self::Default => DefaultSources::new().keys(),
            Self::Profile(name) => SharedProfile::named(name).keys(),
        }
    }
}

/// The way in by a signed WebSocket.
pub(super) fn signed(
    flags: &Connection,
    context: Context<'_>,
) -> Result<(WayIn, ServerUrl), Failure> {
    let (endpoint, server) = server(flags, Scheme::Wss, context)?;
    let keys = match &flags.cloud.aws_profile {
        Some(name) => KeySource::Profile(name.clone()),
        None => KeySource::Default,
    };
    check(&keys, &endpoint)?;
    Ok((WayIn::Signed { endpoint, keys }, server))
}

/// Signs once, so that a mistake is found before anything is sent. What may be gone when the
/// next attempt is made, as a clock that is not set yet, is left to the attempts.
fn check(keys: &KeySource, endpoint: &AwsIotEndpoint) -> Result<(), Failure> {
    let signer = Signer::new(endpoint.region()).map_err(|error| explained(&error))?;
    let runtime = Builder::new_current_thread()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, "the program cannot start").why(error))?;
    let signed = runtime
        .block_on(keys.keys())
        .and_then(|keys| signer.url(&keys, endpoint.host(), SystemTime::now()));
    match signed {
        Ok(_) | Err(AwsCredentialsError::ClockNotSet { .. }) => Ok(()),
        Err(AwsCredentialsError::Process(
            ProcessError::Failed { .. } | ProcessError::TimedOut { .. },
        )) => Ok(()),
        Err(error) => {
            let failure = Failure::usage("there are no AWS keys to sign with").why(error.fact());
            let hint = match (keys, &error) {
                (KeySource::Default, AwsCredentialsError::Unreadable { .. }) => Some(
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or make the file with \
                     'aws configure'",
                ),
                _ => error.hint(),
            };
            Err(match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            })
        }
    }
}

/// The endpoint of --host, and its URL.
pub(super) fn server(
    flags: &Connection,
    scheme: Scheme,
    context: Context<'_>,
) -> Result<(AwsIotEndpoint, ServerUrl), Failure> {
    let host = flags.target.host.as_deref().unwrap_or_default();
    let port = flags.target.port.unwrap_or(PORT);
    let server = ServerUrl::new(scheme, host, Some(port))
        .map_err(|error| servers::bad_host(host, &error))?;
    let surroundings = || REGIONS.iter().find_map(|name| (context.variable)(name));
    Ok((endpoint(host, &flags.cloud, surroundings)?, server))
}

/// The endpoint of a host, whose region its name says, or else the flag, or else the surroundings.
fn endpoint(
    host: &str,
    cloud: &CloudFlags,
    surroundings: impl FnOnce() -> Option<String>,
) -> Result<AwsIotEndpoint, Failure> {
    let flag = cloud.aws_region.as_deref();
    match (AwsIotEndpoint::parse(host), flag) {
        (Ok(endpoint), Some(region)) if region != endpoint.region() => Err(contradiction(
            "--aws-region",
            "--host",
            format!("the host is in the region {}", endpoint.region()),
        )),
        (Ok(endpoint), _) => Ok(endpoint),
        (Err(AwsError::NotAws { .. }), flag) => {
            let region = flag.map(str::to_owned).or_else(surroundings).ok_or_else(|| {
                Failure::usage(format!("the AWS region of '{host}' is not known"))
                    .why("it is no host of AWS, whose names have their region in them")
                    .hint(
                        "give --aws-region for a domain of your own; else ask \
                         'aws iot describe-endpoint --endpoint-type iot:Data-ATS' for the host",
                    )
            })?;
            AwsIotEndpoint::custom_domain(host, &region).map_err(|error| explained(&error))
        }
        (Err(error), _) => Err(explained(&error)),
    }
}

fn explained(error: &AwsError) -> Failure {
    let failure = Failure::usage(error.fact());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Whether --aws-region fits all the servers.
pub(in crate::settings) fn check_region(
    cloud: &CloudFlags,
    servers: &[ServerUrl],
) -> Result<(), Failure> {
    if cloud.aws_region.is_some() {
        for host in servers.iter().filter_map(host) {
            endpoint(&host, cloud, || None)?;
        }
    }
    Ok(())
}

/// Whether these servers are AWS IoT Core at the port at which ALPN says that MQTT is spoken.
pub(in crate::settings) fn wants_alpn(cloud: &CloudFlags, servers: &[ServerUrl]) -> bool {
    servers.iter().all(|server| {
        let is_aws = cloud.aws_region.is_some()
            || host(server).is_some_and(|host| AwsIotEndpoint::parse(&host).is_ok());
        is_aws && server.scheme() == Scheme::Mqtts && server.port() == Some(PORT)
    })
}

fn host(server: &ServerUrl) -> Option<String> {
    match server.host()? {
        Host::Name(name) => Some(name.to_string()),
        Host::Ipv4(address) => Some(address.to_string()),
        _ => None,
    }
}
