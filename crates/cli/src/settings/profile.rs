//! Which limits the client keeps to: those of `--profile`, or of the cloud that
//! the server's host belongs to. The library never guesses; this is the only
//! place that does.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use evenkeel::url::{Host, ServerUrl};
use evenkeel_profile::{BUILT_IN, Profile};

use super::Context;
use crate::args::ProfileFlag;
use crate::error::Failure;

/// No profile's file is longer.
const LARGEST_FILE: u64 = 1024 * 1024;

/// What turns the profile off.
pub(super) const NONE: &str = "none";

/// Hosts of clouds and the profiles that go with them, the first that fits. A
/// leading `*` stands for one label or more, another one for one.
const HOSTS: [(&str, &str); 20] = [
    ("*.iot.*.amazonaws.com", "aws-iot-core"),
    ("*.iot.*.amazonaws.com.cn", "aws-iot-core"),
    ("*.azure-devices.net", "azure-iot-hub"),
    ("*.ts.eventgrid.azure.net", "azure-event-grid"),
    ("*.emqxsl.com", "emqx-serverless"),
    ("*.emqxsl.cn", "emqx-serverless"),
    ("*.iothub.tencentdevices.com", "tencent-iot-hub"),
    ("*.us-east.iotcloud.tencentdevices.com", "tencent-iot-hub"),
    ("*.iotcloud.tencentdevices.com", "tencent-iot-hub-cn"),
    ("*.iotda-device.*.myhuaweicloud.com", "huawei-iotda"),
    ("*.iot-as-mqtt.*.aliyuncs.com", "alibaba-iot-platform"),
    ("*.mqtt.iothub.aliyuncs.com", "alibaba-iot-platform"),
    ("*.mqtt.aliyuncs.com", "alibaba-apsaramq"),
    ("*.iot.*.baidubce.com", "baidu-iot-core"),
    ("broker.losant.com", "losant"),
    ("io.adafruit.com", "adafruit-io"),
    ("mqtt.thingsboard.cloud", "thingsboard-cloud"),
    ("mqtt.eu.thingsboard.cloud", "thingsboard-cloud"),
    ("thingsboard.cloud", "thingsboard-cloud"),
    ("mqtt.googleapis.com", "google-like"),
];

/// The profile in force.
#[derive(Clone, Debug)]
pub(crate) struct ChosenProfile {
    pub(crate) profile: Profile,
    /// Why it was taken, if nobody asked for it.
    pub(crate) told: Option<String>,
}

/// The profile of the flag, else of the servers' hosts, else of the cloud that other flags name;
/// mosquitto's tools know none.
pub(super) fn choose(
    flag: &ProfileFlag,
    servers: &[ServerUrl],
    cloud: Option<&'static str>,
    context: Context<'_>,
) -> Result<Option<ChosenProfile>, Failure> {
    match flag.profile.as_deref() {
        Some(_) if context.is_mosquitto() => Err(Failure::usage("there is no flag '--profile'")
            .why(format!("{} has none like it", context.personality.program()))
            .hint("call the program by its own name, evenkeel")),
        None if context.is_mosquitto() => Ok(None),
        Some(NONE) => Ok(None),
        Some(text) => Ok(Some(ChosenProfile { profile: named_or_read(text)?, told: None })),
        None => Ok(of_hosts(servers).or_else(|| of_cloud(servers, cloud?))),
    }
}

/// The built-in profile of this name, or that of a file.
pub(crate) fn named_or_read(text: &str) -> Result<Profile, Failure> {
    match Profile::built_in(text) {
        Some(profile) => Ok(profile),
        None if text.contains(['/', '.', '\\']) => read(Path::new(text)),
        None => Err(Failure::usage(format!("there is no profile '{text}'"))
            .why(format!("built in are {}", BUILT_IN.join(", ")))
            .hint("a file is given with its folder or ending, such as ./plant or plant.toml")),
    }
}

/// The profile in a file.
pub(crate) fn read(path: &Path) -> Result<Profile, Failure> {
    let unreadable = || Failure::usage(format!("the profile '{}' cannot be read", path.display()));
    let failed =
        |error| unreadable().why(error).hint("a profile is TOML text: check the path and the file");
    let text = read_text(path).map_err(failed)?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(unreadable()
            .why("it is larger than 1 MiB")
            .hint("a profile is TOML text, see 'evenkeel profile show standard --toml'"));
    }
    Profile::from_toml(&text).map_err(|error| {
        Failure::usage(format!("the profile '{}' is not valid", path.display()))
            .why(error.fact())
            .hint(error.hint())
    })
}

