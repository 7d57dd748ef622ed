//! The name the program was called by decides whose habits it takes.

use std::ffi::OsStr;
use std::path::Path;

/// Whose defaults, output and exit codes apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Personality {
    /// `evenkeel`, or any name not listed below.
    Evenkeel,
    /// `mosquitto_pub`.
    MosquittoPub,
    /// `mosquitto_sub`.
    MosquittoSub,
    /// `mosquitto_rr`.
    MosquittoRr,
}

impl Personality {
    /// The personality behind the first word of the command line.
    pub(crate) fn from_program(word: Option<&OsStr>) -> Self {
        let name = word.and_then(|word| Path::new(word).file_stem()).and_then(OsStr::to_str);
        match name {
            Some("mosquitto_pub") => Self::MosquittoPub,
            Some("mosquitto_sub") => Self::MosquittoSub,
            Some("mosquitto_rr") => Self::MosquittoRr,
            _ => Self::Evenkeel,
        }
    }

    /// The name to show in usage lines; also the name of the tool's config file.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Evenkeel => "evenkeel",
            Self::MosquittoPub => "mosquitto_pub",
            Self::MosquittoSub => "mosquitto_sub",
            Self::MosquittoRr => "mosquitto_rr",
        }
    }

    /// True under one of mosquitto's names.
    pub(crate) const fn is_mosquitto(self) -> bool {
        !matches!(self, Self::Evenkeel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_alone_decides() {
        let of = |word: &str| Personality::from_program(Some(OsStr::new(word)));
        assert_eq!(of("/usr/bin/mosquitto_pub"), Personality::MosquittoPub);
        assert_eq!(of("mosquitto_sub"), Personality::MosquittoSub);
        assert_eq!(of("./mosquitto_rr.exe"), Personality::MosquittoRr);
        assert_eq!(of("evenkeel"), Personality::Evenkeel);
        assert_eq!(of("mosquitto_ctrl"), Personality::Evenkeel);
        assert_eq!(of("/mosquitto_pub/evenkeel"), Personality::Evenkeel);
        assert_eq!(Personality::from_program(None), Personality::Evenkeel);
    }
}
