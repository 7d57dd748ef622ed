//! AWS IoT Core on this machine: the folder of `evenkeel broker --aws DIR`.

#[cfg_attr(not(unix), path = "admin_elsewhere.rs")]
mod admin;
mod authority;
mod authorizers;
mod init;
mod issuer;
mod load;
mod new_certificate;
mod state;

pub(crate) use admin::{Admin, ask};
pub(crate) use authority::{Authority, Issued};
pub(crate) use authorizers::Authorizers;
pub(crate) use init::init;
pub(crate) use load::load;
pub(crate) use new_certificate::NewCertificate;
pub(crate) use state::StateFile;

use std::path::{Path, PathBuf};

use crate::error::Failure;

/// Why a running account has given no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Nothing was done.
    Refused(Failure),
    /// It may have been done all the same.
    #[cfg_attr(not(unix), expect(dead_code, reason = "nothing is asked there"))]
    Lost(Failure),
}

impl From<NoAnswer> for Failure {
    fn from(error: NoAnswer) -> Self {
        match error {
            NoAnswer::Refused(failure) | NoAnswer::Lost(failure) => failure,
        }
    }
}

/// Another broker has the account.
fn served_already(path: &Path) -> Failure {
    Failure::usage("the account is served already")
        .why(format!("another broker has '{}'", path.display()))
        .hint("stop it first: two would write one state")
}

/// What stands where in the folder.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// Account, region and who else may come in.
    pub(crate) fn settings(&self) -> PathBuf {
        self.0.join("aws.toml")
    }

    /// Certificate of the authority; clients trust it.
    pub(crate) fn authority(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    fn authority_key(&self) -> PathBuf {
        self.0.join("ca.key")
    }

    /// Certificate of the broker.
    pub(crate) fn server(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    pub(crate) fn server_key(&self) -> PathBuf {
        self.0.join("server.key")
    }

    fn policies(&self) -> PathBuf {
        self.0.join("policies")
    }

    fn things(&self) -> PathBuf {
        self.0.join("things")
    }

    fn certificates(&self) -> PathBuf {
        self.0.join("certificates")
    }

    fn templates(&self) -> PathBuf {
        self.0.join("templates")
    }

    /// The socket of a running broker, for the operator.
    #[cfg(unix)]
    fn admin(&self) -> PathBuf {
        self.0.join("admin.sock")
    }

    /// What keeps a second broker away, without a socket.
    #[cfg(not(unix))]
    fn lock(&self) -> PathBuf {
        self.0.join("admin.lock")
    }

    fn state(&self) -> PathBuf {
        self.0.join("state.jsonl")
    }

    /// What older versions have in place of it.
    fn old_state(&self) -> PathBuf {
        self.0.join("state.json")
    }
}
