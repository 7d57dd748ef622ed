//! Azure IoT Hub.

use evenkeel::Client;
use evenkeel::url::{Scheme, ServerUrl};

use super::WayIn;
use crate::args::Connection;
use crate::error::Failure;
use crate::settings::{secret_file, servers};

const FLAG: &str = "--azure-device-key-file";

/// The way in by the key of a device.
pub(super) fn collect(flags: &Connection) -> Result<(WayIn, ServerUrl), Failure> {
    refuse_beside(flags)?;
    let Some(device) = flags.identity.id.as_deref() else {
        return Err(Failure::usage(format!("{FLAG} needs --id"))
            .why("the client identifier is the name of the device")
            .hint("give it as the hub has it, such as -i pump-17"));
    };
    let host = flags.target.host.as_deref().unwrap_or_default();
    let server = ServerUrl::new(Scheme::Mqtts, host, flags.target.port)
        .map_err(|error| servers::bad_host(host, &error))?;
    let Some(file) = &flags.cloud.azure_device_key_file else {
        return Err(Failure::usage(format!("{FLAG} is missing")));
    };
    let without = "put SharedAccessKey of the device's connection string there";
    let key = secret_file::first_line(file, "key", without)?;
    let hub = Client::azure_iot_hub(host, device, key.0.trim()).map_err(|error| {
        let failure = Failure::usage(error.fact());
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })?;
    let hub = match flags.target.port {
        Some(port) => hub.port(port),
        None => hub,
    };
    Ok((WayIn::AzureKey(hub), server))
}

/// What the key says by itself.
fn refuse_beside(flags: &Connection) -> Result<(), Failure> {
    let identity = &flags.identity;
    let others = [
        ("--aws-region", flags.cloud.aws_region.is_some()),
        ("--id-prefix", identity.id_prefix.is_some()),
        ("--username", identity.username.is_some()),
        ("--pw", identity.password.is_some()),
        ("--password-file", identity.password_file.is_some()),
    ];
    match others.iter().find(|(_, given)| *given) {
        Some((other, _)) => {
            Err(Failure::usage(format!("{FLAG} and {other} contradict each other"))
                .why("the device's name and key make client identifier, user name and password")
                .hint(format!("leave {other} out")))
        }
        None => Ok(()),
    }
}
