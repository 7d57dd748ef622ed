//! `evenkeel aws`: devices of AWS IoT Core, and an emulated account.

mod new_folder;
mod operator;
mod parameters;
mod provision;
mod registrar;

pub(super) use operator::{connection, job, shadow};
pub(super) use provision::{Provisioning, run};
pub(super) use registrar::{certificate, thing};
