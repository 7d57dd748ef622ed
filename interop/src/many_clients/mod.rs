//! Many clients of one process, talking at once.
//!
//! Half of them publish with QoS 1, each to a topic of its own; the other half
//! subscribe, each to one of these topics. Every message carries the number of
//! its publisher and its place in the row, so that each loss, doubling and
//! wrong order is seen.

mod pair;
mod row;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::case::{Account, Case};
use crate::failed::Failed;
use crate::memory::{self, Mebibytes};
use crate::must;

pub use row::{Row, RowError};

/// How often memory is looked at.
const SAMPLE: Duration = Duration::from_millis(50);

/// What the clients are to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Clients, publishers and subscribers together.
    pub clients: u64,
    /// Messages, of all publishers together.
    pub messages: u64,
    /// Bytes of each payload; at least 16.
    pub payload: usize,
}

impl Plan {
    /// Publishers, each with its subscriber.
    pub const fn pairs(self) -> u64 {
        self.clients / 2
    }

    /// Messages of one publisher.
    pub const fn each(self) -> u64 {
        self.messages / self.pairs()
    }
}

/// What the clients have done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Messages delivered, repetitions not counted.
    pub delivered: u64,
    /// Messages that came again, with the DUP flag.
    pub duplicates: u64,
    /// Connections of all clients together.
    pub connects: u64,
    /// From the first publish to the last delivery.
    pub took: Duration,
    /// Memory of this process.
    pub memory: Usage,
}

/// Memory of this process over one run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// With all clients connected, before the first message.
    pub before: Mebibytes,
    /// The peak until a tenth of the messages was delivered.
    pub peak_of_first_tenth: Mebibytes,
    /// The peak of the whole run.
    pub peak: Mebibytes,
    /// After the last message.
    pub after: Mebibytes,
}

impl Outcome {
    /// Messages delivered per second.
    pub fn rate(&self) -> f64 {
        self.delivered as f64 / self.took.as_secs_f64()
    }
}

/// Lets the clients talk and checks what came.
pub async fn run(case: &Case, plan: Plan) -> Result<Outcome, Failed> {
    must!(plan.pairs() > 0 && plan.each() > 0, "too few clients or messages: {plan:?}");
    let talked = talk(case, plan).await;
    let accounts = case.close().await;
    let mut outcome = talked.map_err(|error| blame(error, &accounts))?;
    outcome.connects = accounts.iter().map(|account| account.connects).sum();
    Ok(outcome)
}

/// Adds what befell the clients whose connections broke.
fn blame(error: Failed, accounts: &[Account]) -> Failed {
    let broken = accounts.iter().filter(|account| account.connects > 1);
    let broken: Vec<_> = broken.map(ToString::to_string).collect();
    Failed::Wrong(format!("{error}; {}", broken.join("; ")))
}

async fn talk(case: &Case, plan: Plan) -> Result<Outcome, Failed> {
    let mut pairs = Vec::new();
    for number in 0..plan.pairs() {
        pairs.push(pair::Pair::connect(case, number).await?);
    }
    let delivered = Arc::new(AtomicU64::new(0));
    let read = |amount: std::io::Result<Mebibytes>| {
        amount.map_err(|error| Failed::Wrong(format!("memory cannot be read: {error}")))
    };
    memory::reset_peak().map_err(|error| Failed::Wrong(format!("no peak: {error}")))?;
    let before = read(memory::resident())?;
    let began = Instant::now();
    let mut talking = JoinSet::new();
    for pair in pairs {
        talking.spawn(pair.talk(plan, delivered.clone()));
    }
    let talk = async {
        let mut duplicates = 0;
        while let Some(joined) = talking.join_next().await {
            duplicates += joined.map_err(|error| Failed::Wrong(error.to_string()))??;
        }
        Ok::<_, Failed>((duplicates, began.elapsed()))
    };
    let first_tenth = async { read(first_tenth(plan, delivered.clone()).await) };
    let ((duplicates, took), peak_of_first_tenth) = tokio::try_join!(talk, first_tenth)?;
    let memory = Usage {
        before,
        peak_of_first_tenth,
        peak: read(memory::peak())?,
        after: read(memory::resident())?,
    };
    let delivered = delivered.load(Ordering::Relaxed);
    Ok(Outcome { delivered, duplicates, connects: 0, took, memory })
}

/// The peak until a tenth of the messages was delivered.
async fn first_tenth(plan: Plan, delivered: Arc<AtomicU64>) -> std::io::Result<Mebibytes> {
    while delivered.load(Ordering::Relaxed) < plan.messages / 10 {
        // Looks on from the side, so that counting costs the clients nothing.
        tokio::time::sleep(SAMPLE).await;
    }
    memory::peak()
}