/// The text of a file, and a byte more than its bound if it is longer. Some files,
/// such as devices, do not say how long they are.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// The profile that all the servers' hosts have in common.
fn of_hosts(servers: &[ServerUrl]) -> Option<ChosenProfile> {
    let mut names = servers.iter().map(|server| match server.host() {
        Some(Host::Name(host)) => of_host(host).map(|name| (host, name)),
        _ => None,
    });
    let (host, name) = names.next()??;
    if !names.all(|other| other.is_some_and(|(_, other)| other == name)) {
        return None;
    }
    taken(host, name)
}

/// The profile of a cloud under other names than its own.
fn of_cloud(servers: &[ServerUrl], name: &str) -> Option<ChosenProfile> {
    taken(&servers.first()?.host()?.to_string(), name)
}

/// A profile that nobody asked for, which is told.
fn taken(host: &str, name: &str) -> Option<ChosenProfile> {
    let about = evenkeel_profile::about(name)?;
    let told = format!("{host} is {about}: keeping to profile {name} (--profile none does not)");
    Some(ChosenProfile { profile: Profile::built_in(name)?, told: Some(told) })
}

/// The name of the profile that goes with a host.
fn of_host(host: &str) -> Option<&'static str> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    HOSTS.into_iter().find(|(pattern, _)| fits(&host, pattern)).map(|(_, name)| name)
}

fn fits(host: &str, pattern: &str) -> bool {
    let (open, pattern) = match pattern.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let mut labels = host.rsplit('.');
    let all = pattern.rsplit('.').all(|wanted| {
        labels.next().is_some_and(|label| wanted == label || (wanted == "*" && !label.is_empty()))
    });
    let more = labels.next().is_some_and(|label| !label.is_empty());
    all && more == open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_clouds_have_their_profiles_and_others_none() {
        for (host, name) in [
            ("a1b2-ats.iot.eu-central-1.amazonaws.com", Some("aws-iot-core")),
            ("A1B2.iot.us-east-1.AmazonAWS.com.", Some("aws-iot-core")),
            ("a1b2.ats.iot.cn-north-1.amazonaws.com.cn", Some("aws-iot-core")),
            ("iot.eu-central-1.amazonaws.com", None),
            ("a1b2-ats.iot.amazonaws.com", None),
            ("a1b2-ats.iot.eu-central-1.amazonaws.com.example", None),
            ("a1b2-ats.iot.eu.central.amazonaws.com", None),
            ("x.s3.eu-central-1.amazonaws.com", None),
            ("plant.azure-devices.net", Some("azure-iot-hub")),
            ("azure-devices.net", None),
            (".azure-devices.net", None),
            ("plant.azure-devices.net.example", None),
            ("notazure-devices.net", None),
            ("ns.westeurope-1.ts.eventgrid.azure.net", Some("azure-event-grid")),
            ("abc.ala.eu-central-1.emqxsl.com", Some("emqx-serverless")),
            ("P1.iotcloud.tencentdevices.com", Some("tencent-iot-hub-cn")),
            ("P1.us-east.iotcloud.tencentdevices.com", Some("tencent-iot-hub")),
            ("P1.europe.iothub.tencentdevices.com", Some("tencent-iot-hub")),
            ("a.st1.iotda-device.cn-north-4.myhuaweicloud.com", Some("huawei-iotda")),
            ("k.iot-as-mqtt.cn-shanghai.aliyuncs.com", Some("alibaba-iot-platform")),
            ("i.mqtt.iothub.aliyuncs.com", Some("alibaba-iot-platform")),
            ("i.mqtt.aliyuncs.com", Some("alibaba-apsaramq")),
            ("c.iot.gz.baidubce.com", Some("baidu-iot-core")),
            ("broker.losant.com", Some("losant")),
            ("x.broker.losant.com", None),
            ("io.adafruit.com", Some("adafruit-io")),
            ("thingsboard.cloud", Some("thingsboard-cloud")),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(of_host(host), name, "{host}");
        }
        for (_, name) in HOSTS {
            assert!(Profile::built_in(name).is_some(), "{name}");
        }
    }

    #[test]
    fn servers_of_several_clouds_have_no_profile_in_common() {
        let chosen = |urls: &[&str]| {
            let servers: Vec<_> = urls.iter().map(|url| ServerUrl::parse(url).unwrap()).collect();
            of_hosts(&servers).map(|chosen| chosen.profile.name.into_owned())
        };
        let (aws, losant) = ("mqtts://a.iot.eu-west-1.amazonaws.com", "mqtts://broker.losant.com");
        assert_eq!(chosen(&[aws]).as_deref(), Some("aws-iot-core"));
        assert_eq!(chosen(&[aws, "mqtts://b.iot.eu-west-1.amazonaws.com"]), chosen(&[aws]));
        for urls in [&[aws, losant][..], &[aws, "mqtt://localhost"], &["mqtt://127.0.0.1", aws]] {
            assert_eq!(chosen(urls), None, "{urls:?}");
        }
    }
}
