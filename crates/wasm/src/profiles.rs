//! What the broker allows: keys 51 and 52.

use alloc::boxed::Box;

use evenkeel_profile::{Profile, WrittenError};
use evenkeel_proto::Config;

use crate::failure::Failure;
use crate::written::written;

/// The profile that was chosen; the default one if none was.
#[derive(Debug, Default)]
pub(crate) struct Chosen(Option<Box<Profile>>);

impl Chosen {
    /// `none` is one without limits.
    pub(crate) fn by_name(name: &[u8]) -> Result<Self, Failure> {
        let profile = match name {
            b"none" => Some(Profile::empty()),
            name => core::str::from_utf8(name).ok().and_then(Profile::built_in),
        };
        profile.map(|profile| Self(Some(Box::new(profile)))).ok_or(Failure::Profile)
    }

    /// One of the caller's own, as a value.
    pub(crate) fn by_value(value: &[u8]) -> Result<Self, Failure> {
        Ok(Self(Some(Box::new(Profile::from_written(&written(value)?)?))))
    }

    pub(crate) fn make_strict(self, config: &mut Config) -> Result<(), Failure> {
        config.obey(&self.0.map_or_else(evenkeel_profile::standard, |profile| *profile))?;
        Ok(())
    }
}

impl From<WrittenError> for Failure {
    fn from(error: WrittenError) -> Self {
        Self::Written(error)
    }
}

/// What can be given instead of a name that is none.
pub(crate) fn hint(f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    f.write_str("there is no such profile; hint: it may be ")?;
    for (index, name) in evenkeel_profile::BUILT_IN.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        f.write_str(name)?;
    }
    Ok(())
}
