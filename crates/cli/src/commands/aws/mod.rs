//! `evenkeel aws`: devices of AWS IoT Core.

mod new_folder;
mod parameters;
mod provision;

pub(super) use provision::{Provisioning, run};
