//! `evenkeel aws`: devices of AWS IoT Core, and an emulated account.

mod new_folder;
mod operator;
mod parameters;
mod provision;

pub(super) use operator::{certificate, connection, job, shadow, thing};
pub(super) use provision::{Provisioning, run};
