//! Certificates for devices that are provisioned, by the folder's authority.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use evenkeel_aws::Time;
use evenkeel_aws::gate::CertificateId;
use evenkeel_aws::provisioning::{IssueError, Issued, Issuer};
use rcgen::KeyPair;

use super::authority::Authority;

/// Signs with the folder's authority.
pub(super) struct FolderIssuer(Authority);

impl FolderIssuer {
    pub(super) const fn new(authority: Authority) -> Self {
        Self(authority)
    }
}

impl Issuer for FolderIssuer {
    fn create(&mut self, _: Time) -> Result<Issued, IssueError> {
        let issued = self.0.device("AWS IoT Certificate").map_err(unavailable)?;
        finish(issued.certificate, Some(issued.key))
    }

    fn sign(&mut self, _: Time, request: &str) -> Result<Issued, IssueError> {
        let problem = |error: rcgen::Error| IssueError::Request { problem: error.to_string() };
        finish(self.0.sign(request).map_err(problem)?, None)
    }
}

fn finish(certificate_pem: String, private_key: Option<String>) -> Result<Issued, IssueError> {
    let id = CertificateId::of_pem(&certificate_pem);
    let id = id.ok_or_else(|| IssueError::Unavailable { problem: "it is no PEM".into() })?;
    let ownership_token = token().map_err(unavailable)?;
    Ok(Issued { certificate_id: id.to_string(), certificate_pem, private_key, ownership_token })
}

fn unavailable(error: rcgen::Error) -> IssueError {
    IssueError::Unavailable { problem: error.to_string() }
}

/// A text that nobody can guess: the public half of a key that is thrown away.
fn token() -> Result<String, rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok(URL_SAFE_NO_PAD.encode(key.public_key_raw()))
}

/// A number that no other run has.
pub(super) fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or_default()
        ^ u64::from(std::process::id()).rotate_left(48)
}
