//! What policies may ask about a certificate, read from its DER.

use std::time::Duration;

use super::der::{Der, tag};
use super::policy::Context;

/// The attributes of names that have variables, by the last parts of their
/// object identifiers.
const ATTRIBUTES: [(&[u8], &str); 13] = [
    (&[0x55, 4, 3], "CommonName"),
    (&[0x55, 4, 4], "Surname"),
    (&[0x55, 4, 5], "SerialNumber"),
    (&[0x55, 4, 6], "Country"),
    (&[0x55, 4, 8], "State"),
    (&[0x55, 4, 10], "Organization"),
    (&[0x55, 4, 11], "OrganizationalUnit"),
    (&[0x55, 4, 12], "Title"),
    (&[0x55, 4, 42], "GivenName"),
    (&[0x55, 4, 43], "Initials"),
    (&[0x55, 4, 44], "GenerationQualifier"),
    (&[0x55, 4, 46], "DistinguishedNameQualifier"),
    (&[0x55, 4, 65], "Pseudonym"),
];

/// The extension with other names of the subject.
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 29, 17];
/// The extension with other names of the issuer.
const ISSUER_ALTERNATIVE_NAME: &[u8] = &[0x55, 29, 18];

/// A certificate's names and times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509 {
    /// The serial number in hexadecimal digits.
    pub serial_number: String,
    /// It is good from here on, as time since the beginning of 1970.
    pub not_before: Duration,
    /// It is good until here.
    pub not_after: Duration,
    /// Variables of policies with their values, in order.
    variables: Vec<(String, String)>,
}

impl X509 {
    /// Reads the DER of a certificate; nothing if it is none.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let mut certificate = Der(der).inside(tag::SEQUENCE)?.inside(tag::SEQUENCE)?;
        // The version, which is not there in the first one.
        if certificate.peek() == Some(0xa0) {
            certificate.any()?;
        }
        let serial = certificate.take(tag::INTEGER)?;
        let serial_number = serial.iter().map(|byte| format!("{byte:02x}")).collect();
        certificate.take(tag::SEQUENCE)?;
        let mut variables = Vec::new();
        names(certificate.inside(tag::SEQUENCE)?, "Issuer", &mut variables)?;
        let mut validity = certificate.inside(tag::SEQUENCE)?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        names(certificate.inside(tag::SEQUENCE)?, "Subject", &mut variables)?;
        certificate.take(tag::SEQUENCE)?;
        while !certificate.is_empty() {
            let (found, content) = certificate.any()?;
            if found == 0xa3 {
                extensions(Der(content).inside(tag::SEQUENCE)?, &mut variables)?;
            }
        }
        Some(Self { serial_number, not_before, not_after, variables })
    }

    /// Tells a context all that policies may ask about the certificate.
    pub fn tell(&self, context: &mut Context) {
        context.add("iot:Certificate.SerialNumber", &self.serial_number);
        for (key, value) in &self.variables {
            context.add(key, value);
        }
    }
}

/// The attributes of a name. Those of rare kinds are left out.
fn names(mut name: Der<'_>, whose: &str, variables: &mut Vec<(String, String)>) -> Option<()> {
    while !name.is_empty() {
        let mut set = name.inside(tag::SET)?;
        while !set.is_empty() {
            let mut pair = set.inside(tag::SEQUENCE)?;
            let kind = pair.take(tag::OBJECT_IDENTIFIER)?;
            let (value_tag, value) = pair.any()?;
            let known = ATTRIBUTES.iter().find(|(identifier, _)| *identifier == kind);
            if let (Some((_, attribute)), Some(text)) = (known, text(value_tag, value)) {
                variables.push((format!("iot:Certificate.{whose}.{attribute}"), text));
            }
        }
    }
    Some(())
}

fn text(found: u8, value: &[u8]) -> Option<String> {
    let texts = [tag::UTF8_STRING, tag::PRINTABLE_STRING, tag::IA5_STRING, tag::NUMERIC_STRING];
    texts.contains(&found).then(|| std::str::from_utf8(value).ok().map(str::to_owned))?
}

fn extensions(mut list: Der<'_>, variables: &mut Vec<(String, String)>) -> Option<()> {
    while !list.is_empty() {
        let mut extension = list.inside(tag::SEQUENCE)?;
        let kind = extension.take(tag::OBJECT_IDENTIFIER)?;
        if extension.peek() == Some(tag::BOOLEAN) {
            extension.any()?;
        }
        let mut value = Der(extension.take(tag::OCTET_STRING)?);
        match kind {
            SUBJECT_ALTERNATIVE_NAME => {
                alternative(value.inside(tag::SEQUENCE)?, "Subject", variables)?
            }
            ISSUER_ALTERNATIVE_NAME => {
                alternative(value.inside(tag::SEQUENCE)?, "Issuer", variables)?
            }
            _ => {}
        }
    }
    Some(())
}

/// Other names, as far as they are texts or addresses.
fn alternative(
    mut list: Der<'_>,
    whose: &str,
    variables: &mut Vec<(String, String)>,
) -> Option<()> {
    while !list.is_empty() {
        let (kind, value) = list.any()?;
        let (name, value) = match kind {
            0x81 => ("RFC822Name", text(tag::IA5_STRING, value)),
            0x82 => ("DNSName", text(tag::IA5_STRING, value)),
            0x86 => ("UniformResourceIdentifier", text(tag::IA5_STRING, value)),
            0x87 => ("IPAddress", address(value)),
            _ => continue,
        };
        if let Some(value) = value {
            let key = format!("iot:Certificate.{whose}.AlternativeName.{name}");
            variables.push((key, value));
        }
    }
    Some(())
}

fn address(bytes: &[u8]) -> Option<String> {
    use core::net::{Ipv4Addr, Ipv6Addr};
    let four = || <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).to_string());
    let six = || <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string());
    four().or_else(six)
}

/// A time of either kind. A year of two digits is of 1950 to 2049.
fn time(validity: &mut Der<'_>) -> Option<Duration> {
    let (kind, value) = validity.any()?;
    let text = std::str::from_utf8(value).ok()?;
    let whole = match kind {
        tag::UTC_TIME => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        tag::GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let (date, clock) = whole.split_at_checked(8)?;
    if date < "19700101" {
        return Some(Duration::ZERO);
    }
    super::date::parse(&format!("{date}T{clock}"))
}
