//! `evenkeel profile show`.

use evenkeel_profile::{Action, LimitInfo, Obeyed, OnBreak, Profile};

use super::{Tally, json};
use crate::args::ProfileShowArgs;
use crate::error::Failure;
use crate::printer::{Data, Printer};
use crate::settings::profile_named_or_read;

/// No line is longer, unless a word is.
const WIDTH: usize = 80;
/// How far the lines below a row are indented.
const INDENT: &str = "    ";
/// The widest value that stands in its row.
const VALUE: usize = 22;

/// Shows a profile with all its limits.
pub(super) fn run(args: &ProfileShowArgs, printer: Printer) -> Result<(), Failure> {
    let profile = profile_named_or_read(&args.profile)?;
    let mut data = printer.data();
    if args.toml {
        data.write(profile.to_toml().as_bytes())?;
    } else if args.json {
        for limit in profile.limits() {
            data.line(&json::limit(&profile, &limit))?;
        }
    } else {
        table(&profile, &mut data)?;
    }
    data.flush()
}

fn table(profile: &Profile, data: &mut Data) -> Result<(), Failure> {
    let Tally { limits, breakable, obeyed } = Tally::of(profile);
    let about = evenkeel_profile::about(&profile.name);
    let about = about.map(|about| format!(": {about}")).unwrap_or_default();
    data.line(&format!("{}{about}", profile.name))?;
    if !profile.revised.is_empty() {
        data.line(&format!("Last checked: {}", profile.revised))?;
    }
    wrapped(
        &format!(
            "{limits} limits; a client can break {breakable} of them, this one obeys {obeyed}. In \
             the last column, what a client does: * in part, (in brackets) not yet."
        ),
        "",
        data,
    )?;
    data.line("")?;
    data.line(&row("LIMIT", "VALUE", "CONFIDENCE", "CLIENT"))?;
    for limit in profile.limits() {
        show(&limit, data)?;
    }
    Ok(())
}

/// A row, and below it what does not fit into one.
fn show(limit: &LimitInfo<'_>, data: &mut Data) -> Result<(), Failure> {
    let value = limit.text();
    let fits = value.chars().count() <= VALUE;
    let in_row = if fits { value.as_str() } else { "" };
    data.line(&row(limit.name, in_row, limit.confidence.name(), &client(limit)))?;
    if !fits {
        wrapped(&value, INDENT, data)?;
    }
    wrapped(limit.source, INDENT, data)?;
    if limit.on_break != OnBreak::Unknown || limit.on_break_v3.is_some() {
        let before_v5 = limit.on_break_v3.map(|v3| format!("; before MQTT 5: {}", broken(v3)));
        let server = broken(limit.on_break) + &before_v5.unwrap_or_default();
        wrapped(&format!("The server: {server}."), INDENT, data)?;
    }
    if let Some(Obeyed::Partly(part)) = limit.handling().map(|handling| handling.obeyed) {
        wrapped(&format!("* The client: {part}."), INDENT, data)?;
    }
    Ok(())
}

fn row(name: &str, value: &str, confidence: &str, client: &str) -> String {
    format!("{name:<33}  {value:<22}  {confidence:<11} {client}")
}

/// What the client does, with marks for what it does not.
fn client(limit: &LimitInfo<'_>) -> String {
    let Some(handling) = limit.handling() else { return "-".to_owned() };
    let name = handling.action.name();
    match handling.obeyed {
        _ if handling.action == Action::Informs => "-".to_owned(),
        Obeyed::Yes => name.to_owned(),
        Obeyed::Partly(_) => format!("{name}*"),
        Obeyed::No => format!("({name})"),
    }
}

fn broken(on_break: OnBreak) -> String {
    match on_break {
        OnBreak::Rejects(code) => format!("rejects with 0x{code:02X}"),
        OnBreak::DisconnectsWith(code) => format!("disconnects with 0x{code:02X}"),
        other => other.name().to_owned(),
    }
}

/// A text in lines that are not too long.
fn wrapped(text: &str, indent: &str, data: &mut Data) -> Result<(), Failure> {
    let mut line = String::new();
    for word in text.split_whitespace() {
        let length = indent.len() + line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > WIDTH {
            data.line(&format!("{indent}{line}"))?;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    data.line(&format!("{indent}{line}"))
}
