//! `evenkeel aws provision`.

use std::time::Duration;

use evenkeel::Client;
use evenkeel::aws::{FleetProvisioning, IssuedCertificate, ProvisionedThing, ProvisioningError};
use serde::Serialize;

use super::new_folder::NewFolder;
use super::parameters;
use crate::args::{Connection, Identity, ProvisionArgs, Target, TlsFlags};
use crate::commands::{client, grace, interrupted, never_connected, policy};
use crate::error::Failure;
use crate::exit::Exit;
use crate::observer::{self, Observer};
use crate::printer::Printer;
use crate::settings::{ConnectionSettings, Context};
use crate::signals::Stop;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "private.key";
const THING: &str = "thing.json";

/// The flags checked.
pub(in crate::commands) struct Provisioning<'a> {
    args: &'a ProvisionArgs,
    connection: ConnectionSettings,
    fleet: FleetProvisioning,
    signing_request: Option<String>,
    timeout: Duration,
}

impl<'a> Provisioning<'a> {
    /// Reads all files, so that a mistake is found before anything is sent.
    pub(in crate::commands) fn new(
        args: &'a ProvisionArgs,
        context: Context<'_>,
    ) -> Result<Self, Failure> {
        let mut connection = Connection {
            target: Target {
                host: Some(args.host.clone()),
                port: Some(args.port.unwrap_or(8883)),
                connect_timeout: args.timeout,
                ..Target::default()
            },
            identity: Identity { id: args.id.clone(), ..Identity::default() },
            tls: TlsFlags {
                cafile: args.cafile.clone(),
                cert: Some(args.claim_cert.clone()),
                key: Some(args.claim_key.clone()),
                ..TlsFlags::default()
            },
            verbosity: args.verbosity,
            ..Connection::default()
        };
        connection.cloud.aws_region.clone_from(&args.aws_region);
        let timeout = args.timeout.unwrap_or(DEFAULT_TIMEOUT);
        let fleet = FleetProvisioning::new(&args.template).map_err(|error| told(&error))?;
        let given = args.parameters.as_deref().map(parameters::read).transpose()?;
        let fleet = given
            .unwrap_or_default()
            .into_iter()
            .fold(fleet, |fleet, (name, value)| fleet.parameter(name, value));
        let request = args.csr.as_deref();
        let request = request.map(|file| parameters::text(file, "signing request")).transpose()?;
        Ok(Self {
            args,
            connection: ConnectionSettings::new(&connection, Some("aws"), None, context)?,
            fleet: fleet.timeout(timeout),
            signing_request: request,
            timeout,
        })
    }
}

/// Gets certificate and key, stores them, has the device registered, and puts them to their place.
pub(in crate::commands) async fn run(
    provisioning: &Provisioning<'_>,
    printer: Printer,
    mut stop: Stop,
) -> Result<(), Failure> {
    let mut folder = NewFolder::make(&provisioning.args.out)?;
    let client = client::start(&provisioning.connection, policy(false), printer)?;
    stop.represent(&client);
    let options = observer::Options::new(printer, &provisioning.connection);
    let mut observer = Observer::start(&client, options);
    let late = tokio::time::sleep(provisioning.timeout);
    let connected = tokio::select! {
        biased;
        () = stop.requested() => Err(interrupted("the device was not provisioned")),
        failure = observer.over() => Err(failure),
        Ok(()) = client.online() => Ok(()),
        () = late => Err(never_connected(&observer, provisioning.timeout)),
    };
    let result = match connected {
        Err(failure) => Err(failure),
        Ok(()) => tokio::select! {
            biased;
            () = stop.requested() => Err(interrupted("the device was not provisioned")),
            failure = observer.over() => Err(failure),
            done = provisioning.work(&client, &mut folder) => done,
        },
    };
    client.shutdown(grace(result.is_ok(), &client)).await;
    observer.finish().await;
    let left = folder.partial().to_owned();
    match result {
        Ok(done) => {
            folder.finish()?;
            show(&done, provisioning.args, printer)
        }
        Err(failure) if folder.is_kept() => Err(failure.hint(format!(
            "the device may be registered: certificate and key are in '{}'; try to connect by \
             them",
            left.display()
        ))),
        Err(failure) => Err(failure),
    }
}

/// What came of it.
struct Done {
    certificate_id: String,
    thing: ProvisionedThing,
}

