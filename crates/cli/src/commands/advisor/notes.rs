//! What is seen on one connection, written down with its time.

use evenkeel_aws::advisor::{Moment, What};
use tokio::sync::mpsc::Sender;
use tokio::time::Instant;

/// Moments that may wait to be judged; then the connection waits.
pub(super) const WAITING: usize = 1024;

/// The notes on one connection.
#[derive(Clone, Debug)]
pub(super) struct Notes {
    pub(super) connection: u32,
    pub(super) began: Instant,
    pub(super) moments: Sender<Moment>,
}

impl Notes {
    pub(super) async fn add(&self, what: What) {
        let moment = Moment { at: self.began.elapsed(), connection: self.connection, what };
        // Nobody listens any more when the case is over.
        let _ = self.moments.send(moment).await;
    }
}
