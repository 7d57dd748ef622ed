//! Ways in to clouds: which one the flags ask for, and whether it can work.

mod authorizer;
mod aws;
mod azure;

use evenkeel::Version;
use evenkeel::aws::{AuthorizerForm, AwsIotEndpoint};
use evenkeel::azure::AzureIotHub;
use evenkeel::url::ServerUrl;

pub(crate) use authorizer::Authorizer;
pub(super) use authorizer::VARIABLES;
pub(crate) use aws::KeySource;
pub(super) use aws::{check_region, wants_alpn};

use super::Context;
use crate::args::{CloudFlags, Connection};
use crate::error::Failure;

/// A way in that takes more than a server's URL.
#[derive(Clone, Debug)]
pub(crate) enum WayIn {
    /// By a WebSocket that keys of AWS sign.
    Signed { endpoint: AwsIotEndpoint, keys: KeySource },
    /// By a custom authorizer of AWS.
    Authorizer { endpoint: AwsIotEndpoint, form: AuthorizerForm, authorizer: Authorizer },
    /// By the key of a device of Azure.
    AzureKey(AzureIotHub),
}

/// The version that the way in has, if it has one only, else the one asked for.
pub(super) fn version(
    way: Option<&WayIn>,
    asked: Option<Version>,
) -> Result<Option<Version>, Failure> {
    match (way, asked) {
        (Some(WayIn::AzureKey(_)), None | Some(Version::V311)) => Ok(Some(Version::V311)),
        (Some(WayIn::AzureKey(_)), Some(_)) => {
            Err(Failure::usage("Azure IoT Hub speaks MQTT 3.1.1 only")
                .why("-V, or a flag that only MQTT 5 has, asks for another version")
                .hint("leave it out; rr needs --response-topic there"))
        }
        (_, asked) => Ok(asked),
    }
}

/// The profile of the cloud that the flags name, if they name one.
pub(super) const fn profile(flags: &CloudFlags, way: Option<&WayIn>) -> Option<&'static str> {
    match way {
        Some(WayIn::AzureKey(_)) => Some("azure-iot-hub"),
        Some(WayIn::Signed { .. } | WayIn::Authorizer { .. }) => Some("aws-iot-core"),
        None if flags.aws_region.is_some() => Some("aws-iot-core"),
        None => None,
    }
}

/// The way in that the flags ask for, with its server.
pub(super) fn collect(
    flags: &Connection,
    context: Context<'_>,
) -> Result<Option<(WayIn, ServerUrl)>, Failure> {
    let cloud = &flags.cloud;
    match cloud.given() {
        None => return Ok(None),
        Some(flag) if context.is_mosquitto() => {
            return Err(Failure::usage(format!("there is no flag '{flag}'"))
                .why(format!("{} has none like it", context.personality.program()))
                .hint("call the program by its own name, evenkeel"));
        }
        Some(_) => refuse_alone(cloud)?,
    }
    let ways = [
        ("--aws-sign", cloud.aws_sign),
        ("--authorizer", cloud.authorizer.is_some()),
        ("--azure-device-key-file", cloud.azure_device_key_file.is_some()),
    ];
    let mut asked = ways.iter().filter_map(|(way, given)| given.then_some(*way));
    let Some(way) = asked.next() else { return Ok(None) };
    if let Some(other) = asked.next() {
        return Err(contradiction(way, other, "each is a way in of its own"));
    }
    refuse_beside(way, flags)?;
    match way {
        "--aws-sign" => aws::signed(flags, context),
        "--authorizer" => authorizer::collect(flags, context),
        _ => azure::collect(flags),
    }
    .map(Some)
}

/// What says more about a way in that is not asked for.
fn refuse_alone(cloud: &CloudFlags) -> Result<(), Failure> {
    if cloud.aws_profile.is_some() && !cloud.aws_sign {
        return Err(Failure::usage("--aws-profile needs --aws-sign")
            .why("the keys of a profile do nothing but sign")
            .hint("add --aws-sign"));
    }
    let details = [
        ("--authorizer-form", cloud.authorizer_form.is_some()),
        ("--authorizer-token-key", cloud.authorizer_token_key.is_some()),
        ("--authorizer-token-file", cloud.authorizer_token_file.is_some()),
        ("--authorizer-signature-file", cloud.authorizer_signature_file.is_some()),
    ];
    match details.iter().find(|(_, given)| *given && cloud.authorizer.is_none()) {
        Some((detail, _)) => Err(Failure::usage(format!("{detail} needs --authorizer"))
            .hint("give the authorizer's name, or '' for the endpoint's default one")),
        None => Ok(()),
    }
}

/// What a way in says by itself.
fn refuse_beside(way: &str, flags: &Connection) -> Result<(), Failure> {
    let (target, tls) = (&flags.target, &flags.tls);
    let others = [
        ("--url", !target.url.is_empty()),
        ("--unix", target.unix.is_some()),
        ("--protocol", target.protocol.is_some()),
        ("--ws-path", target.ws_path.is_some()),
        ("--tls-alpn", !tls.tls_alpn.is_empty()),
    ];
    if let Some((other, _)) = others.iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!("{way} and {other} contradict each other"))
            .why(format!("{way} says by itself how to talk to the server"))
            .hint(format!("leave {other} out, and give the server by --host")));
    }
    match target.host {
        Some(_) => Ok(()),
        None => Err(Failure::usage(format!("{way} needs --host"))
            .why("every account has an endpoint of its own")
            .hint("give its host name, without scheme and port")),
    }
}

fn contradiction(one: &str, other: &str, why: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("{one} and {other} contradict each other"))
        .why(why)
        .hint("leave one of them out")
}
