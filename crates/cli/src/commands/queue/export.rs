//! `evenkeel queue export`.

use std::ops::ControlFlow;
use std::path::Path;

use evenkeel_store::record::StoredMessage;
use evenkeel_store::salvage;

use super::{Opened, count, failure, message};
use crate::args::ExportArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::plural::plural_were;
use crate::printer::{Data, Printer};
use crate::private;
use crate::progress::Progress;

/// Prints messages with their payloads, or writes payloads to files.
pub(super) fn run(args: &ExportArgs, printer: Printer) -> Result<(), Failure> {
    if let Some(folder) = &args.to {
        private::create_folders(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let mut data = printer.data();
    let mut exported = 0;
    // What is printed on a terminal shows by itself how far it is.
    let mut progress = (args.to.is_some() || !data.is_terminal()).then(|| Progress::new(printer));
    let mut put = |stored: StoredMessage| {
        exported += 1;
        if let Some(progress) = &mut progress {
            progress.show(exported as u64, |rate| format!("exported {} ({rate})", count(exported)));
        }
        put(&stored, args, &mut data)
    };
    let mut damaged = 0;
    if args.salvage {
        let mut result = Ok(());
        let visit = |stored| {
            result = put(stored);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let found = salvage(&args.store.path, visit).map_err(failure)?;
        result?;
        damaged = found.damaged;
        if found.put_aside > 0 {
            printer.warn(&format!(
                "the last {} are of what was put aside after a power cut; their serials may be \
                 those of others",
                found.put_aside
            ));
        }
    } else {
        let mut opened = Opened::to_read(&args.store.path, printer)?;
        if args.serials.is_empty() {
            opened.each(put)?;
        } else {
            args.serials.iter().try_for_each(|serial| put(opened.message(*serial)?))?;
        }
    }
    drop(progress);
    data.flush()?;
    printer.say(&format!("exported {}", count(exported)));
    if damaged > 0 {
        printer.warn(&format!("{} left out", plural_were(damaged, "damaged place")));
    }
    Ok(())
}

fn put(stored: &StoredMessage, args: &ExportArgs, data: &mut Data) -> Result<(), Failure> {
    if let Some(folder) = &args.to {
        let path = folder.join(format!("{}.payload", stored.serial));
        private::write(&path, &stored.publish.payload)
            .map_err(|error| unwritable(&path, &error))?;
    }
    // Beside files, a line says which message each is.
    match (&args.to, args.store.json) {
        (Some(_), false) => Ok(()),
        (to, _) => data.line(&message::line(stored, to.is_none())),
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{} cannot be written", path.display()))
        .why(error)
        .hint("choose another folder with --to")
}
