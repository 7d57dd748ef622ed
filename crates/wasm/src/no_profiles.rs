//! A build without profiles: what stands in for `profiles.rs`.

use evenkeel_proto::Config;

use crate::failure::Failure;

/// What MQTT allows: without further limits that is all there is to choose.
#[derive(Debug, Default)]
pub(crate) struct Chosen;

impl Chosen {
    pub(crate) fn by_name(name: &[u8]) -> Result<Self, Failure> {
        match name {
            b"none" | b"standard" => Ok(Self),
            _ => Err(Failure::Profile),
        }
    }

    pub(crate) fn by_value(_: &[u8]) -> Result<Self, Failure> {
        Err(Failure::Profile)
    }

    pub(crate) fn make_strict(self, _: &mut Config) -> Result<(), Failure> {
        Ok(())
    }
}

pub(crate) fn hint(f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    f.write_str(
        "there is no such profile in a module that was made small; hint: it may be standard or \
         none, or load the full module",
    )
}
