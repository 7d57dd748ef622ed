//! `evenkeel`: MQTT from the shell.

mod args;
mod cause;
mod commands;
mod diagnosis;
mod duration;
mod emulator;
mod error;
mod escape;
mod exit;
mod format;
mod monitor;
mod observer;
mod personality;
mod plural;
mod printer;
mod private;
mod process;
mod progress;
mod settings;
mod signals;
mod write_progress;

use std::env;
use std::process::ExitCode;

use args::Asked;
use exit::Exit;
use personality::Personality;
use printer::{ColorChoice, Printer, Verbosity};

fn main() -> ExitCode {
    let words: Vec<_> = env::args_os().collect();
    let personality = Personality::from_program(words.first().map(AsRef::as_ref));
    let plain = Printer::new(personality, Verbosity::Normal, ColorChoice::Auto);
    let (printer, result) = match args::parse(personality, words) {
        Ok(Asked::Run(command)) => commands::run(&command, personality),
        Ok(Asked::Show(text)) => (plain, plain.show(&text)),
        Ok(Asked::Usage(text)) => {
            plain.usage(&text);
            return ExitCode::from(Exit::Usage.code());
        }
        Err(failure) => (plain, Err(failure)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            printer.fail(&failure);
            ExitCode::from(failure.code(personality))
        }
    }
}
