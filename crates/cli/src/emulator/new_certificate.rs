//! A certificate more for an account that is served: its files are written before it
//! is registered, and taken away again if it is not.

use std::fs;
use std::path::{Path, PathBuf};

use evenkeel_aws::gate::CertificateId;

use super::Folder;
use super::authority::Authority;
use super::init::{check_name, unsigned, write};
use super::load::{text, text_if_any};
use crate::error::Failure;

/// Files that go unless the certificate is registered.
pub(crate) struct NewCertificate {
    id: CertificateId,
    files: Vec<PathBuf>,
}

impl NewCertificate {
    /// Makes a certificate with its key, or one for the key of a signing request.
    /// Nothing is written over.
    pub(crate) fn make(path: &Path, name: &str, request: Option<&Path>) -> Result<Self, Failure> {
        check_name(name)?;
        let folder = Folder::new(path);
        let authority =
            Authority::read(&text(&folder.authority())?, &text(&folder.authority_key())?);
        let authority = authority.map_err(unsigned)?;
        let (certificate, key) = match request {
            Some(request) => {
                let found = text_if_any(request)?.ok_or_else(|| {
                    Failure::usage(format!("there is no '{}'", request.display()))
                })?;
                let signed = authority.sign(&found).map_err(|error| {
                    let what = format!("'{}' is no signing request", request.display());
                    Failure::usage(what).why(error).hint("openssl req -new -key device.key")
                })?;
                (signed, None)
            }
            None => {
                let issued = authority.device(name).map_err(unsigned)?;
                (issued.certificate, Some(issued.key))
            }
        };
        let id = CertificateId::of_pem(&certificate);
        let id = id.ok_or_else(|| Failure::usage("the certificate that was made is none"))?;
        let mut made = Self { id, files: Vec::new() };
        if let Some(key) = key {
            made.write(folder.certificates().join(format!("{name}.key")), &key)?;
        }
        made.write(folder.certificates().join(format!("{name}.pem")), &certificate)?;
        Ok(made)
    }

    pub(crate) const fn id(&self) -> CertificateId {
        self.id
    }

    /// It is registered, or may be: the files stay.
    pub(crate) fn keep(mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.files)
    }

    fn write(&mut self, path: PathBuf, text: &str) -> Result<(), Failure> {
        write(&path, text)?;
        self.files.push(path);
        Ok(())
    }
}

impl Drop for NewCertificate {
    fn drop(&mut self) {
        for path in &self.files {
            // What cannot be removed lets nobody in.
            let _ = fs::remove_file(path);
        }
    }
}

impl Folder {
    /// The id of the certificate in a file of the account; `None` if there is none.
    pub(crate) fn certificate_id(&self, name: &str) -> Result<Option<CertificateId>, Failure> {
        if !evenkeel_aws::is_thing_name(name) {
            return Ok(None);
        }
        let path = self.certificates().join(format!("{name}.pem"));
        Ok(text_if_any(&path)?.and_then(|text| CertificateId::of_pem(&text)))
    }
}
