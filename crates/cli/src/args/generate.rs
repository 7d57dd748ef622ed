//! What is made of the flags: completion scripts and manual pages.

use clap_complete::Shell;
use clap_mangen::Man;

use super::no_such_command;
use crate::error::Failure;
use crate::exit::Exit;

/// A script that completes commands and flags.
pub(super) fn completions(shell: Shell, mut command: clap::Command) -> String {
    let mut script = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page of the program or of one command, as roff.
pub(super) fn man_page(mut command: clap::Command, name: Option<&str>) -> Result<String, Failure> {
    command.build();
    let command = match name {
        None => command,
        Some(name) => {
            command.find_subcommand(name).cloned().ok_or_else(|| no_such_command(name))?
        }
    };
    let title = command.get_display_name().unwrap_or("evenkeel").to_owned();
    let page = Man::new(command).title(title);
    let mut text = Vec::new();
    page.render(&mut text)
        .map_err(|error| Failure::new(Exit::Failed, "the manual page cannot be made").why(error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
