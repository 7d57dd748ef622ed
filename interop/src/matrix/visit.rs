//! All rows with one broker.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use evenkeel::Version;

use super::brokers::Broker;
use super::cell::{Cell, Fared, hold};
use super::install::Cache;
use super::plan::Row;
use crate::conversation;
use crate::failed::Failed;
use crate::server::{Memory, Server};
use crate::site::{Site, Transport};

/// How long one broker may take.
const LIMIT: Duration = Duration::from_secs(25 * 60);

/// What was seen of one broker.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its version, or why there is none.
    pub version: Result<String, String>,
    /// One cell for each row; empty if it is not installed.
    pub cells: Vec<Fared>,
    /// Times it had to be restarted, as it no longer let anybody in.
    pub restarts: u32,
}

/// Tries every row on a broker; tells `progress` of each.
pub async fn visit(
    broker: &Broker,
    cache: &Cache,
    rows: &[Row],
    mut progress: impl FnMut(&Row, &Fared),
) -> Column {
    let column = |version| Column { name: broker.name, version, cells: Vec::new(), restarts: 0 };
    let Some(version) = (broker.version)(cache) else {
        return column(Err("not installed".to_owned()));
    };
    let mut visit = match (broker.prepare)(cache).await {
        Ok(server) => Visit::new(server),
        Err(error) => return column(Err(error.to_string())),
    };
    let mut column = column(Ok(version));
    let began = Instant::now();
    for row in rows {
        let fared = if began.elapsed() < LIMIT {
            visit.fare(row).await
        } else {
            Fared::not(Cell::NotTried)
        };
        progress(row, &fared);
        column.cells.push(fared);
    }
    column.restarts = visit.restarts;
    // What cannot be ended in order is killed when it is dropped.
    let _ = visit.server.stop(Memory::Kept).await;
    column
}

struct Visit {
    server: Box<dyn Server>,
    site: Site,
    /// Versions and transports that nobody gets in with.
    closed: HashSet<(Option<u8>, &'static str)>,
    /// A version that has worked.
    proven: Option<Version>,
    restarts: u32,
}

impl Visit {
    fn new(server: Box<dyn Server>) -> Self {
        let site = server.site().clone();
        Self { server, site, closed: HashSet::new(), proven: None, restarts: 0 }
    }

    async fn fare(&mut self, row: &Row) -> Fared {
        if row.is_start_up() {
            return self.start_up(row).await;
        }
        let door = (row.version.map(Version::level), row.transport.name());
        if self.closed.contains(&door) {
            return Fared::not(Cell::NotTried);
        }
        let fared = hold(&self.site, row).await;
        match fared.cell {
            Cell::Works => self.proven = self.proven.or(row.version),
            Cell::NotOffered => {
                self.closed.insert(door);
            }
            _ => {
                if row.is_first_step() {
                    self.closed.insert(door);
                }
                self.revive().await;
            }
        }
        fared
    }

    /// A client that is started together with its broker.
    async fn start_up(&mut self, row: &Row) -> Fared {
        let (started, fared) = tokio::join!(self.server.start(), hold(&self.site, row));
        match started {
            Ok(()) => fared,
            Err(error) => Fared { cell: Cell::Differs(error.to_string()), ..fared },
        }
    }

    /// Starts the broker anew if it no longer lets in whom it let in before.
    async fn revive(&mut self) {
        let Some(version) = self.proven else { return };
        let row = Row {
            conversation: conversation::CONNECT,
            version: Some(version),
            transport: Transport::Tcp,
        };
        if hold(&self.site, &row).await.cell == Cell::Works {
            return;
        }
        self.restarts += 1;
        let restarted: Result<(), Failed> = async {
            self.server.stop(Memory::Kept).await?;
            self.server.start().await
        }
        .await;
        if let Err(error) = restarted {
            eprintln!("the broker cannot be started again: {error}");
        }
    }
}
