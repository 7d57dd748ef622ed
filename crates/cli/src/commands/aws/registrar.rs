//! Things and certificates of an emulated account.

use std::collections::BTreeMap;

use evenkeel_aws::emulator::Ask;
use evenkeel_aws::gate::CertificateId;

use super::operator::Request;
use crate::args::{CertificateAction, CertificateTarget, StatusName, ThingAction};
use crate::emulator::{self, Folder, NewCertificate, NoAnswer};
use crate::error::Failure;
use crate::printer::Printer;

/// Asks about things.
pub(in crate::commands) async fn thing(
    action: &ThingAction,
    printer: Printer,
) -> Result<(), Failure> {
    let ask = match action {
        ThingAction::Ls(_) => Ask::ThingList,
        ThingAction::Add { thing, thing_type, attributes, .. } => Ask::ThingAdd {
            thing: thing.clone(),
            thing_type: thing_type.clone(),
            attributes: pairs(attributes)?,
        },
        ThingAction::Delete { thing, .. } => Ask::ThingDelete { thing: thing.clone() },
    };
    Request { ask, account: action.account() }.run(printer).await
}

/// Asks about certificates; a new one is made here, as the authority's key is no
/// matter of the broker's.
pub(in crate::commands) async fn certificate(
    action: &CertificateAction,
    printer: Printer,
) -> Result<(), Failure> {
    let account = action.account();
    let with_status = |target: &CertificateTarget, status: &str| {
        let certificate = id(target)?;
        Ok::<Ask, Failure>(Ask::CertificateStatus { certificate, status: status.into() })
    };
    let ask = match action {
        CertificateAction::Ls(_) => Ask::CertificateList,
        CertificateAction::Add { name, attached, exclusive, csr, inactive, .. } => {
            let made = NewCertificate::make(&account.folder, name, csr.as_deref())?;
            let ask = Ask::CertificateAdd {
                certificate: made.id().to_string(),
                status: if *inactive { "INACTIVE" } else { "ACTIVE" }.into(),
                policies: attached.policies.clone(),
                things: attached.things.clone(),
                exclusive: *exclusive,
            };
            let outcome = emulator::ask(&account.folder, &ask).await;
            let outcome = match outcome {
                Err(NoAnswer::Refused(failure)) => return Err(failure),
                // Its key would be gone for good if it is registered.
                Err(NoAnswer::Lost(failure)) => Err(failure.hint(
                    "it may be registered: its files stay; evenkeel aws certificate ls says it",
                )),
                Ok(answer) => Ok(answer),
            };
            for path in made.keep() {
                printer.say(&format!("wrote {}", path.display()));
            }
            return printer.show(&format!("{:#}\n", outcome?));
        }
        CertificateAction::Activate(target) => with_status(target, "ACTIVE")?,
        CertificateAction::Deactivate(target) => with_status(target, "INACTIVE")?,
        CertificateAction::Set { target, status } => with_status(
            target,
            match status {
                StatusName::Active => "ACTIVE",
                StatusName::Inactive => "INACTIVE",
                StatusName::Revoked => "REVOKED",
            },
        )?,
        CertificateAction::Delete { target, force } => {
            Ask::CertificateDelete { certificate: id(target)?, force: *force }
        }
        CertificateAction::Attach { target, attached, exclusive } => Ask::CertificateAttach {
            certificate: id(target)?,
            policies: attached.policies.clone(),
            things: attached.things.clone(),
            exclusive: *exclusive,
        },
        CertificateAction::Detach { target, attached } => Ask::CertificateDetach {
            certificate: id(target)?,
            policies: attached.policies.clone(),
            things: attached.things.clone(),
        },
    };
    Request { ask, account }.run(printer).await
}

/// The id of a certificate: as given, or of the account's file of this name.
fn id(target: &CertificateTarget) -> Result<String, Failure> {
    let given = &target.certificate;
    if given.parse::<CertificateId>().is_ok() {
        return Ok(given.clone());
    }
    let found = Folder::new(&target.account.folder).certificate_id(given)?;
    found.map(|id| id.to_string()).ok_or_else(|| {
        Failure::usage(format!("'{given}' is no certificate of the account"))
            .why("it is neither 64 hexadecimal digits nor the name of a file in certificates/")
            .hint("evenkeel aws certificate ls --aws FOLDER")
    })
}

fn pairs(attributes: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut pairs = BTreeMap::new();
    for attribute in attributes {
        let (name, value) = attribute.split_once('=').ok_or_else(|| {
            Failure::usage(format!("'{attribute}' is no attribute")).hint("--attribute site=north")
        })?;
        if pairs.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("the attribute '{name}' is given twice")));
        }
    }
    Ok(pairs)
}
