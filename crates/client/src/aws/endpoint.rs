//! Endpoints of AWS IoT Core, and the regions in their names.

use std::fmt;

use super::AwsError;
use crate::url::Host;

/// What the names of AWS end with: everywhere, and in China.
const SUFFIXES: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];
/// The service in the name of an endpoint, and the same by cryptography of FIPS 140.
const SERVICES: [&str; 2] = ["iot", "iot-fips"];
/// Endpoints of the same shape that other services have.
const OTHERS: [&str; 4] = ["credentials", "jobs", "api", "deviceadvisor"];

/// The host of an account's AWS IoT Core, and its region.
///
/// ```
/// use evenkeel::aws::AwsIotEndpoint;
///
/// let endpoint = AwsIotEndpoint::parse("a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com")?;
/// assert_eq!(endpoint.region(), "eu-west-1");
/// assert!(AwsIotEndpoint::parse("broker.example").is_err());
/// # Ok::<(), evenkeel::aws::AwsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsIotEndpoint {
    host: String,
    region: String,
}

impl AwsIotEndpoint {
    /// Takes the name that `aws iot describe-endpoint --endpoint-type iot:Data-ATS` tells, such
    /// as `a1b2c3d4e5f6g7-ats.iot.eu-west-1.amazonaws.com`. Its region is part of it.
    pub fn parse(host: &str) -> Result<Self, AwsError> {
        let host = host_name(host)?;
        let not_aws = || AwsError::NotAws { host: host.clone() };
        let name = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix));
        let labels: Vec<&str> = name.ok_or_else(not_aws)?.split('.').collect();
        let (prefix, region) = match labels[..] {
            [prefix, service, region] if SERVICES.contains(&service) => (prefix, region),
            [_, other, service, _] if SERVICES.contains(&service) && OTHERS.contains(&other) => {
                return Err(AwsError::NotMqtt { service: other.to_owned(), host });
            }
            // The region's own endpoint makes things and certificates.
            [service, _] if SERVICES.contains(&service) => {
                return Err(AwsError::NotMqtt { service: "the control plane".to_owned(), host });
            }
            _ => return Err(not_aws()),
        };
        if OTHERS.contains(&prefix) {
            return Err(AwsError::NotMqtt { service: prefix.to_owned(), host });
        }
        let region = checked_region(region)?;
        Ok(Self { host, region })
    }

    /// A domain of one's own that leads to AWS IoT Core, or an emulator of it, in this region.
    pub fn custom_domain(host: &str, region: &str) -> Result<Self, AwsError> {
        Ok(Self { host: host_name(host)?, region: checked_region(region)? })
    }

    /// The host, in small letters.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The region, such as `eu-west-1`.
    pub fn region(&self) -> &str {
        &self.region
    }
}

fn host_name(text: &str) -> Result<String, AwsError> {
    match Host::parse(text) {
        Ok(Host::Name(name)) => Ok(name.trim_end_matches('.').to_ascii_lowercase()),
        Ok(Host::Ipv4(address)) => Ok(address.to_string()),
        _ => Err(AwsError::NotAHost),
    }
}

pub(super) fn checked_region(text: &str) -> Result<String, AwsError> {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_region = text.len() <= 32 && text.contains('-') && text.bytes().all(is_allowed);
    if is_region { Ok(text.to_owned()) } else { Err(AwsError::Region) }
}

impl fmt::Display for AwsIotEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

impl TryFrom<&str> for AwsIotEndpoint {
    type Error = AwsError;

    fn try_from(host: &str) -> Result<Self, AwsError> {
        Self::parse(host)
    }
}

impl TryFrom<&String> for AwsIotEndpoint {
    type Error = AwsError;

    fn try_from(host: &String) -> Result<Self, AwsError> {
        Self::parse(host)
    }
}

impl TryFrom<String> for AwsIotEndpoint {
    type Error = AwsError;

    fn try_from(host: String) -> Result<Self, AwsError> {
        Self::parse(&host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_in_the_name() {
        for (host, region) in [
            ("a1b2c3d4e5f6g7-ats.iot.us-east-1.amazonaws.com", "us-east-1"),
            ("a1b2c3d4e5f6g7.iot.eu-west-1.amazonaws.com", "eu-west-1"),
            ("a1b2c3d4e5f6g7.ats.iot.cn-north-1.amazonaws.com.cn", ""),
            ("a1b2c3d4e5f6g7-ats.iot.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("data.iot.eu-central-1.amazonaws.com", "eu-central-1"),
            ("data.iot-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
            ("A1B2-ATS.iot.ap-southeast-2.AmazonAWS.com.", "ap-southeast-2"),
        ] {
            let region_of = |endpoint: AwsIotEndpoint| endpoint.region().to_owned();
            let found = AwsIotEndpoint::parse(host).map(region_of).unwrap_or_default();
            assert_eq!(found, region, "{host}");
        }
    }

    #[test]
    fn what_is_no_endpoint_is_told_with_a_hint() {
        let error = |host: &str| AwsIotEndpoint::parse(host).unwrap_err();
        for host in [
            "broker.example",
            "localhost",
            "192.0.2.1",
            "iot.amazonaws.com",
            "a1.iot.us-east-1.amazonaws.com.evil.example",
            "a1.s3.us-east-1.amazonaws.com",
            "a.b.c.iot.us-east-1.amazonaws.com",
            "amazonaws.com",
        ] {
            assert_eq!(error(host), AwsError::NotAws { host: host.to_owned() });
            assert!(error(host).to_string().contains("describe-endpoint"));
        }
        for (host, service) in [
            ("a1.credentials.iot.us-east-1.amazonaws.com", "credentials"),
            ("a1.jobs.iot.us-east-1.amazonaws.com", "jobs"),
            ("api.iot.us-east-1.amazonaws.com", "api"),
            ("iot.us-east-1.amazonaws.com", "the control plane"),
        ] {
            let (host, service) = (host.to_owned(), service.to_owned());
            assert_eq!(error(&host.clone()), AwsError::NotMqtt { host, service });
        }
        for host in [
            "",
            "mqtts://a1-ats.iot.us-east-1.amazonaws.com",
            "a1-ats.iot.us-east-1.amazonaws.com:8883",
            "a1-ats.iot.us-east-1.amazonaws.com/mqtt",
            "user:secret@a1-ats.iot.us-east-1.amazonaws.com",
            "::1",
        ] {
            assert_eq!(error(host), AwsError::NotAHost, "{host}");
            assert!(!error(host).to_string().contains("secret"));
        }
        assert_eq!(error("a1-ats.iot.us_east_1.amazonaws.com"), AwsError::Region);
    }

    #[test]
    fn a_domain_of_ones_own_has_a_region_too() {
        let endpoint = AwsIotEndpoint::custom_domain("iot.example", "eu-west-1").unwrap();
        assert_eq!((endpoint.host(), endpoint.region()), ("iot.example", "eu-west-1"));
        let long = format!("eu-{}", "1".repeat(29));
        assert!(AwsIotEndpoint::custom_domain("iot.example", &long).is_ok());
        for region in ["", "eu west", "EU-WEST-1", "europe", &format!("{long}1")] {
            let error = AwsIotEndpoint::custom_domain("iot.example", region).unwrap_err();
            assert_eq!(error, AwsError::Region, "{region}");
        }
    }
}
