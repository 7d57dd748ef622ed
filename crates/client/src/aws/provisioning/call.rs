//! The requests of fleet provisioning: topics and payloads. Does no I/O.

use std::collections::BTreeMap;

use serde::Serialize;

use super::answer::rejection;
use super::{ProvisioningError, ProvisioningStep};

/// As AWS has it.
const LONGEST_REQUEST: usize = 4096;
/// No answer is longer: AWS's largest payload.
const LONGEST_ANSWER: usize = 128 * 1024;

/// One request, and where it is answered.
pub(super) struct Call {
    step: ProvisioningStep,
    topic: String,
    payload: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sign<'a> {
    certificate_signing_request: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Register<'a> {
    certificate_ownership_token: &'a str,
    parameters: &'a BTreeMap<String, String>,
}

impl Call {
    pub(super) fn create_keys() -> Self {
        let topic = "$aws/certificates/create/json".to_owned();
        Self { step: ProvisioningStep::CreateKeys, topic, payload: b"{}".to_vec() }
    }

    pub(super) fn sign(request: &str) -> Result<Self, ProvisioningError> {
        let is_request = request.contains("CERTIFICATE REQUEST-----");
        if !is_request || request.len() > LONGEST_REQUEST {
            return Err(ProvisioningError::SigningRequest);
        }
        let topic = "$aws/certificates/create-from-csr/json".to_owned();
        let payload = json(&Sign { certificate_signing_request: request });
        Ok(Self { step: ProvisioningStep::Sign, topic, payload })
    }

    pub(super) fn register(
        template: &str,
        token: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Self {
        let topic = format!("$aws/provisioning-templates/{template}/provision/json");
        let payload = json(&Register { certificate_ownership_token: token, parameters });
        Self { step: ProvisioningStep::Register, topic, payload }
    }

    pub(super) const fn step(&self) -> ProvisioningStep {
        self.step
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    pub(super) fn accepted(&self) -> String {
        format!("{}/accepted", self.topic)
    }

    pub(super) fn rejected(&self) -> String {
        format!("{}/rejected", self.topic)
    }

    /// What a message says to this request, or `None` if it is no answer to it.
    pub(super) fn answer(
        &self,
        topic: &str,
        payload: &[u8],
    ) -> Option<Result<Vec<u8>, ProvisioningError>> {
        let outcome = topic.strip_prefix(&self.topic)?;
        let (step, problem) = (self.step, "is longer than any answer of AWS");
        match outcome {
            "/accepted" | "/rejected" if payload.len() > LONGEST_ANSWER => {
                Some(Err(ProvisioningError::Answer { step, problem }))
            }
            "/accepted" => Some(Ok(payload.to_vec())),
            "/rejected" => Some(Err(rejection(step, payload))),
            _ => None,
        }
    }
}

/// Of texts alone, which all can be written.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_aws_has_them() {
        let create = Call::create_keys();
        assert_eq!(create.topic(), "$aws/certificates/create/json");
        assert_eq!(create.accepted(), "$aws/certificates/create/json/accepted");
        assert_eq!(create.rejected(), "$aws/certificates/create/json/rejected");
        assert_eq!(create.payload(), b"{}");

        let pem = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n";
        let sign = Call::sign(pem).unwrap();
        assert_eq!(sign.topic(), "$aws/certificates/create-from-csr/json");
        let expected = serde_json::json!({ "certificateSigningRequest": pem });
        assert_eq!(sign.payload(), expected.to_string().as_bytes());

        let parameters = BTreeMap::from([("SerialNumber".to_owned(), "47\"11".to_owned())]);
        let register = Call::register("pumps", "t0ken", &parameters);
        assert_eq!(register.topic(), "$aws/provisioning-templates/pumps/provision/json");
        let expected =
            br#"{"certificateOwnershipToken":"t0ken","parameters":{"SerialNumber":"47\"11"}}"#;
        assert_eq!(register.payload(), expected);
    }

    #[test]
    fn a_signing_request_is_checked_on_both_sides_of_its_length() {
        let of = |length: usize| {
            let frame = "-----BEGIN CERTIFICATE REQUEST-----";
            Call::sign(&format!("{frame}{}", "x".repeat(length - frame.len()))).map(drop)
        };
        assert_eq!(of(LONGEST_REQUEST), Ok(()));
        assert_eq!(of(LONGEST_REQUEST + 1), Err(ProvisioningError::SigningRequest));
        let certificate = Call::sign("-----BEGIN CERTIFICATE-----").map(drop);
        assert_eq!(certificate, Err(ProvisioningError::SigningRequest));
    }

    #[test]
    fn only_its_own_answers_count() {
        let call = Call::create_keys();
        for topic in ["$aws/certificates/create/json", "$aws/certificates/create/cbor/accepted", ""]
        {
            assert!(call.answer(topic, b"{}").is_none(), "{topic}");
        }
        assert_eq!(call.answer(&call.accepted(), b"{}"), Some(Ok(b"{}".to_vec())));
        let longest = vec![b' '; LONGEST_ANSWER];
        assert_eq!(call.answer(&call.accepted(), &longest), Some(Ok(longest.clone())));
        for topic in [call.accepted(), call.rejected()] {
            let refused = call.answer(&topic, &[&longest[..], b" "].concat());
            assert!(matches!(refused, Some(Err(ProvisioningError::Answer { .. }))), "{refused:?}");
        }
    }
}
