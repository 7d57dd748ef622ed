//! `evenkeel demo`.

use clap::Args;

use super::VerbosityFlags;

/// Show a lost ping answer, a broker restart and a flapping broker being survived.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DemoArgs {
    #[command(flatten)]
    pub(crate) verbosity: VerbosityFlags,
}
