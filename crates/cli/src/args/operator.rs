//! `evenkeel aws shadow` and its like: the operator's side of an emulated account.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{VerbosityFlags, examples};

/// What clap would write is longer than a line.
const CREATE: &str = "\
evenkeel aws job create [OPTIONS] --aws <FOLDER>
         --thing <THING> <JOB> <DOCUMENT>";

/// Which account, and how much to say.
#[derive(Args, Clone, Debug)]
pub(crate) struct AccountFlags {
    /// Folder of the account, which a running evenkeel broker --aws serves
    #[arg(long = "aws", value_name = "FOLDER")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

/// Which shadow.
#[derive(Args, Clone, Debug)]
pub(crate) struct ShadowTarget {
    /// The thing
    pub(crate) thing: String,
    /// Name of the shadow; without it the classic one
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) account: AccountFlags,
}

/// What to do with a shadow.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ShadowAction {
    /// Print a shadow with its delta
    #[command(after_help = examples::AWS_SHADOW)]
    Get(ShadowTarget),
    /// Change a shadow; the thing gets its delta
    #[command(after_help = examples::AWS_SHADOW)]
    Update {
        #[command(flatten)]
        target: ShadowTarget,
        /// JSON, as a client would publish it
        document: String,
    },
    /// Delete a shadow
    #[command(after_help = examples::AWS_SHADOW)]
    Delete(ShadowTarget),
}

/// What to do with jobs.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum JobAction {
    /// Give things a job to do
    #[command(after_help = examples::AWS_JOB, override_usage = CREATE)]
    Create {
        /// Id of the job
        job: String,
        /// JSON: what there is to do
        document: String,
        /// Who has to; may be given several times
        #[arg(long = "thing", value_name = "THING", required = true)]
        things: Vec<String>,
        /// Minutes that a thing may take once it has begun; then the job has timed out for it
        #[arg(long, value_name = "MINUTES")]
        timeout: Option<u64>,
        #[command(flatten)]
        account: AccountFlags,
    },
    /// Print a job, or how far one thing is with it
    #[command(after_help = examples::AWS_JOB)]
    Describe {
        /// Id of the job
        job: String,
        /// Its execution on this thing
        #[arg(long, value_name = "THING")]
        thing: Option<String>,
        #[command(flatten)]
        account: AccountFlags,
    },
    /// Delete a job and all its executions
    #[command(after_help = examples::AWS_JOB)]
    Delete {
        /// Id of the job
        job: String,
        /// Also if things have it to do
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        account: AccountFlags,
    },
    /// Take a job back from all things, or from one
    #[command(after_help = examples::AWS_JOB)]
    Cancel {
        /// Id of the job
        job: String,
        /// From this thing alone
        #[arg(long, value_name = "THING")]
        thing: Option<String>,
        /// From things that are at it, too
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        account: AccountFlags,
    },
    /// Print the executions of a thing's jobs
    #[command(after_help = examples::AWS_JOB)]
    Ls {
        /// The thing
        thing: String,
        #[command(flatten)]
        account: AccountFlags,
    },
}

/// What to do with connections.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ConnectionAction {
    /// Print all clients that are connected
    #[command(after_help = examples::AWS_CONNECTION)]
    Ls(AccountFlags),
    /// End a client's connection
    #[command(after_help = examples::AWS_CONNECTION)]
    Delete {
        /// Client identifier
        client: String,
        #[command(flatten)]
        account: AccountFlags,
    },
}
