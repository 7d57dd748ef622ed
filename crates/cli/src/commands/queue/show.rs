//! `evenkeel queue show`.

use evenkeel_store::record::{StoredMessage, StoredState};

use super::{Opened, message};
use crate::args::ShowArgs;
use crate::error::Failure;
use crate::printer::{Data, Printer};

/// Shows everything about one message, the payload last.
pub(super) fn run(args: &ShowArgs, printer: Printer) -> Result<(), Failure> {
    let stored = Opened::to_read(&args.store.path, printer)?.message(args.serial)?;
    let mut data = printer.data();
    if args.store.json {
        data.line(&message::line(&stored, true))?;
    } else {
        describe(&stored, &mut data)?;
        data.write(&stored.publish.payload)?;
        data.line("")?;
    }
    data.flush()
}

fn describe(stored: &StoredMessage, data: &mut Data) -> Result<(), Failure> {
    let publish = &stored.publish;
    data.line(&format!("serial    {}", stored.serial))?;
    data.line(&match stored.state {
        StoredState::Sent(id) => format!("state     sent under packet identifier {id}"),
        StoredState::Quarantined { deaths, attempts } => format!(
            "state     quarantined: {deaths} connections died with it in flight; sent {attempts} times"
        ),
        StoredState::Queued => "state     queued".to_owned(),
    })?;
    data.line(&format!("priority  {}", message::priority(stored.priority)))?;
    data.line(&format!("accepted  {}", message::time(stored.accepted)))?;
    if let Some(expires) = stored.expires {
        data.line(&format!("expires   {}", message::time(expires)))?;
    }
    data.line(&format!("topic     {}", publish.topic))?;
    let retain = if publish.retain { ", retained" } else { "" };
    data.line(&format!("qos       {}{retain}", publish.qos.level()))?;
    for property in &publish.properties {
        data.line(&format!("property  {property:?}"))?;
    }
    data.line(&format!("payload   {} bytes", publish.payload.len()))
}
