//! A module whose sessions end with it, as it was built so.

use evenkeel_proto::record::Batch;
use evenkeel_proto::{Client, Config, ConfigError, Instant};

use crate::records::Records;

/// There is none.
#[derive(Debug)]
pub(crate) enum Kept {}

impl Kept {
    pub(crate) fn commit(&mut self, _: Batch, _: &mut Client, _: Instant, _: &mut Records<'_>) {
        match *self {}
    }
}

#[derive(Debug, Default)]
pub(crate) struct StagedSession;

impl StagedSession {
    pub(crate) fn number(&mut self, _: u32, _: f64) -> Result<(), &'static str> {
        Err("this module was built without `sessions`")
    }

    pub(crate) fn client(
        self,
        config: Config,
        seed: u64,
        now: Instant,
    ) -> Result<(Client, Option<Kept>), ConfigError> {
        Ok((Client::new(config, seed, now)?, None))
    }
}
