//! `evenkeel profile`, and the flag that takes a profile.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{VerbosityFlags, examples};

/// The flag of the commands that connect.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Profile")]
pub(crate) struct ProfileFlag {
    /// Keep to the limits of a broker: a built-in profile, a TOML file, or none; without the
    /// flag, hosts of known clouds have theirs
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) profile: Option<String>,
}

/// Show what brokers allow, and what the client does about it.
#[derive(Args, Clone, Debug)]
pub(crate) struct ProfileArgs {
    #[command(subcommand)]
    pub(crate) action: ProfileAction,
}

/// What to do with profiles.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProfileAction {
    /// List the built-in profiles
    #[command(visible_alias = "list", after_help = examples::PROFILE_LS)]
    Ls(ProfileListArgs),
    /// Show the limits of a profile with their sources
    #[command(after_help = examples::PROFILE_SHOW)]
    Show(ProfileShowArgs),
    /// Check a profile's TOML file
    #[command(after_help = examples::PROFILE_CHECK)]
    Check(ProfileCheckArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ProfileListArgs {
    /// Print one JSON object per profile
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ProfileShowArgs {
    /// The name of a built-in profile, or a file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) profile: String,
    /// Print one JSON object per limit
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the profile as TOML, to begin a file of your own from
    #[arg(long, conflicts_with = "json")]
    pub(crate) toml: bool,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ProfileCheckArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}

impl ProfileArgs {
    pub(crate) const fn verbosity(&self) -> VerbosityFlags {
        match &self.action {
            ProfileAction::Ls(args) => args.verbosity,
            ProfileAction::Show(args) => args.verbosity,
            ProfileAction::Check(args) => args.verbosity,
        }
    }
}