impl Provisioning<'_> {
    async fn work(&self, client: &Client, folder: &mut NewFolder) -> Result<Done, Failure> {
        let issued = match &self.signing_request {
            Some(request) => self.fleet.sign(client, request).await,
            None => self.fleet.create_keys(client).await,
        };
        let issued = issued.map_err(|error| told(&error))?;
        store(&issued, folder)?;
        // From now on the device may be registered, whatever is heard of it.
        folder.keep();
        match self.fleet.register(client, &issued).await {
            Ok(thing) => {
                folder.write(THING, &thing_file(&issued, &thing)?)?;
                Ok(Done { certificate_id: issued.id().to_owned(), thing })
            }
            Err(error) => {
                if !error.is_uncertain() {
                    folder.discard();
                }
                Err(told(&error))
            }
        }
    }
}

fn store(issued: &IssuedCertificate, folder: &NewFolder) -> Result<(), Failure> {
    if let Some(key) = issued.private_key() {
        folder.write(KEY, key)?;
    }
    folder.write(CERTIFICATE, issued.certificate())
}

/// What a file tells of the thing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ThingFile<'a> {
    thing_name: &'a str,
    certificate_id: &'a str,
    device_configuration: &'a std::collections::BTreeMap<String, String>,
}

fn thing_file(issued: &IssuedCertificate, thing: &ProvisionedThing) -> Result<String, Failure> {
    let file = ThingFile {
        thing_name: thing.thing_name(),
        certificate_id: issued.id(),
        device_configuration: thing.configuration(),
    };
    let text = serde_json::to_string_pretty(&file).map_err(|error| {
        Failure::new(Exit::Failed, "the thing cannot be written as JSON").why(error)
    })?;
    Ok(text + "\n")
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    r#type: &'a str,
    thing: &'a str,
    certificate_id: &'a str,
    certificate: String,
    key: Option<String>,
}

fn show(done: &Done, args: &ProvisionArgs, printer: Printer) -> Result<(), Failure> {
    let (thing, out) = (done.thing.thing_name(), &args.out);
    let path = |name: &str| out.join(name).display().to_string();
    let key = args.csr.is_none().then(|| path(KEY));
    let mut data = printer.data();
    if args.json {
        let line = Line {
            v: 1,
            r#type: "provisioned",
            thing,
            certificate_id: &done.certificate_id,
            certificate: path(CERTIFICATE),
            key,
        };
        let line = serde_json::to_string(&line).map_err(|error| {
            Failure::new(Exit::Failed, "the result cannot be written as JSON").why(error)
        })?;
        data.line(&line)?;
        return data.flush();
    }
    data.line(&format!("{thing} is registered; its files are in {}", out.display()))?;
    data.flush()?;
    let key = key.unwrap_or_else(|| "THE-KEY-OF-THE-REQUEST".to_owned());
    printer.say(&format!(
        "connect by it: {}",
        next(args, &quoted(thing), &quoted(&path(CERTIFICATE)), &quoted(&key))
    ));
    Ok(())
}

/// The command that tries the new certificate.
fn next(args: &ProvisionArgs, thing: &str, certificate: &str, key: &str) -> String {
    let mut line = format!("evenkeel pub -h {} -p {}", args.host, args.port.unwrap_or(8883));
    if let Some(region) = &args.aws_region {
        line += &format!(" --aws-region {region}");
    }
    if let Some(file) = &args.cafile {
        line += &format!(" --cafile {}", quoted(&file.display().to_string()));
    }
    line + &format!(" --cert {certificate} --key {key} -i {thing} -q 1 TOPIC MESSAGE")
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn told(error: &ProvisioningError) -> Failure {
    let exit = match error {
        ProvisioningError::Template | ProvisioningError::SigningRequest => Exit::Usage,
        ProvisioningError::NoAnswer { .. } => Exit::Timeout,
        ProvisioningError::Subscribe { .. } | ProvisioningError::NotGranted { .. } => {
            Exit::SubscriptionRefused
        }
        ProvisioningError::Rejected { .. } | ProvisioningError::Publish { .. } => {
            Exit::RefusedMessage
        }
        ProvisioningError::Delivery { .. } => Exit::NotAcknowledged,
        ProvisioningError::Answer { .. } => Exit::ServerFault,
        _ => Exit::Failed,
    };
    let failure = Failure::new(exit, "the device was not provisioned").why(error.fact());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_shells() {
        assert_eq!(quoted("out/dev-1.pem"), "out/dev-1.pem");
        assert_eq!(quoted("my devices/it's"), r"'my devices/it'\''s'");
    }
}
