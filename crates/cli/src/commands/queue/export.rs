//! `evenkeel queue export`.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use evenkeel_store::record::StoredMessage;
use evenkeel_store::salvage;

use super::{Opened, count, failure, message};
use crate::args::ExportArgs;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::{Data, Printer};

/// Prints messages with their payloads, or writes payloads to files.
pub(super) fn run(args: &ExportArgs, printer: Printer) -> Result<(), Failure> {
    if let Some(folder) = &args.to {
        fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    }
    let mut data = printer.data();
    let mut exported = 0;
    let mut put = |stored: StoredMessage| {
        exported += 1;
        put(&stored, args, &mut data)
    };
    let mut damaged = 0;
    if args.salvage {
        let mut result = Ok(());
        let visit = |stored| {
            result = put(stored);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        damaged = salvage(&args.store.path, visit).map_err(failure)?.damaged;
        result?;
    } else {
        let mut opened = Opened::new(&args.store.path)?;
        if args.serials.is_empty() {
            opened.each(put)?;
        } else {
            args.serials.iter().try_for_each(|serial| put(opened.message(*serial)?))?;
        }
    }
    data.flush()?;
    printer.say(&format!("exported {}", count(exported)));
    if damaged > 0 {
        printer.warn(&format!("{damaged} damaged places were left out"));
    }
    Ok(())
}

fn put(stored: &StoredMessage, args: &ExportArgs, data: &mut Data) -> Result<(), Failure> {
    if let Some(folder) = &args.to {
        let path = folder.join(format!("{}.payload", stored.serial));
        fs::write(&path, &stored.publish.payload).map_err(|error| unwritable(&path, &error))?;
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
