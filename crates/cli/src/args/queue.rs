//! `evenkeel queue`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{VerbosityFlags, examples};

/// Look into the store of a client that is not running.
#[derive(Args, Clone, Debug)]
pub(crate) struct QueueArgs {
    #[command(subcommand)]
    pub(crate) action: QueueAction,
}

/// What to do with the store.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum QueueAction {
    /// List the messages
    #[command(visible_alias = "list", after_help = examples::QUEUE_LS)]
    Ls(ListArgs),
    /// Show one message with its payload
    #[command(after_help = examples::QUEUE_SHOW)]
    Show(ShowArgs),
    /// Remove messages
    #[command(visible_alias = "remove", after_help = examples::QUEUE_RM)]
    Rm(RemoveArgs),
    /// Print messages with their payloads as JSON lines, or write payloads to files
    #[command(after_help = examples::QUEUE_EXPORT)]
    Export(ExportArgs),
    /// Queue messages in quarantine again, behind all others
    #[command(after_help = examples::QUEUE_REQUEUE)]
    Requeue(RequeueArgs),
}

/// Which store, and how much to say.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreFlags {
    /// The folder of the store
    #[arg(value_name = "STORE")]
    pub(crate) path: PathBuf,
    /// Print one JSON object per message
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    /// Only messages in this state
    #[arg(long, value_name = "STATE", value_enum)]
    pub(crate) state: Option<StateName>,
}

/// Where a message stands, as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StateName {
    /// Waits to be sent
    Queued,
    /// Sent, and its exchange is not over
    Sent,
    /// Connections died with it in flight
    Quarantined,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    /// The number in the first column of `ls`
    #[arg(value_name = "SERIAL")]
    pub(crate) serial: u64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    /// Which messages
    #[arg(value_name = "SERIAL", required_unless_present_any = ["queued", "quarantined"])]
    pub(crate) serials: Vec<u64>,
    /// All that wait to be sent
    #[arg(long)]
    pub(crate) queued: bool,
    /// All in quarantine
    #[arg(long)]
    pub(crate) quarantined: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    /// Which messages; all unless given
    #[arg(value_name = "SERIAL")]
    pub(crate) serials: Vec<u64>,
    /// Write each payload to a file SERIAL.payload in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Read what is left of a damaged store; changes nothing in it
    #[arg(long, conflicts_with = "serials")]
    pub(crate) salvage: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RequeueArgs {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    /// Which messages
    #[arg(value_name = "SERIAL", required_unless_present = "all")]
    pub(crate) serials: Vec<u64>,
    /// All in quarantine
    #[arg(long, conflicts_with = "serials")]
    pub(crate) all: bool,
}

impl QueueArgs {
    /// Flags that all actions have.
    pub(crate) const fn verbosity(&self) -> VerbosityFlags {
        match &self.action {
            QueueAction::Ls(args) => args.store.verbosity,
            QueueAction::Show(args) => args.store.verbosity,
            QueueAction::Rm(args) => args.store.verbosity,
            QueueAction::Export(args) => args.store.verbosity,
            QueueAction::Requeue(args) => args.store.verbosity,
        }
    }
}
