//! Why there are no credentials.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::aws::time::Utc;
use crate::explain::{Below, explained_error};
use crate::io_error::IoError;

/// Why a source gave no keys, or none that can be used. Holds no secret, and nothing of what
/// stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AwsCredentialsError {
    /// An environment variable is not set.
    MissingVariable {
        /// Its name.
        name: &'static str,
    },
    /// There is no folder of the user's in which `.aws` could be.
    NoHome,
    /// A file can't be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the operating system said.
        error: IoError,
    },
    /// A file is larger than any file of profiles (1 MiB).
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// A line of a file is not understood.
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No file has the profile.
    NoProfile {
        /// Its name.
        profile: String,
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// A profile has no keys, or only a part of them.
    Incomplete {
        /// The profile's name.
        profile: String,
        /// What it lacks.
        missing: &'static str,
    },
    /// A profile gets its keys in a way that only AWS's own tools have, such as single sign-on.
    NotSupported {
        /// The profile's name.
        profile: String,
        /// The setting that says so.
        setting: String,
    },
    /// A key is empty or has blanks, or characters that keys do not have.
    Invalid {
        /// Which part of the keys, or which variable.
        field: &'static str,
    },
    /// The keys have expired.
    Expired {
        /// When.
        at: SystemTime,
        /// What the clock said.
        now: SystemTime,
    },
    /// This machine's clock is earlier than this program.
    ClockNotSet {
        /// What it said.
        now: SystemTime,
    },
    /// The command that gives the keys failed.
    Process(ProcessError),
    /// A source of the application's own failed. The text is shown to people, so it must hold no
    /// secret.
    Other(String),
}

/// Why the command that gives keys (`credential_process`) gave none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProcessError {
    /// Its command line is empty, or has a quote without its counterpart.
    CommandLine,
    /// It can't be started.
    NotStarted {
        /// The program.
        program: PathBuf,
        /// What the operating system said.
        error: IoError,
    },
    /// It ended with a failure.
    Failed {
        /// The program.
        program: PathBuf,
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
    },
    /// It did not end in time, and was ended.
    TimedOut {
        /// The program.
        program: PathBuf,
        /// The time it had.
        limit: Duration,
    },
    /// It wrote more than any keys need, and was ended.
    TooLong {
        /// The program.
        program: PathBuf,
        /// The bytes that are allowed.
        limit: usize,
    },
    /// What it wrote are no keys.
    NoKeys {
        /// The program.
        program: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
}

explained_error!(AwsCredentialsError);
explained_error!(ProcessError);

impl From<ProcessError> for AwsCredentialsError {
    fn from(error: ProcessError) -> Self {
        Self::Process(error)
    }
}

impl AwsCredentialsError {
    pub(crate) const fn below(&self) -> Below<'_> {
        match self {
            Self::Unreadable { error, .. } => Some(error),
            Self::Process(error) => error.below(),
            _ => None,
        }
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingVariable { name } => write!(f, "the variable {name} is not set"),
            Self::NoHome => f.write_str("neither HOME nor USERPROFILE says where .aws is"),
            Self::Unreadable { path, .. } => write!(f, "cannot read '{}'", path.display()),
            Self::TooLarge { path } => {
                write!(f, "'{}' is larger than any file of AWS profiles", path.display())
            }
            Self::Malformed { path, line, problem } => {
                write!(f, "line {line} of '{}' {problem}", path.display())
            }
            Self::NoProfile { profile, paths } => {
                write!(f, "there is no AWS profile '{profile}' in")?;
                let names = paths.iter().map(|path| format!(" '{}'", path.display()));
                f.write_str(&names.collect::<Vec<_>>().join(" and"))
            }
            Self::Incomplete { profile, missing } => {
                write!(f, "the AWS profile '{profile}' has no {missing}")
            }
            Self::NotSupported { profile, setting } => {
                write!(f, "the AWS profile '{profile}' has '{setting}', which only AWS's tools do")
            }
            Self::Invalid { field } => {
                write!(f, "the {field} is empty, or has characters that no key has")
            }
            Self::Expired { at, now } => {
                let (at, now) = (Utc::of(*at), Utc::of(*now));
                write!(f, "the AWS keys expired at {at}, and the clock says {now}")
            }
            Self::ClockNotSet { now } => write!(f, "the clock says {}", Utc::of(*now)),
            Self::Process(error) => error.write_fact(f),
            Self::Other(text) => f.write_str(text),
        }
    }

    /// Returns advice, if there is any.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::MissingVariable { .. } => {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if the \
                 keys are temporary"
            }
            Self::NoHome => "set AWS_SHARED_CREDENTIALS_FILE",
            Self::Unreadable { .. } => "make it with 'aws configure', or check who may read it",
            Self::TooLarge { .. } => "check AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE",
            Self::Malformed { .. } => "a profile is a line [name] with lines 'key = value' below",
            Self::NoProfile { .. } => {
                "check AWS_PROFILE; 'aws configure list-profiles' tells which there are"
            }
            Self::Incomplete { .. } => "complete it with 'aws configure'",
            Self::NotSupported { .. } => {
                "make a profile with credential_process = aws configure export-credentials \
                 --profile NAME --format process"
            }
            Self::Invalid { .. } => "check for blanks and line ends around it",
            Self::Expired { .. } => "get new ones, or set the clock",
            Self::ClockNotSet { .. } => {
                "set the clock: AWS takes no signature that is off by more than some minutes"
            }
            Self::Process(error) => return error.hint(),
            Self::Other(_) => return None,
        })
    }
}

impl ProcessError {
    pub(crate) const fn below(&self) -> Below<'_> {
        match self {
            Self::NotStarted { error, .. } => Some(error),
            _ => None,
        }
    }

    pub(crate) fn write_fact(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => f.write_str("credential_process is no command line"),
            Self::NotStarted { program, .. } => {
                write!(f, "the credential process '{}' cannot be started", program.display())
            }
            Self::Failed { program, code: Some(code) } => {
                write!(f, "the credential process '{}' failed with {code}", program.display())
            }
            Self::Failed { program, code: None } => {
                write!(f, "the credential process '{}' was ended by a signal", program.display())
            }
            Self::TimedOut { program, limit } => write!(
                f,
                "the credential process '{}' did not end within {limit:?}",
                program.display()
            ),
            Self::TooLong { program, limit } => write!(
                f,
                "the credential process '{}' wrote more than {limit} bytes",
                program.display()
            ),
            Self::NoKeys { program, problem } => {
                write!(f, "the credential process '{}' wrote {problem}", program.display())
            }
        }
    }

    /// Returns advice.
    pub const fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::CommandLine => "put quotes around what has blanks",
            Self::NotStarted { .. } => "give its whole path, and check that it can be executed",
            Self::Failed { .. } => "run it by hand to see what it says; signing in may be needed",
            Self::TimedOut { .. } => "run it by hand: it must not ask for anything",
            Self::TooLong { .. } | Self::NoKeys { .. } => {
                "it must write one JSON object: Version 1, AccessKeyId, SecretAccessKey, and \
                 SessionToken and Expiration if the keys are temporary"
            }
        })
    }
}
