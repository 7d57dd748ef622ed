//! The answers of fleet provisioning. Does no I/O.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

use super::{ProvisioningError, ProvisioningStep};

/// No more of AWS's words is kept.
const LONGEST_MESSAGE: usize = 512;

/// A certificate as it was made, with the proof of who may register it.
#[derive(Deserialize)]
pub(super) struct Created {
    #[serde(rename = "certificateId")]
    pub(super) id: String,
    #[serde(rename = "certificatePem")]
    pub(super) certificate: String,
    #[serde(rename = "privateKey")]
    pub(super) private_key: Option<String>,
    #[serde(rename = "certificateOwnershipToken")]
    pub(super) token: String,
}

/// A device that AWS has registered. `Debug` shows no values of its configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvisionedThing {
    thing_name: String,
    #[serde(default)]
    device_configuration: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejection {
    status_code: u16,
    error_code: String,
    error_message: Option<String>,
}

impl ProvisionedThing {
    /// The name of the thing; mostly its policy wants it for the client identifier.
    pub fn thing_name(&self) -> &str {
        &self.thing_name
    }

    /// What the template has for devices, by name.
    pub const fn configuration(&self) -> &BTreeMap<String, String> {
        &self.device_configuration
    }
}

impl fmt::Debug for ProvisionedThing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvisionedThing")
            .field("thing_name", &self.thing_name)
            .field("configuration", &self.device_configuration.keys())
            .finish()
    }
}

/// The certificate in an answer to one of the first two requests.
pub(super) fn created(
    step: ProvisioningStep,
    payload: &[u8],
) -> Result<Created, ProvisioningError> {
    let bad = |problem| ProvisioningError::Answer { step, problem };
    // What the JSON library says could hold a part of the key.
    let created: Created = serde_json::from_slice(payload)
        .map_err(|_| bad("is no JSON object with a certificate and its ownership token"))?;
    if !created.certificate.contains("-----BEGIN CERTIFICATE-----") {
        return Err(bad("has a certificate that is not in PEM"));
    }
    if created.token.is_empty() {
        return Err(bad("has an empty ownership token"));
    }
    match (step, &created.private_key) {
        (ProvisioningStep::CreateKeys, Some(key)) if key.contains("PRIVATE KEY-----") => {
            Ok(created)
        }
        (ProvisioningStep::CreateKeys, _) => Err(bad("has no private key in PEM")),
        _ => Ok(Created { private_key: None, ..created }),
    }
}

/// The thing in an answer to the last request.
pub(super) fn registered(payload: &[u8]) -> Result<ProvisionedThing, ProvisioningError> {
    let (step, problem) = (ProvisioningStep::Register, "is no JSON object with a thing's name");
    let bad = || ProvisioningError::Answer { step, problem };
    let thing: ProvisionedThing = serde_json::from_slice(payload).map_err(|_| bad())?;
    if thing.thing_name.is_empty() { Err(bad()) } else { Ok(thing) }
}

/// Why a request was rejected, as AWS says.
pub(super) fn rejection(step: ProvisioningStep, payload: &[u8]) -> ProvisioningError {
    let Ok(rejection) = serde_json::from_slice::<Rejection>(payload) else {
        let problem = "rejects, and is no JSON object with a reason";
        return ProvisioningError::Answer { step, problem };
    };
    let Rejection { status_code: status, error_code, error_message } = rejection;
    let message = cut(error_message.unwrap_or_default());
    ProvisioningError::Rejected { step, status, code: cut(error_code), message }
}

fn cut(text: String) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}[...]", text.split_at(end).0),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEM: &str = "-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n";
    const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\\ns3cret\\n-----END RSA PRIVATE KEY-----\\n";

    fn answer(key: &str) -> String {
        format!(
            r#"{{"certificateId":"id","certificatePem":"{PEM}",{key}
               "certificateOwnershipToken":"t0ken","more":1}}"#
        )
    }

    #[test]
    fn certificates_are_read() {
        let with_key = answer(&format!(r#""privateKey":"{KEY}","#));
        let made = created(ProvisioningStep::CreateKeys, with_key.as_bytes()).unwrap();
        assert_eq!((made.id.as_str(), made.token.as_str()), ("id", "t0ken"));
        assert_eq!(made.private_key, Some(KEY.replace("\\n", "\n")));
        // A key that nobody asked for is none of ours.
        for answer in [answer(""), with_key] {
            let signed = created(ProvisioningStep::Sign, answer.as_bytes()).unwrap();
            assert_eq!(signed.private_key, None);
            assert_eq!(signed.certificate, PEM.replace("\\n", "\n"));
        }
    }

    #[test]
    fn what_is_no_certificate_is_told_without_what_it_says() {
        let step = ProvisioningStep::CreateKeys;
        for bad in [
            String::new(),
            "s3cret".to_owned(),
            "[]".to_owned(),
            r#"{"certificateId":"s3cret"}"#.to_owned(),
            answer(""),
            answer(r#""privateKey":"s3cret","#),
            answer(&format!(r#""privateKey":"{KEY}","#)).replace("CERTIFICATE--", "s3cret--"),
            answer(&format!(r#""privateKey":"{KEY}","#)).replace("t0ken", ""),
        ] {
            let error = created(step, bad.as_bytes()).map(|made| made.id).unwrap_err();
            assert!(matches!(error, ProvisioningError::Answer { .. }), "{error:?}");
            assert!(!format!("{error:#} {error:?}").contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn things_are_read() {
        let thing = registered(br#"{"thingName":"pump-17"}"#).unwrap();
        assert_eq!((thing.thing_name(), thing.configuration().len()), ("pump-17", 0));
        let payload = br#"{"deviceConfiguration":{"site":"s3cret"},"thingName":"pump-17"}"#;
        let thing = registered(payload).unwrap();
        assert_eq!(thing.configuration().get("site").map(String::as_str), Some("s3cret"));
        assert!(!format!("{thing:?}").contains("s3cret"));
        for bad in [&b"{}"[..], b"", br#"{"thingName":""}"#, br#"{"thingName":7}"#, b"\xff"] {
            assert!(registered(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn rejections_have_their_reason_in_bounds() {
        let step = ProvisioningStep::Register;
        let of = |payload: &str| rejection(step, payload.as_bytes());
        let rejected = |code: &str, message: &str| ProvisioningError::Rejected {
            step,
            status: 400,
            code: code.to_owned(),
            message: message.to_owned(),
        };
        let payload = r#"{"statusCode":400,"errorCode":"Bad","errorMessage":"no serial"}"#;
        assert_eq!(of(payload), rejected("Bad", "no serial"));
        assert_eq!(of(r#"{"statusCode":400,"errorCode":"Bad"}"#), rejected("Bad", ""));
        let longest = "ä".repeat(LONGEST_MESSAGE);
        let long = |text: &str| {
            of(&format!(r#"{{"statusCode":400,"errorCode":"Bad","errorMessage":"{text}"}}"#))
        };
        assert_eq!(long(&longest), rejected("Bad", &longest));
        assert_eq!(long(&format!("{longest}ä")), rejected("Bad", &format!("{longest}[...]")));
        for bad in ["", "{}", r#"{"statusCode":70000,"errorCode":"Bad"}"#] {
            assert!(matches!(of(bad), ProvisioningError::Answer { .. }), "{bad}");
        }
    }
}
