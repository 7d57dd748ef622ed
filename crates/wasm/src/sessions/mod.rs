//! Sessions that the caller keeps.

mod kept;

use evenkeel_proto::record::UnixMillis;
use evenkeel_proto::{Client, Config, ConfigError, Instant};
use evenkeel_store::{LogError, Mirror};

pub(crate) use kept::{Kept, result};

use crate::options::whole;

/// Why what was kept is of no use.
pub(crate) type Unreadable = LogError;

/// The session of a client that is to be made.
#[derive(Debug, Default)]
pub(crate) struct StagedSession {
    /// The bound of its bytes.
    limit: Option<u64>,
    wall: UnixMillis,
    /// What was kept, if anything is to be.
    mirror: Option<Mirror>,
}

impl StagedSession {
    pub(crate) fn number(&mut self, key: u32, value: f64) -> Result<(), &'static str> {
        match key {
            110 => self.limit = Some(whole(value)?).filter(|most| *most > 0),
            _ => self.wall = UnixMillis(whole(value)?),
        }
        Ok(())
    }

    /// How many bytes of the log count.
    pub(crate) fn replay(&mut self, log: &[u8]) -> Result<usize, Unreadable> {
        let mut mirror = Mirror::new(self.limit);
        let replayed = mirror.replay(log)?;
        self.mirror = Some(mirror);
        Ok(replayed.length)
    }

    /// The client, which goes on where the session stands.
    pub(crate) fn client(
        self,
        config: Config,
        seed: u64,
        now: Instant,
    ) -> Result<(Client, Option<Kept>), ConfigError> {
        let Some(mirror) = self.mirror else {
            return Ok((Client::new(config, seed, now)?, None));
        };
        let client = Client::recover(config, seed, now, self.wall, mirror.recovered())?;
        Ok((client, Some(Kept::new(mirror))))
    }
}
