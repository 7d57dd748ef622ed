//! `evenkeel queue`: the store of a client that is not running.

mod export;
mod ls;
mod message;
mod requeue;
mod rm;
mod show;

use std::path::Path;

use evenkeel_store::record::{Read, Recovered, Serial, StoredMessage, Window};
use evenkeel_store::{DiskError, FileStore, FileStoreOptions, Store, StoreError};

use super::store::failure;
use crate::args::{QueueAction, QueueArgs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;

/// As much as is read at once.
const PAGE: Window = Window { messages: 1000, bytes: 16 << 20 };

/// Does one of the actions.
pub(super) fn run(args: &QueueArgs, printer: Printer) -> Result<(), Failure> {
    match &args.action {
        QueueAction::Ls(args) => ls::run(args, printer),
        QueueAction::Show(args) => show::run(args, printer),
        QueueAction::Rm(args) => rm::run(args, printer),
        QueueAction::Export(args) => export::run(args, printer),
        QueueAction::Requeue(args) => requeue::run(args, printer),
    }
}

/// A store that exists, locked.
struct Opened {
    store: FileStore,
    recovered: Recovered,
}

impl Opened {
    /// To be looked at: nothing is written, and damage is left as it is (S5).
    fn to_read(path: &Path, printer: Printer) -> Result<Self, Failure> {
        Self::new(FileStore::options().read_only(true), path, printer)
    }

    fn to_change(path: &Path, printer: Printer) -> Result<Self, Failure> {
        Self::new(FileStore::options().create(false), path, printer)
    }

    fn new(options: FileStoreOptions, path: &Path, printer: Printer) -> Result<Self, Failure> {
        let mut store = options.open(path).map_err(|error| match error {
            StoreError::Disk { error: DiskError::NotFound, .. } => no_store(path),
            error => failure(error),
        })?;
        let recovered = store.recover().map_err(failure)?;
        recovered.notices.iter().for_each(|notice| printer.warn(&notice.to_string()));
        Ok(Self { store, recovered })
    }

    /// Visits all messages, ascending by serial.
    fn each(
        &mut self,
        mut visit: impl FnMut(StoredMessage) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let page = self.store.list(after, PAGE).map_err(failure)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.serial);
            page.into_iter().try_for_each(&mut visit)?;
        }
    }

    /// One message, which must be there.
    fn message(&mut self, serial: u64) -> Result<StoredMessage, Failure> {
        let found = self.store.read(&Read::Message(Serial(serial))).map_err(failure)?;
        found.into_iter().next().ok_or_else(|| {
            Failure::new(Exit::NoSuchMessage, format!("there is no message {serial}"))
                .why("it was delivered, removed, or never there")
                .hint("evenkeel queue ls shows what is there")
        })
    }
}

fn no_store(path: &Path) -> Failure {
    let shown = path.display();
    let why = if path.is_dir() {
        format!("the folder '{shown}' holds none")
    } else {
        format!("there is no folder '{shown}'")
    };
    Failure::new(Exit::StoreUnusable, "there is no store to look into")
        .why(why)
        .hint("give the folder that the client had as its --store")
}

fn count(messages: usize) -> String {
    if messages == 1 { "1 message".to_owned() } else { format!("{messages} messages") }
}
