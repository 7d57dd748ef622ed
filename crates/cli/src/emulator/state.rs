//! `state.json`: written whole beside the old one, then put in its place.

use std::fs;
use std::io;

use evenkeel_broker::SaveState;

use super::Folder;
use crate::private;

/// Writes states of the emulator down. A process that is killed leaves the old file
/// or the new one, never half of one.
pub(crate) fn saving(folder: &Folder) -> SaveState {
    let path = folder.state();
    let partial = path.with_extension("json.partial");
    Box::new(move |state| {
        let text = serde_json::to_vec(state).map_err(io::Error::other)?;
        private::write(&partial, &text)?;
        fs::rename(&partial, &path)
    })
}
