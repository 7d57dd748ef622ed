//! `evenkeel aws`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::operator::{ConnectionAction, JobAction, ShadowAction};
use super::registrar::{CertificateAction, ThingAction};
use super::{VerbosityFlags, examples, values};

/// What clap would write is longer than a line.
const USAGE: &str = "\
evenkeel aws provision [OPTIONS] --host <HOST> --template <NAME>
         --claim-cert <FILE> --claim-key <FILE> --out <FOLDER>";

/// Set devices of AWS IoT Core up, and steer an emulated account.
#[derive(Args, Clone, Debug)]
pub(crate) struct AwsArgs {
    #[command(subcommand)]
    pub(crate) action: AwsAction,
}

/// What to do at AWS.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AwsAction {
    /// Get a certificate of its own for a device that has its fleet's (fleet provisioning)
    #[command(after_help = examples::AWS_PROVISION, override_usage = USAGE)]
    Provision(Box<ProvisionArgs>),
    /// Read and change shadows of an emulated account
    #[command(subcommand, after_help = examples::AWS_SHADOW)]
    Shadow(ShadowAction),
    /// Give things of an emulated account jobs, or take them back
    #[command(subcommand, after_help = examples::AWS_JOB)]
    Job(JobAction),
    /// Look at the things of an emulated account, add and delete them
    #[command(subcommand, after_help = examples::AWS_THING)]
    Thing(ThingAction),
    /// Look at the certificates of an emulated account, make, attach and switch them
    #[command(subcommand, after_help = examples::AWS_CERTIFICATE)]
    Certificate(CertificateAction),
    /// Look at the connections of an emulated account, and end them
    #[command(subcommand, after_help = examples::AWS_CONNECTION)]
    Connection(ConnectionAction),
}

/// Get a certificate of its own for a device that has its fleet's.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProvisionArgs {
    /// Endpoint of the account
    #[arg(short = 'h', long, value_name = "HOST")]
    pub(crate) host: String,
    /// Port of the endpoint [default: 8883]
    #[arg(short, long, value_name = "PORT", value_parser = values::port)]
    pub(crate) port: Option<u16>,
    /// --host is AWS IoT Core in this region, under a domain of your own
    #[arg(long, value_name = "REGION")]
    pub(crate) aws_region: Option<String>,
    /// Certificates to trust, PEM; without it those of the operating system
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub(crate) cafile: Option<PathBuf>,
    /// Client identifier to come in with, as the claim's policy wants it; made up when left out
    #[arg(short, long, visible_alias = "client-id", value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Name of the provisioning template
    #[arg(long, value_name = "NAME")]
    pub(crate) template: String,
    /// Certificate that the fleet shares, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) claim_cert: PathBuf,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) claim_key: PathBuf,
    /// Certificate signing request of a key that stays on the device, PEM; without it AWS makes
    /// the key
    #[arg(long, value_name = "FILE")]
    pub(crate) csr: Option<PathBuf>,
    /// File with the template's parameters: one JSON object of texts
    #[arg(long, value_name = "FILE")]
    pub(crate) parameters: Option<PathBuf>,
    /// Folder to make, for certificate.pem, private.key and thing.json
    #[arg(long, value_name = "FOLDER")]
    pub(crate) out: PathBuf,
    /// Longest time to connect, and then for each answer [default: 30]
    #[arg(short = 'W', long, value_name = "TIME", value_parser = values::connect_timeout)]
    pub(crate) timeout: Option<Duration>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

impl AwsArgs {
    pub(crate) const fn verbosity(&self) -> VerbosityFlags {
        match &self.action {
            AwsAction::Provision(args) => args.verbosity,
            AwsAction::Shadow(
                ShadowAction::Get(target)
                | ShadowAction::Update { target, .. }
                | ShadowAction::Delete(target),
            ) => target.account.verbosity,
            AwsAction::Job(
                JobAction::Create { account, .. }
                | JobAction::Cancel { account, .. }
                | JobAction::Describe { account, .. }
                | JobAction::Delete { account, .. }
                | JobAction::Ls { account, .. },
            )
            | AwsAction::Connection(
                ConnectionAction::Ls(account) | ConnectionAction::Delete { account, .. },
            ) => account.verbosity,
            AwsAction::Thing(action) => action.account().verbosity,
            AwsAction::Certificate(action) => action.account().verbosity,
        }
    }
}
