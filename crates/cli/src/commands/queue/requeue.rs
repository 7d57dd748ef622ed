//! `evenkeel queue requeue`.

use evenkeel_store::Store;
use evenkeel_store::record::{Accepted, Outcome, Record, Serial, StoredMessage, StoredState};

use super::{Opened, count, failure, message};
use crate::args::{RequeueArgs, StateName};
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;

/// Queues all the messages named again, or none if one is not in
/// quarantine. Each gets a new serial, behind all others.
pub(super) fn run(args: &RequeueArgs, printer: Printer) -> Result<(), Failure> {
    let mut opened = Opened::to_change(&args.store.path, printer)?;
    let mut serials = args.serials.clone();
    if args.all {
        opened.each(|stored| {
            serials
                .extend(message::is_in(&stored, StateName::Quarantined).then_some(stored.serial.0));
            Ok(())
        })?;
    }
    serials.sort_unstable();
    serials.dedup();
    let mut records = Vec::new();
    let mut requeued = Vec::new();
    let mut next = opened.recovered.next_serial;
    for serial in serials {
        let stored = in_quarantine(opened.message(serial)?)?;
        let (old, under) = (stored.serial, next);
        next = Serial(next.0.saturating_add(1));
        records.push(Record::Accepted(again(stored, under)));
        records.push(Record::Done { serial: old, outcome: Outcome::Requeued(under) });
        requeued.push((old, under));
    }
    opened.store.commit(&records).map_err(failure)?;
    let mut data = printer.data();
    for (old, under) in &requeued {
        data.line(&if args.store.json {
            message::line(&opened.message(under.0)?, false)
        } else {
            format!("{old} is {under} now")
        })?;
    }
    data.flush()?;
    printer.say(&format!("queued {} again", count(requeued.len())));
    Ok(())
}

fn in_quarantine(stored: StoredMessage) -> Result<StoredMessage, Failure> {
    if let StoredState::Quarantined { .. } = stored.state {
        return Ok(stored);
    }
    let what = format!("message {} is not in quarantine", stored.serial);
    Err(Failure::new(Exit::NoSuchMessage, what)
        .why(format!("it is {}", message::state(stored.state)))
        .hint("evenkeel queue ls --state quarantined shows which are"))
}

fn again(stored: StoredMessage, serial: Serial) -> Accepted {
    let StoredMessage { publish, accepted, expires, age, priority, .. } = stored;
    Accepted { serial, publish, accepted, expires, age, priority }
}
