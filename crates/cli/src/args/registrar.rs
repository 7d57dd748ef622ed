//! `evenkeel aws thing` and `certificate`: the registry of an emulated account.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{AccountFlags, examples};

/// What to do with things.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ThingAction {
    /// Print all things with their attributes
    #[command(visible_alias = "list", after_help = examples::AWS_THING)]
    Ls(AccountFlags),
    /// Add a thing
    #[command(after_help = examples::AWS_THING)]
    Add {
        /// Name of the thing
        thing: String,
        /// Name of its type
        #[arg(long = "type", value_name = "TYPE")]
        thing_type: Option<String>,
        /// An attribute; may be given several times
        #[arg(long = "attribute", value_name = "NAME=VALUE")]
        attributes: Vec<String>,
        #[command(flatten)]
        account: AccountFlags,
    },
    /// Delete a thing that is attached to no certificate
    #[command(after_help = examples::AWS_THING)]
    Delete {
        /// Name of the thing
        thing: String,
        #[command(flatten)]
        account: AccountFlags,
    },
}

/// Which certificate.
#[derive(Args, Clone, Debug)]
pub(crate) struct CertificateTarget {
    /// Id of the certificate, the SHA-256 of its DER; or NAME of a file certificates/NAME.pem
    #[arg(value_name = "ID|NAME")]
    pub(crate) certificate: String,
    #[command(flatten)]
    pub(crate) account: AccountFlags,
}

/// What a certificate is attached to.
#[derive(Args, Clone, Debug)]
pub(crate) struct AttachedFlags {
    /// A policy; may be given several times
    #[arg(long = "policy", value_name = "NAME")]
    pub(crate) policies: Vec<String>,
    /// A thing; may be given several times
    #[arg(long = "thing", value_name = "NAME")]
    pub(crate) things: Vec<String>,
}

/// What to do with certificates.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum CertificateAction {
    /// Print all certificates with what is attached to them
    #[command(visible_alias = "list", after_help = examples::AWS_CERTIFICATE)]
    Ls(AccountFlags),
    /// Make a certificate and its key, certificates/NAME.pem and NAME.key, and register it
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Add {
        /// Name of the files, which must not be there
        name: String,
        #[command(flatten)]
        attached: AttachedFlags,
        /// It and its only thing belong to each other alone
        #[arg(long)]
        exclusive: bool,
        /// Certificate signing request of a key that stays elsewhere, PEM; no key is made
        #[arg(long, value_name = "FILE")]
        csr: Option<PathBuf>,
        /// It may not be used before it is activated
        #[arg(long)]
        inactive: bool,
        #[command(flatten)]
        account: AccountFlags,
    },
    /// Let clients in by a certificate
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Activate(CertificateTarget),
    /// Let nobody in by a certificate; who came by it, goes
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Deactivate(CertificateTarget),
    /// Forget a certificate that is not active and that no thing has; its files stay
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Delete {
        #[command(flatten)]
        target: CertificateTarget,
        /// Even if it has policies
        #[arg(long)]
        force: bool,
    },
    /// Attach policies and things to a certificate
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Attach {
        #[command(flatten)]
        target: CertificateTarget,
        #[command(flatten)]
        attached: AttachedFlags,
        /// It and its only thing belong to each other alone
        #[arg(long)]
        exclusive: bool,
    },
    /// Take policies and things away from a certificate
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Detach {
        #[command(flatten)]
        target: CertificateTarget,
        #[command(flatten)]
        attached: AttachedFlags,
    },
    /// Change whether a certificate lets anybody in; who came by one that no longer does, goes
    #[command(after_help = examples::AWS_CERTIFICATE)]
    Set {
        #[command(flatten)]
        target: CertificateTarget,
        /// Its status
        #[arg(value_enum)]
        status: StatusName,
    },
}

/// Whether a certificate may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusName {
    /// It may
    Active,
    /// Not now
    Inactive,
    /// Never again
    Revoked,
}

impl ThingAction {
    pub(crate) const fn account(&self) -> &AccountFlags {
        match self {
            Self::Ls(account) | Self::Add { account, .. } | Self::Delete { account, .. } => account,
        }
    }
}

impl CertificateAction {
    pub(crate) const fn account(&self) -> &AccountFlags {
        match self {
            Self::Ls(account) | Self::Add { account, .. } => account,
            Self::Activate(target)
            | Self::Deactivate(target)
            | Self::Delete { target, .. }
            | Self::Attach { target, .. }
            | Self::Detach { target, .. }
            | Self::Set { target, .. } => &target.account,
        }
    }
}
