//! `evenkeel queue ls`.

use super::{Opened, count, message};
use crate::args::ListArgs;
use crate::error::Failure;
use crate::printer::Printer;

/// Lists the messages in the order in which they were accepted.
pub(super) fn run(args: &ListArgs, printer: Printer) -> Result<(), Failure> {
    let mut opened = Opened::to_read(&args.store.path, printer)?;
    let mut data = printer.data();
    let (mut shown, mut bytes) = (0, 0);
    opened.each(|stored| {
        if args.state.is_some_and(|state| !message::is_in(&stored, state)) {
            return Ok(());
        }
        if shown == 0 && !args.store.json {
            data.line(message::HEAD)?;
        }
        shown += 1;
        bytes += stored.publish.payload.len();
        data.line(&if args.store.json {
            message::line(&stored, false)
        } else {
            message::row(&stored)
        })
    })?;
    data.flush()?;
    printer.say(&format!("{}, {bytes} bytes of payload", count(shown)));
    if opened.recovered.quarantined > 0 {
        printer.say(&format!("{} in quarantine", opened.recovered.quarantined));
    }
    Ok(())
}
