//! What Ctrl-C ends: a pipe, or the reading of files.

use std::time::{Duration, Instant};

use crate::signals::Stop;

/// A signal this soon after the end of a pipe had ended its writer first.
const SOON: Duration = Duration::from_secs(1);

/// What the first signal is the end of. The files behind a pipe are read all the
/// same: Ctrl-C is how whoever writes to it is ended, and not that of the files.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    stop: &'a Stop,
    /// When the last pipe ended.
    pipe_ended: Option<Instant>,
    /// Of what, once it has been looked at.
    of: Option<Of>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Pipe,
    Files,
}

impl Of {
    /// Of what a signal is that is seen now, while a file is read.
    fn at(now: Instant, pipe_ended: Option<Instant>) -> Self {
        match pipe_ended {
            Some(ended) if now.duration_since(ended) < SOON => Self::Pipe,
            _ => Self::Files,
        }
    }
}

impl<'a> Ending<'a> {
    pub(super) const fn new(stop: &'a Stop) -> Self {
        Self { stop, pipe_ended: None, of: None }
    }

    /// The signal itself, for a pipe.
    pub(super) const fn stop(&self) -> &Stop {
        self.stop
    }

    /// A pipe has ended, by the signal if that has come.
    pub(super) fn pipe_has_ended(&mut self) {
        self.pipe_ended = Some(Instant::now());
        if self.of.is_none() && self.stop.is_requested() {
            self.of = Some(Of::Pipe);
        }
    }

    /// Whether a file, which is no pipe, is to be read no further.
    pub(super) fn ends_file(&mut self) -> bool {
        if self.of.is_none() && self.stop.is_requested() {
            self.of = Some(Of::at(Instant::now(), self.pipe_ended));
        }
        self.has_ended_files()
    }

    /// Whether a file was not read to its end for it.
    pub(super) fn has_ended_files(&self) -> bool {
        self.of == Some(Of::Files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ctrl-C goes to the writer and to the doctor, in any order.
    #[test]
    fn a_signal_just_after_the_end_of_a_pipe_is_that_end() {
        let ended = Instant::now();
        assert_eq!(Of::at(ended, Some(ended)), Of::Pipe);
        assert_eq!(Of::at(ended + SOON / 2, Some(ended)), Of::Pipe);
        assert_eq!(Of::at(ended + SOON, Some(ended)), Of::Files);
        assert_eq!(Of::at(ended, None), Of::Files);
    }
}
