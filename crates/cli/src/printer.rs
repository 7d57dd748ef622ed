//! The only place that prints: data to stdout, talk to stderr. On a terminal,
//! text of peers and messages is escaped here (S3); elsewhere it stays byte for
//! byte.

use std::borrow::Cow;
use std::env;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Failure, cut};
use crate::escape;
use crate::exit::Exit;
use crate::personality::Personality;
use crate::write_progress::{STDERR, STDOUT, Watched};

/// Whether a line about progress stands at the bottom, for the next line to take its place.
static PROGRESS: AtomicBool = AtomicBool::new(false);

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` or `TERM=dumb` says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much the program says on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    /// Only what is wrong with the command line itself.
    Quiet,
    /// Errors; what a long run's connection goes through.
    #[default]
    Normal,
    /// Every event of the client.
    Debug,
}

/// Prints; cheap to copy into tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printer {
    personality: Personality,
    verbosity: Verbosity,
    color_out: bool,
    color_err: bool,
    terminal_out: bool,
    terminal_err: bool,
}

impl Printer {
    /// A printer that decides on colour by the environment and the two streams.
    pub(crate) fn new(personality: Personality, verbosity: Verbosity, color: ColorChoice) -> Self {
        let (terminal_out, terminal_err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let var = |name: &str| env::var(name).ok();
        Self {
            personality,
            verbosity,
            color_out: wants_color(color, terminal_out, var),
            color_err: wants_color(color, terminal_err, var),
            terminal_out,
            terminal_err,
        }
    }

    /// Whose habits the program has.
    pub(crate) const fn personality(&self) -> Personality {
        self.personality
    }

    /// How much is said.
    pub(crate) const fn verbosity(&self) -> Verbosity {
        self.verbosity
    }

    /// The lock on stdout, for a command that prints much.
    pub(crate) fn data(&self) -> Data {
        let place = Watched::new(io::stdout().lock(), &STDOUT);
        Data {
            out: BufWriter::with_capacity(64 * 1024, place),
            color: self.color_out,
            terminal: self.terminal_out,
        }
    }

    /// A text that was asked for, such as the help.
    pub(crate) fn show(&self, text: &str) -> Result<(), Failure> {
        let mut data = self.data();
        data.write(text.as_bytes())?;
        data.flush()
    }

    /// The help of a command that was called without what it needs.
    pub(crate) fn usage(&self, text: &str) {
        Self::to_stderr(text);
    }

    /// A line of verbosity; dropped when quiet.
    pub(crate) fn say(&self, line: &str) {
        if self.verbosity >= Verbosity::Normal {
            Self::to_stderr(&format!("{}\n", self.plain_err(line)));
        }
    }

    /// A line of talk for `--debug`.
    pub(crate) fn debug(&self, line: &str) {
        if self.verbosity >= Verbosity::Debug {
            Self::to_stderr(&format!("{}\n", self.plain_err(line)));
        }
    }

    /// Something went wrong that does not end the program.
    pub(crate) fn warn(&self, what: &str) {
        if self.verbosity >= Verbosity::Normal {
            let label = if self.personality.is_mosquitto() { "Warning:" } else { "warning:" };
            let label = paint(label, "33;1", self.color_err);
            let what = cut(what.to_owned());
            Self::to_stderr(&format!("{label} {}\n", self.plain_err(&what)));
        }
    }

    /// Shows why the program ends. A usage error is shown even when quiet.
    pub(crate) fn fail(&self, failure: &Failure) {
        if self.verbosity > Verbosity::Quiet || failure.exit() == Exit::Usage {
            let label = |label: &str| {
                let code = if label == "why:" || label == "hint:" { "36;1" } else { "31;1" };
                paint(label, code, self.color_err)
            };
            let harmless = self.terminal_err.then(|| failure.escaped());
            let failure = harmless.as_ref().unwrap_or(failure);
            Self::to_stderr(&failure.render(self.personality, label));
        }
    }

    /// What stderr may be given of a text that may hold a peer's.
    fn plain_err<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.terminal_err { escape::text(text) } else { Cow::Borrowed(text) }
    }

    /// Whether anybody sees a line that is written anew.
    pub(crate) fn shows_progress(&self) -> bool {
        let is_dumb = env::var("TERM").is_ok_and(|terminal| terminal == "dumb");
        self.terminal_err
            && !is_dumb
            && self.verbosity >= Verbosity::Normal
            && !self.personality.is_mosquitto()
    }

    /// The line at the bottom, in place of the one before.
    pub(crate) fn progress(&self, line: &str) {
        Self::to_stderr(line);
        PROGRESS.store(true, Ordering::Release);
    }

    /// Takes the line at the bottom away.
    pub(crate) fn end_progress(&self) {
        Self::to_stderr("");
    }

    /// Writes in one call, so that lines of several tasks do not mix. A
    /// stderr that is gone leaves nobody to tell.
    fn to_stderr(text: &str) {
        let mut stderr = io::stderr().lock();
        let clear = if PROGRESS.swap(false, Ordering::AcqRel) { "\r\x1b[K" } else { "" };
        if clear.len() + text.len() > 0 {
            let text = format!("{clear}{text}");
            let _ = STDERR.during(|| stderr.write_all(text.as_bytes()));
        }
    }
}

/// Stdout, locked and buffered: whoever holds it flushes when idle.
pub(crate) struct Data {
    out: BufWriter<Watched<StdoutLock<'static>>>,
    color: bool,
    terminal: bool,
}

impl Data {
    /// Appends bytes to the output: whole texts, so that no character is cut.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let plain = if self.terminal { escape::bytes(bytes) } else { Cow::Borrowed(bytes) };
        self.out.write_all(&plain).map_err(lost_output)
    }

    /// Appends what holds control sequences of our own, or of the user's, and no
    /// others: what [`Data::paint`] or a format of messages made.
    pub(crate) fn write_own(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.out.write_all(bytes.as_ref()).map_err(lost_output)
    }

    /// Whether colours are wanted.
    pub(crate) const fn is_colored(&self) -> bool {
        self.color
    }

    /// Whether peers' text has to be escaped.
    pub(crate) const fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Appends a line.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.write(line.as_bytes())?;
        self.write(b"\n")
    }

    /// Hands everything written to the reader.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(lost_output)
    }

    /// Text in colour if stdout shows colours, for [`Data::write_own`]; `code` as
    /// in SGR, such as `31;1`, empty for none.
    pub(crate) fn paint(&self, text: &str, code: &str) -> String {
        let plain = if self.terminal { escape::text(text) } else { Cow::Borrowed(text) };
        paint(&plain, code, self.color && !code.is_empty())
    }
}

/// A reader that has had enough (`| head -1`) is success; a full disk is not.
fn lost_output(error: io::Error) -> Failure {
    if error.kind() == ErrorKind::BrokenPipe {
        return Failure::silent(Exit::Done);
    }
    Failure::new(Exit::Failed, "the output could not be written")
        .why(error)
        .hint("check where stdout leads: disk full, or a closed file?")
}

fn paint(text: &str, code: &str, color: bool) -> String {
    if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn wants_color(choice: ColorChoice, terminal: bool, var: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| var(name).is_some_and(|value| !value.is_empty());
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE") => true,
        ColorChoice::Auto => terminal && var("TERM").as_deref() != Some("dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn color_follows_the_flag_then_the_environment_then_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        assert!(wants_color(Auto, true, env(&[])));
        assert!(!wants_color(Auto, false, env(&[])));
        assert!(!wants_color(Auto, true, env(&[("NO_COLOR", "1")])));
        assert!(wants_color(Auto, true, env(&[("NO_COLOR", "")])));
        assert!(!wants_color(Auto, true, env(&[("TERM", "dumb")])));
        assert!(wants_color(Auto, false, env(&[("CLICOLOR_FORCE", "1")])));
        assert!(wants_color(Always, false, env(&[("NO_COLOR", "1")])));
        assert!(!wants_color(Never, true, env(&[])));
    }

    #[test]
    fn a_closed_pipe_is_a_silent_success_and_a_full_disk_is_not() {
        assert_eq!(lost_output(ErrorKind::BrokenPipe.into()), Failure::silent(Exit::Done));
        assert_eq!(lost_output(ErrorKind::StorageFull.into()).exit(), Exit::Failed);
    }
}
