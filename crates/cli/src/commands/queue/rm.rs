//! `evenkeel queue rm`.

use std::collections::BTreeMap;

use evenkeel_store::Store;
use evenkeel_store::record::{Outcome, Record, Serial, StoredMessage, StoredState};

use super::{Opened, count, failure, message};
use crate::args::{RemoveArgs, StateName};
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;

/// Removes all the messages named, or none if one of them cannot go.
pub(super) fn run(args: &RemoveArgs, printer: Printer) -> Result<(), Failure> {
    let mut opened = Opened::to_change(&args.store.path, printer)?;
    // What to print of each: a queue with all payloads may not fit memory.
    let mut removed = BTreeMap::new();
    let line = |stored: &StoredMessage| args.store.json.then(|| message::line(stored, false));
    for serial in &args.serials {
        let stored = opened.message(*serial)?;
        removable(&stored)?;
        removed.insert(stored.serial, line(&stored));
    }
    if args.queued || args.quarantined {
        opened.each(|stored| {
            let wanted = args.queued && message::is_in(&stored, StateName::Queued)
                || args.quarantined && message::is_in(&stored, StateName::Quarantined);
            if wanted {
                removed.insert(stored.serial, line(&stored));
            }
            Ok(())
        })?;
    }
    let outcome = Outcome::Removed;
    let done = |serial: &Serial| Record::Done { serial: *serial, outcome };
    opened.store.commit(&removed.keys().map(done).collect::<Vec<_>>()).map_err(failure)?;
    let mut data = printer.data();
    removed.values().flatten().try_for_each(|line| data.line(line))?;
    data.flush()?;
    printer.say(&format!("removed {}", count(removed.len())));
    Ok(())
}

/// The server may have got a message that was sent, and its packet identifier
/// is taken until the exchange is over (D4).
fn removable(stored: &StoredMessage) -> Result<(), Failure> {
    let StoredState::Sent(id) = stored.state else { return Ok(()) };
    let what = format!("message {} is being delivered", stored.serial);
    let why = format!("packet identifier {id} is taken until the server has answered");
    Err(Failure::new(Exit::NoSuchMessage, what)
        .why(why)
        .hint("let the client connect and finish it"))
}
