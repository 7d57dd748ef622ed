//! Mistakes on the command line, in three parts.

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::Asked;
use super::values::BadValue;
use crate::error::Failure;

/// Turns what the flag parser says into a text to show or a failure.
pub(super) fn explain(error: &clap::Error, command: &clap::Command) -> Result<Asked, Failure> {
    let context = |kind| error.get(kind).map(text).unwrap_or_default();
    let argument = flag_name(&context(ContextKind::InvalidArg));
    Err(match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            return Ok(Asked::Show(error.render().to_string()));
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Ok(Asked::Usage(error.render().to_string()));
        }
        ErrorKind::MissingSubcommand => Failure::usage("no command given")
            .hint("start with 'evenkeel demo', or see 'evenkeel --help'"),
        ErrorKind::InvalidSubcommand => wrong_command(
            &context(ContextKind::InvalidSubcommand),
            &context(ContextKind::SuggestedSubcommand),
            command,
        ),
        ErrorKind::UnknownArgument => unknown(&argument, &context(ContextKind::SuggestedArg)),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            bad_value(error, &argument, &context(ContextKind::InvalidValue))
        }
        ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues | ErrorKind::TooManyValues => {
            too_few(&argument)
        }
        ErrorKind::ArgumentConflict => {
            let other = flag_name(&context(ContextKind::PriorArg));
            Failure::usage(format!("{argument} and {other} contradict each other"))
                .hint("leave one of them out")
        }
        ErrorKind::MissingRequiredArgument => {
            Failure::usage(format!("{} is missing", context(ContextKind::InvalidArg)))
                .hint(see(command))
        }
        ErrorKind::InvalidUtf8 => Failure::usage("a flag's value is not UTF-8")
            .hint("only messages may have any bytes; use --file for them"),
        _ => Failure::usage(first_line(&error.to_string())).hint(see(command)),
    })
}

fn see(command: &clap::Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    format!("see '{name} --help'")
}

/// A command, or a command of a command, that does not exist.
fn wrong_command(name: &str, near: &str, command: &clap::Command) -> Failure {
    let failure = Failure::usage(format!("there is no command '{name}'"));
    let names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    // Swapped letters are too far apart for clap in a short word.
    let swapped = names.iter().find(|known| letters(known) == letters(name)).copied();
    match swapped.or_else(|| near.split(", ").last().filter(|near| !near.is_empty())) {
        Some(near) => failure.hint(format!("did you mean '{near}'?")),
        None => failure.hint(format!("the commands are {}", names.join(", "))),
    }
}

fn letters(word: &str) -> Vec<char> {
    let mut letters: Vec<_> = word.chars().collect();
    letters.sort_unstable();
    letters
}

fn unknown(argument: &str, near: &str) -> Failure {
    if !argument.starts_with('-') {
        // Not repeated: it may be the rest of a password with a blank in it.
        return Failure::usage("there is a word that belongs to no flag")
            .hint("put values with blanks into quotes; --help lists the flags");
    }
    let failure = Failure::usage(format!("there is no flag '{argument}'"));
    match near {
        "" => failure.hint(
            "--help lists the flags; -h is --host, as in mosquitto's tools; a message that begins \
             with '-' is given by -m",
        ),
        near => failure.hint(format!("did you mean '{near}'?")),
    }
}

fn bad_value(error: &clap::Error, argument: &str, value: &str) -> Failure {
    if value.is_empty() {
        return Failure::usage(format!("{argument} lacks its value")).hint("see 'evenkeel --help'");
    }
    let is_number = value.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit());
    if argument == "--port" && !is_number {
        // Not repeated: -p is easily written for -P, and then it is the password.
        return Failure::usage("the value of --port is no number")
            .why("a port is a number from 1 to 65535")
            .hint("-p is the port, -P the password");
    }
    let failure = Failure::usage(format!("'{value}' is no value for {argument}"));
    if let Some(bad) = error.source().and_then(|source| source.downcast_ref::<BadValue>()) {
        return failure.why(&bad.why).hint(&bad.hint);
    }
    match error.get(ContextKind::ValidValue).map(text) {
        Some(valid) => failure.hint(format!("it takes one of: {valid}")),
        None => failure,
    }
}

fn too_few(argument: &str) -> Failure {
    if argument.contains("--property") || argument.contains(super::USER_PROPERTY) {
        return Failure::usage("-D lacks a value")
            .why("it takes a packet, a property and its value, and for user-property a name and a value")
            .hint("for example -D publish content-type text/plain or -D connect user-property NAME VALUE");
    }
    Failure::usage(format!("{argument} has the wrong number of values"))
}

/// `--qos <QOS>` or `--status[=<TIME>]` without its value's name.
fn flag_name(argument: &str) -> String {
    let name = argument.split(" <").next().unwrap_or(argument);
    name.split("[=").next().unwrap_or(name).to_owned()
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(text) => text.clone(),
        ContextValue::Strings(texts) => texts.join(", "),
        other => other.to_string(),
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
